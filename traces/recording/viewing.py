"""Single steps of a trace to look at: the instruction, the mode, the reason, and what changed from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringproof.traces.interpreter import Interpreter, State, Step

from .shape import Shape
from .snapshots import copied, same_values
from .stream import Change, Reason, apply_change
from .trace import DoesNotReplayError, Trace


@dataclass(frozen=True)
class Changed:
    """A component, or a cell of one, with its value before and after."""

    name: str
    index: int | None
    before: int
    after: int

    @property
    def place(self) -> str:
        return self.name if self.index is None else f"{self.name}[{self.index:#x}]"


@dataclass(frozen=True)
class StepView:
    """One step of a trace. `taken` is the step as the reference interpreter took it, None for what it cannot take."""

    number: int
    counter: int
    mode: str
    reason: Reason
    taken: Step | None
    changes: tuple[Changed, ...]

    @property
    def text(self) -> str:
        """The assembly of its instruction, or why there is none."""
        if self.taken is None or self.taken.word is None:
            return "(no instruction)"
        if self.taken.instruction is None:
            return "(undefined)"
        return self.taken.instruction.render(self.taken.fields)


class Viewer:
    """Shows the steps of a trace, each taken again by the reference interpreter and compared with what was recorded."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._interpreter = Interpreter(trace.machine)
        self._levels = {int(value): name for name, value in trace.machine.levels.items()}

    def steps(self, first: int, count: int) -> Iterator[StepView]:
        """Up to `count` steps from step `first` on. Raises DoesNotReplayError where the machine does otherwise."""
        state = self.trace.state(first)
        last = min(first + count, self.trace.steps)
        for number, change in zip(range(first, last), self.trace.changes(first), strict=False):
            yield self._view(number, state, change)

    def _view(self, number: int, state: State, change: Change) -> StepView:
        """The view of a step; `state` becomes the one after it."""
        before, trace = copied(state), self.trace
        apply_change(trace.shape, state, change)
        reason, taken = Reason(change[0]), None
        if reason in (Reason.DIRECT, Reason.TRAPPED):
            again = copied(before)
            taken = self._interpreter.step(again)
            same = all(same_values(again[name], value) for name, value in state.items())
            if not same or (taken.trapped is not None) != (reason is Reason.TRAPPED):
                raise DoesNotReplayError(
                    f"{trace.path} does not replay: {trace.machine.name} does otherwise at step {number}"
                )
        machine = trace.machine
        mode = self._levels.get(int(before[machine.mode]), f"{int(before[machine.mode]):#x}")
        changes = tuple(changes_between(trace.shape, before, state, change))
        return StepView(number, before[machine.counter], mode, reason, taken, changes)


def changes_between(shape: Shape, before: State, after: State, change: Change) -> Iterator[Changed]:
    """What `change` changed, as values before and after, the program counter first; cells that kept their value too."""
    for name in shape.scalars:
        if before[name] != after[name]:
            yield Changed(name, None, int(before[name]), int(after[name]))
    for number, first, values in change[4]:
        array = shape.arrays[number]
        for offset in range(len(values)):
            index = (first + offset) % (1 << array.index_width)
            yield Changed(array.name, index, before[array.name][index], after[array.name][index])
