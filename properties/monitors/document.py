"""The report of a proof as one JSON document, schema `ringproof/prove/1`."""

from __future__ import annotations

from typing import Any

from ..verdicts import Proved
from .prove import Obligation, Report
from .verdicts import Never, Refuted, Unknown, Verdict

SCHEMA = "ringproof/prove/1"


def document(report: Report) -> dict[str, Any]:
    """Plain data for `--json`. A case that no state takes has the verdict "never"."""
    construction = report.construction
    return {
        "schema": SCHEMA,
        "system": report.name,
        "guest": construction.guest.name,
        "host": construction.host.name,
        "construction": construction.summary,
        "source": construction.source,
        "properties": {
            name: {
                "verdict": verdict,
                "refuted_by": report.refuted(name),
                "obligations": [_obligation(o, report) for o in report.obligations if o.property == name],
            }
            for name, verdict in report.properties.items()
        },
        "assumptions": assumptions(report),
        "left_out": list(construction.guest.left_out),
        "solver": report.solver,
        "selected": list(report.selected),
        "complete": report.stopped is None,
        "seconds": round(report.seconds, 3),
    }


def assumptions(report: Report) -> list[str]:
    """What every verdict rests on: the placement's assumptions, and the rules of the guest's states."""
    construction = report.construction
    return [*construction.placement.assumptions, *(i.text for i in construction.guest.invariants)]


def word(verdict: Verdict) -> str:
    """The verdict as one word."""
    return {Proved: "proved", Refuted: "refuted", Never: "never", Unknown: "unknown"}[type(verdict)]


def _obligation(obligation: Obligation, report: Report) -> dict[str, Any]:
    verdict = obligation.verdict
    found: dict[str, Any] = {
        "id": obligation.id,
        "instruction": obligation.instruction,
        "case": obligation.case,
        "verdict": word(verdict),
        "witness": verdict.witness.id if isinstance(verdict, Refuted) else None,
        "cost": verdict.cost,
    }
    if isinstance(verdict, Unknown | Never):
        found["reason"] = verdict.reason
    return found
