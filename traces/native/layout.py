"""Where a machine's state lies in linear memory: scalars in slots, small arrays flat, large ones in pages.

A module's memory holds control words at fixed addresses and any number of *worlds*, each with a whole state. Every
function has the world's address in its local variable `WORLD`, and what belongs to a world lies relative to it.

A slot holds a Bool or up to 32 bits in 4 bytes, up to 64 bits in 8, more in limbs of 8 bytes, lowest first; unused
high bits are zero. A paged array has a table with an entry per page: the distance from the array's default page
(which holds the default value in every cell and is never written) to the page. So an entry of zero, which fresh
memory holds everywhere, reads as default values, and reading needs no branch. Several worlds may share a page; the
first write to one that the current run does not own copies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Sort

from .wasm import I32, I64

PAGE_BYTES = 4096
HEADER_BYTES = 16
FRAME_BYTES = PAGE_BYTES + HEADER_BYTES
"""A page of an array in memory: its header (the array's number, the page's number, the world, and in a copy where it
was copied from), then its cells."""

ENTRY, WORLD = 0, 1
"""The local variables in which a function has the addresses of a decoded instruction and of the world."""

WIDEST_INDEX = 32


class NativeError(ValueError):
    """The native engine cannot do what was asked; the message says what and why."""

    exit_code = 2


def kind_of(width: int) -> int:
    """The WebAssembly type of a value of `width` bits, or of one limb of it."""
    return I32 if width <= 32 else I64


def limbs_of(width: int) -> int:
    return (width + 63) // 64


def bytes_of(sort: Sort) -> int:
    """The size of a slot."""
    if isinstance(sort, BoolSort):
        return 4
    assert isinstance(sort, BitVecSort)
    return 4 if sort.width <= 32 else 8 * limbs_of(sort.width)


@dataclass(frozen=True)
class Slot:
    """A place in memory: `offset` from the address in the local variable `base`, or from 0 where that is None."""

    offset: int
    base: int | None = None


@dataclass(frozen=True)
class ArrayPlace:
    """Where an array lies. `page_cells` is None for a flat one, whose cells start at `default`."""

    number: int
    name: str
    index_width: int
    value_width: int
    cell_bytes: int
    default: int
    table: int = 0

    @property
    def cells_shift(self) -> int:
        """log2 of the cells in a page."""
        return (PAGE_BYTES // self.cell_bytes).bit_length() - 1

    @property
    def flat(self) -> bool:
        return (self.cell_bytes << self.index_width) <= PAGE_BYTES

    @property
    def pages(self) -> int:
        return 0 if self.flat else 1 << max(self.index_width - self.cells_shift, 0)


def _is_flat(sort: ArraySort) -> bool:
    return (cell_bytes(sort.value.width) << sort.index.width) <= PAGE_BYTES


def cell_bytes(width: int) -> int:
    """The size of a cell of `width` bits: a power of two."""
    size = 1
    while 8 * size < width:
        size *= 2
    return size


@dataclass
class Layout:
    """A stretch of memory, filled from `top` on; its slots are relative to the local variable `base`."""

    top: int = 0
    base: int | None = None
    first: int = 0
    inline: int = 0
    """Where the scalars and the flat arrays begin and end."""
    slots: dict[str, Slot] = field(default_factory=dict)
    arrays: dict[str, ArrayPlace] = field(default_factory=dict)

    def take(self, size: int, alignment: int = 8) -> int:
        """The address of `size` bytes that nothing else uses."""
        self.top = -(-self.top // alignment) * alignment
        address, self.top = self.top, self.top + size
        return address

    def place(self, components: Mapping[str, Sort]) -> None:
        """Gives every component a place: scalars, flat arrays, then what belongs to paged arrays.

        Raises NativeError for an array that is too large to be paged.
        """
        self.first = self.top
        for name, sort in components.items():
            if not isinstance(sort, ArraySort):
                self.slots[name] = Slot(self.take(bytes_of(sort), 4 if bytes_of(sort) == 4 else 8), self.base)
        for flat in (True, False):
            for name, sort in components.items():
                if isinstance(sort, ArraySort) and _is_flat(sort) is flat:
                    self._place_array(name, sort.index.width, sort.value.width)
            if flat:
                self.inline = self.top

    def _place_array(self, name: str, index_width: int, value_width: int) -> None:
        if index_width > WIDEST_INDEX:
            raise NativeError(
                f"{name} has indices of {index_width} bits; the native engine takes at most {WIDEST_INDEX}"
            )
        size = cell_bytes(value_width)
        if size > PAGE_BYTES:
            raise NativeError(f"{name} has cells of {value_width} bits; the native engine takes at most 32768")
        flat = (size << index_width) <= PAGE_BYTES
        default = self.take(size << index_width if flat else PAGE_BYTES, 64)
        place = ArrayPlace(len(self.arrays), name, index_width, value_width, size, default)
        if not flat:
            place = ArrayPlace(
                place.number, name, index_width, value_width, size, default, self.take(4 * place.pages, 64)
            )
        self.arrays[name] = place
