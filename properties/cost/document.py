"""What is known of costs as one JSON document, schema `ringproof/cost/1`."""

from __future__ import annotations

from typing import Any

import sympy

from .crossovers import Crossover
from .fitting import Fit
from .formula import Formula
from .quantities import DEPTH
from .recursion import emulated, reflected
from .report import Measured, Report

SCHEMA = "ringproof/cost/1"

UNITS = {
    "direct": "d", "emulated": "T + E", "reflected": "T + R", "interpreted": "I",
    "completed": "d", "privileged": "v", "trapped": "H",
}  # fmt: skip
"""What the fitted cost of a step of each kind is in the formulas' symbols."""


def document(report: Report) -> dict[str, Any]:
    """Plain data for `--json`. A formula is text that sympy reads, and LaTeX; numbers are decimals."""
    return {
        "schema": SCHEMA,
        "quantities": {
            str(quantity.symbol): {
                "meaning": quantity.meaning,
                "unit": quantity.unit,
                "number": float(report.numbers[quantity.symbol]),
                "from": report.given.get(str(quantity.symbol), "example"),
            }
            for quantity in report.quantities
        },
        "constructions": [_formula(each) | {"number": report.slowdown(each)} for each in report.formulas],
        "nested": {"emulated": _both(emulated(DEPTH.symbol)), "reflected": _both(reflected(DEPTH.symbol))},
        "crossovers": [_crossover(each) | _by_measured(report, each) for each in report.crossovers],
        "measured": {name: _measured(found) for name, found in report.measured.items()},
    }


def _both(expression: sympy.Expr) -> dict[str, str]:
    return {"text": str(expression), "latex": sympy.latex(expression)}


def _formula(formula: Formula) -> dict[str, Any]:
    return {
        "name": formula.cases.name,
        "text": formula.cases.text,
        "cases": [
            {
                "level": case.level,
                "code": case.treatment.value,
                "host_traps_on": list(case.hides),
                "host_may_trap_on": list(case.may_hide),
                "own_traps": sorted(way.value for way in case.own),
            }
            for case in formula.cases.levels
        ],
        "ways": {way: _both(share) for way, share in formula.ways.items()},
        "cost": _both(formula.cost),
        "native": _both(formula.native),
        "slowdown": _both(formula.slowdown),
    }


def _crossover(found: Crossover) -> dict[str, Any]:
    tried = found.tried
    return {
        "between": [found.one, found.two],
        "quantity": str(found.quantity.symbol),
        "solution": _both(found.solution),
        "tried": tried
        and {
            "numbers": {name: float(value) for name, value in tried.numbers.items()},
            "at": float(tried.at),
            "cost": None if tried.cost is None else float(tried.cost),
            "cheaper_below": tried.below,
            "cheaper_above": tried.above,
        },
    }


def _by_measured(report: Report, crossover: Crossover) -> dict[str, Any]:
    found = report.by_measured_costs(crossover)
    return {"by_measured_costs": None if found is None else str(found)}


def _measured(found: Measured | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"not_measured": found}
    return {
        "unit": "microseconds",
        "monitored": _fit(found.under),
        "alone": _fit(found.alone),
        "held_out": [
            {"mix": pair.mix.text, "slowdown": pair.slowdown, "by_formula": found.predicted(pair)}
            for pair in found.held_out
        ],
    }


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "costs": {way: {"symbol": UNITS[way], "microseconds": cost} for way, cost in fit.costs.items()},
        "largest_relative_error": max(fit.errors),
        "largest_relative_error_held_out": max(fit.held_out),
    }
