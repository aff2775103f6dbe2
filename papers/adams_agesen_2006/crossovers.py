"""How often one event has to happen, against how often another, for software and hardware to cost the same.

With r(e) the number of events e for each instruction, the hardware monitor costs the sum of r(e) (h(e) - w(e)) more
than the software one. What all else costs alike falls out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import sympy

from . import EVENTS, EXITS, PRINTED, Event


@dataclass(frozen=True)
class Exchange:
    """From `rate` events `event` for each event `against` on, the software monitor is the cheaper one.

    `exact` says that all figures in it are printed.
    """

    event: Event
    against: Event
    rate: Fraction
    exact: bool

    @property
    def one_in(self) -> Fraction:
        """The same, as one `event` for so many of `against`."""
        return 1 / self.rate


def difference() -> sympy.Expr:
    """What hardware costs more than software for each instruction, over the rates of the events.

    >>> difference().coeff(rate(next(e for e in EVENTS if e.name == "callret")))
    -40
    """
    return sum((_rational(d) * rate(e) for e, d in _known()), sympy.Integer(0))


def rate(event: Event) -> sympy.Symbol:
    """The number of events for each instruction."""
    return sympy.Symbol(f"r_{event.name}", positive=True)


def solved(event: Event) -> sympy.Expr:
    """The rate of `event` at which both monitors cost the same, over the rates of the others."""
    (solution,) = sympy.solve(difference(), rate(event))
    return solution


def exchanges() -> Iterator[Exchange]:
    """Each event that costs less in software against each that costs less in hardware.

    Raises AssertionError where the costs differ at a rate that was solved for: a fault of ringproof.
    """
    for event, gain in _known():
        for against, loss in _known():
            if gain > 0 > loss:
                others = {rate(e): 0 for e, _ in _known() if e not in (event, against)}
                found = solved(event).subs({**others, rate(against): 1})
                at = Fraction(int(found.p), int(found.q))
                if at * gain + loss != 0:
                    raise AssertionError(f"{event.name} and {against.name} do not balance at {at}")
                yield Exchange(event, against, at, _exact(event) and _exact(against))


def cheaper_than_an_exit() -> list[tuple[str, Fraction, list[str]]]:
    """For each processor, the events that cost the software monitor less than entering the guest's mode alone."""
    return [
        (name, cost.value, [e.name for e in EVENTS if e.software is not None and e.software.value < cost.value])
        for name, cost in EXITS
    ]


def _known() -> list[tuple[Event, Fraction]]:
    found = [(event, event.hardware_over_software) for event in EVENTS]
    return [(event, value) for event, value in found if value is not None]


def _exact(event: Event) -> bool:
    sources = (event.software, event.hardware) if event.difference is None else (event.difference,)
    return all(cost is None or cost.status == PRINTED for cost in sources)


def _rational(value: Fraction) -> sympy.Rational:
    return sympy.Rational(value.numerator, value.denominator)
