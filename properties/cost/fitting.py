"""Costs by least squares: one for each way in which steps are taken, from whole runs of different mixes.

Relative residuals are made small, so that short runs count as much as long ones. The error is shown for the runs
that were fitted, and for others that were not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy

from .measuring import Run


class NotFitted(ValueError):
    """Runs that do not tell the costs apart."""


@dataclass(frozen=True)
class Fit:
    """The cost of each way in microseconds, and the relative errors of whole runs."""

    costs: Mapping[str, float]
    errors: tuple[float, ...]
    held_out: tuple[float, ...]

    def predicted(self, counts: Mapping[str, int]) -> float:
        """Microseconds of a run with these steps."""
        return sum(self.costs[way] * count for way, count in counts.items())


def fit(runs: Sequence[Run], held_out: Sequence[Run] = ()) -> Fit:
    """The costs that explain `runs` best. Raises NotFitted where different costs would explain them alike.

    >>> runs = [Run("a", {"direct": 10}, 20.0), Run("b", {"direct": 5, "emulated": 1}, 17.0)]
    >>> {way: round(cost, 9) for way, cost in fit(runs).costs.items()}
    {'direct': 2.0, 'emulated': 7.0}
    """
    ways = list(dict.fromkeys(way for run in runs for way in run.counts))
    scaled = sympy.Matrix([[sympy.Rational(run.counts.get(w, 0)) / _exact(run) for w in ways] for run in runs])
    if scaled.rank() < len(ways):
        raise NotFitted(f"{len(runs)} runs do not tell apart the costs of {', '.join(ways)}")
    ones = sympy.ones(len(runs), 1)
    solution = (scaled.T * scaled).LUsolve(scaled.T * ones)
    costs = {way: float(cost) for way, cost in zip(ways, solution, strict=True)}
    found = Fit(costs, (), ())
    return Fit(costs, tuple(_error(found, run) for run in runs), tuple(_error(found, run) for run in held_out))


def _error(fit: Fit, run: Run) -> float:
    return abs(fit.predicted(run.counts) - run.microseconds) / run.microseconds


def _exact(run: Run) -> sympy.Rational:
    """The time as a rational number, so that nothing is lost in the equations."""
    return sympy.Rational(run.microseconds)
