"""The cost of a guest step and the slowdown of a construction, in closed form over its cases.

The average cost of a guest step is the sum over the ways in which steps are taken: its share of all steps, times what
one costs. The guest's own machine takes the same steps: some are traps there too, the others complete. The slowdown is
the quotient, and everything is linear in the shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

from . import quantities as q
from .cases import Cases, LevelCases, Treatment, Way
from .recursion import nested


@dataclass(frozen=True)
class Formula:
    """The closed forms of one construction; `ways` are the shares of guest steps by how they are taken.

    >>> from ringproof.model.monitors.catalog import system
    >>> from ringproof.properties.cost.cases import cases
    >>> found = formula(cases("hybrid", system("third-generation/hybrid")))
    >>> found.ways["interpreted"], found.ways["reflected"]
    (s_supervisor, o_user)
    """

    cases: Cases
    ways: dict[str, sympy.Expr]
    cost: sympy.Expr
    native: sympy.Expr

    @property
    def slowdown(self) -> sympy.Expr:
        return self.cost / self.native

    @property
    def quantities(self) -> list[q.Quantity]:
        """What the formulas speak of, in a fixed order."""
        return q.described(self.cost + self.native, self.cases.names)


def formula(cases: Cases) -> Formula:
    """The closed forms of a construction with these cases."""
    parts = [_Level(case, _share(cases, case)) for case in cases.levels]
    ways: dict[str, sympy.Expr] = {}
    for part in parts:
        for way, share in part.ways().items():
            ways[way] = sympy.expand(ways.get(way, 0) + share)
    cost = nested(sum((part.cost() for part in parts), sympy.Integer(0)), cases.depth)
    native = sum((part.native() for part in parts), sympy.Integer(0))
    shown = {way: share for way, share in ways.items() if share != 0}
    return Formula(cases, shown, by_cost(cost), by_cost(native))


def by_cost(expression: sympy.Expr) -> sympy.Expr:
    """`expression` with the shares that each cost is multiplied by collected."""
    expanded = sympy.expand(expression)
    costs = [quantity.symbol for quantity in q.GENERAL if quantity.unit == q.CYCLES]
    return sympy.collect(expanded, [cost for cost in costs if cost in expanded.free_symbols])


def _share(cases: Cases, case: LevelCases) -> sympy.Expr:
    """The steps at a level; those at the last level are all others."""
    if case is cases.levels[-1]:
        return 1 - sum(q.at(other.level).symbol for other in cases.levels[:-1])
    return q.at(case.level).symbol


class _Level:
    """What the steps at one level cost."""

    def __init__(self, case: LevelCases, share: sympy.Expr) -> None:
        self.case, self.share = case, share
        self.hidden = q.hidden(case.level).symbol if case.hides or case.may_hide else sympy.Integer(0)
        self.own = q.own(case.level).symbol if case.own else sympy.Integer(0)
        self.completing = share - self.hidden - self.own

    @property
    def _found(self) -> sympy.Expr:
        """Of the guest's own traps, those that the monitor's routine finds."""
        if self.case.own == {Way.EMULATED}:
            return self.own
        if Way.EMULATED in self.case.own:
            return self.own * q.found_by_routine(self.case.level).symbol
        return sympy.Integer(0)

    @property
    def _interpreted(self) -> sympy.Expr:
        """Which of the level's steps are interpreted."""
        if self.case.treatment is Treatment.SOMETIMES:
            return q.interpreted(self.case.level).symbol
        return sympy.Integer(self.case.treatment is Treatment.INTERPRETED)

    def ways(self) -> dict[str, sympy.Expr]:
        """The shares of the steps by how they are taken."""
        if self.case.treatment is Treatment.TRANSLATED:
            return {
                "translated": self.completing,
                "called out": self.hidden + self._found,
                Way.REFLECTED.value: self.own - self._found,
            }
        if self.case.treatment is Treatment.NON_ROOT:
            exits = q.CONTROLLED.symbol * self.hidden
            return {Way.DIRECT.value: self.share - exits, "exited": exits}
        directly = 1 - self._interpreted
        return {
            Way.DIRECT.value: directly * self.completing,
            Way.EMULATED.value: directly * (self.hidden + self._found),
            Way.REFLECTED.value: directly * (self.own - self._found),
            Way.INTERPRETED.value: self._interpreted * self.share,
        }

    def cost(self) -> sympy.Expr:
        """What the steps cost under the construction."""
        trap, emulation = q.TRAP.symbol, q.EMULATION.symbol
        ways = self.ways()
        costs = {
            Way.DIRECT.value: q.DIRECT.symbol,
            Way.EMULATED.value: trap + emulation,
            Way.REFLECTED.value: trap,
            Way.INTERPRETED.value: q.INTERPRETATION.symbol,
            "translated": q.DIRECT.symbol,
            "called out": q.CALL_OUT.symbol,
            "exited": q.EXIT.symbol + emulation,
        }
        if self.case.treatment is Treatment.NON_ROOT:
            walks = q.MISSES.symbol * self.share * q.WALK.symbol
            return self.native() + ways["exited"] * (costs["exited"] - q.PRIVILEGED.symbol) + walks
        total = sum((share * costs[way] for way, share in ways.items()), sympy.Integer(0))
        if self.case.treatment is Treatment.TRANSLATED:
            total += self.share * q.TRANSLATION.symbol / q.REUSE.symbol
        return total + self.own * q.REFLECTION.symbol

    def native(self) -> sympy.Expr:
        """What they cost on the guest's own machine."""
        completing, hidden = self.completing * q.DIRECT.symbol, self.hidden * q.PRIVILEGED.symbol
        return completing + hidden + self.own * q.NATIVE_TRAP.symbol
