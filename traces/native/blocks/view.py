"""The running machine's state as values of terms: scalars from a copy, cells from memory when they are asked for."""

from __future__ import annotations

from typing import Any

from ringproof.model.terms import ArraySort, BoolSort, Evaluation, Term, boolean
from ringproof.model.terms.bitvector import wrap
from ringproof.model.terms.sorts import Sort

from ..layout import ArrayPlace, Layout, bytes_of
from ..runtime import Running


def constant(value: int, sort: Sort) -> Term:
    """The constant of a Bool or a bit-vector."""
    if isinstance(sort, BoolSort):
        return boolean(bool(value))
    assert not isinstance(sort, ArraySort)
    return wrap(int(value), sort.width)


class Array:
    """An array of the running machine, read cell by cell."""

    default = 0

    def __init__(self, running: Running, world: int, place: ArrayPlace) -> None:
        self._running, self._world, self._place = running, world, place

    def get(self, index: int, default: int = 0) -> int:
        place = self._place
        page, within = divmod(index, 1 << place.cells_shift) if not place.flat else (0, index)
        address = self._world + place.default + within * place.cell_bytes
        if not place.flat:
            entry = self._running.read(self._world + place.table + 4 * page, 4)
            address = (address + int.from_bytes(entry, "little")) % (1 << 32)
        return int.from_bytes(self._running.read(address, place.cell_bytes), "little")


class _Noting:
    """An array that notes what was read of it."""

    default = 0

    def __init__(self, name: str, array: Array, reads: dict[tuple[str, int], int]) -> None:
        self._name, self._array, self._reads = name, array, reads

    def get(self, index: int, default: int = 0) -> int:
        value = self._reads[self._name, index] = self._array.get(index)
        return value


class View:
    """The current state. `refresh` takes the scalars anew; cells are always those of the moment."""

    def __init__(self, running: Running, layout: Layout, world: int, sorts: dict[str, Sort]) -> None:
        self._running = running
        self._world = world
        self._places = {name: (slot.offset, bytes_of(sorts[name])) for name, slot in layout.slots.items()}
        self._end = max([offset + size for offset, size in self._places.values()], default=0)
        self._arrays = {name: Array(running, world, place) for name, place in layout.arrays.items()}
        self.refresh()

    def refresh(self) -> None:
        self._scalars = self._running.read(self._world, self._end)
        self._evaluation = Evaluation(self._read)

    def scalar(self, name: str) -> int:
        offset, size = self._places[name]
        return int.from_bytes(self._scalars[offset : offset + size], "little")

    def cell(self, array: str, index: int) -> int:
        return self._arrays[array].get(index)

    def value(self, term: Term) -> int:
        """The value of a Bool or a bit-vector over the components."""
        return int(self._evaluation.value(term))

    def _read(self, variable: Term) -> Any:
        return self._arrays[variable.name] if isinstance(variable.sort, ArraySort) else self.scalar(variable.name)

    def noting(self) -> tuple[Evaluation, dict[tuple[str, int], int]]:
        """An evaluation in the current state, and the cells that it has read, by array and index."""
        reads: dict[tuple[str, int], int] = {}
        noting = {name: _Noting(name, array, reads) for name, array in self._arrays.items()}

        def read(variable: Term) -> Any:
            return noting[variable.name] if isinstance(variable.sort, ArraySort) else self.scalar(variable.name)

        return Evaluation(read), reads
