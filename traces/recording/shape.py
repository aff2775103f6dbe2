"""How the step stream numbers a machine's components: the program counter, flags, numbers and arrays.

A flag is any component of one bit; a number any other bit-vector but the program counter. Each kind is numbered from 0
in the machine's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BitVecSort, BoolSort
from ringproof.traces.interpreter import State


class TraceError(ValueError):
    """A trace cannot be recorded, read or replayed; the message is one sentence."""

    exit_code = 2


@dataclass(frozen=True)
class ArrayShape:
    """An array: its name, how many bits an index and a cell have."""

    name: str
    index_width: int
    cell_width: int

    @property
    def cell_bytes(self) -> int:
        """How many bytes a cell takes in a snapshot: a power of two."""
        return max(1 << (self.cell_width - 1).bit_length() >> 3, 1)


@dataclass(frozen=True, eq=False)
class Shape:
    """The numbering of one machine's components.

    >>> from ringproof.model.catalog import named
    >>> shape = Shape.of(named("third-generation"))
    >>> shape.counter, shape.flags, shape.numbers, [array.name for array in shape.arrays]
    ('P', ('M',), ('l', 'b'), ['E'])
    """

    machine: Machine
    counter: str
    counter_width: int
    flags: tuple[str, ...]
    numbers: tuple[str, ...]
    widths: tuple[int, ...]
    arrays: tuple[ArrayShape, ...]

    @classmethod
    def of(cls, machine: Machine) -> Shape:
        """The shape of `machine`. Raises TraceError where it does not say how it fetches instructions."""
        if machine.fetch is None or machine.counter not in machine.components:
            raise TraceError(f"{machine.name} does not say how it fetches instructions, so no program runs on it")
        flags: list[str] = []
        numbers: list[str] = []
        widths: list[int] = []
        arrays: list[ArrayShape] = []
        for name, component in machine.components.items():
            sort = component.sort
            if isinstance(sort, ArraySort):
                arrays.append(ArrayShape(name, sort.index.width, sort.value.width))
            elif name == machine.counter:
                continue
            elif isinstance(sort, BoolSort) or sort.width == 1:
                flags.append(name)
            else:
                numbers.append(name)
                widths.append(sort.width)
        counter = machine.components[machine.counter].sort
        assert isinstance(counter, BitVecSort)
        return cls(machine, machine.counter, counter.width, tuple(flags), tuple(numbers), tuple(widths), tuple(arrays))

    @cached_property
    def scalars(self) -> tuple[str, ...]:
        """The program counter, the flags, then the numbers: the order of scalars in a snapshot."""
        return (self.counter, *self.flags, *self.numbers)

    @cached_property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """The bits of an index (none for a scalar) and of a value, by name."""
        scalars = {name: (0, width) for name, width in zip(self.scalars, self.scalar_widths, strict=True)}
        return scalars | {array.name: (array.index_width, array.cell_width) for array in self.arrays}

    @cached_property
    def scalar_widths(self) -> tuple[int, ...]:
        return (self.counter_width, *[1] * len(self.flags), *self.widths)

    @cached_property
    def truth(self) -> frozenset[str]:
        """The flags that are truth values rather than numbers of one bit."""
        return frozenset(n for n in self.flags if isinstance(self.machine.components[n].sort, BoolSort))

    def values(self, state: State) -> list[int]:
        """The scalars of `state` in the order of `scalars`."""
        return [state[name] for name in self.scalars]
