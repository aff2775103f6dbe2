"""Round numbers of a plausible size, to try formulas with. They are measured nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import sympy

from . import quantities as q

COSTS: dict[sympy.Symbol, Fraction] = {
    quantity.symbol: Fraction(value)
    for quantity, value in (
        (q.DIRECT, 1), (q.PRIVILEGED, 10), (q.NATIVE_TRAP, 200), (q.TRAP, 1000), (q.EMULATION, 200),
        (q.REFLECTION, 150), (q.INTERPRETATION, 40), (q.TRANSLATION, 500), (q.REUSE, 1000), (q.CALL_OUT, 30),
        (q.EXIT, 1500), (q.CONTROLLED, Fraction(1, 2)), (q.WALK, 50), (q.MISSES, Fraction(1, 500)), (q.NESTED, 3),
        (q.DEPTH, 2),
    )
}  # fmt: skip


def numbers(levels: Iterable[str]) -> dict[sympy.Symbol, Fraction]:
    """A number for every quantity of a machine with these levels: most steps at the last one.

    >>> numbers(["supervisor", "user"])[q.hidden("supervisor").symbol]
    Fraction(1, 100)
    """
    found = dict(COSTS)
    names = list(levels)
    for index, level in enumerate(names):
        found[q.at(level).symbol] = Fraction(1, 5 * max(1, len(names) - 1))
        found[q.hidden(level).symbol] = Fraction(1, 100) if index == 0 else Fraction(1, 1000)
        found[q.own(level).symbol] = Fraction(1, 1000)
        found[q.found_by_routine(level).symbol] = Fraction(1, 10)
        found[q.interpreted(level).symbol] = Fraction(1, 100)
    return found
