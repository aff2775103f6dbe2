"""What repairs a machine as one JSON document, schema `ringproof/repair/1`."""

from __future__ import annotations

from typing import Any

from ..document import condition, context_of
from .run import Effect, Repair, Repairs, Report

SCHEMA = "ringproof/repair/1"


def document(report: Report) -> dict[str, Any]:
    """Plain data for `--json`; "unknown" stands where the solver could not decide."""
    machine = report.machine
    return {
        "schema": SCHEMA,
        "machine": machine.name,
        "context": context_of(machine),
        "theorems": {f"theorem{each.before.theorem}": _repairs(each) for each in report.repairs},
        "bits": [_effect(effect) for effect in report.effects],
        "selected": list(report.selected),
        "solver": report.solver,
        "classifications": report.asked,
        "seconds": round(report.seconds, 3),
    }


def _repairs(found: Repairs) -> dict[str, Any]:
    return {
        **condition(found.before),
        "repairs": {
            "traps": None if found.traps is None else _repair(found.traps),
            "bits": [_repair(repair) for repair in found.bits],
            "both": [_repair(repair) for repair in found.both],
        },
    }


def _repair(repair: Repair) -> dict[str, Any]:
    return {
        "bits": dict(repair.setting.changes),
        "traps": list(repair.setting.traps),
        "after": condition(repair.after),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    by_theorem = zip(effect.repaired, effect.broken, effect.left, strict=True)
    return {
        "bit": effect.bit,
        "value": effect.value,
        **{
            f"theorem{number}": {"repaired": list(repaired), "broken": list(broken), "left": list(left)}
            for number, (repaired, broken, left) in enumerate(by_theorem, 1)
        },
    }
