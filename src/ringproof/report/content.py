"""What one report says, before it is a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringproof.model.machine import Machine

from .claims import Definition
from .native import Native
from .runs import Place, Run


@dataclass(frozen=True)
class Alignment:
    """How the second run lies to the first: its memory and bases are moved. `offset` counts cells of `memory`."""

    memory: str
    offset: int
    bases: tuple[str, ...]

    @property
    def text(self) -> str:
        """The move in words."""
        moved = ", ".join(self.bases)
        return (
            f"The second run lies {self.offset:#x} cells of {self.memory} further on. What is moved with it is no "
            f"difference: {self.memory} is shown with both addresses, and {moved} are compared as moved."
        )


@dataclass(frozen=True)
class Command:
    """A line for a shell, and what it does."""

    what: str
    line: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """One or two runs of a machine, and what is said of them.

    `step` is the one that the page shows first. `shown` are the places that make the claim true. `native` is the
    machine's module, or why the page has none. A report of single instructions has their `operation`; of recorded runs,
    what reached each from outside and at which step (its `inputs`), and the command that runs the machine.
    """

    name: str
    sentence: str
    machine: Machine
    runs: Sequence[Run]
    step: int
    native: Native | str
    facts: Sequence[tuple[str, str]]
    commands: Sequence[Command]
    definition: Definition | None = None
    meaning: str = ""
    shown: Sequence[Place] = ()
    alignment: Alignment | None = None
    operation: dict[str, Any] | None = None
    run_command: str = ""
    inputs: Sequence[Sequence[tuple[int, Sequence[tuple[Place, int]]]]] = ()
