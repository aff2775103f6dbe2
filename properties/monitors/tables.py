"""The monitor's own tables on concrete states: a cell that the host reads is as the monitor's rule for it says.

A rule is stated of one cell at a time, at an address that is formed from a table's base; which cells a step reads is
only known from the step. So the cells are filled in as the host comes to read them: this is the monitor's work of
keeping its tables true to the guest's, which it does before the guest runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringproof.model.terms import TRUE, ArraySort, var
from ringproof.traces.interpreter import State
from ringproof.traces.monitored import System, Together
from ringproof.traces.python_code import Cells, compile_terms

ROUNDS = 64
"""A step whose reads lead from one wrong cell to another this often is given up."""


class TablesError(ValueError):
    """No value of a cell satisfies the monitor's rule for it."""


class Noting(Cells):
    """Cells that note at which indices they are read; copies note in the same place."""

    __slots__ = ("read",)

    def __init__(self, cells: Cells, read: set[int]) -> None:
        super().__init__(cells, cells.default)
        self.read = read

    def __getitem__(self, index: int) -> int:
        self.read.add(index)
        return super().__getitem__(index)

    def copy(self) -> Noting:
        return Noting(self, self.read)


class Tables:
    """The tables of a system's monitor, by the components of the host that hold their bases."""

    def __init__(self, system: System) -> None:
        self.system = system
        placement = system.placement
        sort = placement.host.components[placement.memory].sort
        assert isinstance(sort, ArraySort)
        self._cells, self._values = 1 << sort.index.width, 1 << sort.value.width
        view, own = placement.view(placement.guest_state()), placement.own_view()
        variables, at = placement.own_variables(), var("$place", sort.index)
        self._rules: dict[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]] = {}
        for name, variable in variables.items():
            if variable.sort == sort.index:
                rule = placement.cell(view, own, variable + at)
                if rule is not TRUE:
                    self._rules[name] = compile_terms([rule])

    def filled(self, together: Together) -> Together:
        """The same state with those of the monitor's cells filled in that the next step reads.

        Raises TablesError where a rule cannot be satisfied.
        """
        if not self._rules:
            return together
        memory = self.system.placement.memory
        host: State = {**together.host, memory: together.host[memory].copy()}
        for _ in range(ROUNDS):
            read: set[int] = set()
            noted = Together(together.guest, {**host, memory: Noting(host[memory], read)}, together.kept)
            self._run(noted)
            wrong = [a for a in sorted(read) if not self._fill(together, host, a)]
            if not wrong:
                return Together(together.guest, host, together.kept)
        raise TablesError("the monitor's tables are not settled")

    def _run(self, noted: Together) -> None:
        """The host's part of the next step, on a copy."""
        state = dict(noted.host)
        state[self.system.placement.memory] = noted.host[self.system.placement.memory].copy()
        self.system.host.attempt(state)

    def _fill(self, together: Together, host: State, address: int) -> bool:
        """Whether the cell was as its rule says; it is afterwards."""
        if self.system.in_region(together, address):
            return True
        bases = {name: (address - host[name]) % self._cells for name in self._rules}
        name = min(bases, key=lambda each: bases[each])
        memory = host[self.system.placement.memory]
        values = self.system.values(together.guest, host, together.kept)
        values["$place"] = bases[name]
        held = memory[address]
        for value in (held, *range(self._values)):
            memory[address] = value
            if self._rules[name](values)[0]:
                return bool(value == held)
        raise TablesError(f"no value of the cell at {address:#x} is as the monitor's rule for it says")
