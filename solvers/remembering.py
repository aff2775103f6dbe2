"""A back end that is asked each question once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from ringproof.model.terms import Term

from .answer import Answer, Session, Solver, Undecided


class Remembering:
    """The back end `solver`, whose answers to `check` are kept: systems of one machine ask much that is the same.

    An answer has the cost that it had when it was asked. What was not decided is asked again. Sessions are not kept.

    >>> from ringproof.model.terms import BitVec, var
    >>> from ringproof.solvers.z3_solver import Z3Solver
    >>> x = var("x", BitVec(8))
    >>> solver = Remembering(Z3Solver())
    >>> first = solver.check([x < 3, x > 4], 1000000)
    >>> solver.check([x > 4, x < 3], 1000000) is first
    True
    """

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._known: dict[frozenset[Term], Answer] = {}

    @property
    def name(self) -> str:
        """That of the back end that is asked."""
        return self._solver.name

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        """Decides the conjunction of `assertions`, in whatever order they stand."""
        question = frozenset(assertions)
        found = self._known.get(question)
        if found is None:
            found = self._solver.check(assertions, budget)
            if not isinstance(found, Undecided):
                self._known[question] = found
        return found

    def session(self, assertions: Sequence[Term]) -> AbstractContextManager[Session]:
        """A session of the back end."""
        return self._solver.session(assertions)
