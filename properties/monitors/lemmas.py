"""Guards that agree: a trap of the host is the guest's own, proved once for every address that is developed so.

An access under the composed relocation traps where the guest's own access does, whatever the address. The two guards
are made general first: what is read from memory, and the fields of the instruction word, become variables. A proof of
the general statement is one of each instance.
"""

from __future__ import annotations

from collections.abc import Callable

from ringproof.model.encoding import WORD
from ringproof.model.monitors.placement import Placement
from ringproof.model.terms import Term, substitute, topological, var
from ringproof.solvers.answer import Solver, Unsat


class Lemmas:
    """The pairs of guards that were proved equal, or not, under one placement.

    `asked` has the cost of each question in the solver's units.
    """

    def __init__(self, solver: Solver, budget: int) -> None:
        self._solver, self._budget = solver, budget
        self._known: dict[tuple[Term, Term], bool] = {}
        self.asked: list[int] = []

    def agree(self, placement: Placement, one: Term, two: Term) -> bool:
        """Whether `one` and `two` are equal in every state of the placement, by a proof."""
        first, second = general([one, two])
        known = self._known.get((first, second))
        if known is None:
            answer = self._solver.check([*placement.hypotheses(), first != second], self._budget)
            known = self._known[first, second] = isinstance(answer, Unsat)
            self.asked.append(answer.cost)
        return known


def general(terms: list[Term]) -> list[Term]:
    """`terms` with a variable for each cell that they read and each field of the instruction word."""
    ties: dict[Term, Term] = {}
    for node in topological(terms):
        if _is_reading(node):
            ties[node] = var(f"$any{len(ties)}", node.sort)
    return substitute(terms, ties)


def _is_reading(node: Term) -> bool:
    field: Callable[[Term], bool] = lambda t: t.op == "extract" and t.args[0].op == "var" and t.args[0].name == WORD  # noqa: E731
    return node.op == "select" or field(node)
