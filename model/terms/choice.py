"""Equality and if-then-else, which exist at several sorts."""

from __future__ import annotations

from . import array, bitvector, boolean
from .sorts import ArraySort, Bool, BoolSort, Sort
from .term import Term, TermError, make


def coerce(value: object, sort: Sort) -> Term:
    """`value` as a term of `sort`. Raises TermError when it is none."""
    if isinstance(sort, BoolSort):
        return boolean.coerce(value)
    if isinstance(sort, ArraySort):
        if isinstance(value, Term) and value.sort is sort:
            return value
        raise TermError(f"a term of sort {sort} was expected, not {value!r}")
    return bitvector.coerce(value, sort.width)


def equal(a: Term, b: Term) -> Term:
    """The Bool that says that `a` and `b` are equal. Arrays are compared at an address, never whole."""
    if a.sort is not b.sort:
        coerce(b, a.sort)
    if isinstance(a.sort, ArraySort):
        raise TermError("arrays are not compared whole; compare them at one arbitrary address")
    if a is b:
        return boolean.TRUE
    if a.op == "const":
        a, b = b, a
    if isinstance(a.sort, BoolSort):
        if b.op == "const":
            return a if b.data else boolean.negate(a)
        if a is boolean.negate(b):
            return boolean.FALSE
        return _ordered(a, b)
    if b.op == "const":
        return _equal_constant(a, b)
    if a.op == "add" or b.op == "add":
        return _equal_linear(a, b)
    return _ordered(a, b)


def _ordered(a: Term, b: Term) -> Term:
    return make("eq", Bool, (a, b) if a.digest <= b.digest else (b, a))


def _equal_constant(a: Term, b: Term) -> Term:
    if a.op == "const":
        return boolean.boolean(a.data == b.data)
    if a.op == "ite":
        condition, then, other = a.args
        if then.op == "const" or other.op == "const":
            return ite(condition, equal(then, b), equal(other, b))
    if a.op == "concat":
        top, parts = a.width, []
        for part in a.args:
            parts.append(equal(part, bitvector.extract(b, top - 1, top - part.width)))
            top -= part.width
        return boolean.all_of(*parts)
    if a.op == "bvnot":
        return equal(a.args[0], bitvector.bit_not(b))
    if a.op == "add":
        constant, atoms = bitvector.linear(a)
        if constant:
            return equal(bitvector.from_linear(0, atoms, a.width), bitvector.wrap(b.value - constant, a.width))
    return _ordered(a, b)


def _equal_linear(a: Term, b: Term) -> Term:
    constant, atoms = bitvector.linear(bitvector.subtract(a, b))
    if not atoms:
        return boolean.boolean(constant == 0)
    width, half = a.width, 1 << (a.width - 1)
    left = {atom: c for atom, c in atoms.items() if c < half}
    right = {atom: -c for atom, c in atoms.items() if c >= half}
    if not left or not right:
        left, right = (left or right), {}
        sign = 1 if left and atoms[next(iter(left))] < half else -1
        x, y = bitvector.from_linear(0, left, width), bitvector.wrap(-sign * constant, width)
        return _equal_constant(x, y) if x.op != "add" else _ordered(x, y)
    return _ordered(bitvector.from_linear(constant, left, width), bitvector.from_linear(0, right, width))


def ite(condition: Term | bool, then: Term, other: Term | int | bool) -> Term:
    """`then` where `condition` holds, `other` elsewhere. Raises TermError when their sorts differ."""
    condition, other = boolean.coerce(condition), coerce(other, then.sort)
    if condition.op == "const":
        return then if condition.data else other
    if then is other:
        return then
    if condition.op == "not":
        condition, then, other = condition.args[0], other, then
    if isinstance(then.sort, ArraySort):
        return array.merge(condition, then, other)
    if then.op == "ite" and then.args[0] is condition:
        then = then.args[1]
    if other.op == "ite" and other.args[0] is condition:
        other = other.args[2]
    if then is other:
        return then
    if isinstance(then.sort, BoolSort):
        return _ite_bool(condition, then, other)
    if other.op == "ite" and other.args[1] is then:
        return ite(boolean.any_of(condition, other.args[0]), then, other.args[2])
    if then.op == "ite" and then.args[2] is other:
        return ite(boolean.all_of(condition, then.args[0]), then.args[1], other)
    if then.op == "add" or other.op == "add":
        return _ite_sum(condition, then, other)
    return make("ite", then.sort, (condition, then, other))


def _ite_sum(condition: Term, then: Term, other: Term) -> Term:
    """A choice of two sums with the summands that they share taken out, so that a moved base cancels."""
    constant, mine = bitvector.linear(then)
    other_constant, theirs = bitvector.linear(other)
    common = {atom: c for atom, c in mine.items() if theirs.get(atom) == c}
    if not common:
        return make("ite", then.sort, (condition, then, other))
    width = then.width
    mine = {atom: c for atom, c in mine.items() if atom not in common}
    theirs = {atom: c for atom, c in theirs.items() if atom not in common}
    choice = ite(
        condition,
        bitvector.from_linear(constant, mine, width),
        bitvector.from_linear(other_constant, theirs, width),
    )
    return bitvector.add(choice, bitvector.from_linear(0, common, width))


def _ite_bool(condition: Term, then: Term, other: Term) -> Term:
    if then.op == "const":
        return boolean.any_of(condition, other) if then.data else boolean.all_of(boolean.negate(condition), other)
    if other.op == "const":
        return boolean.any_of(boolean.negate(condition), then) if other.data else boolean.all_of(condition, then)
    if then is condition:
        return boolean.any_of(condition, other)
    if other is condition:
        return boolean.all_of(condition, then)
    return make("ite", Bool, (condition, then, other))
