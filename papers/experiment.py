"""Experiments: what a paper claims, in our words, and how it is asked of the models here.

A claim *agrees* where our result is what the paper says. A *slip* is a place where the paper, taken at its word, does
not say what it means; there the result agrees if running it finds the slip, with a counterexample. What is expected
stands in each paper's folder as data, and is compared with the result, never put in its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ringproof.model.terms import Term
from ringproof.properties.discharge import BUDGET
from ringproof.properties.run import Report, Stopped, check
from ringproof.properties.told import Telling, story
from ringproof.properties.workers import WorkerKilled
from ringproof.solvers.answer import Answer
from ringproof.solvers.z3_solver import Z3Solver

Progress = Callable[[int, int, str], None]


class Kind(Enum):
    """What an experiment is about."""

    CLAIM = "claim"
    SLIP = "slip"


@dataclass(frozen=True)
class Finding:
    """What an experiment found: our result in a sentence, and whether it agrees (None: undecided).

    `shown` are the counterexamples, or the rows of a table, a line each.
    """

    result: str
    agrees: bool | None
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A claim of a paper: its name here, where it stands, what it says in our words, and how it is asked."""

    name: str
    section: str
    claim: str
    run: Callable[[Laboratory], Finding]
    kind: Kind = Kind.CLAIM


@dataclass(frozen=True)
class Paper:
    """A paper and its experiments, in its own order."""

    name: str
    reference: str
    experiments: tuple[Experiment, ...]


@dataclass(frozen=True)
class Outcome:
    """An experiment that was run."""

    experiment: Experiment
    finding: Finding
    seconds: float


@dataclass
class Laboratory:
    """What experiments are run with: how many processes, where progress is told, and the checks made so far."""

    jobs: int | None = None
    progress: Progress | None = None
    checks: dict[object, Report] = field(default_factory=dict)

    def check(self, machine: str, *, only: Sequence[str] = (), assumptions: Mapping[str, str] | None = None) -> Report:
        """The check of `machine`, made once."""
        key = (machine, tuple(only), tuple((assumptions or {}).items()))
        if key not in self.checks:
            report = check(machine, only=only, assumptions=assumptions, jobs=self.jobs, progress=self.progress)
            require_whole(report.stopped)
            self.checks[key] = report
        return self.checks[key]

    def ask(self, *assertions: Term) -> Answer:
        """The solver's answer to the conjunction of Bool terms."""
        return Z3Solver().check(assertions, BUDGET)


def require_whole(stopped: Stopped | None) -> None:
    """Ends what rests on a check or a proof that something cut short: part of a result agrees with nothing.

    Raises KeyboardInterrupt and WorkerKilled, as what cut it short would have.
    """
    if stopped is Stopped.INTERRUPTED:
        raise KeyboardInterrupt
    if stopped is not None:
        raise WorkerKilled(stopped.value)


def perform(experiments: Sequence[Experiment], laboratory: Laboratory) -> Iterator[Outcome]:
    """Runs the experiments one after the other."""
    for experiment in experiments:
        started = time.monotonic()
        yield Outcome(experiment, experiment.run(laboratory), time.monotonic() - started)


def told(report: Report, name: str) -> tuple[str, ...]:
    """The sentences of the counterexamples that tell the story of the row `name`."""
    telling = Telling(report)
    (row,) = [row for row in report.rows if row.name == name]
    return tuple(f"{telling.sentence(witness)} [{witness.id}]" for witness in story(row)[:1])
