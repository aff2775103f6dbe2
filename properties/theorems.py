"""The conditions of Popek and Goldberg's three theorems, read off a classification.

The theorems give *sufficient* conditions: where one fails, nothing is said of other constructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .classification import Row


@dataclass(frozen=True)
class Condition:
    """Whether a theorem's condition holds (None: unknown), and the instructions by which it fails."""

    theorem: int
    holds: bool | None
    violations: tuple[str, ...]
    undecided: tuple[str, ...]
    text: str

    @property
    def word(self) -> str:
        return "unknown" if self.holds is None else "holds" if self.holds else "fails"


def theorem1(rows: Sequence[Row]) -> Condition:
    """A monitor may be constructed if the sensitive instructions are a subset of the privileged ones."""
    return _condition(1, rows, ("sensitive",), "every sensitive instruction is privileged")


def theorem2(rows: Sequence[Row]) -> Condition:
    """Recursively virtualizable if virtualizable, and a monitor without timing dependencies can be constructed.

    The second part is taken to hold unless an unprivileged instruction shows a clock.
    """
    text = "Theorem 1's condition holds and no unprivileged instruction shows a clock"
    return _condition(2, rows, ("sensitive", "timing"), text)


def theorem3(rows: Sequence[Row]) -> Condition:
    """A hybrid monitor may be constructed if the user sensitive instructions are a subset of the privileged ones."""
    return _condition(3, rows, ("user",), "every user sensitive instruction is privileged")


def conditions(rows: Sequence[Row], *, complete: bool = True) -> tuple[Condition, Condition, Condition]:
    """The three conditions over `rows`. One that nothing violates is unknown, not met, unless they are `complete`."""
    found = theorem1(rows), theorem2(rows), theorem3(rows)
    if complete:
        return found
    one, two, three = (replace(each, holds=None) if each.holds else each for each in found)
    return one, two, three


def _condition(theorem: int, rows: Sequence[Row], kinds: tuple[str, ...], text: str) -> Condition:
    answers = {row.name: [row.escapes(kind) for kind in kinds] for row in rows}
    violations = tuple(name for name, found in answers.items() if True in found)
    undecided = tuple(name for name, found in answers.items() if True not in found and None in found)
    holds = False if violations else None if undecided else True
    return Condition(theorem, holds, violations, undecided, text)
