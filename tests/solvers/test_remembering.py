"""The back end that is asked each question once."""

from __future__ import annotations

from collections.abc import Sequence

from ringproof.model.terms import BitVec, Term, var
from ringproof.solvers.answer import Answer, Sat, Undecided, Unsat
from ringproof.solvers.remembering import Remembering
from ringproof.solvers.z3_solver import Z3Solver

X = var("x", BitVec(8))
LOW, HIGH = X < 4, X > 9


class Counting(Z3Solver):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        self.asked += 1
        return super().check(assertions, budget)


def test_a_question_is_asked_once_in_whatever_order() -> None:
    inner = Counting()
    solver = Remembering(inner)
    assert isinstance(solver.check([LOW, HIGH], 1_000_000), Unsat)
    assert isinstance(solver.check([HIGH, LOW, HIGH], 1_000_000), Unsat)
    assert inner.asked == 1
    assert isinstance(solver.check([LOW], 1_000_000), Sat)
    assert inner.asked == 2


def test_what_was_not_decided_is_asked_again() -> None:
    wide = [var(name, BitVec(64)) for name in "xyz"]
    hard = wide[0] * wide[1] == wide[2] * wide[2] + 7
    solver = Remembering(Z3Solver())
    assert isinstance(solver.check([hard, wide[0] > wide[2]], 1), Undecided)
    assert not isinstance(solver.check([LOW], 1_000_000), Undecided)
    inner = Counting()
    solver = Remembering(inner)
    for _ in range(2):
        assert isinstance(solver.check([hard, wide[0] > wide[2]], 1), Undecided)
    assert inner.asked == 2
