"""Obligations and what becomes of them.

A verdict has no truth value: code looks at which one it is.

- `Proved`: the solver found the negation unsatisfiable, and a cover witness shows that the claim is not empty.
- `Refuted`: a counterexample, which has been replayed.
- `Vacuous`: the negation is unsatisfiable, but so are the hypotheses; nothing was shown.
- `Unknown`: the solver gave up, for the reason given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from ringproof.model.terms import Term

from .witness import Witness


class SpuriousError(RuntimeError):
    """A solver's counterexample did not replay on the reference interpreter: a fault of ringproof."""

    exit_code = 6


class _NoTruthValue:
    def __bool__(self) -> NoReturn:
        raise TypeError(f"a verdict has no truth value; ask which one it is: {self!r}")


@dataclass(frozen=True)
class Proved(_NoTruthValue):
    cost: int


@dataclass(frozen=True)
class Refuted(_NoTruthValue):
    witness: Witness
    cost: int


@dataclass(frozen=True)
class Vacuous(_NoTruthValue):
    reason: str
    cost: int


@dataclass(frozen=True)
class Unknown(_NoTruthValue):
    reason: str
    cost: int


Verdict: TypeAlias = Proved | Refuted | Vacuous | Unknown


@dataclass(frozen=True, eq=False)
class Obligation:
    """One closed claim: under `hypotheses`, `violation` never holds.

    `name` is `machine/property/instruction[/case]`. All terms are over the variables of one or two states,
    the instruction word, and what the claim is about.
    """

    name: str
    hypotheses: tuple[Term, ...]
    violation: Term
