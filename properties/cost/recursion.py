"""The cost of a trap under monitors under monitors, as a recurrence and solved (Popek and Goldberg 1974, Theorem 2).

Each monitor is a program of the machine that the monitor beneath it makes. With k monitors, what reaches the innermost
one has been reflected by all beneath it, and each of its own g privileged instructions is emulated by them. So with
C(k) the cost of an instruction that the innermost monitor emulates, and F(k) that of bringing it the trap:

    F(1) = T,  F(k+1) = F(k) + R + g C(k-1),  C(0) = 0,  C(k) = F(k) + E + g C(k-1)

from which C(k+1) = (1 + g) C(k) + R follows. A trap that the innermost monitor reflects into the guest costs F(k+1).
"""

from __future__ import annotations

from functools import cache

import sympy

from . import quantities as q


def emulated(depth: sympy.Expr | int) -> sympy.Expr:
    """C(depth), the cost of an emulated instruction under `depth` monitors, at least one.

    >>> emulated(1)
    E + T
    >>> sympy.expand(emulated(2))
    E*g + E + R + T*g + T
    """
    if isinstance(depth, int):
        return sympy.expand(sympy.cancel(_solved().subs(q.DEPTH.symbol, depth)))
    return _solved().subs(q.DEPTH.symbol, depth)


def reflected(depth: sympy.Expr | int) -> sympy.Expr:
    """F(depth + 1), the cost of a trap that the innermost of `depth` monitors reflects into its guest."""
    return emulated(depth) - q.EMULATION.symbol + q.REFLECTION.symbol


def nested(cost: sympy.Expr, depth: sympy.Expr | int) -> sympy.Expr:
    """A cost formula with the trap cost that a monitor meets at `depth`, in place of the host's own."""
    return cost.subs(q.TRAP.symbol, emulated(depth) - q.EMULATION.symbol)


@cache
def _solved() -> sympy.Expr:
    """C(k) in closed form, in the shape that shows both geometric parts. Raises AssertionError if it is another."""
    cost, depth = sympy.Function("C"), sympy.Symbol("k", integer=True, positive=True)
    growth, reflection = 1 + q.NESTED.symbol, q.REFLECTION.symbol
    once = q.TRAP.symbol + q.EMULATION.symbol
    solved = sympy.rsolve(cost(depth + 1) - growth * cost(depth) - reflection, cost(depth), {cost(1): once})
    power = growth ** (depth - 1)
    shown = once * power + reflection * (power - 1) / q.NESTED.symbol
    if sympy.simplify(sympy.expand(solved - shown, power_exp=True)) != 0:
        raise AssertionError(f"the recurrence is solved by {solved}, not by {shown}")
    return shown.subs(depth, q.DEPTH.symbol)
