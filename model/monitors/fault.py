"""A fault that is seeded into a right monitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .construction import Construction

Change = Callable[[Construction], Construction]


@dataclass(frozen=True)
class Fault:
    """What is wrong, in words, in which system; `change` makes it so of what `right` gives.

    `only` are the rows in which it can show, where the others are the right system's own; all, if there are none.
    """

    system: str
    text: str
    change: Change
    right: Callable[[], Construction]
    only: tuple[str, ...] = ()

    def made(self) -> Construction:
        """The construction with the fault."""
        return self.change(self.right())
