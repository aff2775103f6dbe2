"""The relocation of a machine on concrete states: every base moves by an amount, and the memory with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, var

from .interpreter import State
from .python_code import compile_terms

AMOUNT = "$x"


class Mover:
    """Moves states of one machine; where it has no relocation, a state stays as it is."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def move(self, state: State, amount: int) -> State:
        """`state` moved by `amount`, in the relocation's units: every base, and the memory with them."""
        relocation = self.machine.relocation
        if relocation is None:
            return state
        names, run = self._moved
        *values, offset = run({**state, AMOUNT: amount})
        cells = state[relocation.memory].moved(offset, self._size)
        return {**state, **dict(zip(names, values, strict=True)), relocation.memory: cells}

    def offset(self, amount: int) -> int:
        """How many addresses the memory moves by `amount`."""
        return int(self._moved[1]({**dict.fromkeys(self.machine.components, 0), AMOUNT: amount})[-1])

    @property
    def moved(self) -> set[str]:
        """The components that the relocation changes beside the memory."""
        return set(self._moved[0])

    @cached_property
    def _size(self) -> int:
        assert self.machine.relocation is not None
        sort = self.machine.components[self.machine.relocation.memory].sort
        assert isinstance(sort, ArraySort)
        return 1 << sort.index.width

    @cached_property
    def _moved(self) -> tuple[list[str], Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
        relocation = self.machine.relocation
        assert relocation is not None
        amount = var(AMOUNT, relocation.amount)
        bases = relocation.bases(self.machine.view(self.machine.variables), amount)
        return sorted(bases), compile_terms([*[bases[name] for name in sorted(bases)], relocation.offset(amount)])
