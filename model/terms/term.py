"""The term: an interned, immutable node with a sort, and the operators that make it read like a manual.

Equal terms are one object, so `a is b` is equality of terms, while `a == b` builds the term that says
"a equals b". A term has no truth value. Comparisons with `<` and its kin are unsigned; `>>` is logical.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TypeAlias
from weakref import WeakValueDictionary

from .sorts import ArraySort, BitVecSort, BoolSort, Sort

Data: TypeAlias = int | str | tuple[int, ...] | None


class TermError(TypeError):
    """A term was built of operands whose sorts or widths do not fit, or used where a value is needed."""


class Term:
    """One node. `op` names the operation, `data` holds its constants, `digest` orders terms alike everywhere."""

    __slots__ = ("__weakref__", "args", "data", "digest", "op", "sort")

    op: str
    sort: Sort
    args: tuple[Term, ...]
    data: Data
    digest: int

    @property
    def width(self) -> int:
        """The number of bits. Raises TermError for a term that is no bit-vector."""
        if isinstance(self.sort, BitVecSort):
            return self.sort.width
        raise TermError(f"a bit-vector was expected, but {self!r} is of sort {self.sort}")

    @property
    def is_constant(self) -> bool:
        return self.op == "const"

    @property
    def value(self) -> int:
        """The value of a constant (0 or 1 for a Bool). Raises TermError for any other term."""
        if self.op != "const":
            raise TermError(f"a constant was expected, but {self!r} is none")
        assert isinstance(self.data, int)
        return self.data

    @property
    def name(self) -> str:
        """The name of a variable. Raises TermError for any other term."""
        if self.op != "var":
            raise TermError(f"a variable was expected, but {self!r} is none")
        assert isinstance(self.data, str)
        return self.data

    def __bool__(self) -> bool:
        raise TermError(f"the term {self!r} has no truth value; use ite, & or when=")

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Term:  # type: ignore[override]
        return choice.equal(self, choice.coerce(other, self.sort))

    def __ne__(self, other: object) -> Term:  # type: ignore[override]
        return boolean.negate(choice.equal(self, choice.coerce(other, self.sort)))

    def __and__(self, other: Term | int | bool) -> Term:
        if isinstance(self.sort, BoolSort):
            return boolean.all_of(self, boolean.coerce(other))
        return bitvector.bit_and(self, bitvector.coerce(other, self.width))

    def __or__(self, other: Term | int | bool) -> Term:
        if isinstance(self.sort, BoolSort):
            return boolean.any_of(self, boolean.coerce(other))
        return bitvector.bit_or(self, bitvector.coerce(other, self.width))

    def __xor__(self, other: Term | int | bool) -> Term:
        if isinstance(self.sort, BoolSort):
            return boolean.negate(choice.equal(self, boolean.coerce(other)))
        return bitvector.bit_xor(self, bitvector.coerce(other, self.width))

    def __invert__(self) -> Term:
        return boolean.negate(self) if isinstance(self.sort, BoolSort) else bitvector.bit_not(self)

    def __add__(self, other: Term | int) -> Term:
        return bitvector.add(self, bitvector.coerce(other, self.width))

    def __radd__(self, other: int) -> Term:
        return bitvector.add(bitvector.coerce(other, self.width), self)

    def __sub__(self, other: Term | int) -> Term:
        return bitvector.subtract(self, bitvector.coerce(other, self.width))

    def __rsub__(self, other: int) -> Term:
        return bitvector.subtract(bitvector.coerce(other, self.width), self)

    def __neg__(self) -> Term:
        return bitvector.subtract(bitvector.bits(0, self.width), self)

    def __mul__(self, other: Term | int) -> Term:
        return bitvector.multiply(self, bitvector.coerce(other, self.width))

    def __lshift__(self, other: Term | int) -> Term:
        return bitvector.shift_left(self, bitvector.coerce(other, self.width))

    def __rshift__(self, other: Term | int) -> Term:
        return bitvector.shift_right(self, bitvector.coerce(other, self.width))

    def sar(self, other: Term | int) -> Term:
        """The arithmetic right shift; an amount at or past the width gives the sign everywhere."""
        return bitvector.shift_right_arithmetic(self, bitvector.coerce(other, self.width))

    def __lt__(self, other: Term | int) -> Term:
        return bitvector.ult(self, bitvector.coerce(other, self.width))

    def __gt__(self, other: Term | int) -> Term:
        return bitvector.ult(bitvector.coerce(other, self.width), self)

    def __le__(self, other: Term | int) -> Term:
        return boolean.negate(self > other)

    def __ge__(self, other: Term | int) -> Term:
        return boolean.negate(self < other)

    def __getitem__(self, key: int | slice | Term) -> Term:
        """`t[7:0]` the bits 7 to 0 as manuals write it, `t[3]` one bit of width 1, `memory[address]` a cell."""
        if isinstance(self.sort, ArraySort):
            if isinstance(key, slice):
                raise TermError("an array is read at one address, not at a range")
            return array.select(self, bitvector.coerce(key, self.sort.index.width))
        if isinstance(key, slice):
            if key.start is None or key.stop is None or key.step is not None:
                raise TermError("a slice of a bit-vector is written with both ends, the higher bit first: t[7:0]")
            return bitvector.extract(self, key.start, key.stop)
        if isinstance(key, Term):
            raise TermError("the bits of a bit-vector are numbered by integers; shift by a term instead")
        return bitvector.extract(self, key, key)

    def set(self, index: Term | int, value: Term | int) -> Term:
        """An array with `value` at `index`."""
        return array.store(self, index, value)

    def bit(self, number: int) -> Term:
        """Whether bit `number` (0 is the lowest) is set, as a Bool."""
        return choice.equal(bitvector.extract(self, number, number), bitvector.bits(1, 1))

    def zext(self, width: int) -> Term:
        """This bit-vector with zeros above, `width` bits in all."""
        return bitvector.zero_extend(self, width)

    def sext(self, width: int) -> Term:
        """This bit-vector with copies of its sign above, `width` bits in all."""
        return bitvector.sign_extend(self, width)

    def as_bits(self, width: int = 1) -> Term:
        """A Bool as the number 1 or 0 in `width` bits."""
        return choice.ite(self, bitvector.bits(1, width), bitvector.bits(0, width))

    def __repr__(self) -> str:
        return f"<{walk.show(self)}>"


_interned: WeakValueDictionary[tuple[object, ...], Term] = WeakValueDictionary()
_op_numbers: dict[str, int] = {}
_WIDE = (1 << 61) - 1


def _number(text: str) -> int:
    number = _op_numbers.get(text)
    if number is None:
        number = _op_numbers[text] = _hashed(text)
    return number


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big")


def _shape(data: Data) -> int | tuple[int, ...]:
    """`data` as what `hash` tells apart: it takes integers modulo 2**61 - 1, so wide ones are given as text."""
    if isinstance(data, tuple):
        return data if max(data) < _WIDE else tuple([c if c < _WIDE else _hashed(hex(c)) for c in data])
    if isinstance(data, int):
        return data if data < _WIDE else _hashed(hex(data))
    return 0 if data is None else _number(data)


def make(op: str, sort: Sort, args: tuple[Term, ...] = (), data: Data = None) -> Term:
    """The one node of this shape. No folding: callers use the constructors of the other modules."""
    key = (op, id(sort), data, *map(id, args))
    found = _interned.get(key)
    if found is not None:
        return found
    term = object.__new__(Term)
    term.op, term.sort, term.args, term.data = op, sort, args, data
    kind = sort.width if isinstance(sort, BitVecSort) else 0
    term.digest = hash((_number(op), kind, _shape(data), *[arg.digest for arg in args]))
    _interned[key] = term
    return term


def var(name: str, sort: Sort) -> Term:
    """The variable `name` of `sort`; the same name at another sort is another variable."""
    return make("var", sort, (), name)


from . import array, bitvector, boolean, choice, walk  # noqa: E402  (the constructors build on Term)
