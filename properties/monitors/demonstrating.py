"""A program for each instruction by which a monitor is refuted, by several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringproof.model.monitors.catalog import system as construct
from ringproof.traces.monitored import System

from ..run import Progress
from ..workers import workers as workers_of
from .divergence import Divergence, rerun, with_text
from .programs import Programs
from .prove import Report
from .runs import STEPWISE
from .telling import Told, tell
from .verdicts import Refuted
from .witness import SystemWitness, word_of


@dataclass(frozen=True)
class Demonstration:
    """A diverging program as its file, and told."""

    program: Divergence
    told: Told


Row = tuple[str, tuple[SystemWitness, ...]]
"""An instruction, and the counterexamples that it gives, those that come first first."""


def rows(report: Report) -> list[Row]:
    """The instructions that refute a property of steps, with their counterexamples in the order of the properties."""
    found: dict[str, list[SystemWitness]] = {}
    for what in STEPWISE:
        for obligation in report.obligations:
            if obligation.property == what and isinstance(obligation.verdict, Refuted):
                found.setdefault(obligation.instruction, []).append(obligation.verdict.witness)
    return [(row, tuple(witnesses)) for row, witnesses in found.items()]


def programs(
    name: str, found: Sequence[Row], *, jobs: int | None = None, progress: Progress | None = None
) -> Mapping[str, Demonstration | None]:
    """For each row of the system `name` the first program that was found for one of its counterexamples, or None.

    What a program is searched with is the same whatever the number of `jobs`, and so is what is found.
    """
    setting = (name, tuple(witness for _, witnesses in found for witness in witnesses))
    answers: dict[str, Demonstration | None] = {}
    for row, program in _search(setting, found, min(jobs or os.cpu_count() or 1, len(found))):
        answers[row] = program
        if progress is not None:
            progress(len(answers), len(found), row)
    return {row: answers[row] for row, _ in found}


Setting = tuple[str, tuple[SystemWitness, ...]]


def _search(setting: Setting, found: Sequence[Row], workers: int) -> Iterator[tuple[str, Demonstration | None]]:
    if workers < 2:
        yield from map(_start(setting), found)
        return
    with workers_of(workers, _start, setting) as crew:
        for row in found:
            crew.ask(row)
        yield from crew.answers()


def _start(setting: Setting) -> Callable[[Row], tuple[str, Demonstration | None]]:
    name, witnesses = setting
    system = System(construct(name))
    search = Programs(system, name, [word_of(system.placement, witness) for witness in witnesses])

    def of(row: Row) -> tuple[str, Demonstration | None]:
        for witness in row[1]:
            program = search.against(witness)
            if program is not None:
                told = tell(system, program.property, *rerun(system, program))
                return row[0], Demonstration(with_text(program, told.sentence), told)
        return row[0], None

    return of
