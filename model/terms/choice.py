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
    """`a` equals the constant `b`, pushed down to where `a` is no choice, join, complement or moved sum.

    A task is a term and the constant to meet, or what joins the last results: a choice's condition, or how many.
    """
    tasks: list[tuple[Term, Term] | Term | int] = [(a, b)]
    results: list[Term] = []
    while tasks:
        task = tasks.pop()
        if isinstance(task, int):
            results[-task:] = [boolean.all_of(*results[-task:])]
        elif isinstance(task, Term):
            other, then = results.pop(), results.pop()
            results.append(ite(task, then, other))
        else:
            below = _below(*task)
            if isinstance(below, Term):
                results.append(below)
            else:
                tasks += below
    return results[0]


def _below(a: Term, b: Term) -> Term | list[tuple[Term, Term] | Term | int]:
    """The tasks that `a` equals the constant `b` comes down to, the last one first; a term where it is final."""
    if a.op == "const":
        return boolean.boolean(a.data == b.data)
    if a.op == "ite":
        condition, then, other = a.args
        if then.op == "const" or other.op == "const":
            return [condition, (other, b), (then, b)]
    if a.op == "concat":
        top = a.width
        pieces: list[tuple[Term, Term] | Term | int] = [len(a.args)]
        for part in a.args:
            pieces.append((part, bitvector.extract(b, top - 1, top - part.width)))
            top -= part.width
        return pieces
    if a.op == "bvnot":
        return [(a.args[0], bitvector.bit_not(b))]
    if a.op == "add":
        constant, atoms = bitvector.linear(a)
        if constant:
            return [(bitvector.from_linear(0, atoms, a.width), bitvector.wrap(b.value - constant, a.width))]
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
    """`then` where `condition` holds, `other` elsewhere. Raises TermError when their sorts differ.

    Summands that two sums share are taken out, so that a moved base cancels.
    """
    condition, other = boolean.coerce(condition), coerce(other, then.sort)
    shared: list[Term] = []
    while True:
        if condition.op == "not":
            condition, then, other = condition.args[0], other, then
        if condition.op != "const" and not isinstance(then.sort, ArraySort):
            if then.op == "ite" and then.args[0] is condition:
                then = then.args[1]
            if other.op == "ite" and other.args[0] is condition:
                other = other.args[2]
        if condition.op == "const" or then is other:
            result = then if condition is not boolean.FALSE else other
        elif isinstance(then.sort, ArraySort):
            result = array.merge(condition, then, other)
        elif isinstance(then.sort, BoolSort):
            result = _ite_bool(condition, then, other)
        elif other.op == "ite" and other.args[1] is then:
            condition, other = boolean.any_of(condition, other.args[0]), other.args[2]
            continue
        elif then.op == "ite" and then.args[2] is other:
            condition, then = boolean.all_of(condition, then.args[0]), then.args[1]
            continue
        elif (common := _shared(then, other)) is not None:
            shared.append(common)
            then, other = bitvector.subtract(then, common), bitvector.subtract(other, common)
            continue
        else:
            result = make("ite", then.sort, (condition, then, other))
        break
    for common in reversed(shared):
        result = bitvector.add(result, common)
    return result


def _shared(then: Term, other: Term) -> Term | None:
    """The sum of the atoms that two sums have with the same coefficient, or None."""
    if then.op != "add" and other.op != "add":
        return None
    (_, mine), (_, theirs) = bitvector.linear(then), bitvector.linear(other)
    common = {atom: c for atom, c in mine.items() if theirs.get(atom) == c}
    return bitvector.from_linear(0, common, then.width) if common else None


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
