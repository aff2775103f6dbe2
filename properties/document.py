"""The report of a check as one JSON document, schema `ringproof/check/1`."""

from __future__ import annotations

from typing import Any

from ringproof.model.machine import Machine

from .classification import Row
from .run import Report
from .theorems import Condition

SCHEMA = "ringproof/check/1"


def document(report: Report) -> dict[str, Any]:
    """Plain data for `--json`; "unknown" stands where the solver could not decide."""
    machine = report.machine
    return {
        "schema": SCHEMA,
        "machine": machine.name,
        "context": context(report),
        "instructions": [_instruction(row) for row in report.rows],
        "theorems": {f"theorem{c.theorem}": condition(c) for c in report.theorems},
        "modes": _modes(report),
        "decoding": _decoding(report),
        "states": [invariant.text for invariant in machine.invariants],
        "left_out": list(machine.left_out),
        "solver": report.solver,
        "obligations": dict(report.counts),
        "selected": list(report.selected),
        "complete": report.stopped is None,
        "seconds": round(report.seconds, 3),
    }


def context(report: Report) -> dict[str, Any]:
    """The guests' level, and every configuration and setting by name."""
    return context_of(report.machine)


def context_of(machine: Machine) -> dict[str, Any]:
    """The context of `machine` if one was chosen, the guests' level, and every configuration and setting by name."""
    return dict(machine.assumed)


def _word(value: bool | None) -> bool | str:
    return "unknown" if value is None else value


def _instruction(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "forms": [form.form for form in row.forms],
        "privileged": _word(row.flag("privileged")),
        "control_sensitive": _word(row.flag("control_sensitive")),
        "behavior_sensitive": _word(row.flag("behavior_sensitive")),
        "mode_sensitive": _word(row.flag("mode_sensitive")),
        "location_sensitive": _word(row.flag("location_sensitive")),
        "resource_sensitive": row.resources,
        "user_sensitive": _word(row.flag("user_sensitive")),
        "timing_sensitive": _word(row.flag("timing_sensitive")),
        "innocuous": _word(row.innocuous),
        "witnesses": sorted({w.id for form in row.forms for w in form.witnesses}),
    }


def condition(found: Condition) -> dict[str, Any]:
    """A theorem's condition as plain data."""
    return {
        "condition": found.word,
        "violations": list(found.violations),
        "undecided": list(found.undecided),
        "text": found.text,
    }


def _modes(report: Report) -> dict[str, Any]:
    return {
        "levels": list(report.modes.levels),
        "transitions": [
            {
                "trap" if t.is_trap else "instruction": t.by,
                "from": t.source,
                "to": t.target,
                "feasible": _word(t.feasible),
                "controlled": t.controlled,
            }
            for t in report.modes.transitions
        ],
        "other_ways_to_the_top": report.modes.other_ways(),
    }


def _decoding(report: Report) -> dict[str, Any] | None:
    found = report.decoding
    if found is None:
        return None
    return {
        "disjoint": _word(found.disjoint),
        "total": _word(found.total),
        "overlap": found.overlap,
        "uncovered": found.uncovered,
    }
