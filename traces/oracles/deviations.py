"""Where another implementation is known to differ from the manual, and how a disagreement is traced to it.

A deviation explains a disagreement in one of two ways. `believes` gives the machine as the other side has it:
that machine, run on the same case, must then agree with the oracle in everything. `explains` names the
differences that the deviation accounts for. `Explainer` finds the fewest deviations that leave nothing over;
what it cannot explain is a fault of somebody and stays a disagreement. `ringproof validate` reports an entry
that no case of the run needed. The tables are `unicorn_deviations` and `host_deviations`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter

from .answers import Completed, Raised
from .comparison import Comparer, Disagreement

LARGEST_VIEW = 3


@dataclass(frozen=True)
class Deviation:
    """One way in which an implementation departs from the manual at `section`, and where its source does so.

    `rows` are the rows of the classification that it concerns, all where there are none.
    """

    name: str
    section: str
    reason: str
    rows: tuple[str, ...] = ()
    believes: Callable[[Machine], Machine] | None = None
    explains: Callable[[Disagreement], set[str]] | None = None

    def concerns(self, disagreement: Disagreement) -> bool:
        return not self.rows or disagreement.case.instruction.name in self.rows


class Explainer:
    """Explains the disagreements of one comparer by its oracle's deviations."""

    def __init__(self, comparer: Comparer, deviations: Sequence[Deviation]) -> None:
        self.comparer = comparer
        self.deviations = tuple(deviations)
        self._comparers: dict[tuple[Deviation, ...], Comparer] = {}

    def explain(self, disagreement: Disagreement) -> list[Deviation] | None:
        """The deviations that account for everything in it, or None.

        A case that the machine as the oracle has it declines is explained: what follows is left open.
        """
        concerned = [d for d in self.deviations if d.concerns(disagreement)]
        views = [d for d in concerned if d.believes is not None]
        named = [d for d in concerned if d.explains is not None]
        for size in range(min(LARGEST_VIEW, len(views)) + 1):
            for chosen in combinations(views, size):
                seen = self._seen(disagreement, chosen) if chosen else disagreement
                used = [] if seen.expected.declined else _rest(seen, named)
                if used is not None:
                    return [*chosen, *used]
        return None

    def _seen(self, disagreement: Disagreement, views: tuple[Deviation, ...]) -> Disagreement:
        """The same case with what the machine that the oracle has would do."""
        case, answer = disagreement.case, disagreement.answer
        assert isinstance(answer, Completed | Raised)
        expected = self._comparer(views).expect(case)
        ignored = self.comparer.undefined(case) if expected.trapped is None else set()
        differences = self.comparer.differences(case, expected, answer, ignored)
        return Disagreement(case, differences, expected, answer)

    def _comparer(self, views: tuple[Deviation, ...]) -> Comparer:
        found = self._comparers.get(views)
        if found is None:
            machine = self.comparer.machine
            for view in views:
                assert view.believes is not None
                machine = view.believes(machine)
            found = self._comparers[views] = type(self.comparer)(Interpreter(machine), self.comparer.oracle)
        return found


def _rest(disagreement: Disagreement, named: Sequence[Deviation]) -> list[Deviation] | None:
    """The named deviations that account for what differs, or None if something is left."""
    left, used = set(disagreement.differences), []
    for deviation in named:
        if not left:
            break
        assert deviation.explains is not None
        explained = deviation.explains(disagreement) & left
        if explained:
            left -= explained
            used.append(deviation)
    return None if left else used


__all__ = ["Deviation", "Explainer"]
