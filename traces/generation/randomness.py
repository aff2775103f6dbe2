"""The random function of campaigns: splitmix64, whose n-th number is a function of a key and n alone.

Steele, Lea and Flood 2014, section 3 and figure 17. It is written here and once more in WebAssembly
(`native.batch`), and a test compares the two.
"""

from __future__ import annotations

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(value: int) -> int:
    """A bijection of 64-bit words that spreads every bit over all of them."""
    value = (value ^ value >> 30) * FIRST & WORD
    value = (value ^ value >> 27) * SECOND & WORD
    return value ^ value >> 31


def key(seed: int, number: int) -> int:
    """The key of the stream `number` under `seed`.

    >>> hex(key(1, 2))
    '0xf18d6ce93d6cf1ee'
    """
    return mix(mix(seed + GOLDEN & WORD) + number * GOLDEN & WORD)


class Stream:
    """The numbers of a key, one after the other."""

    def __init__(self, start: int) -> None:
        self._state = start

    def draw(self) -> int:
        """64 random bits."""
        self._state = self._state + GOLDEN & WORD
        return mix(self._state)


def pick(bits: int, count: int) -> int:
    """A number below `count` (at most 2**16) from the low 16 of `bits`."""
    return (bits & 0xFFFF) * count >> 16
