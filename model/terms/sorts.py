"""The sorts of terms: `Bool`, `BitVec(n)` and `Array(n, m)`, each made once and compared by identity."""

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias


@dataclass(frozen=True, eq=False, slots=True)
class BoolSort:
    def __repr__(self) -> str:
        return "Bool"


@dataclass(frozen=True, eq=False, slots=True)
class BitVecSort:
    width: int

    def __repr__(self) -> str:
        return f"BitVec({self.width})"


@dataclass(frozen=True, eq=False, slots=True)
class ArraySort:
    index: BitVecSort
    value: BitVecSort

    def __repr__(self) -> str:
        return f"Array({self.index.width}, {self.value.width})"


Sort: TypeAlias = BoolSort | BitVecSort | ArraySort

Bool = BoolSort()


@cache
def BitVec(width: int) -> BitVecSort:
    """The sort of bit-vectors of `width` bits, `width` at least 1."""
    if width < 1:
        raise ValueError(f"a bit-vector has at least 1 bit, not {width}")
    return BitVecSort(width)


@cache
def Array(index_width: int, value_width: int) -> ArraySort:
    """The sort of total maps from BitVec(index_width) to BitVec(value_width)."""
    return ArraySort(BitVec(index_width), BitVec(value_width))
