"""The symbols of the cost formulas: what each means, and in which unit.

A share is a number of guest steps among all guest steps. A cost is in host cycles, or in any other unit if all are.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

CYCLES, SHARE, COUNT = "host cycles", "share", "count"


@dataclass(frozen=True)
class Quantity:
    """A symbol with its meaning and unit."""

    symbol: sympy.Symbol
    meaning: str
    unit: str


def quantity(name: str, meaning: str, unit: str = CYCLES) -> Quantity:
    """A positive quantity.

    >>> quantity("T", "a trap").unit
    'host cycles'
    """
    return Quantity(sympy.Symbol(name, positive=True), meaning, unit)


DIRECT = quantity("d", "an instruction that runs directly on the host, and alike on the guest's own machine")
PRIVILEGED = quantity("v", "on its own machine, an instruction that the guest completes and the host traps on")
NATIVE_TRAP = quantity("H", "a trap on the guest's own machine, delivery included")
TRAP = quantity("T", "a trap of the host: into the monitor, back to the guest, and the dispatcher")
EMULATION = quantity("E", "the monitor's routine for one instruction that trapped")
REFLECTION = quantity("R", "carrying a trap into the guest")
INTERPRETATION = quantity("I", "fetching, decoding and simulating one instruction")
TRANSLATION = quantity("X", "translating one instruction")
REUSE = quantity("n", "how often a translated instruction is executed", COUNT)
CALL_OUT = quantity("K", "calling the monitor from translated code, which simulates one instruction")
EXIT = quantity("Z", "leaving the guest's mode of the processor and entering it again")
CONTROLLED = quantity("x", "of the instructions that the guest completes and a lower level traps on: which exit", SHARE)
WALK = quantity("W", "walking the second level of tables, at one miss")
MISSES = quantity("m", "misses of the translation buffer that walk the second level", SHARE)
NESTED = quantity("g", "privileged instructions that a monitor executes for each trap that it handles", COUNT)
DEPTH = quantity("k", "monitors under the guest", COUNT)

GENERAL = (
    DIRECT, PRIVILEGED, NATIVE_TRAP, TRAP, EMULATION, REFLECTION, INTERPRETATION, TRANSLATION, REUSE, CALL_OUT, EXIT,
    CONTROLLED, WALK, MISSES, NESTED, DEPTH,
)  # fmt: skip


def at(level: str) -> Quantity:
    """Guest steps at `level`."""
    return quantity(f"s_{_name(level)}", f"steps at {level}", SHARE)


def hidden(level: str) -> Quantity:
    """Steps that the guest's own machine completes at `level`, and on which the host traps."""
    return quantity(
        f"p_{_name(level)}", f"steps at {level} on which the host traps and the guest's own does not", SHARE
    )


def own(level: str) -> Quantity:
    """Steps at `level` that end in a trap on the guest's own machine."""
    return quantity(f"o_{_name(level)}", f"steps at {level} that trap on the guest's own machine too", SHARE)


def found_by_routine(level: str) -> Quantity:
    """Which of the guest's own traps the monitor's routine finds, the host having trapped for another reason."""
    meaning = f"of the guest's own traps at {level}: those that the monitor's routine finds"
    return quantity(f"a_{_name(level)}", meaning, SHARE)


def interpreted(level: str) -> Quantity:
    """Which steps at `level` the monitor interprets, where it does not interpret all or none."""
    meaning = f"of the steps at {level}, of each sort alike: those at which the monitor runs nothing directly"
    return quantity(f"f_{_name(level)}", meaning, SHARE)


def described(expression: sympy.Expr, levels: tuple[str, ...]) -> list[Quantity]:
    """The quantities of `expression`, shares first."""
    shares = [make(level) for make in (at, hidden, own, found_by_routine, interpreted) for level in levels]
    return [q for q in (*shares, *GENERAL) if q.symbol in expression.free_symbols]


def _name(level: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in level)
