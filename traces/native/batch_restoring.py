"""Starting over as code: what a trace has written is undone, cell by cell, so pages are copied once and not per trace.

Each world has a list of the places that it has written in this trace, made of the logs of its steps. A page that was
copied when it was first written knows the page that it is a copy of (`memory.SOURCE`).
"""

from __future__ import annotations

from collections.abc import Callable

from .batch_places import BatchPlaces, advance, each, load_word, store_word
from .layout import FRAME_BYTES, HEADER_BYTES, PAGE_BYTES, ArrayPlace
from .memory import HEAP, HEAP_LOW, LOG_END, LOG_ENTRY_BYTES, OWNED, SOURCE
from .wasm import I32, I64, Function, Op

MOST_PAGES = 128
"""Copied pages that traces share, about; past them, all are dropped before the next trace."""

UNROLLED = 1024
"""Bytes of scalars and flat arrays that are copied by code of their own, at most."""


class RestoringCode(BatchPlaces):
    """Writes the functions that take back what a trace did."""

    def _keep(self, number: int) -> Function:
        """Adds the log to what the world `number` has written, and empties it."""
        f = Function("keep", (), ())
        at, end = f.local(I32), f.local(I32)
        f.const(I32, self.log)
        f.set(at)
        load_word(f, I32, self.written_end[number])
        f.set(end)
        with each(f, at, lambda: load_word(f, I32, LOG_END), LOG_ENTRY_BYTES):
            f.get(end)
            f.get(at)
            f.load(I64, LOG_ENTRY_BYTES, 0)
            f.store(I64, LOG_ENTRY_BYTES, 0)
            advance(f, end, LOG_ENTRY_BYTES)
        store_word(f, I32, self.written_end[number], lambda: f.get(end))
        store_word(f, I32, LOG_END, lambda: f.const(I32, self.log))
        return f

    def _restore(self, number: int) -> Function:
        """Gives the world `number` the base pair's scalars and cells again."""
        f = Function("restore", (), ())
        world, entry, end = f.local(I32), f.local(I32), f.local(I32)
        self._world(f, number)
        f.set(world)
        saved = self.saved + number * self.inline
        if self.inline > UNROLLED:
            f.get(world)
            f.const(I32, self.layout.first)
            f.op(Op.I32_ADD)
            f.const(I32, saved)
            f.const(I32, self.inline)
            f.copy_memory()
        else:
            at = 0
            while at < self.inline:
                size = next(size for size in (8, 4, 2, 1) if at + size <= self.inline)
                kind = I64 if size == 8 else I32
                f.get(world)
                f.const(I32, 0)
                f.load(kind, size, saved + at)
                f.store(kind, size, self.layout.first + at)
                at += size
        f.const(I32, self.written[number])
        f.set(entry)
        load_word(f, I32, self.written_end[number])
        f.set(end)
        paged = [place for place in self.layout.arrays.values() if not place.flat]
        self._entries(f, entry, end, paged, lambda place, *locals: self._undo(f, place, world, *locals))
        store_word(f, I32, self.written_end[number], lambda: f.const(I32, self.written[number]))
        return f

    def _undo(self, f: Function, place: ArrayPlace, world: int, index: int, count: int) -> None:
        """Copies cells of a page from its source, 8 bytes at a time: what is beside them gets its old value early."""
        cells, within = f.local(I32), f.local(I32)
        per_word, last = 8 // place.cell_bytes, PAGE_BYTES - 8
        again = f.loop()
        f.get(index)
        f.const(I32, self._index_mask(place))
        f.op(Op.I32_AND)
        f.set(index)
        self._page(f, place, index, world)
        f.set(cells)
        # The word that begins with the cell, or the page's last word.
        f.const(I32, last)
        self._within(f, place, index)
        f.tee(within)
        f.get(within)
        f.const(I32, last)
        f.op(Op.I32_GT_U, Op.SELECT)
        f.set(within)
        f.get(cells)
        f.get(within)
        f.op(Op.I32_ADD)
        f.get(cells)
        f.const(I32, HEADER_BYTES - SOURCE)
        f.op(Op.I32_SUB)
        f.load(I32, 4, 0)
        f.get(within)
        f.op(Op.I32_ADD)
        f.load(I64, 8, 0)
        f.store(I64, 8, 0)
        # On to the cell after that word.
        f.get(index)
        f.const(I32, (PAGE_BYTES // place.cell_bytes) - 1)
        f.op(Op.I32_AND)
        f.set(cells)
        f.get(within)
        f.const(I32, place.cell_bytes.bit_length() - 1)
        f.op(Op.I32_SHR_U)
        f.const(I32, per_word)
        f.op(Op.I32_ADD)
        f.get(cells)
        f.op(Op.I32_SUB)
        f.set(within)
        f.get(index)
        f.get(within)
        f.op(Op.I32_ADD)
        f.set(index)
        f.get(count)
        f.get(within)
        f.op(Op.I32_SUB)
        f.set(count)
        f.const(I32, 0)
        f.get(count)
        f.op(Op.I32_LT_S)
        f.branch_if(again)
        f.end()

    def _page(self, f: Function, place: ArrayPlace, index: int, world: int) -> None:
        """Pushes where the cells of the page begin that has the index."""
        f.get(index)
        f.const(I32, place.cells_shift)
        f.op(Op.I32_SHR_U)
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.get(world)
        f.op(Op.I32_ADD)
        f.load(I32, 4, place.table)
        f.get(world)
        f.op(Op.I32_ADD)
        f.const(I32, place.default)
        f.op(Op.I32_ADD)

    def _within(self, f: Function, place: ArrayPlace, index: int) -> None:
        """Pushes how many bytes into its page the cell lies."""
        f.get(index)
        f.const(I32, PAGE_BYTES // place.cell_bytes - 1)
        f.op(Op.I32_AND)
        f.const(I32, place.cell_bytes.bit_length() - 1)
        f.op(Op.I32_SHL)

    def _cell_address(self, f: Function, place: ArrayPlace, index: int, world: int) -> None:
        self._page(f, place, index, world)
        self._within(f, place, index)
        f.op(Op.I32_ADD)

    def _entries(
        self, f: Function, entry: int, end: int, places: list[ArrayPlace],
        body: Callable[[ArrayPlace, int, int], None],
    ) -> None:  # fmt: skip
        """For each entry of a log from the local variable `entry` to `end` that is of one of the arrays: the array and
        the local variables with the first index and the count of cells, which `body` may change."""
        array, index, count = f.local(I32), f.local(I32), f.local(I32)
        with each(f, entry, lambda: f.get(end), LOG_ENTRY_BYTES):
            for local, size, at in ((index, 4, 0), (array, 2, 4), (count, 2, 6)):
                f.get(entry)
                f.load(I32, size, at)
                f.set(local)
            for place in places:
                f.get(array)
                f.const(I32, place.number)
                f.op(Op.I32_EQ)
                f.if_()
                body(place, index, count)
                f.end()

    def _drop_pages(self) -> Function:
        """Gives both worlds the base pair's pages again, and takes the room of the copies back."""
        f = Function("drop pages", (), ())
        frame, world = f.local(I32), f.local(I32)
        load_word(f, I32, OWNED)
        f.set(frame)
        with each(f, frame, lambda: load_word(f, I32, HEAP), FRAME_BYTES):
            f.get(frame)
            f.load(I32, 4, 8)
            f.set(world)
            for place in self.layout.arrays.values():
                if place.flat:
                    continue
                f.get(frame)
                f.load(I32, 4, 0)
                f.const(I32, place.number)
                f.op(Op.I32_EQ)
                f.if_()
                f.get(frame)
                f.load(I32, 4, 4)
                f.const(I32, 2)
                f.op(Op.I32_SHL)
                f.get(world)
                f.op(Op.I32_ADD)
                f.get(frame)
                f.load(I32, 4, SOURCE)
                f.const(I32, place.default)
                f.op(Op.I32_SUB)
                f.get(world)
                f.op(Op.I32_SUB)
                f.store(I32, 4, place.table)
                f.end()
        store_word(f, I32, HEAP, lambda: load_word(f, I32, OWNED))
        store_word(f, I32, HEAP_LOW, lambda: f.const(I32, 0))
        return f

    def _many_pages(self, f: Function) -> None:
        """Pushes whether traces have copied so many pages that they are dropped."""
        load_word(f, I32, HEAP)
        load_word(f, I32, OWNED)
        f.op(Op.I32_SUB)
        f.const(I32, MOST_PAGES * FRAME_BYTES)
        f.op(Op.I32_GT_U)
