"""The model against another implementation: random single steps, compared in everything that both show.

Each case is run by the reference interpreter and by the oracle. Compared are every component that the oracle
shows, every byte of memory that either stored, the exception's vector and error code, and that a fault changed
nothing. Flags are left out where the manual leaves them undefined (the model says where). A step that the
model declines (`Kind.UNSUPPORTED`) or leaves open (`Kind.UNPREDICTABLE`) is counted, not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from ringproof.model.cpu import Kind
from ringproof.model.ia32.forms import undefined_components
from ringproof.model.machine import Instruction, Machine
from ringproof.traces.interpreter import Interpreter, Trapped
from ringproof.traces.python_code import compile_terms

from .answers import Answer, Cannot, Completed, Raised
from .ia32_states import State
from .ia32_steps import Case, Steps
from .ia32_worlds import world

STEPS_PER_WORLD = 400
MOST_REPEATS = 8
REPEAT = 0x10
DECLINED = (Kind.UNSUPPORTED, Kind.UNPREDICTABLE)
HIDDEN = ("base", "limit", "big")


class Oracle(Protocol):
    """Another implementation that runs the instruction at CS:EIP of a state."""

    name: str
    version: str

    def run(self, state: Mapping[str, Any], *, limit: int = 1) -> Answer: ...


@dataclass(frozen=True)
class Recorded(Case):
    """A case that an oracle was asked about beforehand, and its answer."""

    answer: Answer


@dataclass(frozen=True)
class Expected:
    """What the model says: a trap or none, and the state (with its memory) after."""

    trapped: Trapped | None
    state: State

    @property
    def outcome(self) -> str:
        """One word for the coverage: "completes", or the exception's name."""
        return "completes" if self.trapped is None else self.trapped.cause.name

    @property
    def declined(self) -> bool:
        return self.trapped is not None and self.trapped.cause.kind in DECLINED


@dataclass(frozen=True)
class Disagreement:
    """A case on which model and oracle differ: `differences` by component ("outcome" for traps)."""

    case: Case
    differences: Mapping[str, tuple[Any, Any]]
    expected: Expected
    answer: Answer

    @property
    def kind(self) -> tuple[str, ...]:
        """What differs, without values: for grouping."""
        if "outcome" in self.differences:
            ours, theirs = self.differences["outcome"]
            return (f"{ours.partition('(')[0]} != {theirs.partition('(')[0]}",)
        return tuple(sorted({"memory" if name.startswith("[") else name for name in self.differences}))

    def describe(self) -> str:
        """One line: the instruction, the ring, and each difference as model's != oracle's."""
        parts = ", ".join(
            f"{name} {_show(ours)} != {_show(theirs)}" for name, (ours, theirs) in self.differences.items()
        )
        case = self.case
        shown = case.instruction.render(case.fields)
        return f"{case.instruction.id}: {shown} ({case.code.hex(' ')}) in ring {case.ring}: {parts}"


def _show(value: Any) -> str:
    return hex(value) if isinstance(value, int) else str(value)


class Comparer:
    """Runs cases on the model and on one oracle."""

    def __init__(self, interpreter: Interpreter, oracle: Oracle) -> None:
        self.interpreter, self.oracle = interpreter, oracle
        self.machine: Machine = interpreter.machine
        self._undefined: dict[Instruction, tuple[list[str], Callable[..., Any]]] = {}

    def expect(self, case: Case, state: State | None = None) -> Expected:
        """What the model says of `case`, or of its instruction in another state."""
        state = dict(case.state if state is None else state)
        for name, value in state.items():
            if isinstance(value, dict):
                state[name] = value.copy()
        start = state["EIP"]
        trapped = self.interpreter.execute(case.instruction, case.fields, state)
        for _ in range(self._limit(case) - 1):
            if trapped is not None or state["EIP"] != start:
                break
            trapped = self.interpreter.execute(case.instruction, case.fields, state)
        return Expected(trapped, state)

    def ask(self, case: Case) -> Answer:
        return case.answer if isinstance(case, Recorded) else self.oracle.run(case.state, limit=self._limit(case))

    @staticmethod
    def _limit(case: Case) -> int:
        """How many iterations to compare: several of an instruction that a prefix repeats."""
        return MOST_REPEATS if case.fields.get("prefix", 0) & REPEAT else 1

    def undefined(self, case: Case) -> set[str]:
        """The components that the manual leaves undefined after this case."""
        found = self._undefined.get(case.instruction)
        if found is None:
            terms = undefined_components(self.machine, case.instruction)
            found = list(terms), compile_terms(list(terms.values()))
            self._undefined[case.instruction] = found
        names, holds = found
        if not names:
            return set()
        values = holds({**case.state, **{f"${name}": value for name, value in case.fields.items()}})
        return {name for name, undefined in zip(names, values, strict=True) if undefined}

    def differences(
        self, case: Case, expected: Expected, answer: Completed | Raised, ignored: set[str]
    ) -> dict[str, tuple[Any, Any]]:
        """Where the two differ: by component, by address, or in the outcome."""
        ours, theirs = _outcome(expected.trapped), _outcome(answer)
        found: dict[str, tuple[Any, Any]] = {}
        if ours != theirs:
            found["outcome"] = (ours or "completes", theirs or "completes")
        after, shown = expected.state, answer.state
        for name in self.machine.components:
            if (
                name in shown
                and after[name] != shown[name]
                and name not in ignored
                and not unusable(name, after, shown)
            ):
                found[name] = (int(after[name]), int(shown[name]))
        memory, before = after["memory"], case.state["memory"]
        written = answer.written
        for address in {*memory, *written}:
            theirs_there = written[address] if address in written else before[address]
            if memory[address] != theirs_there:
                found[f"[{address:#x}]"] = (memory[address], theirs_there)
        if isinstance(answer, Completed):
            for port, value in answer.ports.items():
                if after["IO"][port] != value:
                    found[f"port {port:#x}"] = (after["IO"][port], value)
        return found

    def compare(self, case: Case) -> tuple[Expected, Answer | None, dict[str, tuple[Any, Any]]]:
        """The model's and the oracle's results and where they differ; the oracle is not asked what is declined."""
        expected = self.expect(case)
        if expected.declined:
            return expected, None, {}
        answer = self.ask(case)
        if isinstance(answer, Cannot):
            return expected, answer, {}
        ignored = self.undefined(case) if expected.trapped is None else set()
        return expected, answer, self.differences(case, expected, answer, ignored)


def _outcome(result: Trapped | Answer | None) -> str | None:
    if isinstance(result, Trapped):
        code = result.details.get("error_code")
        return f"exception {result.cause.vector}" + ("" if code is None else f"({code:#x})")
    if isinstance(result, Raised):
        kind = "interrupt" if result.software else "exception"
        return f"{kind} {result.vector}" + ("" if result.error_code is None else f"({result.error_code:#x})")
    return None


def unusable(name: str, ours: Mapping[str, int], theirs: Mapping[str, int]) -> bool:
    """Whether `name` is a hidden part of a segment register that both say is unusable: it need not be the same."""
    register, _, part = name.partition("_")
    return part in HIDDEN and not ours.get(f"{register}_access", 1) and not theirs.get(f"{register}_access", 1)


def cases(interpreter: Interpreter, seed: int, instructions: Sequence[Instruction]) -> Iterator[Case]:
    """Endless cases from a seed: each instruction in turn, a new world every `STEPS_PER_WORLD` steps."""
    rng = Random(seed)
    while True:
        steps = Steps(interpreter, rng, world(rng.getrandbits(32)))
        order = list(instructions)
        rng.shuffle(order)
        for number in range(STEPS_PER_WORLD):
            case = steps.draw(order[number % len(order)])
            if case is not None:
                yield case


__all__ = ["Comparer", "Disagreement", "Expected", "Oracle", "Recorded", "cases", "unusable"]
