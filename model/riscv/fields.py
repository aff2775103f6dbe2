"""Registers of which only some bits exist: kept without the gaps, read with zeros in them."""

from __future__ import annotations

from dataclasses import dataclass

from ..terms import FALSE, Term, bits, concat, join_bits


@dataclass(frozen=True)
class Bits:
    """The positions of the bits that exist, the lowest first; bit n of the kept value is bit `positions[n]`."""

    positions: tuple[int, ...]

    @property
    def width(self) -> int:
        return len(self.positions)

    def spread(self, kept: Term, width: int) -> Term:
        """The register of `width` bits with the kept bits in their places."""
        place = {position: kept[n] for n, position in enumerate(self.positions)}
        return concat(*[place.get(position, bits(0, 1)) for position in range(width - 1, -1, -1)])

    def pack(self, word: Term) -> Term:
        """The kept bits of a register's value."""
        return concat(*[word[position] for position in reversed(self.positions)])

    def has(self, kept: Term, position: int) -> Term:
        """Whether the bit at `position` exists and is set, as a Bool."""
        return kept.bit(self.positions.index(position)) if position in self.positions else FALSE


def assemble(width: int, places: dict[int, Term]) -> Term:
    """The register of `width` bits with the given Bools and bit-vectors at their lowest positions, zero elsewhere."""
    pieces: list[Term] = []
    position = 0
    for low in sorted(places):
        value = places[low]
        field = value if hasattr(value.sort, "width") else join_bits(value)
        if low > position:
            pieces.append(bits(0, low - position))
        pieces.append(field)
        position = low + field.width
    if position < width:
        pieces.append(bits(0, width - position))
    return concat(*reversed(pieces))
