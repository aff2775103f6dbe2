"""Code that reads and writes arrays: flat ones at once, paged ones through their table of pages.

A page is allocated when it is first written. Running out of room is no error here: `HEAP_LOW` is set while there is
still room for what one step can write, and the kernel stops before the next one.
"""

from __future__ import annotations

from collections.abc import Sequence

from .layout import FRAME_BYTES, HEADER_BYTES, PAGE_BYTES, WORLD, ArrayPlace, Layout, kind_of
from .wasm import I32, I64, PAGE, Function, Module, Op

HEAP, HEAP_END, HEAP_LIMIT, HEAP_LOW, OWNED, LOG_END = 0, 4, 8, 12, 16, 20
"""Addresses of words: where the next page goes, where memory ends, where it may end at most, room is short, from where
on pages belong to this run, and where the log ends."""

CONTROL_BYTES = 128
"""What the words above, and the kernel's, take at the beginning of memory."""

SOURCE = 12
"""Where a page's header, after the array's number, the page's and the world, has the address of the cells it copied."""

LOG_ENTRY_BYTES = 8
"""An entry of the log of places written: the first index (4 bytes), the array's number (2), the count of cells (2)."""

GROWTH = 16
"""WebAssembly pages (of 64 KiB) by which memory grows."""


class Memory:
    """The arrays of a layout, and the functions that serve them. `reserve` is the room that one step can need.

    Where `logged`, each write adds an entry to the log; whoever runs the code sets `LOG_END` to the log's start.
    """

    def __init__(self, module: Module, layout: Layout, reserve: int, *, logged: bool) -> None:
        self._module = module
        self._logged = logged
        self._places = layout.arrays
        self._reserve = reserve
        self._runs: dict[tuple[str, int, bool], int] = {}
        self._allocators = {place.name: self._allocator(place) for place in layout.arrays.values() if not place.flat}

    def place(self, name: str) -> ArrayPlace:
        return self._places[name]

    # Addresses.

    def _entry(self, f: Function, place: ArrayPlace, index: int) -> None:
        """Pushes the table's entry for the page of the index in the local variable `index`."""
        f.get(index)
        f.const(I32, place.cells_shift)
        f.op(Op.I32_SHR_U)
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.get(WORLD)
        f.op(Op.I32_ADD)
        f.load(I32, 4, place.table)

    def _within(self, f: Function, place: ArrayPlace, index: int) -> None:
        """Pushes how far into its page the cell lies, in bytes."""
        f.get(index)
        if not place.flat:
            f.const(I32, (1 << place.cells_shift) - 1)
            f.op(Op.I32_AND)
        shift = place.cell_bytes.bit_length() - 1
        if shift:
            f.const(I32, shift)
            f.op(Op.I32_SHL)

    def address(self, f: Function, name: str, index: int) -> None:
        """Pushes the address of a cell for reading, less the offset `place.default`."""
        place = self._places[name]
        self._within(f, place, index)
        f.get(WORLD)
        f.op(Op.I32_ADD)
        if not place.flat:
            self._entry(f, place, index)
            f.op(Op.I32_ADD)

    def address_to_write(self, f: Function, name: str, index: int, entry: int) -> None:
        """Pushes the address of a cell for writing, less `place.default`; `entry` is a local variable to use."""
        place = self._places[name]
        if place.flat:
            self._within(f, place, index)
            f.get(WORLD)
            f.op(Op.I32_ADD)
            return
        self._entry(f, place, index)
        f.get(WORLD)
        f.op(Op.I32_ADD)
        f.tee(entry)
        f.const(I32, place.default)
        f.op(Op.I32_ADD)
        f.const(I32, 0)
        f.load(I32, 4, OWNED)
        f.op(Op.I32_LT_U)
        f.if_()
        f.get(index)
        f.const(I32, place.cells_shift)
        f.op(Op.I32_SHR_U)
        f.get(WORLD)
        f.call(self._allocators[name])
        f.set(entry)
        f.end()
        f.get(entry)
        self._within(f, place, index)
        f.op(Op.I32_ADD)

    def _log(self, f: Function, place: ArrayPlace, index: int, count: int) -> None:
        """Notes that `count` cells from the index on are written."""
        if not self._logged:
            return
        f.const(I32, 0)
        f.load(I32, 4, LOG_END)
        f.get(index)
        f.op(Op.EXTEND_U)
        f.const(I64, place.number << 32 | count << 48)
        f.op(Op.I64_OR)
        f.store(I64, 8, 0)
        f.const(I32, 0)
        f.const(I32, 0)
        f.load(I32, 4, LOG_END)
        f.const(I32, LOG_ENTRY_BYTES)
        f.op(Op.I32_ADD)
        f.store(I32, 4, LOG_END)

    # Cells.

    def read(self, f: Function, name: str, index: int) -> None:
        """Reads the cell (of up to 64 bits) whose index is on the stack; `index` is a local variable to use."""
        place = self._places[name]
        f.set(index)
        self.address(f, name, index)
        f.load(kind_of(place.value_width), place.cell_bytes, place.default)

    def write(self, f: Function, name: str, index: int, value: int, entry: int) -> None:
        """Writes the local variable `value` to the cell at the local variable `index`."""
        self._log(f, self._places[name], index, 1)
        self._put(f, self._places[name], index, value, entry)

    def _put(self, f: Function, place: ArrayPlace, index: int, value: int, entry: int) -> None:
        self.address_to_write(f, place.name, index, entry)
        f.get(value)
        f.store(kind_of(place.value_width), place.cell_bytes, place.default)

    def write_limbs(self, f: Function, name: str, index: int, limbs: Sequence[int], entry: int) -> None:
        """Writes a cell of more than 64 bits from local variables, the lowest limb first."""
        place = self._places[name]
        self._log(f, place, index, 1)
        self.address_to_write(f, name, index, entry)
        f.set(entry)
        for number, limb in enumerate(limbs):
            f.get(entry)
            f.get(limb)
            f.store(I64, 8, place.default + 8 * number)

    # Runs of byte cells.

    def _one_page(self, f: Function, place: ArrayPlace, index: int, count: int) -> None:
        """Pushes whether `count` cells from the index on lie in one page."""
        f.get(index)
        f.const(I32, PAGE_BYTES - 1)
        f.op(Op.I32_AND)
        f.const(I32, PAGE_BYTES - count)
        f.op(Op.I32_LE_U)

    def read_run(self, f: Function, name: str, count: int, index: int) -> None:
        """Reads `count` byte cells from the index on the stack, the first lowest."""
        place, kind = self._places[name], kind_of(8 * count)
        f.set(index)
        self._one_page(f, place, index, count)
        f.if_(kind)
        self.address(f, name, index)
        f.load(kind, count, place.default)
        f.else_()
        f.get(index)
        f.get(WORLD)
        f.call(self._run(place, count, write=False))
        f.end()

    def write_run(self, f: Function, name: str, count: int, index: int, value: int, entry: int) -> None:
        """Writes the local variable `value` to `count` byte cells, its lowest byte first."""
        place, kind = self._places[name], kind_of(8 * count)
        self._log(f, place, index, count)
        self._one_page(f, place, index, count)
        f.if_()
        self.address_to_write(f, name, index, entry)
        f.get(value)
        f.store(kind, count, place.default)
        f.else_()
        f.get(index)
        f.get(WORLD)
        f.get(value)
        f.call(self._run(place, count, write=True))
        f.end()

    def _run(self, place: ArrayPlace, count: int, *, write: bool) -> int:
        """The function that reads or writes `count` byte cells one by one."""
        key = (place.name, count, write)
        if key not in self._runs:
            self._runs[key] = self._module.define(self._run_function(place, count, write=write))
        return self._runs[key]

    def _run_function(self, place: ArrayPlace, count: int, *, write: bool) -> Function:
        kind = kind_of(8 * count)
        taken, given = ((I32, I32, kind), ()) if write else ((I32, I32), (kind,))
        f = Function(f"run {place.name} {count}", taken, given)
        index, byte, entry = f.local(I32), f.local(I32), f.local(I32)
        for number in range(count):
            f.get(0)
            f.const(I32, number)
            f.op(Op.I32_ADD)
            if place.index_width < 32:
                f.const(I32, (1 << place.index_width) - 1)
                f.op(Op.I32_AND)
            if write:
                f.set(index)
                f.get(2)
                if number:
                    f.const(kind, 8 * number)
                    f.op(Op.I32_SHR_U if kind == I32 else Op.I64_SHR_U)
                if kind == I64:
                    f.op(Op.WRAP)
                f.set(byte)
                self._put(f, place, index, byte, entry)
                continue
            self.read(f, place.name, index)
            if kind == I64:
                f.op(Op.EXTEND_U)
            if number:
                f.const(kind, 8 * number)
                f.op(Op.I32_SHL if kind == I32 else Op.I64_SHL)
                f.op(Op.I32_OR if kind == I32 else Op.I64_OR)
        return f

    # Pages.

    def _allocator(self, place: ArrayPlace) -> int:
        """The function that copies a page of the array for the world; it returns the table's entry plus the world."""
        f = Function(f"allocate {place.name}", (I32, I32), (I32,))
        frame, entry, new = f.local(I32), f.local(I32), f.local(I32)
        f.const(I32, 0)
        f.load(I32, 4, HEAP)
        f.tee(frame)
        f.const(I32, place.number)
        f.store(I32, 4, 0)
        f.get(frame)
        f.get(0)
        f.store(I32, 4, 4)
        f.get(frame)
        f.get(WORLD)
        f.store(I32, 4, 8)
        f.get(0)
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.get(WORLD)
        f.op(Op.I32_ADD)
        f.set(entry)
        f.get(frame)
        f.get(entry)
        f.load(I32, 4, place.table)
        f.get(WORLD)
        f.op(Op.I32_ADD)
        f.const(I32, place.default)
        f.op(Op.I32_ADD)
        f.tee(new)
        f.store(I32, 4, SOURCE)
        f.get(frame)
        f.const(I32, HEADER_BYTES)
        f.op(Op.I32_ADD)
        f.get(new)
        f.const(I32, PAGE_BYTES)
        f.copy_memory()
        f.get(frame)
        f.const(I32, (HEADER_BYTES - place.default) % (1 << 32))
        f.op(Op.I32_ADD)
        f.set(new)
        f.get(entry)
        f.get(new)
        f.get(WORLD)
        f.op(Op.I32_SUB)
        f.store(I32, 4, place.table)
        f.const(I32, 0)
        f.get(frame)
        f.const(I32, FRAME_BYTES)
        f.op(Op.I32_ADD)
        f.tee(frame)
        f.store(I32, 4, HEAP)
        f.const(I32, 0)
        f.get(frame)
        f.const(I32, self._reserve)
        f.op(Op.I32_ADD)
        f.const(I32, 0)
        f.load(I32, 4, HEAP_END)
        f.op(Op.I32_GT_U)
        f.store(I32, 4, HEAP_LOW)
        f.get(new)
        return self._module.define(f)

    def room(self) -> int:
        """The function that makes room for one step, and returns 0 where the limit does not allow it."""
        f = Function("room", (), (I32,))
        f.const(I32, 0)
        f.load(I32, 4, HEAP)
        f.const(I32, self._reserve)
        f.op(Op.I32_ADD)
        f.const(I32, 0)
        f.load(I32, 4, HEAP_END)
        f.op(Op.I32_GT_U)
        f.if_()
        f.const(I32, 0)
        f.load(I32, 4, HEAP_END)
        f.const(I32, GROWTH * PAGE)
        f.op(Op.I32_ADD)
        f.const(I32, 0)
        f.load(I32, 4, HEAP_LIMIT)
        f.op(Op.I32_GT_U)
        f.if_()
        f.const(I32, 0)
        f.op(Op.RETURN)
        f.end()
        f.const(I32, GROWTH)
        f.grow_memory()
        f.const(I32, (1 << 32) - 1)
        f.op(Op.I32_EQ)
        f.if_()
        f.const(I32, 0)
        f.op(Op.RETURN)
        f.end()
        f.const(I32, 0)
        f.const(I32, 0)
        f.load(I32, 4, HEAP_END)
        f.const(I32, GROWTH * PAGE)
        f.op(Op.I32_ADD)
        f.store(I32, 4, HEAP_END)
        f.end()
        f.const(I32, 0)
        f.const(I32, 0)
        f.store(I32, 4, HEAP_LOW)
        f.const(I32, 1)
        return self._module.define(f, export=True)
