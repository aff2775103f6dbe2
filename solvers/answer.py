"""What a back end answers, and the contract that every back end keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ringproof.model.terms import Term

Assignment: TypeAlias = Mapping[str, Any]
"""A value for each variable by name: an integer, a truth value, or a dictionary of an array's cells."""


@dataclass(frozen=True)
class Sat:
    """The assertions hold together, under `assignment`."""

    assignment: Assignment
    cost: int


@dataclass(frozen=True)
class Unsat:
    """No assignment satisfies the assertions."""

    cost: int


@dataclass(frozen=True)
class Undecided:
    """The back end gave up, within its budget, for `reason`."""

    reason: str
    cost: int


Answer: TypeAlias = Sat | Unsat | Undecided


class Session(Protocol):
    """Questions about the same assertions, each with more of its own."""

    def check(self, extra: Sequence[Term], budget: int) -> Answer:
        """Decides the session's assertions together with `extra`, which are forgotten afterwards."""
        ...


class Solver(Protocol):
    """A back end: pure, without memory from one call or session to the next.

    `check` decides the conjunction of Bool terms within `budget` units of the back end's own deterministic
    resource count, and never guesses: what it cannot decide is `Undecided`. The assignment of a `Sat`
    answer satisfies the assertions where every variable and array cell that it does not give is zero.
    """

    @property
    def name(self) -> str:
        """The back end and its version, as reports print it."""
        ...

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        """Decides the conjunction of `assertions`."""
        ...

    def session(self, assertions: Sequence[Term]) -> AbstractContextManager[Session]:
        """Prepares `assertions` once for many questions. The answers depend on their order alone."""
        ...
