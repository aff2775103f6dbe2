"""Adams and Agesen's nanobenchmarks, and where software and hardware break even by them."""

from __future__ import annotations

from fractions import Fraction

from ringproof.papers.adams_agesen_2006 import EVENTS
from ringproof.papers.adams_agesen_2006.crossovers import cheaper_than_an_exit, difference, exchanges, rate

BY_NAME = {event.name: event for event in EVENTS}


def test_one_in_outweighs_hundreds_of_calls() -> None:
    found = {(e.event.name, e.against.name): e for e in exchanges()}
    calls = found["in", "callret"]
    assert calls.rate == Fraction(40) / (15826 - Fraction(3209, 15))
    assert round(calls.one_in) == 390
    assert not calls.exact
    assert found["ptemod", "callret"].rate == Fraction(40, 12342)
    assert found["ptemod", "callret"].exact


def test_software_is_cheaper_exactly_above_the_rate() -> None:
    for exchange in exchanges():
        one, two = rate(exchange.event), rate(exchange.against)
        others = {rate(event): 0 for event in EVENTS} | {two: 1}
        for factor, sign in ((Fraction(1, 2), -1), (Fraction(1), 0), (Fraction(2), 1)):
            value = difference().subs({**others, one: factor * exchange.rate})
            assert int(value.is_positive) - int(value.is_negative) == sign


def test_events_without_both_figures_take_no_part() -> None:
    assert rate(BY_NAME["cr8wr"]) not in difference().free_symbols
    assert {exchange.event.name for exchange in exchanges()} == {"in", "pgfault", "ptemod"}


def test_an_exit_alone_costs_more_than_what_software_does() -> None:
    processors = {name: events for name, _, events in cheaper_than_an_exit()}
    assert processors["Core 2"] == ["in", "cr8wr", "callret", "ptemod"]
