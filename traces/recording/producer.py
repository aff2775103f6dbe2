"""What produces the step stream: the protocol, and the reference interpreter as one that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter, State, Trapped
from ringproof.traces.python_code import Cells

from .shape import Shape
from .snapshots import runs_of
from .stream import Reason, Run, StepWriter, Write


@dataclass(frozen=True)
class Ending:
    """Why a run ended before all steps were taken: `reason` is "until", "stuck" or "memory".

    A run is stuck at a trap that the machine does not deliver, or whose delivery meets the trap `nested`.
    """

    reason: Literal["until", "stuck", "memory"]
    trapped: Trapped | None = None
    nested: Trapped | None = None


@dataclass(frozen=True)
class Produced:
    """Steps that were taken: how many, their stream, and the run's end if it was met."""

    steps: int
    stream: bytes
    ending: Ending | None = None


class Producer(Protocol):
    """Runs one machine and writes down every step. All producers write the same bytes."""

    machine: Machine

    def load(self, state: Mapping[str, Any]) -> None:
        """Makes `state` the current one, and starts a chunk."""

    def restart(self) -> None:
        """Starts a chunk."""

    def produce(self, count: int, *, until: int | None = None) -> Produced:
        """Takes at most `count` steps, and none once the program counter is `until`.

        The state is then as the stream says, also where the step at which a run is stuck had begun.
        """

    def advance(self, count: int, *, until: int | None = None) -> Produced:
        """As `produce`, without the stream: as fast as the machine runs. A chunk must be started after it."""

    def inject(self, values: Mapping[str, Any]) -> bytes:
        """Changes the components of `values` in one injected step; of an array, the cells given."""

    def state(self) -> State:
        """The current state, a copy."""

    def scalars(self) -> tuple[int, ...]:
        """The current scalars in the order of `Shape.scalars`."""

    def cells(self, name: str, first: int, count: int) -> list[int]:
        """The current cells of an array from an index on; past the last come those from 0 on."""

    def changed_runs(self) -> list[Run]:
        """The cells that changed since the last call or `load`, as runs; others may be there."""


class ReferenceProducer:
    """The reference interpreter as a producer.

    >>> from ringproof.model.catalog import named
    >>> producer = ReferenceProducer(named("third-generation"))
    >>> producer.load(Interpreter(producer.machine).initial(b=8))
    >>> producer.produce(2)
    Produced(steps=2, stream=b' \\x02\\x01\\x00\\x00\\xa0\\x01\\x00\\x00', ending=None)
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._shape = Shape.of(machine)
        self._interpreter = _NoticingInterpreter(machine)
        self._writer = StepWriter(self._shape)
        self._writes: list[Write] = []
        self._dirty: set[Write] = set()
        self._state: State = {}
        self.load(self._interpreter.initial())

    def load(self, state: Mapping[str, Any]) -> None:
        self._state = dict(state)
        for number, array in enumerate(self._shape.arrays):
            self._state[array.name] = _LoggedCells(state[array.name], number, self._writes)
        self._dirty.clear()
        self._writer.restart()

    def restart(self) -> None:
        self._writer.restart()

    def produce(self, count: int, *, until: int | None = None) -> Produced:
        out = bytearray()
        state, interpreter = self._state, self._interpreter
        for done in range(count):
            if until is not None and state[self._shape.counter] == until:
                return Produced(done, bytes(out), Ending("until"))
            before = self._shape.values(state)
            self._writes.clear()
            interpreter.nested = None
            step = interpreter.step(state)
            reason = Reason.DIRECT
            if step.trapped is not None:
                if self.machine.deliver is None or interpreter.nested is not None:
                    # The step is not taken: what its fetch has changed was not recorded.
                    state.update(zip(self._shape.scalars, before, strict=True))
                    return Produced(done, bytes(out), Ending("stuck", step.trapped, interpreter.nested))
                reason = Reason.TRAPPED
            out += self._writer.step(reason, before, state, self._writes)
            self._dirty.update(self._writes)
        return Produced(count, bytes(out))

    def advance(self, count: int, *, until: int | None = None) -> Produced:
        produced = self.produce(count, until=until)
        return Produced(produced.steps, b"", produced.ending)

    def inject(self, values: Mapping[str, Any]) -> bytes:
        before = self._shape.values(self._state)
        self._writes.clear()
        for name, value in values.items():
            if isinstance(value, Cells):
                for index in sorted(value):
                    self._state[name][index] = value[index]
            else:
                self._state[name] = value
        self._dirty.update(self._writes)
        return self._writer.step(Reason.INJECTED, before, self._state, self._writes)

    def state(self) -> State:
        return {name: v.copy() if isinstance(v, Cells) else v for name, v in self._state.items()}

    def scalars(self) -> tuple[int, ...]:
        return tuple(map(int, self._shape.values(self._state)))

    def cells(self, name: str, first: int, count: int) -> list[int]:
        array = next(array for array in self._shape.arrays if array.name == name)
        cells = self._state[name]
        return [cells[(first + n) % (1 << array.index_width)] for n in range(count)]

    def changed_runs(self) -> list[Run]:
        runs: list[Run] = []
        for number, array in enumerate(self._shape.arrays):
            cells = self._state[array.name]
            runs += runs_of(number, {index: cells[index] for n, index in self._dirty if n == number})
        self._dirty.clear()
        return runs


class _NoticingInterpreter(Interpreter):
    """Remembers the trap that the last delivery met."""

    nested: Trapped | None = None

    def deliver(self, trapped: Trapped, state: State) -> Trapped | None:
        self.nested = super().deliver(trapped, state)
        return self.nested


class _LoggedCells(Cells):
    """Cells that note in `writes` which of them are written."""

    __slots__ = ("_number", "_writes")

    def __init__(self, cells: Cells, number: int, writes: list[Write]) -> None:
        super().__init__(cells, cells.default)
        self._number = number
        self._writes = writes

    def __setitem__(self, index: int, value: int) -> None:
        self._writes.append((self._number, index))
        super().__setitem__(index, value)
