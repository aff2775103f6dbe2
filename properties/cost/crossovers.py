"""Where two constructions cost the same, solved for one quantity, and tried with numbers on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy

from . import quantities as q
from .formula import Formula, by_cost

LONG = 60
"""From so many operations on, looking for factors takes seconds."""

Numbers = Mapping[sympy.Symbol, Fraction]


class CrossoverError(AssertionError):
    """A solution at which the two costs differ: a fault of ringproof."""


@dataclass(frozen=True)
class Tried:
    """A crossover with numbers for all else.

    `at` is the point, and `cost` what both cost there: None where the quantity cannot be what `at` is. `below` and
    `above` say which costs less on each side of it, or throughout; None where both cost the same.
    """

    numbers: dict[str, Fraction]
    at: Fraction
    cost: Fraction | None
    below: str | None
    above: str | None


@dataclass(frozen=True)
class Crossover:
    """`one` and `two` cost the same where `quantity` is `solution`.

    `tried` is None where the numbers leave no such point.
    """

    one: str
    two: str
    quantity: q.Quantity
    solution: sympy.Expr
    tried: Tried | None


def crossovers(one: Formula, two: Formula, numbers: Numbers) -> Iterator[Crossover]:
    """The crossovers of two constructions of one machine, for each quantity that it makes sense to solve for.

    Those are the instruction mix, the reuse of translations and the trap's own cost. Raises CrossoverError where a
    solution does not make the costs equal, for the `numbers` and in general.
    """
    # A polynomial: the reuse of translations is the one quantity that costs are divided by.
    difference = sympy.numer(sympy.cancel(sympy.expand(one.cost - two.cost)))
    for quantity in _unknowns(one, two):
        if quantity.symbol not in difference.free_symbols:
            continue
        for solution in sympy.solve(difference, quantity.symbol, simplify=False, check=False):
            if not _is_root(difference, quantity.symbol, solution):
                raise CrossoverError(f"{one.cases.name} and {two.cases.name} do not cost the same at {solution}")
            yield _crossover(one, two, quantity, solution, numbers)


def _is_root(difference: sympy.Expr, symbol: sympy.Symbol, solution: sympy.Expr) -> bool:
    """Whether the polynomial `difference` vanishes where `symbol` is `solution`."""
    above, below = sympy.fraction(sympy.together(solution))
    others = sorted(difference.free_symbols - {symbol}, key=str)
    ring = sympy.QQ.poly_ring(*others)
    coefficients = [ring.from_sympy(c) for c in sympy.Poly(difference, symbol).all_coeffs()]
    top, bottom = ring.from_sympy(above), ring.from_sympy(below)
    degree = len(coefficients) - 1
    return bool(sum((c * top ** (degree - i) * bottom**i for i, c in enumerate(coefficients)), ring.zero) == 0)


def _unknowns(one: Formula, two: Formula) -> list[q.Quantity]:
    levels = one.cases.levels
    shares = [q.hidden(case.level) for case in levels if case.hides or case.may_hide]
    found = [*shares, q.REUSE, q.TRAP, q.EXIT]
    known = one.cost.free_symbols | two.cost.free_symbols
    return [quantity for quantity in found if quantity.symbol in known]


def _crossover(one: Formula, two: Formula, quantity: q.Quantity, solution: sympy.Expr, numbers: Numbers) -> Crossover:
    exact = {symbol: _rational(value) for symbol, value in numbers.items() if symbol != quantity.symbol}
    tried = _tried(one, two, quantity, solution, exact, numbers[quantity.symbol])
    return Crossover(one.cases.name, two.cases.name, quantity, _shortest(solution, exact), tried)


def _shortest(solution: sympy.Expr, numbers: Mapping[sympy.Symbol, sympy.Rational]) -> sympy.Expr:
    """`solution` in factors, or if it is long ordered by costs, its denominator positive for the numbers."""
    long = solution.count_ops() > LONG
    above, below = sympy.fraction(sympy.together(solution) if long else sympy.cancel(solution))
    if below.xreplace(numbers) < 0:
        above, below = sympy.expand(-above), sympy.expand(-below)
    ordered = by_cost(above) / by_cost(below)
    if long:
        return ordered
    return min(ordered, sympy.factor(above) / sympy.factor(below), key=lambda form: form.count_ops())


def _tried(
    one: Formula,
    two: Formula,
    quantity: q.Quantity,
    solution: sympy.Expr,
    numbers: Mapping[sympy.Symbol, sympy.Rational],
    asked: Fraction,
) -> Tried | None:
    """The crossover tried with numbers. Where no such point can be, `asked` is where the costs are compared."""
    point = solution.xreplace(numbers)
    if not point.is_Rational:
        return None

    def costs(value: sympy.Expr) -> list[sympy.Rational]:
        return [side.cost.xreplace({**numbers, quantity.symbol: value}) for side in (one, two)]

    def cheaper(value: sympy.Expr) -> str | None:
        first, second = costs(value)
        return None if first == second else one.cases.name if first < second else two.cases.name

    used = {str(s): _fraction(numbers[s]) for s in sorted(solution.free_symbols, key=str)}
    shares = [
        share.xreplace({**numbers, quantity.symbol: point}) for side in (one, two) for share in side.ways.values()
    ]
    possible = point > 0 and all(share >= 0 for share in shares)
    if not possible:
        throughout = cheaper(_rational(asked))
        return Tried(used, _fraction(point), None, throughout, throughout)
    here = costs(point)
    if here[0] != here[1]:
        raise CrossoverError(f"{one.cases.name} costs {here[0]} and {two.cases.name} {here[1]} at {point}")
    return Tried(used, _fraction(point), _fraction(here[0]), cheaper(point / 2), cheaper(point * 2))


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)


def _fraction(value: sympy.Rational) -> Fraction:
    return Fraction(int(value.p), int(value.q))
