"""A store of a region: first whether the kernel must do it, then the store itself.

The kernel does it where the page is not this world's own yet, where the store crosses the end of a page, and where
it touches a cell that the region was made from.
"""

from __future__ import annotations

from collections.abc import Callable

from ringproof.model.terms import TRUE

from ..emit import Emitter, kind
from ..layout import PAGE_BYTES, WORLD, ArrayPlace
from ..outcomes import Write
from ..wasm import I32, Function, Op
from .cells import Watch


class Prepared:
    """A store whose index, value and guard are in local variables. `conditions` push whether to leave it."""

    def __init__(self, f: Function, e: Emitter, place: ArrayPlace, write: Write, owned: int, watch: Watch) -> None:
        self._f, self.place, self.write = f, place, write
        index, value, guard, count = write
        self._count = max(count, 1)
        self._index, self.value = f.local(I32), f.local(kind(value))
        e.value(index)
        f.set(self._index)
        e.value(value)
        f.set(self.value)
        self._guard: int | None = None
        if guard is not TRUE:
            self._guard = f.local(I32)
            e.value(guard)
            f.set(self._guard)
        self._base = f.local(I32)
        f.get(WORLD)
        if not place.flat:
            f.get(self._index)
            f.const(I32, place.cells_shift)
            f.op(Op.I32_SHR_U)
            f.const(I32, 2)
            f.op(Op.I32_SHL)
            f.get(WORLD)
            f.op(Op.I32_ADD)
            f.load(I32, 4, place.table)
            f.op(Op.I32_ADD)
        f.set(self._base)
        self.conditions: list[Callable[[], None]] = []
        if not place.flat:
            self._when(lambda: self._shared(owned))
        if index.is_constant:
            if self._count > 1 and index.value % PAGE_BYTES > PAGE_BYTES - self._count:
                self._when(lambda: f.const(I32, 1))
            return
        if self._count > 1:
            self._when(self._crosses)
        for first, size in watch.ranges(place, self._count):
            self._when(lambda first=first, size=size: self._touches(first, size))  # type: ignore[misc]

    def _when(self, condition: Callable[[], None]) -> None:
        def guarded() -> None:
            condition()
            if self._guard is not None:
                self._f.get(self._guard)
                self._f.op(Op.I32_AND)

        self.conditions.append(guarded)

    def _shared(self, owned: int) -> None:
        f = self._f
        f.get(self._base)
        f.const(I32, self.place.default)
        f.op(Op.I32_ADD)
        f.get(owned)
        f.op(Op.I32_LT_U)

    def _crosses(self) -> None:
        f = self._f
        f.get(self._index)
        f.const(I32, PAGE_BYTES - 1)
        f.op(Op.I32_AND)
        f.const(I32, PAGE_BYTES - self._count)
        f.op(Op.I32_GT_U)

    def _touches(self, first: int, size: int) -> None:
        f, width = self._f, self.place.index_width
        f.get(self._index)
        f.const(I32, first)
        f.op(Op.I32_SUB)
        if width < 32:
            f.const(I32, (1 << width) - 1)
            f.op(Op.I32_AND)
        f.const(I32, min(size, (1 << 32) - 1))
        f.op(Op.I32_LT_U)

    def store(self) -> None:
        f, place = self._f, self.place
        if self._guard is not None:
            f.get(self._guard)
            f.if_()
        f.get(self._base)
        f.get(self._index)
        if not place.flat:
            f.const(I32, (1 << place.cells_shift) - 1)
            f.op(Op.I32_AND)
        shift = place.cell_bytes.bit_length() - 1
        if shift:
            f.const(I32, shift)
            f.op(Op.I32_SHL)
        f.op(Op.I32_ADD)
        f.get(self.value)
        f.store(kind(self.write[1]), self._count if self._count > 1 else place.cell_bytes, place.default)
        if self._guard is not None:
            f.end()
