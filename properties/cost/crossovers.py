"""Where two constructions cost the same, solved for one quantity, and tried with numbers on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy

from . import quantities as q
from .formula import Formula, by_cost

Numbers = Mapping[sympy.Symbol, Fraction]


class CrossoverError(AssertionError):
    """A solution at which the two costs differ: a fault of ringproof."""


@dataclass(frozen=True)
class Tried:
    """A crossover with numbers for all else: the point, the cost of both there, and which costs less on each side."""

    numbers: dict[str, Fraction]
    at: Fraction
    cost: Fraction
    below: str | None
    above: str | None


@dataclass(frozen=True)
class Crossover:
    """`one` and `two` cost the same where `quantity` is `solution`.

    `tried` is None where the numbers put the point outside of what the quantity can be.
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
    difference = sympy.expand(one.cost - two.cost)
    for quantity in _unknowns(one, two):
        if quantity.symbol not in difference.free_symbols:
            continue
        for solution in sympy.solve(difference, quantity.symbol, simplify=False):
            yield _checked(one, two, quantity, solution, numbers)


def _unknowns(one: Formula, two: Formula) -> list[q.Quantity]:
    levels = one.cases.levels
    shares = [q.hidden(case.level) for case in levels if case.hides]
    found = [*shares, q.REUSE, q.TRAP, q.EXIT]
    known = one.cost.free_symbols | two.cost.free_symbols
    return [quantity for quantity in found if quantity.symbol in known]


def _checked(one: Formula, two: Formula, quantity: q.Quantity, solution: sympy.Expr, numbers: Numbers) -> Crossover:
    at_solution = [side.cost.subs(quantity.symbol, solution) for side in (one, two)]
    if sympy.expand(sympy.numer(sympy.together(at_solution[0] - at_solution[1]))) != 0:
        raise CrossoverError(f"{one.cases.name} and {two.cases.name} do not cost the same at {solution}")
    tried = _tried(one, two, quantity, solution, numbers)
    return Crossover(one.cases.name, two.cases.name, quantity, _shortest(solution), tried)


def _shortest(solution: sympy.Expr) -> sympy.Expr:
    """`solution` in the shortest of three forms."""
    above, below = sympy.fraction(sympy.cancel(solution))
    forms = [sympy.factor(solution), by_cost(above) / by_cost(below), by_cost(solution)]
    return min(forms, key=lambda form: form.count_ops())


def _tried(one: Formula, two: Formula, quantity: q.Quantity, solution: sympy.Expr, numbers: Numbers) -> Tried | None:
    others = {symbol: _rational(value) for symbol, value in numbers.items() if symbol is not quantity.symbol}
    point = solution.subs(others)
    if not point.is_Rational or point <= 0 or (quantity.unit == q.SHARE and point > 1):
        return None
    here = [side.cost.subs({**others, quantity.symbol: point}) for side in (one, two)]
    if here[0] != here[1]:
        raise CrossoverError(f"{one.cases.name} costs {here[0]} and {two.cases.name} {here[1]} at {point}")

    def cheaper(value: sympy.Expr) -> str | None:
        first, second = (side.cost.subs({**others, quantity.symbol: value}) for side in (one, two))
        return None if first == second else one.cases.name if first < second else two.cases.name

    used = {str(symbol): numbers[symbol] for symbol in sorted(solution.free_symbols, key=str)}
    at = Fraction(int(point.p), int(point.q))
    cost = Fraction(int(here[0].p), int(here[0].q))
    return Tried(used, at, cost, below=cheaper(point / 2), above=cheaper(point * 2))


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)
