"""Counterexamples run again as machine code in another implementation: what `ringproof validate --witnesses` does.

Of a counterexample of `check`, every state is run; of a program that tells a monitor apart, every step of both runs: on
the guest's own machine, and on the host as far as the host takes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ringproof.model.catalog import load as load_machine
from ringproof.model.ia32.encoding import to_bytes
from ringproof.model.monitors.catalog import system
from ringproof.properties.definitions import Semantics
from ringproof.properties.monitors import divergence
from ringproof.properties.monitors.divergence import Divergence
from ringproof.properties.monitors.witness import SCHEMA as OF_SYSTEMS
from ringproof.properties.replay import CLAIMS, Case, read_case
from ringproof.properties.witness import Witness, WitnessError, load, schema_of
from ringproof.traces.interpreter import State
from ringproof.traces.interpreter import Step as Taken
from ringproof.traces.monitored import System
from ringproof.traces.oracles.answers import Cannot
from ringproof.traces.oracles.comparison import Comparer, Disagreement, Oracle
from ringproof.traces.oracles.deviations import Deviation, Explainer
from ringproof.traces.oracles.ia32_steps import Case as Step
from ringproof.traces.oracles.ia32_steps import length_of
from ringproof.traces.oracles.machine_code import PAGE, arrangements, changes_its_code

Progress = Callable[[int, int, str], None]
Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ran:
    """One file that was run: `claim` is what it speaks of, or the property against which it speaks."""

    id: str
    instruction: str
    claim: str


@dataclass
class Replays:
    """What became of the counterexamples: every list holds (what was run, what there is to say)."""

    oracle: str
    version: str
    agreed: list[Ran] = field(default_factory=list)
    listed: list[tuple[Ran, list[Deviation]]] = field(default_factory=list)
    differ: list[tuple[Ran, str]] = field(default_factory=list)
    cannot: list[tuple[Ran, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.agreed) + len(self.listed) + len(self.differ) + len(self.cannot)

    @property
    def deviations(self) -> dict[Deviation, Counter[str]]:
        """The deviations that stood in the way, each with how many counterexamples of which row."""
        found: dict[Deviation, Counter[str]] = {}
        for witness, causes in self.listed:
            for cause in causes:
                found.setdefault(cause, Counter())[witness.instruction] += 1
        return found


class Judge:
    """A machine under the assumptions of some witnesses, compared with one oracle."""

    def __init__(self, machine: str, assumptions: dict[str, str], oracle: Oracle, table: Iterable[Deviation]) -> None:
        loaded = load_machine(machine)
        loaded.assuming(assumptions)
        self.semantics = Semantics(loaded)
        self.comparer = Comparer(self.semantics.interpreter, oracle)
        self.explainer = Explainer(self.comparer, tuple(table))

    def steps(self, witness: Witness) -> list[Step] | None:
        """The witness's states with its code in them, arranged so that the model still shows the claim; else None.

        The code is best in a page of its own; in that of data it is put only where there is no other way.
        """
        case = read_case(self.semantics, witness)
        word = int(witness.word, 16)
        close = None
        for steps in arrangements(case.instruction, dict(case.fields), word, case.states):
            states = tuple(step.state for step in steps)
            if any(self.semantics.broken_rule(state) is not None for state in states) or not _shows(case, states):
                continue
            if not any(changes_its_code(self.comparer, step, PAGE) for step in steps):
                return steps
            if close is None and not any(changes_its_code(self.comparer, step, 1) for step in steps):
                close = steps
        return close

    def differences(self, step: Step) -> list[Deviation] | str:
        """The deviations that account for the differences of one step, none if it agrees; else what is wrong."""
        expected, answer, found = self.comparer.compare(step)
        if answer is None:
            return f"the model declines: {expected.outcome}"
        if isinstance(answer, Cannot):
            return answer.reason
        if not found:
            return []
        disagreement = Disagreement(step, found, expected, answer)
        causes = self.explainer.explain(disagreement)
        return disagreement.describe() if causes is None else causes


def _shows(case: Case, states: tuple[Any, ...]) -> bool:
    return bool(CLAIMS[case.witness.claim](replace(case, states=states)))


def files_of(folder: Path) -> list[Path]:
    """The counterexamples of machines and the programs in `folder`; for those of systems, their programs stand."""
    found = [*sorted(folder.glob("cx-*.json")), *sorted(folder.glob("dv-*.json"))]
    return [path for path in found if schema_of(path) != OF_SYSTEMS]


def replays(
    machine: str, files: list[Path], oracle: Oracle, table: Iterable[Deviation], progress: Progress | None = None
) -> Replays:
    """Every counterexample of `files`, each of its steps run by the oracle and compared with the model.

    Raises WitnessError for a file that is none, or is of another machine.
    """
    found = Replays(oracle.name, oracle.version)
    judges: dict[Key, Judge] = {}

    def judge_of(assumptions: dict[str, str]) -> Judge:
        key = tuple(sorted(assumptions.items()))
        if key not in judges:
            judges[key] = Judge(machine, assumptions, oracle, table)
        return judges[key]

    for number, file in enumerate(files, 1):
        if schema_of(file) == divergence.SCHEMA:
            program = divergence.load(file)
            ran = Ran(program.id, program.instruction, program.property)
            judge = judge_of({})
            steps: list[Step] | None = list(_of_program(machine, program, judge))
        else:
            witness = load(file)
            ran = Ran(witness.id, witness.instruction, witness.claim)
            judge = judge_of(witness.assumptions)
            steps = judge.steps(witness)
        _judge(found, judge, ran, steps)
        if progress is not None:
            progress(number, len(files), ran.instruction)
    return found


@cache
def _system(name: str) -> System:
    return System(system(name))


def _of_program(machine: str, program: Divergence, judge: Judge) -> Iterator[Step]:
    """The steps of both runs that fetch an instruction, each from the state in which it is taken."""
    if program.system.partition("/")[0] != machine:
        raise WitnessError(f"{program.id} is a program for {program.system[:60]}, not for a system of {machine}")
    _, run = divergence.rerun(_system(program.system), program)
    for taken in run:
        yield from _step(taken.step, taken.before, judge)
        if taken.monitored.by != "interpreted":
            yield from _step(taken.monitored.step, taken.host, judge)


def _step(taken: Taken, state: State, judge: Judge) -> Iterator[Step]:
    if taken.word is not None and taken.instruction is not None:
        forms = judge.semantics.machine.instructions
        instruction = next(form for form in forms if form.id == taken.instruction.id)
        code = to_bytes(taken.word, length_of(instruction, dict(taken.fields)))
        yield Step(instruction, taken.fields, code, state)


def _judge(found: Replays, judge: Judge, ran: Ran, steps: list[Step] | None) -> None:
    if steps is None:
        found.cannot.append((ran, "wherever the code was put, the instruction read or wrote it"))
        return
    causes: list[Deviation] = []
    for step in steps:
        result = judge.differences(step)
        if isinstance(result, str):
            found.differ.append((ran, result))
            return
        causes += [cause for cause in result if cause not in causes]
    if causes:
        found.listed.append((ran, causes))
    else:
        found.agreed.append(ran)


def document(found: Replays) -> dict[str, Any]:
    """The replays as one JSON document."""
    return {
        "schema": "ringproof/validate-witnesses/1",
        "against": {"name": found.oracle, "version": found.version},
        "witnesses": found.total,
        "agreed": [ran.id for ran in found.agreed],
        "listed": [
            {"id": w.id, "instruction": w.instruction, "claim": w.claim, "causes": [c.name for c in causes]}
            for w, causes in found.listed
        ],
        "disagreed": [{"id": w.id, "instruction": w.instruction, "why": why} for w, why in found.differ],
        "cannot": [{"id": w.id, "instruction": w.instruction, "why": why} for w, why in found.cannot],
    }


def text(found: Replays) -> str:
    """The replays for people."""
    parts = [
        f"{found.total} counterexamples run as machine code in {found.oracle} {found.version}, every step of each",
        "",
        f"  {len(found.agreed)} behave as the model says in everything that both show",
        f"  {len(found.listed)} differ as listed below",
        f"  {len(found.differ)} differ",
        f"  {len(found.cannot)} could not be arranged",
    ]
    if found.listed:
        parts += ["", f"known differences (here {found.oracle} departs from the manual)"]
    for cause, forms in found.deviations.items():
        shown = ", ".join(f"{form} ({count})" for form, count in forms.items())
        parts.append(f"  {cause.name}, {forms.total()} of them: {cause.section}")
        parts += [f"    {cause.reason}", f"    {shown}"]
    for heading, items in (("differences that nothing listed accounts for", found.differ), ("not run", found.cannot)):
        if items:
            parts += ["", heading, *[f"  {w.id} {w.instruction} ({w.claim}): {why}" for w, why in items]]
    return "\n".join(parts)
