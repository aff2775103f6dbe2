"""Which cells of a virtual machine's memory are its own, on concrete states."""

from __future__ import annotations

from ringproof.model.terms import ArraySort
from ringproof.traces.monitored import System, Together
from ringproof.traces.python_code import Cells, compile_terms


class Region:
    """The cells of a system's guest, by the guest's addresses."""

    def __init__(self, system: System) -> None:
        placement = system.placement
        sort = placement.host.components[placement.memory].sort
        assert isinstance(sort, ArraySort)
        self._system, self._size = system, 1 << sort.index.width
        self._offset = compile_terms([placement.offset(placement.view(placement.guest_state()))])

    def address(self, together: Together, index: int) -> int:
        """Where the guest's cell lies in the host's memory."""
        values = self._system.values(together.guest, together.host, together.kept)
        return int(index + self._offset(values)[0]) % self._size

    def owns(self, together: Together, index: int) -> bool:
        """The cell at the guest's address `index` is the guest's."""
        return self._system.in_region(together, self.address(together, index))

    def inside(self, together: Together) -> Cells:
        """The guest's memory, its own cells alone."""
        cells = together.guest[self._system.placement.memory]
        return Cells({i: cell for i, cell in cells.items() if self.owns(together, i)}, cells.default)

    def outside(self, together: Together) -> Cells:
        """The host's memory without the guest's cells."""
        cells = together.host[self._system.placement.memory]
        return Cells({a: c for a, c in cells.items() if not self._system.in_region(together, a)}, cells.default)
