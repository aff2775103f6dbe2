"""One instruction on one concrete state, twice: by the reference interpreter, and by z3's reading of its outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import ArraySort, BoolSort, Sort, Term
from ringproof.traces.interpreter import Interpreter, State, Trapped
from ringproof.traces.python_code import Cells, guarded_writes

from .z3_reading import Reading, reading

Execute: TypeAlias = Callable[[Mapping[str, int], State], Trapped | None]


class Observed(Cells):
    """Cells that note what was read; what they hold themselves was written."""

    __slots__ = ("read", "seen")

    def __init__(self, read: Callable[[int], int]) -> None:
        super().__init__()
        self.read = read
        self.seen: dict[int, int] = {}

    def __missing__(self, index: int) -> int:
        value = self.seen[index] = self.read(index)
        return value


@dataclass(frozen=True)
class Result:
    """A trap with its details' values, or what every component became: for an array, the cells written."""

    trap: str | None
    values: Mapping[str, Any]


def interpreted(execute: Execute, fields: Mapping[str, int], state: State) -> Result:
    """What the reference interpreter makes of `state`, whose arrays are `Observed`."""
    trapped = execute(fields, state)
    if trapped is not None:
        return Result(trapped.cause.name, dict(trapped.details))
    return Result(None, {name: dict(v) if isinstance(v, Cells) else v for name, v in state.items()})


def read_by_z3(read: Reading, machine: Machine, outcome: Outcome, state: State, fields: Mapping[str, int]) -> Result:
    """The same from the values of the outcome's terms; cells that the interpreter did not read are zero."""
    assignment = {name: v.seen if isinstance(v, Observed) else v for name, v in state.items()}
    values = iter(read.values({**assignment, **{f"${name}": value for name, value in fields.items()}}))
    traps = [(trap, next(values), {name: next(values) for name in trap.details}) for trap in outcome.traps]
    after: dict[str, Any] = {}
    for name, term in outcome.state.items():
        if isinstance(term.sort, ArraySort):
            writes = [(next(values), next(values), next(values)) for _ in guarded_writes(term)]
            after[name] = {index: value for index, value, guard in writes if guard}
        else:
            after[name] = next(values)
    for trap, guard, details in traps:
        if guard:
            return Result(trap.cause.name, details)
    return Result(None, after)


def roots(outcome: Outcome) -> list[Term]:
    """The terms of an outcome in the order in which `read_by_z3` takes their values."""
    found = [term for trap in outcome.traps for term in (trap.guard, *trap.details.values())]
    for term in outcome.state.values():
        if isinstance(term.sort, ArraySort):
            found += [part for write in guarded_writes(term) for part in write]
        else:
            found.append(term)
    return found


def number(source: Random, width: int) -> int:
    """A number of `width` bits: small, at an end, a power of two, or any."""
    kind = source.random()
    if kind < 0.3:
        return source.randrange(min(16, 1 << width))
    if kind < 0.45:
        return (1 << width) - 1 - source.randrange(min(3, 1 << width))
    if kind < 0.6:
        return 1 << source.randrange(width)
    return source.getrandbits(width)


def value(source: Random, sort: Sort) -> Any:
    """A random value; an array's cells are drawn when they are read, and stay what they were."""
    if isinstance(sort, BoolSort):
        return source.random() < 0.5
    if isinstance(sort, ArraySort):
        seed, width = source.getrandbits(32), sort.value.width
        return Observed(lambda index: number(Random(seed ^ index * 0x9E3779B1), width))
    return number(source, sort.width)


def random_state(machine: Machine, source: Random) -> State:
    """Any values of the sorts, whether a machine could be in that state or not."""
    return {name: value(source, component.sort) for name, component in machine.components.items()}


def random_fields(instruction: Instruction, source: Random) -> dict[str, int]:
    """Any values of the fields, and of the length where it depends on them."""
    encoding = instruction.encoding
    fields = {name: value(source, term.sort) for name, term in encoding.fields.items()}
    if not encoding.length.is_constant:
        fields["length"] = number(source, encoding.length.width)
    return fields


def observed(state: State) -> State:
    """`state` with arrays that note what is read from them."""
    return {name: Observed(v.__getitem__) if isinstance(v, Cells) else v for name, v in state.items()}


def disagreements(
    machine: Machine, outcome: Outcome, execute: Execute, cases: Iterable[tuple[State, Mapping[str, int]]]
) -> tuple[list[str], int]:
    """Where `execute` and z3's reading of `outcome` differ, in words, and how many cases completed without a trap."""
    found, completed = [], 0
    with reading(roots(outcome)) as read:
        for state, fields in cases:
            # Scalars are copied, arrays are not: the cells that the interpreter read are known afterwards.
            before = dict(state)
            ours = interpreted(execute, fields, state)
            theirs = read_by_z3(read, machine, outcome, before, fields)
            completed += ours.trap is None
            if ours != theirs:
                found.append(f"with {dict(fields)} on {before}: interpreter {ours}, z3 {theirs}")
    return found, completed


def of_instruction(
    interpreter: Interpreter, instruction: Instruction, cases: Iterable[tuple[State, Mapping[str, int]]]
) -> tuple[list[str], int]:
    """`disagreements` on an instruction."""

    def execute(fields: Mapping[str, int], state: State) -> Trapped | None:
        return interpreter.execute(instruction, fields, state)

    found, completed = disagreements(interpreter.machine, interpreter.outcome(instruction), execute, cases)
    return [f"{instruction.id} {text}" for text in found], completed
