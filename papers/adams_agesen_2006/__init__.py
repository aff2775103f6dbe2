"""Adams and Agesen 2006, "A Comparison of Software and Hardware Techniques for x86 Virtualization".

ASPLOS XII, pages 2-13. Its nanobenchmarks as data: cycles for one event natively, under a monitor that translates
(software), and under one that the processor assists (hardware). What the paper gives only by comparison is computed
from it, and said so; what it does not give is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

PRINTED, COMPUTED, UNCONFIRMED = "printed", "computed", "unconfirmed"


@dataclass(frozen=True)
class Cycles:
    """A cost in cycles: as printed, computed from a comparison that is printed, or from a source not confirmed."""

    value: Fraction
    status: str = PRINTED
    how: str = ""


@dataclass(frozen=True)
class Event:
    """One nanobenchmark."""

    name: str
    text: str
    native: Cycles | None
    software: Cycles | None
    hardware: Cycles | None
    difference: Cycles | None = None

    @property
    def hardware_over_software(self) -> Fraction | None:
        """How much more the event costs under the hardware monitor; negative where the software one costs more."""
        if self.difference is not None:
            return self.difference.value
        if self.software is None or self.hardware is None:
            return None
        return self.hardware.value - self.software.value


def _printed(value: int) -> Cycles:
    return Cycles(Fraction(value))


EVENTS: tuple[Event, ...] = (
    Event(
        "in", "IN, an access to a port", _printed(3209),
        Cycles(Fraction(3209, 15), COMPUTED, "about 1/15 of native"), _printed(15826),
    ),
    Event(
        "cr8wr", "a write of CR8", Cycles(Fraction(140), COMPUTED, "four times the software monitor's"), _printed(35),
        None,
    ),
    Event("callret", "a call and its return", _printed(11), _printed(51), _printed(11)),
    Event("pgfault", "a page fault", _printed(1093), _printed(3927), _printed(11242)),
    Event("divzero", "a division by zero", _printed(889), _printed(3223), _printed(1014)),
    Event("ptemod", "a modification of a page table", _printed(1), _printed(391), _printed(12733)),
    Event(
        "syscall", "a system call", None, None, None,
        Cycles(Fraction(-2000), COMPUTED, "about 2000 more than native in software, as native in hardware"),
    ),
)  # fmt: skip

EXITS: tuple[tuple[str, Cycles], ...] = (
    ("Pentium 4", Cycles(Fraction(2409), UNCONFIRMED, "entering the guest's mode once")),
    ("Core 2", Cycles(Fraction(937), UNCONFIRMED, "entering the guest's mode once")),
)
"""What entering the processor's guest mode costs on two processors."""
