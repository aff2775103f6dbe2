"""Choosing the rows of a machine by patterns, as `--only` does."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from .machine import Machine, MachineError


class NothingSelected(MachineError):
    """No instruction has the name that was asked for; the message names close ones."""

    exit_code = 5


def select(machine: Machine, only: Sequence[str]) -> list[int]:
    """The positions of the forms whose row matches one of the patterns in `only`; of all, if there are none."""
    names = [form.name for form in machine.instructions]
    for pattern in only:
        if not any(_matches(name, pattern) for name in names):
            close = get_close_matches(pattern, dict.fromkeys(names), 3)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise NothingSelected(f"{machine.name} has no instruction named {pattern!r}{hint}")
    return [i for i, name in enumerate(names) if not only or any(_matches(name, pattern) for pattern in only)]


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name.lower(), pattern.lower())
