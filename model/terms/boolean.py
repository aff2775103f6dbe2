"""Booleans: constants, negation, and n-ary conjunction and disjunction, flattened and ordered."""

from __future__ import annotations

from .sorts import Bool, BoolSort
from .term import Term, TermError, make

TRUE = make("const", Bool, (), 1)
FALSE = make("const", Bool, (), 0)


def boolean(value: bool) -> Term:
    """The constant `value`."""
    return TRUE if value else FALSE


def coerce(value: object) -> Term:
    """`value` as a Bool term. Raises TermError for anything but a Bool term, True or False."""
    if isinstance(value, Term):
        if isinstance(value.sort, BoolSort):
            return value
        raise TermError(f"a Bool was expected, but {value!r} is of sort {value.sort}")
    if isinstance(value, bool):
        return TRUE if value else FALSE
    raise TermError(f"a Bool was expected, not {value!r}")


def negate(term: Term) -> Term:
    """Logical not. Raises TermError for a term that is no Bool."""
    coerce(term)
    if term.op == "const":
        return FALSE if term.data else TRUE
    if term.op == "not":
        return term.args[0]
    return make("not", Bool, (term,))


def _flatten(op: str, args: tuple[Term | bool, ...], unit: Term, zero: Term) -> Term:
    seen: dict[int, Term] = {}
    for arg in args:
        term = coerce(arg)
        if term is zero:
            return zero
        if term is not unit:
            for part in term.args if term.op == op else (term,):
                seen[id(part)] = part
    for part in seen.values():
        if part.op == "not" and id(part.args[0]) in seen:
            return zero
    if not seen:
        return unit
    if len(seen) == 1:
        return next(iter(seen.values()))
    return make(op, Bool, tuple(sorted(seen.values(), key=lambda part: part.digest)))


def all_of(*args: Term | bool) -> Term:
    """The conjunction; true when there are none."""
    return _flatten("and", args, TRUE, FALSE)


def any_of(*args: Term | bool) -> Term:
    """The disjunction; false when there are none."""
    return _flatten("or", args, FALSE, TRUE)


def implies(premise: Term, conclusion: Term) -> Term:
    return any_of(negate(premise), conclusion)
