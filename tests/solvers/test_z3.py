"""The z3 back end keeps the solvers' contract: budgets, repeatable costs, and assignments of every sort."""

from __future__ import annotations

import pytest

from ringproof.model.terms import FALSE, TRUE, Array, BitVec, Bool, Term, var
from ringproof.solvers.answer import Sat, Undecided, Unsat
from ringproof.solvers.z3_solver import QUICK, Z3Solver

X, Y = var("x", BitVec(32)), var("y", BitVec(32))
P, Q = var("p", Bool), var("q", Bool)
M = var("m", Array(16, 8))
BUDGET = 10_000_000

# A factorization of a number of 62 bits: too much for a budget of some thousands.
HARD = [X.zext(64) * Y.zext(64) == 4611685975477714963, X > 1, Y > 1, X < Y]


def test_trivial_conjunctions() -> None:
    solver = Z3Solver()
    assert isinstance(solver.check([], BUDGET), Sat)
    assert isinstance(solver.check([TRUE], BUDGET), Sat)
    assert isinstance(solver.check([FALSE], BUDGET), Unsat)
    assert isinstance(solver.check([P, ~P], BUDGET), Unsat)
    assert solver.name.startswith("z3 ")


@pytest.mark.parametrize("budget", [1, 1_000, 20_000])
def test_a_budget_that_does_not_suffice_is_undecided(budget: int) -> None:
    answer = Z3Solver().check(HARD, budget)
    assert isinstance(answer, Undecided)
    assert answer.reason == f"{budget} resource units were not enough"
    assert answer.cost < budget + 1_000
    assert Z3Solver().check(HARD, budget) == answer
    with Z3Solver().session(HARD) as session:
        again = session.check([X > 5], budget)
    assert isinstance(again, Undecided)
    assert again.reason == answer.reason


@pytest.mark.slow
def test_both_solvers_together_keep_to_the_budget() -> None:
    budget = QUICK + 1_000_000
    answer = Z3Solver().check(HARD, budget)
    assert isinstance(answer, Undecided)
    assert answer.cost < budget + 1_000


@pytest.mark.parametrize(
    "assertions", [[X * Y == 1001, X > 1, Y > 1, X < 100, Y < 100], [X * X == 3], [(X & Y) == Y, X < Y]], ids=str
)
def test_answers_and_costs_repeat(assertions: list[Term]) -> None:
    answer = Z3Solver().check(assertions, BUDGET)
    Z3Solver().check([X + Y == 7, M[X[15:0]] > 3], BUDGET)
    assert Z3Solver().check(assertions, BUDGET) == answer


def test_assignments_of_every_sort() -> None:
    distinct = [M[X[15:0]] == 7, M[Y[15:0]] > 200, X == 3, P ^ Q, Q | (X == 4), Y < 9]
    answer = Z3Solver().check(distinct, BUDGET)
    assert isinstance(answer, Sat)
    found = answer.assignment
    assert (found["x"], found["p"], found["q"]) == (3, False, True)
    assert found["m"][3] == 7
    assert found["m"][found["y"]] > 200
    assert found["y"] < 9
