"""Which cells of a virtual machine's memory are its own, on concrete states."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ringproof.model.terms import ArraySort, var
from ringproof.traces.monitored import System, Together
from ringproof.traces.python_code import Cells, compile_terms


class Region:
    """The cells of a system's guest, by the guest's addresses."""

    def __init__(self, system: System) -> None:
        placement = system.placement
        sort = placement.host.components[placement.memory].sort
        assert isinstance(sort, ArraySort)
        view = placement.view(placement.guest_state())
        self._system, self._size = system, 1 << sort.index.width
        self._offset = compile_terms([placement.offset(view)])
        self._region = compile_terms([placement.region(view, var("$at", sort.index))])

    def address(self, together: Together, index: int) -> int:
        """Where the guest's cell lies in the host's memory."""
        values = self._system.values(together.guest, together.host, together.kept)
        return int(index + self._offset(values)[0]) % self._size

    def owns(self, together: Together, index: int) -> bool:
        """The cell at the guest's address `index` is the guest's."""
        return self._inside(together)(self.address(together, index))

    def inside(self, together: Together) -> Cells:
        """The guest's memory, its own cells alone."""
        cells = together.guest[self._system.placement.memory]
        is_own, at = self._inside(together), self.address(together, 0)
        return _chosen(cells, [i for i in cells if is_own((i + at) % self._size)])

    def outside(self, together: Together) -> Cells:
        """The host's memory without the guest's cells."""
        cells, is_own = together.host[self._system.placement.memory], self._inside(together)
        return _chosen(cells, [a for a in cells if not is_own(a)])

    def _inside(self, together: Together) -> Callable[[int], bool]:
        """Whether the host's cell at an address is the guest's."""
        values = self._system.values(together.guest, together.host, together.kept)

        def read(address: int) -> bool:
            values["$at"] = address
            return bool(self._region(values)[0])

        return read


def _chosen(cells: Cells, indices: Iterable[int]) -> Cells:
    return Cells({index: cells[index] for index in indices}, cells.default)
