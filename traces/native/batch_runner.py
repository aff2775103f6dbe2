"""Batches of random traces from Python: base pairs into the module's memory, results out of it."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field

from ringproof.model.terms import ArraySort, BoolSort

from ..generation.bases import Base
from ..generation.traces import FRESH, Generator
from .batch import BatchBuilder
from .batch_places import (
    CONTROLLED,
    DECLINED,
    IN_ENTRY,
    MOST_POOL,
    MOST_SPOTS,
    MOST_SUSPECTS,
    OPERANDS,
    TEMPLATE_BYTES,
    Shape,
)
from .layout import NativeError, bytes_of
from .memory import HEAP, LOG_END, OWNED
from .runtime import Code
from .store import FORMATS, Store

LIMIT = 1 << 26


@dataclass(eq=False)
class Batch:
    """What came of a batch: as a campaign's part, but with the numbers of the traces that have suspect steps."""

    traces: int
    steps: int
    digest: int
    suspects: list[int]
    more_suspects: int
    cells: Counter[tuple[int, int, str]] = field(default_factory=Counter)


class _CellsByPlace(dict[int, tuple[int, int, str]]):
    """What the counter at a place of the coverage, in bytes from its beginning, counts."""

    def __init__(self, builder: BatchBuilder, fates: list[str]) -> None:
        super().__init__()
        self._levels, self._fates = [int(level) for level in builder.levels], fates

    def __missing__(self, place: int) -> tuple[int, int, str]:
        rest, fate = divmod(place // 4, len(self._fates))
        form, level = divmod(rest, len(self._levels))
        cell = self[place] = form - 1, self._levels[level], self._fates[fate]
        return cell


class Batches:
    """Runs a generator's traces natively, many from one base pair at a time.

    Raises NativeError for a machine that batches do not take; the message says why.
    """

    def __init__(self, generator: Generator, steps: int, completes: str, changes: str) -> None:
        self.generator, self.machine = generator, generator.machine
        every = generator.programs.every
        self._builder = BatchBuilder(
            self.machine, Shape(steps, FRESH, len(every), generator.checks.fetching.array)
        )  # fmt: skip
        self._places = self._builder.places()
        self._running = Code.compile(self._places.content).start()
        self._sorts = {name: c.sort for name, c in self.machine.components.items()}
        self._first = self._store(self._places.heap, self._places.first_world)
        self._second: Store | None = None
        self._cells = _CellsByPlace(self._builder, [completes, changes, *self._builder.fate_names])
        self._forms: list[tuple[int, int]] = []
        for form in range(len(self.machine.instructions)):
            self._forms.append((sum(count for _, count in self._forms), len(generator.programs.of(form))))
        self._write_tables()

    def _store(self, heap: int, world: int) -> Store:
        return Store(self._running, self._builder.layout, self._sorts, LIMIT, heap=heap, world=world)

    def _word(self, address: int, value: int, size: int = 4) -> None:
        self._running.write(address, (value & ((1 << 8 * size) - 1)).to_bytes(size, "little"))

    def _read(self, address: int, size: int = 4) -> int:
        return int.from_bytes(self._running.read(address, size), "little")

    def _write_tables(self) -> None:
        b = self._builder
        for number, template in enumerate(self.generator.programs.every):
            if len(template.operands) > OPERANDS or (template.code | template.free) >> 128:
                raise NativeError("an instruction of more operands or bits than a batch takes")
            at = b.templates + TEMPLATE_BYTES * number
            self._word(at, template.code, 16)
            self._word(at + 16, template.free, 16)
            self._word(at + 32, template.cells)
            self._word(at + 36, len(template.operands))
            for place, operand in enumerate(template.operands):
                self._word(at + 40 + 8 * place, operand.low)
                self._word(at + 44 + 8 * place, operand.width)
        for number, cause in b.step_traps.items():
            self._word(b.declined + number, cause.kind in DECLINED, 1)
            self._word(b.fate_of + 4 * number, 2 + b.fate_names.index(cause.name))
        for number, instruction in enumerate(self.machine.instructions, 1):
            length = instruction.encoding.length
            there = b.entry.slots(instruction)["$length"].offset | IN_ENTRY if not length.is_constant else length.value
            self._word(b.lengths + 4 * number, there)
            self._word(b.controlling + number, self._controls(number - 1), 1)
        for number, world in enumerate((self._places.first_world, self._places.second_world)):
            self._word(b.worlds + 4 * number, world)

    def _controls(self, position: int) -> bool:
        """Whether the instruction at `position`, or any fetch, may change a scalar of mode, resources or devices."""
        states = (self._builder.outcomes[position].state, self._builder.fetch.state)
        controlled = [c for c in self.machine.components.values() if c.role in CONTROLLED]
        return any(state[c.name] is not self.machine.variables[c.name] for c in controlled for state in states)

    def run(self, target: int, serial: int, count: int) -> Batch:
        """The traces of a target with `count` serials from `serial` on, which must start from one base pair."""
        generator, b = self.generator, self._builder
        targets = len(generator.targets)
        base = generator.base(target, serial)
        if generator.base(target, serial + count - 1) is not base:
            raise NativeError("the traces of a batch start from one base pair")
        self._load(base)
        first, forms = self._forms[generator.targets[target].form]
        self._word(b.form_first, first)
        self._word(b.form_count, forms)
        for address, size in ((b.steps_done, 8), (b.digest, 8), (b.suspect_count, 4), (b.met_count, 4)):
            self._word(address, 0, size)
        self._running.call("batch", _signed(generator.key), serial * targets + target, targets, count)
        found = self._read(b.suspect_count)
        listed = self._numbers(b.suspects, min(found, MOST_SUSPECTS), 8)
        batch = Batch(count, self._read(b.steps_done, 8), self._read(b.digest, 8), listed, found - len(listed))
        met = self._read(b.met_count) // 4
        cells = map(self._cells.__getitem__, self._numbers(b.met, met, 4))
        batch.cells.update(dict(zip(cells, self._numbers(b.met_times, met, 4), strict=True)))
        return batch

    def _numbers(self, address: int, count: int, size: int) -> list[int]:
        return list(struct.unpack(f"<{count}{FORMATS[size]}", self._running.read(address, size * count)))

    # Base pairs.

    def _load(self, base: Base) -> None:
        b = self._builder
        if self._second is not None:
            self._second.clear()
        self._first.load(base.first)
        self._second = self._store(self._read(HEAP), self._places.second_world)
        if base.second is not None:
            self._second.load(base.second)
        self._word(OWNED, self._read(HEAP))
        self._word(LOG_END, b.log)
        for number in range(2):
            self._word(b.written_end[number], b.written[number])
        for number, world in enumerate((self._places.first_world, self._places.second_world)):
            self._running.write(b.saved + number * b.inline, self._running.read(world + b.layout.first, b.inline))
        self._word(b.offset, self.generator.offset(base))
        self._word(b.paired, int(base.second is not None))
        self._word(b.code_index, base.code.index)
        if len(base.pool) > MOST_POOL or len(base.spots) > MOST_SPOTS:
            raise NativeError("a base pair has more values or spots than a batch takes")
        self._word(b.pool_count, len(base.pool))
        self._running.write(b.pool, struct.pack(f"<{len(base.pool)}Q", *base.pool))
        self._word(b.spot_count, len(base.spots))
        self._running.write(b.spots, b"".join([self._spot(name, index) for name, index in base.spots]))

    def _spot(self, name: str, index: int | None) -> bytes:
        """A spot as the module reads it: the array's number from 1 on and an index, or 0 and a scalar's place, which
        bits it has, and its size."""
        b, sort = self._builder, self._sorts[name]
        if isinstance(sort, ArraySort):
            assert index is not None
            return struct.pack("<IIQII", 1 + b.layout.arrays[name].number, index, 0, 0, 0)
        mask = 1 if isinstance(sort, BoolSort) else (1 << sort.width) - 1
        return struct.pack("<IIQII", 0, b.layout.slots[name].offset, mask, bytes_of(sort), 0)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


__all__ = ["Batch", "Batches"]
