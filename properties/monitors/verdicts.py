"""What becomes of a claim about a monitor. `Never` says that no state takes the case: then there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..verdicts import Proved, Unknown
from .witness import SystemWitness


@dataclass(frozen=True)
class Refuted:
    """A counterexample, which has been replayed."""

    witness: SystemWitness
    cost: int


@dataclass(frozen=True)
class Never:
    """No state satisfies the hypotheses of the case; it is listed apart and counts as no proof."""

    reason: str
    cost: int


Verdict: TypeAlias = Proved | Refuted | Never | Unknown

__all__ = ["Never", "Proved", "Refuted", "Unknown", "Verdict"]
