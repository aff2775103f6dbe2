"""Bit-vectors: constants, slices and joins, linear sums, and the other operations, folded as they are built.

Sums are kept in one normal form, a constant and a coefficient per atom, so that terms that are equal by
linear arithmetic are one object; `concat` absorbs zero extension and merges neighbouring slices.
"""

from __future__ import annotations

from .boolean import FALSE, TRUE, negate
from .semantics import BINARY, signed
from .sorts import BitVec, Bool
from .term import Term, TermError, make


def bits(value: int, width: int) -> Term:
    """The constant `value` in `width` bits; negative values are two's complement.

    Raises TermError when `value` does not fit: -2**(width-1) <= value < 2**width is expected.
    """
    if not -(1 << (width - 1)) <= value < 1 << width:
        raise TermError(f"{value} does not fit in {width} bits")
    return make("const", BitVec(width), (), value & ((1 << width) - 1))


def wrap(value: int, width: int) -> Term:
    """The constant `value` modulo 2**width."""
    return make("const", BitVec(width), (), value & ((1 << width) - 1))


def coerce(value: object, width: int) -> Term:
    """`value` as a bit-vector of `width` bits. Raises TermError that names both widths when they differ."""
    if isinstance(value, Term):
        if value.width != width:
            raise TermError(f"operands of {width} and {value.width} bits do not fit each other")
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return bits(value, width)
    raise TermError(f"a bit-vector of {width} bits was expected, not {value!r}")


def upper_bound(term: Term) -> int:
    """A value that `term` never exceeds, read off its shape."""
    if term.op == "const":
        return term.value
    if term.op == "concat" and term.args[0].op == "const":
        low = term.width - term.args[0].width
        return (term.args[0].value << low) | ((1 << low) - 1)
    return (1 << term.width) - 1


# Slices and joins.


def extract(term: Term, high: int, low: int) -> Term:
    """The bits `high` down to `low` of `term`. Raises TermError when they are not bits of it."""
    width = term.width
    if not 0 <= low <= high < width:
        raise TermError(f"bits {high} to {low} were asked of a term of {width} bits")
    while True:
        if low == 0 and high == term.width - 1:
            return term
        if term.op == "const":
            return wrap(term.value >> low, high - low + 1)
        if term.op == "extract":
            offset = term.data
            assert isinstance(offset, int)
            term, high, low = term.args[0], high + offset, low + offset
            continue
        if term.op == "sext" and high < term.args[0].width:
            term = term.args[0]
            continue
        if term.op == "concat":
            parts, top = [], term.width
            for part in term.args:
                bottom = top - part.width
                if bottom <= high and low < top:
                    parts.append((part, min(high, top - 1) - bottom, max(low, bottom) - bottom))
                top = bottom
            if len(parts) > 1:
                return concat(*[extract(part, h, lo) for part, h, lo in parts])
            term, high, low = parts[0]
            continue
        if term.op == "ite" and term.args[1].op == "const" and term.args[2].op == "const":
            condition, then, other = term.args
            return choice.ite(condition, extract(then, high, low), extract(other, high, low))
        return make("extract", BitVec(high - low + 1), (term,), low)


def concat(*parts: Term) -> Term:
    """The bit-vectors joined, the first highest."""
    flat: list[Term] = []
    for part in parts:
        for piece in part.args if part.op == "concat" else (part,):
            if flat:
                last = flat[-1]
                if last.op == "const" and piece.op == "const":
                    flat[-1] = wrap((last.value << piece.width) | piece.value, last.width + piece.width)
                    continue
                merged = _adjacent(last, piece)
                if merged is not None:
                    flat[-1] = merged
                    continue
            flat.append(piece)
    if len(flat) == 1:
        return flat[0]
    return make("concat", BitVec(sum(piece.width for piece in flat)), tuple(flat))


def _adjacent(high: Term, low: Term) -> Term | None:
    """The one slice that `high` over `low` make, if they are neighbours in the same term."""
    if high.op != "extract":
        return None
    source, start = high.args[0], high.data
    assert isinstance(start, int)
    if low.op == "extract" and low.args[0] is source:
        assert isinstance(low.data, int)
        if low.data + low.width == start:
            return extract(source, start + high.width - 1, low.data)
    return None


def join_bits(*flags: Term | int) -> Term:
    """Bools and the constants 0 and 1 as one bit-vector, the first flag highest."""
    return concat(*[bits(f, 1) if isinstance(f, int) else f.as_bits() for f in flags])


def zero_extend(term: Term, width: int) -> Term:
    """`term` with zeros above, `width` bits in all. Raises TermError when `width` is less than its own."""
    extra = width - term.width
    if extra < 0:
        raise TermError(f"a term of {term.width} bits cannot be extended to {width} bits")
    return term if extra == 0 else concat(wrap(0, extra), term)


def sign_extend(term: Term, width: int) -> Term:
    """`term` with copies of its sign above, `width` bits in all."""
    if width < term.width:
        raise TermError(f"a term of {term.width} bits cannot be extended to {width} bits")
    if width == term.width:
        return term
    if term.op == "const":
        return wrap(signed(term.value, term.width), width)
    if term.op == "concat" and term.args[0].op == "const" and not term.args[0].value >> (term.args[0].width - 1):
        return zero_extend(term, width)
    if term.op == "sext":
        term = term.args[0]
    return make("sext", BitVec(width), (term,))


# Linear sums: data is (constant, coefficient of each argument...).


def linear(term: Term) -> tuple[int, dict[Term, int]]:
    """`term` as a constant and a coefficient per atom."""
    if term.op == "const":
        return term.value, {}
    if term.op == "add":
        assert isinstance(term.data, tuple)
        return term.data[0], dict(zip(term.args, term.data[1:], strict=True))
    return 0, {term: 1}


def from_linear(constant: int, atoms: dict[Term, int], width: int) -> Term:
    """The term of a constant and coefficients, all modulo 2**width."""
    mask = (1 << width) - 1
    kept = sorted(((t, c & mask) for t, c in atoms.items() if c & mask), key=lambda pair: pair[0].digest)
    if not kept:
        return wrap(constant, width)
    if len(kept) == 1 and kept[0][1] == 1 and constant & mask == 0:
        return kept[0][0]
    coefficients = (constant & mask, *[c for _, c in kept])
    return make("add", BitVec(width), tuple(t for t, _ in kept), coefficients)


def _combine(a: Term, b: Term, sign: int) -> Term:
    constant, atoms = linear(a)
    other, more = linear(b)
    for atom, coefficient in more.items():
        atoms[atom] = atoms.get(atom, 0) + sign * coefficient
    return from_linear(constant + sign * other, atoms, a.width)


def add(a: Term, b: Term) -> Term:
    return _combine(a, b, 1)


def subtract(a: Term, b: Term) -> Term:
    return _combine(a, b, -1)


def scale(term: Term, factor: int) -> Term:
    constant, atoms = linear(term)
    return from_linear(constant * factor, {t: c * factor for t, c in atoms.items()}, term.width)


def multiply(a: Term, b: Term) -> Term:
    if b.op == "const":
        a, b = b, a
    if a.op == "const":
        return scale(b, a.value)
    return _binary("mul", *sorted((a, b), key=lambda t: t.digest))


# Everything else.


def _binary(op: str, a: Term, b: Term) -> Term:
    coerce(b, a.width)
    if a.op == "const" and b.op == "const":
        return wrap(BINARY[op](a.value, b.value, a.width), a.width)
    return make(op, a.sort, (a, b))


def _runs(mask: int, width: int) -> list[tuple[int, int, int]]:
    """The runs (high, low, bit) of equal bits in `mask`, highest first."""
    runs: list[tuple[int, int, int]] = []
    for position in range(width - 1, -1, -1):
        bit = mask >> position & 1
        if runs and runs[-1][2] == bit:
            runs[-1] = (runs[-1][0], position, bit)
        else:
            runs.append((position, position, bit))
    return runs


def bit_and(a: Term, b: Term) -> Term:
    """Bitwise and. With a constant it becomes a join of slices and zeros."""
    if a.op == "const":
        a, b = b, a
    if a is b:
        return a
    if b.op == "const" and a.op != "const":
        return concat(*[extract(a, h, lo) if bit else wrap(0, h - lo + 1) for h, lo, bit in _runs(b.value, a.width)])
    if a is bit_not(b):
        return wrap(0, a.width)
    return _binary("bvand", *sorted((a, b), key=lambda t: t.digest))


def bit_or(a: Term, b: Term) -> Term:
    """Bitwise or. With a constant it becomes a join of slices and ones."""
    if a.op == "const":
        a, b = b, a
    if a is b:
        return a
    if b.op == "const" and a.op != "const":
        return concat(*[wrap(-1, h - lo + 1) if bit else extract(a, h, lo) for h, lo, bit in _runs(b.value, a.width)])
    if a is bit_not(b):
        return wrap(-1, a.width)
    return _binary("bvor", *sorted((a, b), key=lambda t: t.digest))


def bit_xor(a: Term, b: Term) -> Term:
    if a.op == "const":
        a, b = b, a
    if a is b:
        return wrap(0, a.width)
    if b.op == "const":
        if b.value == 0:
            return a
        if b.value == (1 << b.width) - 1:
            return bit_not(a)
    return _binary("bvxor", *sorted((a, b), key=lambda t: t.digest))


def bit_not(a: Term) -> Term:
    if a.op == "const":
        return wrap(~a.value, a.width)
    if a.op == "bvnot":
        return a.args[0]
    return make("bvnot", a.sort, (a,))


def shift_left(a: Term, amount: Term) -> Term:
    if amount.op == "const":
        return scale(a, 1 << amount.value) if amount.value < a.width else wrap(0, a.width)
    return _binary("shl", a, amount)


def shift_right(a: Term, amount: Term) -> Term:
    if amount.op == "const":
        n = amount.value
        return zero_extend(extract(a, a.width - 1, n), a.width) if n < a.width else wrap(0, a.width)
    return _binary("lshr", a, amount)


def shift_right_arithmetic(a: Term, amount: Term) -> Term:
    if amount.op == "const":
        return sign_extend(extract(a, a.width - 1, min(amount.value, a.width - 1)), a.width)
    return _binary("ashr", a, amount)


def udiv(a: Term, b: Term) -> Term:
    """Unsigned quotient; by zero, all ones."""
    coerce(b, a.width)
    if b.op == "const" and b.value and b.value & (b.value - 1) == 0:
        return shift_right(a, wrap(b.value.bit_length() - 1, a.width))
    return _binary("udiv", a, b)


def urem(a: Term, b: Term) -> Term:
    """Unsigned remainder; by zero, the dividend."""
    coerce(b, a.width)
    if b.op == "const" and b.value and b.value & (b.value - 1) == 0:
        return bit_and(a, wrap(b.value - 1, a.width))
    return _binary("urem", a, b)


def sdiv(a: Term, b: Term) -> Term:
    """Signed quotient rounded to zero; by zero, 1 for a negative dividend and -1 otherwise."""
    return _binary("sdiv", a, b)


def srem(a: Term, b: Term) -> Term:
    """Signed remainder with the dividend's sign; by zero, the dividend."""
    return _binary("srem", a, b)


def ult(a: Term, b: Term) -> Term:
    """Unsigned less-than."""
    coerce(b, a.width)
    if a is b:
        return FALSE
    if a.op == "const" and b.op == "const":
        return TRUE if a.value < b.value else FALSE
    if b.op == "const":
        if upper_bound(a) < b.value:
            return TRUE
        if b.value <= 1:
            return choice.equal(a, wrap(0, a.width)) if b.value else FALSE
    if a.op == "const":
        if a.value >= upper_bound(b):
            return FALSE
        if a.value == 0:
            return negate(choice.equal(b, a))
    return make("ult", Bool, (a, b))


def slt(a: Term, b: Term) -> Term:
    """Signed less-than."""
    coerce(b, a.width)
    if a is b:
        return FALSE
    if a.op == "const" and b.op == "const":
        return TRUE if signed(a.value, a.width) < signed(b.value, b.width) else FALSE
    return make("slt", Bool, (a, b))


from . import choice  # noqa: E402  (a slice of a choice is a choice of slices)
