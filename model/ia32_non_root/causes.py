"""Exits from non-root operation, and the events that arrive between two instructions."""

from __future__ import annotations

from dataclasses import dataclass

from ..cpu import Cause, Kind


@dataclass(frozen=True)
class Exit(Cause):
    """An exit from non-root operation; `reason` is the number by which the monitor is told why."""

    reason: int = 0


def exit_for(what: str, reason: int, kind: Kind = Kind.PRIVILEGE) -> Exit:
    """The exit for `what`.

    >>> exit_for("HLT", 12)
    Exit(name='exit: HLT', kind=<Kind.PRIVILEGE: 'privilege'>, vector=None, reason=12)
    """
    return Exit(f"exit: {what}", kind, None, reason)


INTERRUPT = Cause("external interrupt", Kind.PROGRAM)
"""An external interrupt that the running program takes itself, through its own IDT."""

__all__ = ["INTERRUPT", "Exit", "exit_for"]
