"""Biased values: boundaries, small numbers, what a state points to, and now and then anything."""

from __future__ import annotations

from collections.abc import Sequence

from ..python_code import Cells
from .randomness import key, mix, pick


def boundaries(width: int) -> list[int]:
    """Zero, one, the largest and the smallest number with and without a sign, and their neighbours."""
    top, half = (1 << width) - 1, 1 << (width - 1)
    return sorted({value & top for value in (0, 1, 2, top, top - 1, half, half - 1, half + 1)})


def biased(bits: int, width: int, pool: Sequence[int] = ()) -> int:
    """A value of `width` bits from 64 random bits."""
    kind, rest = bits & 7, bits >> 3
    mask = (1 << width) - 1
    if kind < 2:
        known = boundaries(width)
        return known[pick(rest, len(known))]
    if kind < 4:
        return rest & 0x3F & mask
    if kind < 6 and pool:
        return pool[pick(rest, len(pool))] & mask
    # More than 64 bits are filled with words that the first one gives.
    value, size = mix(bits), 64
    while size < width:
        value, size = value << 64 | mix(value & ((1 << 64) - 1)), size + 64
    return value & mask


class Lazy(Cells):
    """An array whose cells are a function of a key and their index; `touched` has those that were looked at."""

    __slots__ = ("pool", "seed", "touched", "width")

    def __init__(self, seed: int, width: int, pool: Sequence[int]) -> None:
        super().__init__()
        self.seed, self.width, self.pool = seed, width, pool
        self.touched: set[int] = set()

    def __missing__(self, index: int) -> int:
        self.touched.add(index)
        return biased(key(self.seed, index & ((1 << 64) - 1)), self.width, self.pool)

    def copy(self) -> Lazy:
        other = Lazy(self.seed, self.width, self.pool)
        other.update(self)
        other.touched = self.touched
        return other

    def settled(self) -> Cells:
        """The cells that were looked at, for good; the others are zero."""
        return Cells({**{index: self[index] for index in sorted(self.touched)}, **self})
