"""The native engine as a producer of step streams: the same bytes as the reference interpreter's, fast."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from ringproof.model.machine import Machine
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.producer import Ending, Produced, Producer, ReferenceProducer
from ringproof.traces.recording.shape import Shape
from ringproof.traces.recording.snapshots import cells_of
from ringproof.traces.recording.stream import Reason as StepReason
from ringproof.traces.recording.stream import Run as CellRun
from ringproof.traces.recording.stream import StepWriter

from .blocks.tier import Blocks
from .engine import Engine, Reason, Run
from .layout import NativeError, bytes_of
from .recording_code import FULL, recordable

LONG = 1 << 24
"""After so many steps that nothing records, regions of code are worth making."""

BLOCK = 64
"""Cells that changed are found in blocks of so many bytes."""

ENDINGS: dict[Reason, Literal["until", "stuck", "memory"]] = {
    Reason.STOPPED: "until",
    Reason.STUCK: "stuck",
    Reason.NO_ROOM: "memory",
}


def producer(machine: Machine, *, native: bool = True) -> Producer:
    """What takes and records the steps of `machine`: natively where that can be done and is wanted.

    >>> from ringproof.model.catalog import named
    >>> type(producer(named("third-generation"))).__name__
    'NativeProducer'
    """
    if native and recordable(Shape.of(machine)):
        try:
            return NativeProducer(machine)
        except NativeError:
            # A machine that is too large for the engine; the reference interpreter takes the same steps.
            pass
    return ReferenceProducer(machine)


def _ending(run: Run) -> Ending | None:
    return None if run.reason is Reason.LIMIT else Ending(ENDINGS[run.reason], run.trapped, run.nested)


class NativeProducer(Engine):
    """The engine, which also records: `produce` takes steps and gives their stream."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        places = self._kernel.recording
        if places is None:
            raise NativeError(f"the steps of {machine.name} cannot be recorded natively")
        self._places = places
        self._shape = Shape.of(machine)
        self._layouts = [self._kernel.layout.arrays[array.name] for array in self._shape.arrays]
        slots = self._kernel.layout.slots
        offsets = [(slots[name].offset, bytes_of(self._sorts[name])) for name in self._shape.scalars]
        self._extents = [(offset, offset + size) for offset, size in offsets]
        self._array_numbers = {place.number: number for number, place in enumerate(self._layouts)}
        self._seen: dict[tuple[int, int], bytes] = {}
        self._earlier: list[CellRun] = []
        self._advanced = 0
        self.load(self.initial())

    def load(self, state: Mapping[str, Any]) -> None:
        super().load(state)
        self._earlier = []
        self._advanced = 0
        self._look()
        self.restart()

    def restart(self) -> None:
        places = self._places
        self._running.write(places.move, bytes(8))
        self._running.write(places.indices, bytes(8 * len(self._layouts)))

    def _look(self) -> None:
        """Remembers the cells as they are."""
        self._seen = {(place.number, first): content for place, first, content in self._store.contents()}

    def produce(self, count: int, *, until: int | None = None) -> Produced:
        running, places = self._running, self._places
        running.write(places.shadow, running.read(self._kernel.world, places.scalars_bytes))
        out = bytearray()
        done = 0
        while True:
            result = self._take("record", count - done, until)
            done += self._taken()
            end = self._number(places.end)
            out += running.read(places.buffer, end - places.buffer)
            if result != FULL:
                run = self._ended(result)
                if run.reason is Reason.STUCK:
                    # What the fetch of the step that is not taken has changed was not recorded.
                    running.write(self._kernel.world, running.read(places.shadow, places.scalars_bytes))
                return Produced(done, bytes(out), _ending(run))

    def advance(self, count: int, *, until: int | None = None) -> Produced:
        run = (self if self._advanced < LONG else self._blocks).step(count, until=until)
        self._advanced += run.steps
        return Produced(run.steps, b"", _ending(run))

    @cached_property
    def _blocks(self) -> Blocks:
        """What takes the steps of a run that has proved long."""
        return Blocks(self)

    def inject(self, values: Mapping[str, Any]) -> bytes:
        before, state = self.scalars(), self.state()
        runs = self.changed_runs()
        writes: list[tuple[int, int]] = []
        for name, value in values.items():
            if isinstance(value, Cells):
                number = [array.name for array in self._shape.arrays].index(name)
                for index in sorted(value):
                    state[name][index] = value[index]
                    writes.append((number, index))
            else:
                state[name] = value
        writer = StepWriter(self._shape)
        writer.resume(*self._context())
        stream = writer.step(StepReason.INJECTED, before, state, writes)
        self.load(state)
        # Loading may leave pages out that hold nothing but default values now, so what changed is noted before it.
        self._earlier = runs + [(n, i, [state[self._shape.arrays[n].name][i]]) for n, i in writes]
        return stream

    def _context(self) -> tuple[int, list[int]]:
        move = int.from_bytes(self._running.read(self._places.move, 8), "little", signed=True)
        raw = self._running.read(self._places.indices, 8 * len(self._layouts))
        return move, [int.from_bytes(raw[i : i + 8], "little") for i in range(0, len(raw), 8)]

    def scalars(self) -> tuple[int, ...]:
        raw = self._running.read(self._kernel.world, self._places.scalars_bytes)
        return tuple(int.from_bytes(raw[start:end], "little") for start, end in self._extents)

    def cells(self, name: str, first: int, count: int) -> list[int]:
        return self._store.cells(name, first, count)

    def changed_runs(self) -> list[CellRun]:
        runs, self._earlier = self._earlier, []
        seen = self._seen
        self._look()
        for (number, first), content in self._seen.items():
            old = seen.get((number, first))
            if content != old:
                runs += self._differing(self._array_numbers[number], first, content, old)
        return runs

    def _differing(self, number: int, first: int, content: bytes, old: bytes | None) -> list[CellRun]:
        """The blocks of a page that differ from `old`, or from the default where the page was not there."""
        size = self._layouts[number].cell_bytes
        step = max(BLOCK, size)
        if old is None:
            place = self._layouts[number]
            old = self._running.read(self._kernel.world + place.default, len(content))
        starts = [at for at in range(0, len(content), step) if content[at : at + step] != old[at : at + step]]
        runs: list[CellRun] = []
        while starts:
            count = 1
            while count < len(starts) and starts[count] == starts[0] + count * step:
                count += 1
            at = starts[0]
            runs.append((number, first + at // size, cells_of(content[at : at + count * step], size)))
            del starts[:count]
        return runs
