"""Costs for people."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from ringproof.papers.adams_agesen_2006 import EVENTS, PRINTED, Cycles
from ringproof.papers.adams_agesen_2006.crossovers import cheaper_than_an_exit, difference, exchanges
from ringproof.properties.cost.cases import LevelCases, Treatment, Way
from ringproof.properties.cost.crossovers import Crossover
from ringproof.properties.cost.document import UNITS
from ringproof.properties.cost.fitting import Fit
from ringproof.properties.cost.formula import Formula
from ringproof.properties.cost.quantities import DEPTH, TRAP
from ringproof.properties.cost.recursion import emulated
from ringproof.properties.cost.report import Measured, Report

from .common import columns, filled

MANY = 6


def text(report: Report, *, everything: bool) -> str:
    """Every construction, the crossovers, what was measured, and what the symbols mean."""
    parts = [_formula(report, each) for each in report.formulas]
    alone = {each.native: each.cases.name.partition("/")[0] for each in reversed(report.formulas)}
    parts += [filled(f"On {name} alone a step costs {native}", later="    ") for native, name in alone.items()]
    parts.append(f"Under k monitors, one under the other, an emulated instruction costs\n    {emulated(DEPTH.symbol)}")
    chosen = [each for each in report.crossovers if everything or each.quantity != TRAP]
    if chosen:
        parts.append("\n".join(["Where two cost the same:", *[_crossover(report, each) for each in chosen]]))
    parts += [_measured(name, found) for name, found in report.measured.items()]
    rows: list[tuple[str, ...]] = [
        (str(each.symbol), number(report.numbers[each.symbol]), each.unit, each.meaning) for each in report.quantities
    ]
    parts.append("Symbols, with the numbers that were tried (an example, unless said otherwise):\n" + columns(rows))
    origins = [(str(e.symbol), report.given[str(e.symbol)]) for e in report.quantities if str(e.symbol) in report.given]
    parts += ["Numbers that are not an example:\n" + columns([*origins])] if origins else []
    return "\n\n".join(parts)


def number(value: Fraction | float) -> str:
    """Four digits, or all of a whole number's.

    >>> number(0.123456), number(15826), number(15826.4)
    ('0.1235', '15826', '15826')
    """
    shown = float(value)
    return f"{shown:.0f}" if abs(shown) >= 1000 else f"{shown:.4g}"


def _formula(report: Report, formula: Formula) -> str:
    lines = [f"{formula.cases.name}: {formula.cases.text}"]
    lines += [filled(_case(case), indent="  ", later="      ") for case in formula.cases.levels]
    lines.append("  how a step is taken, as a share of all steps")
    lines.append(columns([(way, str(share)) for way, share in formula.ways.items()], indent="      "))
    lines.append(filled(f"a step costs {formula.cost}", indent="  ", later="      "))
    lines.append(
        f"  its slowdown, that over the cost alone, is {number(report.slowdown(formula))} with the numbers below"
    )
    return "\n".join(lines)


def _case(case: LevelCases) -> str:
    parts = [f"at {case.level}, code {case.treatment.value}"]
    if case.hides:
        parts.append(f"where the guest completes, the host traps on {_some(case.hides)}")
    if case.may_hide:
        parts.append(f"it may trap on {_some(case.may_hide)}")
    if case.own:
        parts.append(f"the guest's own traps {_own_traps(case)}")
    return "; ".join(parts)


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


def _own_traps(case: LevelCases) -> str:
    """How the guest's own traps at a level reach the guest."""
    if case.treatment is Treatment.NON_ROOT:
        return "are delivered by the processor"
    if case.treatment is Treatment.INTERPRETED:
        return "are found by the interpreter"
    found = "are found by the monitor's routine"
    return {(True, True): f"are reflected or {found.removeprefix('are ')}", (True, False): found}.get(
        (Way.EMULATED in case.own, Way.REFLECTED in case.own), "are reflected"
    )


def _crossover(report: Report, found: Crossover) -> str:
    lines = [filled(f"{found.one}, {found.two}", indent="  ", later="      ")]
    lines.append(filled(f"{found.quantity.symbol} = {found.solution}", indent="      ", later="          "))
    tried = found.tried
    if tried is not None:
        tail = f"with the numbers below {number(tried.at)}"
        if tried.cost is None:
            tail += f", which it cannot be: {tried.below or 'neither'} costs less throughout"
        elif tried.below is not None and tried.above is not None:
            tail += f"; below it {tried.below} costs less, above it {tried.above}"
        lines.append(filled(tail, indent="      ", later="          "))
    measured = report.by_measured_costs(found)
    if measured is not None:
        lines.append(filled(f"with the measured costs {measured.evalf(4)}", indent="      ", later="          "))
    return "\n".join(lines)


def _measured(name: str, found: Measured | str) -> str:
    if isinstance(found, str):
        return f"{name}: not measured, since {found}"
    rows: list[tuple[str, ...]] = [
        (pair.mix.text, number(pair.slowdown), number(found.predicted(pair))) for pair in found.held_out
    ]
    return "\n".join(
        [
            f"{name}, measured: microseconds of processor time in the reference interpreter, by least squares",
            _fit("under the monitor", found.under),
            _fit("alone", found.alone),
            "  slowdowns of programs that were not fitted",
            columns([("a round of", "measured", "by the formula"), *rows], indent="      "),
        ]
    )


def _fit(title: str, fit: Fit) -> str:
    rows: list[tuple[str, ...]] = [(way, UNITS[way], number(cost)) for way, cost in fit.costs.items()]
    errors = f"largest error of a whole run {max(fit.errors):.1%}, of one that was not fitted {max(fit.held_out):.1%}"
    return f"  {title}\n" + columns(rows, indent="      ") + f"\n      {errors}"


# Published figures.


def published_text() -> str:
    """The nanobenchmarks, and the rates at which software and hardware break even."""
    rows: list[tuple[str, ...]] = [("event", "native", "software", "hardware")]
    rows += [(e.text, _cycles(e.native), _cycles(e.software), _cycles(e.hardware)) for e in EVENTS]
    lines = [
        "Adams and Agesen 2006, cycles for one event (~: computed from what is printed):",
        columns(rows),
        "",
        filled(f"for each instruction, hardware costs more than software by {difference()}"),
        "The software monitor is the cheaper one from",
        *[
            f"    one `{e.event.name}` for {number(e.one_in)} of `{e.against.name}`{'' if e.exact else ' (~)'}"
            for e in exchanges()
        ],
    ]
    for name, cycles, events in cheaper_than_an_exit():
        cheap = ", ".join(events)
        lines.append(
            f"Entering guest mode on a {name}, {number(cycles)} cycles (unconfirmed), costs more than all of: {cheap}."
        )
    return "\n".join(lines)


def published_document() -> dict[str, Any]:
    """The same as plain data."""

    def cycles(cost: Cycles | None) -> dict[str, Any] | None:
        return None if cost is None else {"cycles": float(cost.value), "status": cost.status, "how": cost.how}

    return {
        "source": "Adams and Agesen 2006",
        "events": {
            e.name: {"native": cycles(e.native), "software": cycles(e.software), "hardware": cycles(e.hardware)}
            | {
                "software_minus_hardware": None
                if e.hardware_over_software is None
                else -float(e.hardware_over_software)
            }
            for e in EVENTS
        },
        "hardware_minus_software": {"text": str(difference()), "latex": sympy.latex(difference())},
        "software_cheaper_from": [
            {"event": e.event.name, "against": e.against.name, "rate": float(e.rate), "all_printed": e.exact}
            for e in exchanges()
        ],
        "entering_guest_mode": [
            {"processor": name, "cycles": float(value), "status": "unconfirmed", "costs_more_than": events}
            for name, value, events in cheaper_than_an_exit()
        ],
    }


def _cycles(cost: Cycles | None) -> str:
    if cost is None:
        return "not given"
    return number(cost.value) + ("" if cost.status == PRINTED else " ~")
