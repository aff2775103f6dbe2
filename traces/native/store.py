"""A machine's state in a running module's memory: writing it, reading it back, and starting over.

Pages that this writes are allocated as the module's own code allocates them. Reading gives each array the cells that
differ from its default, which is what an array is; that a cell was written with the default leaves no trace.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from struct import pack, unpack_from
from typing import Any, Literal

from ringproof.model.terms import ArraySort, BoolSort, Sort
from ringproof.traces.python_code import Cells

from .layout import FRAME_BYTES, HEADER_BYTES, PAGE_BYTES, ArrayPlace, Layout, NativeError, Slot, bytes_of
from .memory import GROWTH, HEAP, HEAP_END, HEAP_LIMIT, OWNED
from .runtime import Running
from .wasm import PAGE

_NOT_ZERO = re.compile(rb"[^\0]")

FORMATS: dict[int, Literal["B", "H", "I", "Q"]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""The codes of `memoryview.cast` for cells of a size in bytes."""


class Store:
    """The state of `components` in the world at `world`.

    Pages lie from the address `heap` on and take at most `limit` bytes; they are this world's alone.
    """

    def __init__(
        self, running: Running, layout: Layout, components: Mapping[str, Sort], limit: int, *, heap: int, world: int = 0
    ) -> None:
        self.running = running
        self._layout = layout
        self._components = dict(components)
        self._world = world
        self._heap = -(-heap // 16) * 16
        self._limit = min(limit, (1 << 32) - self._heap - PAGE)
        self._defaults = dict.fromkeys(layout.arrays, 0)
        self._word(HEAP, self._heap)
        self._word(OWNED, self._heap)
        self._word(HEAP_LIMIT, self._heap + self._limit)
        self._note_end()

    def _note_end(self) -> None:
        """Where pages must end: with memory, or earlier by the limit."""
        self._word(HEAP_END, min(self.running.size, self._heap + self._limit))

    def _word(self, address: int, value: int) -> None:
        self.running.write(address, value.to_bytes(4, "little"))

    def _read_word(self, address: int) -> int:
        return int.from_bytes(self.running.read(address, 4), "little")

    # Scalars.

    def _address(self, slot: Slot) -> int:
        return slot.offset + (0 if slot.base is None else self._world)

    def put(self, slot: Slot, sort: Sort, value: int) -> None:
        self.running.write(self._address(slot), int(value).to_bytes(bytes_of(sort), "little"))

    def get(self, slot: Slot, sort: Sort) -> int:
        number = int.from_bytes(self.running.read(self._address(slot), bytes_of(sort)), "little")
        return bool(number) if isinstance(sort, BoolSort) else number

    # Whole states.

    def load(self, state: Mapping[str, Any]) -> None:
        """Makes `state` the current one. Raises NativeError where it does not fit the components or the limit."""
        unknown = [name for name in state if name not in self._components]
        missing = [name for name in self._components if name not in state]
        if unknown or missing:
            raise NativeError(f"a state has the components {', '.join(self._components)}, not {', '.join(state)}")
        self._drop_pages()
        layout = self._layout
        block = bytearray(layout.inline - layout.first)
        for name, sort in self._components.items():
            value = state[name]
            if isinstance(sort, ArraySort):
                self._load_array(layout.arrays[name], value, block)
            else:
                width = 1 if isinstance(sort, BoolSort) else sort.width
                if not 0 <= value < 1 << width:
                    raise NativeError(f"{name} is a number of {width} bits, not {value}")
                start, size = layout.slots[name].offset - layout.first, bytes_of(sort)
                block[start : start + size] = int(value).to_bytes(size, "little")
        self.running.write(self._world + layout.first, bytes(block))

    def state(self) -> dict[str, Any]:
        """The current state, as the interpreter has it."""
        layout = self._layout
        block = self.running.read(self._world + layout.first, layout.inline - layout.first)
        state: dict[str, Any] = {}
        for name, sort in self._components.items():
            if isinstance(sort, ArraySort):
                state[name] = Cells((), self._defaults[name])
            else:
                start = layout.slots[name].offset - layout.first
                number = int.from_bytes(block[start : start + bytes_of(sort)], "little")
                state[name] = bool(number) if isinstance(sort, BoolSort) else number
        for place, first, content in self.contents():
            _collect(state[place.name], place, first, content)
        return state

    def cells(self, name: str, first: int, count: int) -> list[int]:
        """The current cells of an array from an index on; past the last come those from 0 on."""
        place = self._layout.arrays[name]
        size, shift = place.cell_bytes, 0 if place.flat else place.cells_shift
        values = []
        for n in range(count):
            index = (first + n) % (1 << place.index_width)
            start = self._world + place.default
            if not place.flat:
                page, index = index >> shift, index & ((1 << shift) - 1)
                start += self._read_word(self._world + place.table + 4 * page)
            values.append(int.from_bytes(self.running.read(start + index * size, size), "little"))
        return values

    def contents(self) -> Iterable[tuple[ArrayPlace, int, bytes]]:
        """The cells that there are: the array, the index of the first, the bytes."""
        places = {place.number: place for place in self._layout.arrays.values()}
        for place in places.values():
            if place.flat:
                yield place, 0, self.running.read(self._world + place.default, place.cell_bytes << place.index_width)
        pages = self.running.read(self._heap, self._read_word(HEAP) - self._heap)
        for frame in range(0, len(pages), FRAME_BYTES):
            number, page = unpack_from("<II", pages, frame)
            content = pages[frame + HEADER_BYTES : frame + FRAME_BYTES]
            yield places[number], page << places[number].cells_shift, content

    def clear(self) -> None:
        """Drops the pages: every cell of a paged array is the default again."""
        self._drop_pages()

    def _drop_pages(self) -> None:
        places = {place.number: place for place in self._layout.arrays.values()}
        pages = self.running.read(self._heap, self._read_word(HEAP) - self._heap)
        for frame in range(0, len(pages), FRAME_BYTES):
            number, page = unpack_from("<II", pages, frame)
            self._word(self._world + places[number].table + 4 * page, 0)
        self._word(HEAP, self._heap)

    def _load_array(self, place: ArrayPlace, cells: Mapping[int, int], block: bytearray) -> None:
        """Writes an array's cells, those of a flat one into the block of scalars and flat arrays."""
        runs = list(cells.blocks()) if isinstance(cells, Cells) and place.cell_bytes == 1 and not place.flat else []
        if isinstance(cells, Cells) and not runs:
            cells = cells.whole()
        default = getattr(cells, "default", 0)
        size, top = place.cell_bytes, 1 << place.value_width
        if cells and not (
            min(cells) >= 0 and max(cells) < 1 << place.index_width
            and min(cells.values()) >= 0 and max(cells.values()) < top
        ):  # fmt: skip
            wrong = next(i for i, c in cells.items() if not (0 <= i < 1 << place.index_width and 0 <= c < top))
            raise NativeError(
                f"{place.name} has indices of {place.index_width} bits and cells of {place.value_width}; "
                f"{cells[wrong]} at {wrong} does not fit"
            )
        count = 1 << place.index_width if place.flat else PAGE_BYTES // size
        self._defaults[place.name] = default
        if place.flat:
            start = place.default - self._layout.first
            block[start : start + count * size] = default.to_bytes(size, "little") * count
            for index, cell in cells.items():
                block[start + index * size : start + (index + 1) * size] = cell.to_bytes(size, "little")
            return
        self.running.write(self._world + place.default, default.to_bytes(size, "little") * count)
        pages: dict[int, bytearray] = {}
        shift, empty = place.cells_shift, default.to_bytes(size, "little") * count
        for first, run in runs:
            if not 0 <= first <= first + len(run) <= 1 << place.index_width:
                raise NativeError(f"{place.name} has no {len(run)} cells from {first} on")
            at = 0
            while at < len(run):
                page, start = divmod(first + at, count)
                part = run[at : at + count - start]
                pages.setdefault(page, bytearray(empty))[start : start + len(part)] = part
                at += len(part)
        for index, cell in cells.items():
            content = pages.get(index >> shift)
            if content is None:
                content = pages[index >> shift] = bytearray(empty)
            start = (index & (count - 1)) * size
            if size == 1:
                content[start] = cell
            else:
                content[start : start + size] = cell.to_bytes(size, "little")
        self._allocate(place, pages)

    def _allocate(self, place: ArrayPlace, pages: Mapping[int, bytes | bytearray]) -> None:
        start = self._read_word(HEAP)
        end = start + len(pages) * FRAME_BYTES
        if end > self._heap + self._limit:
            raise NativeError(f"the state's arrays need more than the limit of {self._limit} bytes")
        while end > self.running.size:
            self.running.grow(GROWTH)
            self._note_end()
        frames = bytearray()
        for page, content in pages.items():
            cells = start + len(frames) + HEADER_BYTES
            self._word(self._world + place.table + 4 * page, cells - place.default - self._world)
            frames += pack("<IIII", place.number, page, self._world, 0) + content
        self.running.write(start, bytes(frames))
        self._word(HEAP, end)


def _collect(cells: Cells, place: ArrayPlace, first: int, content: bytes) -> None:
    """Adds the cells of `content` that differ from the default to `cells`."""
    size, default = place.cell_bytes, cells.default
    same = default.to_bytes(size, "little")
    if content == same * (len(content) // size):
        return
    count = len(content) // size
    apart = int.from_bytes(content, "little") ^ int.from_bytes(same * count, "little")
    changed = apart.to_bytes(len(content), "little")
    if 2 * changed.count(0) > len(content):
        places = sorted({found.start() // size for found in _NOT_ZERO.finditer(changed)})
        cells.update([(first + n, int.from_bytes(content[n * size : (n + 1) * size], "little")) for n in places])
        return
    if size in FORMATS and sys.byteorder == "little":
        values: Iterable[int] = memoryview(content).cast(FORMATS[size])
    else:
        values = (int.from_bytes(content[at : at + size], "little") for at in range(0, len(content), size))
    cells.update([(index, value) for index, value in enumerate(values, first) if value != default])


def canonical(state: Mapping[str, Any]) -> dict[str, Any]:
    """`state` without the cells that hold their array's default: equal states have equal canonical forms."""
    return {
        name: Cells({i: c for i, c in value.whole().items() if c != value.default}, value.default)
        if isinstance(value, Cells)
        else value
        for name, value in state.items()
    }
