"""Counterexamples with their sentences: which to tell of a row, and in which words."""

from __future__ import annotations

from .classification import Row
from .definitions import Semantics
from .replay import replay
from .run import Report
from .sentences import sentence
from .witness import Witness

ORDER = ("mode", "resource", "control", "location", "behavior", "timing", "not-privileged", "executes")


class Telling:
    """Replays witnesses of a report's machine and tells them."""

    def __init__(self, report: Report) -> None:
        self.semantics = Semantics(report.machine)

    def sentence(self, witness: Witness) -> str:
        return sentence(replay(self.semantics, witness))


def story(row: Row) -> list[Witness]:
    """The witnesses that show a row's sensitivity, each claim once, the most telling first."""
    found: dict[str, Witness] = {}
    for form in row.forms:
        for witness in form.witnesses:
            if witness.claim not in ("executes", "not-privileged") and not witness.user:
                found.setdefault(f"{witness.claim} {witness.component}", witness)
    return sorted(found.values(), key=lambda witness: ORDER.index(witness.claim))


def told(report: Report) -> list[Witness]:
    """Every witness of a report with its sentence as its text."""
    import msgspec

    telling = Telling(report)
    return [msgspec.structs.replace(w, text=telling.sentence(w)) for w in report.witnesses]
