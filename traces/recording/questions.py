"""Questions to a trace: where the mode changes, where two runs part, when an expression changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .expressions import Expression
from .shape import TraceError
from .snapshots import same_values
from .stream import CHUNK, apply_change
from .trace import Trace


def mode_changes(trace: Trace, first: int = 0) -> Iterator[int]:
    """The steps from `first` on that change the mode."""
    shape, mode = trace.shape, trace.machine.mode
    if mode in shape.flags:
        bit = 1 << shape.flags.index(mode)
        found = (n for n, change in enumerate(trace.changes(first), first) if change[2] & bit)
    else:
        number = shape.numbers.index(mode)
        found = (n for n, change in enumerate(trace.changes(first), first) if any(c[0] == number for c in change[3]))
    yield from found


def mode_change_before(trace: Trace, step: int) -> int | None:
    """The last step before `step` that changes the mode. Raises TraceError where there is no state before `step`."""
    trace.check_step(step)
    for chunk in range((step - 1) // CHUNK, -1, -1):
        found = list(_until(mode_changes(trace, chunk * CHUNK), min((chunk + 1) * CHUNK, step)))
        if found:
            return found[-1]
    return None


def _until(numbers: Iterator[int], end: int) -> Iterator[int]:
    for number in numbers:
        if number >= end:
            return
        yield number


@dataclass(frozen=True)
class Parting:
    """Where two runs part: the components that differ at the start, and the first step whose changes differ.

    `step` is None where all steps that both have are the same.
    """

    start: tuple[str, ...]
    step: int | None


def first_divergence(one: Trace, other: Trace) -> Parting:
    """Compares two runs of one machine. Raises TraceError where they are of different ones."""
    if one.machine.name != other.machine.name:
        raise TraceError(f"{one.path} is of {one.machine.name}, but {other.path} of {other.machine.name}")
    first, second = one.state(0), other.state(0)
    start = tuple(name for name in first if not same_values(first[name], second[name]))
    steps = min(one.steps, other.steps)
    for chunk in range(-(-steps // CHUNK)):
        if one.stream(chunk) == other.stream(chunk):
            continue
        pairs = zip(one.chunk_changes(chunk), other.chunk_changes(chunk), strict=False)
        for step, (mine, theirs) in enumerate(pairs, chunk * CHUNK):
            if mine != theirs:
                return Parting(start, step)
    return Parting(start, None)


@dataclass(frozen=True)
class Watched:
    """After `step`, a watched expression has another value than before."""

    step: int
    before: int
    after: int


def watch(trace: Trace, expression: Expression, first: int = 0) -> Iterator[Watched]:
    """The steps that change the expression's value; of a condition, those that make it true."""
    shape = trace.shape
    counter = shape.counter in expression.names
    flags = sum(1 << n for n, name in enumerate(shape.flags) if name in expression.names)
    numbers = {n for n, name in enumerate(shape.numbers) if name in expression.names}
    arrays = {n for n, array in enumerate(shape.arrays) if array.name in expression.names}
    state = trace.state(first)
    last = expression.value(state)
    for step, change in enumerate(trace.changes(first), first):
        apply_change(shape, state, change)
        if (
            counter
            or change[2] & flags
            or (change[3] and any(c[0] in numbers for c in change[3]))
            or (change[4] and any(run[0] in arrays for run in change[4]))
        ):
            value = expression.value(state)
            if value != last and (value or not expression.is_condition):
                yield Watched(step, int(last), int(value))
            last = value
