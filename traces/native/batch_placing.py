"""Writing into worlds as code: a changed spot of a base pair, and fresh code, each alike in both states."""

from __future__ import annotations

from .batch_places import AND64, OR64, SHL64, SHR64, advance, load_word, masked, store_low
from .batch_restoring import RestoringCode
from .layout import PAGE_BYTES, ArrayPlace
from .memory import LOG_END
from .wasm import I32, I64, Function, Op


class PlacingCode(RestoringCode):
    """Writes the functions that change worlds before a trace."""

    def _write_spot(self) -> Function:
        """Writes a value to a spot of both worlds: the spot's address, the value."""
        f = Function("write spot", (I32, I64), ())
        index = f.local(I32)
        for number in range(2):
            if number:
                load_word(f, I32, self.paired)
                f.op(Op.I32_EQZ)
                f.if_()
                f.op(Op.RETURN)
                f.end()
            f.get(0)
            f.load(I32, 4, 0)
            f.op(Op.I32_EQZ)
            f.if_()
            self._world(f, number)
            f.get(0)
            f.load(I32, 4, 4)
            f.op(Op.I32_ADD)
            f.set(index)
            for size in (4, 8):
                f.get(0)
                f.load(I32, 4, 16)
                f.const(I32, size)
                f.op(Op.I32_EQ)
                f.if_()
                f.get(index)
                f.get(1)
                f.get(0)
                f.load(I64, 8, 8)
                f.op(AND64)
                f.store(I64, size, 0) if size == 8 else store_low(f)
                f.end()
            f.end()
            for place in self.layout.arrays.values():
                f.get(0)
                f.load(I32, 4, 0)
                f.const(I32, place.number + 1)
                f.op(Op.I32_EQ)
                f.if_()
                f.get(0)
                f.load(I32, 4, 4)
                if number and place is self.code_array:
                    load_word(f, I32, self.offset)
                    f.op(Op.I32_ADD)
                f.const(I32, self._index_mask(place))
                f.op(Op.I32_AND)
                self._world(f, number)
                f.get(1)
                f.call(self.puts[place.number])
                f.call(self.keep[number])
                f.end()
        return f

    def _append(self, f: Function, to: int, cells: int, low: int, high: int) -> None:
        """Writes so many cells of code to the address `to`, and moves that on."""
        place = self.code_array
        if place.value_width == 8:
            for value, at in ((low, 0), (high, 8)):
                f.get(to)
                f.get(value)
                f.store(I64, 8, at)
            f.get(to)
            f.get(cells)
            f.op(Op.I32_ADD)
            f.set(to)
            return
        width = place.value_width
        writing = f.loop()
        f.get(to)
        masked(f, low, width)
        f.store(I64, place.cell_bytes, 0)
        if width < 64:
            f.get(low)
            f.const(I64, width)
            f.op(SHR64)
            f.get(high)
            f.const(I64, 64 - width)
            f.op(SHL64, OR64)
            f.set(low)
            f.get(high)
            f.const(I64, width)
            f.op(SHR64)
            f.set(high)
        else:
            f.get(high)
            f.set(low)
        f.get(to)
        f.const(I32, place.cell_bytes)
        f.op(Op.I32_ADD)
        f.set(to)
        f.get(cells)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(cells)
        f.branch_if(writing)
        f.end()

    def _place_code(self, f: Function, number: int, cells: int, source: int) -> None:
        """Writes so many cells of the code to a world's memory, at once where they lie in one page."""
        place = self.code_array
        index, rest, world = f.local(I32), f.local(I32), f.local(I32)
        self._world(f, number)
        f.set(world)
        load_word(f, I32, self.code_index)
        if number:
            load_word(f, I32, self.offset)
            f.op(Op.I32_ADD)
            f.const(I32, self._index_mask(place))
            f.op(Op.I32_AND)
        f.set(index)
        f.const(I32, self.fresh_code)
        f.set(source)
        f.get(cells)
        f.set(rest)
        again = f.loop()
        f.get(index)
        f.get(world)
        f.get(source)
        f.load(I64, place.cell_bytes, 0)
        f.call(self.puts[place.number])
        f.get(index)
        f.const(I32, PAGE_BYTES // place.cell_bytes - 1)
        f.op(Op.I32_AND)
        f.get(rest)
        f.op(Op.I32_ADD)
        f.const(I32, 0 if place.flat else PAGE_BYTES // place.cell_bytes)
        f.op(Op.I32_LE_U)
        f.if_()
        self._place_rest(f, place, index, rest, source, world)
        f.else_()
        f.call(self.keep[number])
        advance(f, source, place.cell_bytes)
        advance(f, index, 1)
        f.get(index)
        f.const(I32, self._index_mask(place))
        f.op(Op.I32_AND)
        f.set(index)
        f.get(rest)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(rest)
        f.branch_if(again)
        f.end()
        f.end()
        f.call(self.keep[number])

    def _place_rest(self, f: Function, place: ArrayPlace, index: int, rest: int, source: int, world: int) -> None:
        """Copies so many cells to a page of the world's own; the log's last entry, of the first, is for all of them."""
        to, end = f.local(I32), f.local(I32)
        load_word(f, I32, LOG_END)
        f.const(I32, 2)
        f.op(Op.I32_SUB)
        f.get(rest)
        f.store(I32, 2, 0)
        self._cell_address(f, place, index, world)
        f.set(to)
        f.get(rest)
        f.const(I32, place.cell_bytes.bit_length() - 1)
        f.op(Op.I32_SHL)
        f.get(source)
        f.op(Op.I32_ADD)
        f.set(end)
        for size in (8, 1)[: 1 if place.cell_bytes == 8 else 2]:
            done = f.block()
            again = f.loop()
            f.get(source)
            f.const(I32, size)
            f.op(Op.I32_ADD)
            f.get(end)
            f.op(Op.I32_GT_U)
            f.branch_if(done)
            f.get(to)
            f.get(source)
            f.load(I64, size, 0)
            f.store(I64, size, 0)
            advance(f, to, size)
            advance(f, source, size)
            f.branch(again)
            f.end()
            f.end()
