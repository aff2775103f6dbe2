"""Solving equations before a back end sees them: x = t, with t free of x, is carried out as a substitution.

Hypotheses such as "the base is what it was" then fold away in the terms themselves, where equal terms are
one object. The result is satisfiable exactly when the original is, and `Eliminated` gives the values of the
variables that went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringproof.model.terms import (
    FALSE,
    TRUE,
    ArraySort,
    BoolSort,
    Evaluation,
    Term,
    all_of,
    substitute,
    variables,
)
from ringproof.model.terms.bitvector import from_linear, linear

ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Eliminated:
    """A goal without the variables that equations decide, and what these are, in the order of elimination."""

    goal: Term
    rounds: tuple[Mapping[Term, Term], ...]

    def complete(self, assignment: Mapping[str, Any]) -> dict[str, Any]:
        """`assignment` of the goal's variables extended by the eliminated ones; what is free is zero."""
        values = dict(assignment)
        evaluation = Evaluation(lambda v: values.get(v.name, {} if isinstance(v.sort, ArraySort) else 0))
        for definitions in reversed(self.rounds):
            values.update({v.name: evaluation.value(definition) for v, definition in definitions.items()})
        return values

    def reduce(self, terms: Sequence[Term]) -> list[Term]:
        """`terms` without the variables that went."""
        reduced = list(terms)
        for definitions in self.rounds:
            reduced = substitute(reduced, definitions)
        return reduced


def solve_equations(assertions: Sequence[Term]) -> Eliminated:
    """Substitutes what the conjunction of `assertions` says by equations, a few rounds at most."""
    goal = all_of(*assertions)
    rounds: list[Mapping[Term, Term]] = []
    for _ in range(ROUNDS):
        found = _independent(goal)
        if not found:
            break
        rounds.append(found)
        (goal,) = substitute([goal], found)
    return Eliminated(goal, tuple(rounds))


def _independent(goal: Term) -> dict[Term, Term]:
    """Definitions that the goal's parts give, none of which mentions a variable that another one defines."""
    chosen: dict[Term, Term] = {}
    mentioned: set[Term] = set()
    for part in goal.args if goal.op == "and" else (goal,):
        solved = _solve(part)
        if solved is None:
            continue
        variable, definition = solved
        inside = set(variables([definition]))
        if variable in chosen or variable in mentioned or variable in inside or not inside.isdisjoint(chosen):
            continue
        chosen[variable] = definition
        mentioned |= inside
    return chosen


def _solve(part: Term) -> tuple[Term, Term] | None:
    """The variable that `part` decides, and its value; None where it is no such equation."""
    if part.op == "var":
        return part, TRUE
    if part.op == "not" and part.args[0].op == "var":
        return part.args[0], FALSE
    if part.op != "eq":
        return None
    left, right = part.args
    for variable, other in ((left, right), (right, left)):
        if variable.op == "var" and variable not in set(variables([other])):
            return variable, other
    return None if isinstance(left.sort, BoolSort) else _solve_sum(left, right)


def _solve_sum(left: Term, right: Term) -> tuple[Term, Term] | None:
    constant, atoms = linear(left - right)
    width = left.width
    for atom, coefficient in atoms.items():
        if atom.op != "var" or coefficient not in (1, (1 << width) - 1):
            continue
        rest = {other: c for other, c in atoms.items() if other is not atom}
        if atom in set(variables(rest)):
            continue
        sign = -1 if coefficient == 1 else 1
        return atom, from_linear(sign * constant, {other: sign * c for other, c in rest.items()}, width)
    return None
