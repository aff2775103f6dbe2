"""The cells that a region was made from: compared at its entry, and watched by its own stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringproof.model.terms import Term

from ..layout import WORLD, ArrayPlace, Layout, kind_of
from ..outcomes import Write
from ..wasm import I32, I64, Function, Op
from .specialize import Cell

MOST_RANGES = 6


class Watch:
    """`cells` are all that must keep their values: those of code, and those whose values were assumed."""

    def __init__(self, code: Mapping[Cell, int], watched: Mapping[Cell, int], layout: Layout) -> None:
        self.cells = {**watched, **code}
        self._code = code
        self._ranges = {name: _ranges(index for array, index in self.cells if array == name) for name in layout.arrays}

    def _hit(self, name: str, write: Write) -> list[Cell]:
        """The cells that a store at a constant index gives another value, or one that is not known."""
        index, value, _, count = write
        if not index.is_constant:
            return []
        hit: list[Cell] = []
        for number in range(max(count, 1)):
            cell = (name, (index.value + number) % (1 << index.width))
            if cell in self.cells:
                part: Term = value[8 * number + 7 : 8 * number] if count else value
                if not part.is_constant or part.value != self.cells[cell]:
                    hit.append(cell)
        return hit

    def forbids(self, name: str, write: Write) -> bool:
        """Whether the region must be left before the store."""
        return bool(self._hit(name, write))

    def unstable(self, name: str, write: Write) -> list[Cell]:
        """The assumed cells that the store changes."""
        return [cell for cell in self._hit(name, write) if cell not in self._code]

    def ranges(self, place: ArrayPlace, count: int) -> list[tuple[int, int]]:
        """The indices (first, how many) at which a store of `count` cells touches one."""
        top = 1 << place.index_width
        return [
            ((low - count + 1) % top, min(high - low + count, top)) for low, high in self._ranges.get(place.name, [])
        ]


def _ranges(indices: Iterable[int]) -> list[tuple[int, int]]:
    """Few ranges (first, end) that hold all indices."""
    ranges: list[tuple[int, int]] = []
    for index in sorted(indices):
        if ranges and ranges[-1][1] == index:
            ranges[-1] = (ranges[-1][0], index + 1)
        else:
            ranges.append((index, index + 1))
    while len(ranges) > MOST_RANGES:
        at = min(range(len(ranges) - 1), key=lambda n: ranges[n + 1][0] - ranges[n][1])
        ranges[at : at + 2] = [(ranges[at][0], ranges[at + 1][1])]
    return ranges


class CellChecks:
    """Compares cells with constants."""

    def __init__(self, f: Function, layout: Layout, cells: Mapping[Cell, int]) -> None:
        self._f, self._layout, self._cells = f, layout, cells

    def check(self, out: int) -> None:
        """Branches to `out` unless every cell has its value."""
        for name, place in self._layout.arrays.items():
            indices = sorted(index for array, index in self._cells if array == name)
            while indices:
                page = indices[0] >> place.cells_shift
                inside = [i for i in indices if place.flat or i >> place.cells_shift == page]
                indices = indices[len(inside) :]
                self._page(place, page, inside, out)

    def _page(self, place: ArrayPlace, page: int, indices: list[int], out: int) -> None:
        f = self._f
        base = f.local(I32)
        f.get(WORLD)
        if not place.flat:
            f.get(WORLD)
            f.load(I32, 4, place.table + 4 * page)
            f.op(Op.I32_ADD)
        f.set(base)
        mask = (1 << place.cells_shift) - 1
        while indices:
            size, value = self._run(place, indices)
            kind = kind_of(8 * size)
            f.get(base)
            within = indices[0] if place.flat else indices[0] & mask
            f.load(kind, size, place.default + within * place.cell_bytes)
            f.const(kind, value)
            f.op(Op.I64_NE if kind == I64 else Op.I32_NE)
            f.branch_if(out)
            indices = indices[size // place.cell_bytes :]

    def _run(self, place: ArrayPlace, indices: list[int]) -> tuple[int, int]:
        """How many bytes can be compared at once, at most 8, and their value."""
        first = indices[0]
        size = place.cell_bytes
        while 2 * size <= 8:
            cells = 2 * size // place.cell_bytes
            if indices[:cells] != list(range(first, first + cells)):
                break
            size *= 2
        value = 0
        for number, index in enumerate(indices[: size // place.cell_bytes]):
            value |= self._cells[place.name, index] << 8 * place.cell_bytes * number
        return size, value


__all__ = ["CellChecks", "Watch"]
