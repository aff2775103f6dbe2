"""A campaign's traces against another implementation: each step of the first state, compared in all that both show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from ringproof.model.machine import Machine, MachineError
from ringproof.traces.generation.bases import copied
from ringproof.traces.interpreter import State, Step
from ringproof.traces.oracles.answers import Cannot
from ringproof.traces.oracles.comparison import Comparer, Disagreement
from ringproof.traces.oracles.deviations import Explainer
from ringproof.traces.oracles.ia32_steps import Case
from ringproof.traces.oracles.sources import source

from .run import Budget, Job, Progress, Worker

EXAMPLES = 20
PAGE, AROUND = 0x1000, 32
"""From so many bytes before an instruction to so many after the end of its page, a store is not compared."""

Judge = Callable[[Step, State], str]
"""What a comparison of one step from a state says: "agrees", "listed", "not compared", or a difference in words."""


@dataclass(eq=False)
class Agreement:
    """How the steps compare, by instruction, level, outcome and result."""

    machine: str
    oracle: str
    seed: int
    traces: int = 0
    cells: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def compared(self) -> int:
        return self.cells.total()

    @property
    def differ(self) -> bool:
        return self.total("differs") > 0

    def total(self, result: str) -> int:
        return sum(count for cell, count in self.cells.items() if cell[3] == result)


def _ia32(worker: Worker, name: str) -> Judge:
    """IA-32 against one of its oracles, with the oracle's listed deviations."""
    chosen = source(name)
    comparer = Comparer(worker.semantics.interpreter, chosen.make())
    explainer = Explainer(comparer, chosen.deviations)
    stored = worker.machine.stored
    assert stored is not None

    def judge(step: Step, state: State) -> str:
        assert step.instruction is not None and step.word is not None
        if state["TF"]:
            return "not compared"  # the model leaves out the trap after each step
        length = step.instruction.encoding.length
        size = length.value if length.is_constant else step.fields["length"]
        case = Case(step.instruction, step.fields, stored(step.word, size), state)
        expected, answer, differences = comparer.compare(case)
        if answer is None or isinstance(answer, Cannot):
            return "not compared"
        start = state["CS_base"] + state["EIP"]
        near = PAGE - start % PAGE + 2 * AROUND
        if any(address - start + AROUND & 0xFFFFFFFF < near for address in answer.written):
            # An emulator translates blocks of code, of a page at most, and starts over with what it has overwritten.
            return "not compared"
        if not differences:
            return "agrees"
        disagreement = Disagreement(case, differences, expected, answer)
        return "listed" if explainer.explain(disagreement) is not None else disagreement.describe()

    return judge


ADAPTERS: dict[str, Callable[[Worker, str], Judge]] = {"ia32": _ia32}
"""For each machine that has other implementations, what compares a step."""


def differential(job: Job, oracle: str, budget: Budget, progress: Progress | None = None) -> Agreement:
    """Compares the first states' steps of the traces 0, 1, 2, ... until the budget is spent.

    Raises MachineError for a machine without another implementation, OracleUnavailable where it does not work here.
    """
    worker = Worker(job)
    machine: Machine = worker.machine
    adapter = ADAPTERS.get(machine.name)
    if adapter is None:
        raise MachineError(
            f"there is no other implementation of {machine.name} to compare with; there is one of {', '.join(ADAPTERS)}"
        )
    judge = adapter(worker, oracle)
    found = Agreement(machine.name, oracle, job.seed)
    levels = {value: name for name, value in machine.levels.items()}
    goal = budget.traces or budget.steps
    targets = len(worker.generator.targets)
    end = None if budget.seconds is None else monotonic() + budget.seconds
    while (budget.traces is None or found.traces < budget.traces) and (
        budget.steps is None or found.compared < budget.steps
    ):
        if end is not None and monotonic() >= end:
            break
        # A stride that has no factor in common with the targets visits every one of them.
        start = worker.generator.start(_spread(found.traces, targets))
        state = start.first
        for _ in range(STEPS):
            before = copied(state)
            step = worker.semantics.interpreter.attempt(state)
            if step.instruction is None:
                break
            fate = "completes" if step.trapped is None else step.trapped.cause.name
            verdict = judge(step, before)
            known = verdict in ("agrees", "listed", "not compared")
            cell = (step.instruction.id, levels[before[machine.mode]], fate, verdict if known else "differs")
            found.cells[cell] += 1
            if not known and len(found.examples) < EXAMPLES:
                found.examples.append(verdict)
            if step.trapped is not None:
                break
        found.traces += 1
        if progress is not None and found.traces % 50 == 0:
            done = found.compared if budget.traces is None and budget.steps is not None else found.traces
            progress(
                done,
                goal or targets * (1 + done // targets),
                f"{found.total('agrees')} agree, {found.total('differs')} differ",
            )
    return found


STEPS = 20
"""Steps of a trace that are compared, at most; a trap ends it."""


def _spread(number: int, targets: int) -> int:
    serial, place = divmod(number, targets)
    return serial * targets + place * 7919 % targets


__all__ = ["ADAPTERS", "Agreement", "differential"]
