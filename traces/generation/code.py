"""Where a program's code lies: found by evaluating the machine's fetch on a state and noting what it reads."""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, Term

from ..interpreter import State
from ..python_code import Cells, compile_terms


class GenerationError(ValueError):
    """No traces can be made for a machine; the message says why."""

    exit_code = 2


class _Noting:
    """An array's cells; the indices that were read are noted."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self.read: list[int] = []

    def __getitem__(self, index: int) -> int:
        self.read.append(index)
        return self._cells[index]


@dataclass(frozen=True)
class Place:
    """The cells that a fetch reads: the index of the first in the machine's code array, and how many."""

    index: int
    cells: int


class Fetching:
    """The fetch of a machine on concrete states. Raises GenerationError where it has none, or no memory."""

    def __init__(self, machine: Machine) -> None:
        fetch = machine.fetch
        memories = [c.name for c in machine.components.values() if c.role is Role.MEMORY]
        without = [] if memories or machine.relocation is not None else ["a component of role memory"]
        if fetch is None or without:
            listed = " and ".join([*without, *(["`fetch`"] if fetch is None else [])])
            raise GenerationError(f"no random traces can be made for {machine.name}, which is without {listed}")
        words: list[Term] = []
        traps = machine.run(lambda cpu: words.append(fetch(cpu))).traps
        self._trapping = compile_terms([trap.guard for trap in traps])
        self._word = compile_terms(words)
        self.array = memories[0] if machine.relocation is None else machine.relocation.memory
        sort = machine.components[self.array].sort
        assert isinstance(sort, ArraySort)
        self.cell_width, self.size = sort.value.width, 1 << sort.index.width
        self._counter = machine.counter

    def place(self, state: State) -> Place | None:
        """Where the instruction at the program counter lies; None where the fetch traps or reads no memory."""
        if any(self._trapping(state)):
            return None
        code = _Noting(state[self.array])
        self._word({**state, self.array: code})
        return Place(min(code.read), max(code.read) - min(code.read) + 1) if code.read else None

    def straight(self, state: State, steps: int) -> Place | None:
        """The place at the program counter, if the `steps` program counters after it have their code after its."""
        first = self.place(state)
        for step in (1, steps):
            there = self.place({**state, self._counter: state[self._counter] + step})
            if first is None or there is None or there.index != first.index + step:
                return None
        return first


__all__ = ["Fetching", "GenerationError", "Place"]
