"""Published figures as numbers for the quantities of the cost formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from . import miralis_2025
from .adams_agesen_2006 import EVENTS, Cycles


@dataclass(frozen=True)
class Published:
    """A number for a quantity, and what the figure is."""

    value: Fraction
    what: str


def _adams_agesen() -> dict[str, Published]:
    events = {event.name: event for event in EVENTS}
    access, fault = events["in"], events["pgfault"]
    figures = (
        ("v", access.native, "IN natively"),
        ("K", access.software, "IN under the software monitor"),
        ("Z", access.hardware, "IN under the hardware monitor, E included"),
        ("H", fault.native, "a page fault natively"),
        ("T", fault.software, "a page fault under the software monitor, E and R included"),
    )
    found = {name: Published(cycles.value, what + _status(cycles)) for name, cycles, what in figures if cycles}
    included = Published(Fraction(0), "included in T and Z")
    return found | {"E": included, "R": included}


def _status(cycles: Cycles) -> str:
    return f" ({cycles.how})" if cycles.how else ""


def _miralis() -> dict[str, Published]:
    included = Published(Fraction(0), "included in T")
    trap = Published(Fraction(miralis_2025.TRAP), "a trap of the firmware into the monitor, E and R included")
    return {"T": trap, "E": included, "R": included}


PUBLISHED: Mapping[str, Mapping[str, Published]] = {
    "adams-agesen-2006": _adams_agesen(),
    "miralis-2025": _miralis(),
}
"""By the name of the paper, then by the symbol."""
