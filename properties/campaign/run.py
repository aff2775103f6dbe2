"""A campaign: rounds of traces, shared out to processes, with more for the targets whose cells were not met.

A round is a fixed list of shares, and what is found is merged in the order of the shares, so the same seed gives the
same result on one process or four. Only a budget of time makes the number of rounds depend on the machine.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import TypeAlias

from ringproof.model.machine import Machine
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.generation.traces import Generator
from ringproof.traces.native.batch_runner import Batches

from ..definitions import Semantics
from ..run import Stopped, prepare
from ..workers import WorkerKilled
from ..workers import workers as workers_of
from .confirming import Confirmer, Violation
from .coverage import Explainer, Reached, Standing, cells_of
from .lockstep import CHANGES, COMPLETES, STEPS, Cell, Lockstep, Suspect, Watched
from .plan import Plan, Stretch

Progress = Callable[[int, int, str], None]
Key = tuple[str, str, str]
Ask: TypeAlias = "Request | Block | tuple[Cell, ...]"
Answered: TypeAlias = "Part | list[Standing]"

SHARE = 24
"""Traces of a share, at most: what a process is asked for at once."""

SLICE = 8
"""Shares that are given out at once."""

IDLE = 12
"""Traces with a suspect step that are looked into in a block after the last that showed something new."""

SCHEMA = "ringproof/campaign/1"


@dataclass(frozen=True)
class Budget:
    """When a campaign ends: after so many traces, steps or seconds, whichever comes first. None sets no bound."""

    traces: int | None = None
    steps: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Request:
    """A share of a round: traces by number, and the violations that need no counterexample any more.

    None of it is begun after the time `until`, of the monotonic clock, which all processes share.
    """

    place: int
    traces: tuple[int, ...]
    known: frozenset[Key]
    until: float | None = None


@dataclass(frozen=True)
class Block:
    """A share that is run natively."""

    place: int
    stretch: Stretch
    known: frozenset[Key]
    until: float | None = None


def _after(until: float | None) -> Callable[[], bool]:
    """Whether it is past a time; None never comes."""
    return lambda: until is not None and time.monotonic() >= until


@dataclass(eq=False)
class Part:
    """What came of a share."""

    place: int
    traces: int = 0
    steps: int = 0
    cells: Counter[Cell] = field(default_factory=Counter)
    found: list[Violation] = field(default_factory=list)
    met: Counter[Key] = field(default_factory=Counter)
    unconfirmed: Counter[Key] = field(default_factory=Counter)
    digest: int = 0
    unseen: int = 0


@dataclass(eq=False)
class Campaign:
    """What a campaign found. `met` counts the suspect steps of each violation, `unconfirmed` those of none.

    `unseen` counts the traces with a suspect step that were not looked into, since many before them in their block
    showed nothing new.
    """

    machine: Machine
    seed: int
    traces: int = 0
    steps: int = 0
    cells: Counter[Cell] = field(default_factory=Counter)
    violations: dict[Key, Violation] = field(default_factory=dict)
    met: Counter[Key] = field(default_factory=Counter)
    unconfirmed: Counter[Key] = field(default_factory=Counter)
    digest: int = 0
    unseen: int = 0
    rounds: int = 0
    seconds: float = 0.0
    stopped: Stopped | None = None
    explained: list[Standing] = field(default_factory=list)

    def standings(self) -> list[Standing]:
        """Every cell of the table and how it stands."""
        known = {standing.cell: standing for standing in self.explained}
        return [
            Standing(cell, Reached.MET, self.cells[cell])
            if cell in self.cells
            else known.get(cell, Standing(cell, Reached.OPEN))
            for cell in cells_of(self.machine)
        ]


@dataclass(frozen=True)
class Job:
    """What a process needs to make traces by itself."""

    name: str
    assumptions: tuple[tuple[str, str], ...]
    seed: int


class Worker:
    """Runs shares of a campaign."""

    def __init__(self, job: Job) -> None:
        self.machine = prepare(job.name, dict(job.assumptions))
        self.semantics = Semantics(self.machine)
        self.generator = Generator(self.machine, job.seed, self.semantics.interpreter)
        self.lockstep = Lockstep(self.semantics, self.generator)
        self.confirmer = Confirmer(self.semantics, Z3Solver())

    def trace(self, number: int, *, listed: bool = False) -> Watched:
        """The trace `number` alone."""
        return self.lockstep.run(number, listed=listed)

    def share(self, request: Request) -> Part:
        """The traces of a share, and a counterexample for each violation that has none yet."""
        part = Part(request.place)
        known, late = set(request.known), _after(request.until)
        for number in request.traces:
            if late():
                break
            watched = self.trace(number)
            part.traces += 1
            part.steps += watched.steps
            part.cells.update(watched.cells)
            part.digest = part.digest + watched.digest & (1 << 64) - 1
            self._look_into(watched.suspects, part, known, late)
        return part

    def block(self, request: Block) -> Part:
        """The traces of a block, natively; those with a suspect step are run again here, while they show new ones."""
        stretch, late = request.stretch, _after(request.until)
        if late():
            return Part(request.place)
        batch = self._batches.run(stretch.target, stretch.serial, stretch.count)
        part = Part(request.place, batch.traces, batch.steps, batch.cells, digest=batch.digest)
        known = set(request.known)
        idle = 0
        for place, number in enumerate(batch.suspects):
            if idle == IDLE or (place and late()):
                part.unseen = len(batch.suspects) - place
                break
            before = len(known)
            self._look_into(self.trace(number).suspects, part, known, late)
            idle = 0 if len(known) > before else idle + 1
        part.unseen += batch.more_suspects
        return part

    @cached_property
    def _batches(self) -> Batches:
        return Batches(self.generator, STEPS, COMPLETES, CHANGES)

    def _look_into(self, suspects: Sequence[Suspect], part: Part, known: set[Key], late: Callable[[], bool]) -> None:
        for suspect in suspects:
            if suspect.key in known:
                part.met[suspect.key] += 1
            elif (violation := self.confirmer.confirm(suspect, late)) is not None:
                known.add(suspect.key)
                part.found.append(violation)
                part.met[suspect.key] += 1
            else:
                part.unconfirmed[suspect.key] += 1

    def answer(self, ask: Ask) -> Answered:
        """What was asked for: a share, a block, or cells to explain."""
        if isinstance(ask, Request):
            return self.share(ask)
        return self.block(ask) if isinstance(ask, Block) else self.explain(ask)

    def explain(self, cells: Sequence[Cell]) -> list[Standing]:
        return list(Explainer(self.semantics, self.confirmer.solver or Z3Solver()).explain(cells))


def _start(job: Job) -> Callable[[Ask], Answered]:
    return Worker(job).answer


def campaign(
    name: str,
    *,
    seed: int,
    budget: Budget,
    assumptions: Mapping[str, str] | None = None,
    jobs: int | None = None,
    explain: bool = False,
    native: bool = False,
    progress: Progress | None = None,
) -> Campaign:
    """Runs random traces of the machine `name` until the budget is spent.

    With `native` they run in blocks of traces of one target, in the native engine. With `explain` the solver is
    asked about every cell of the coverage that was not met, however long that takes. A violation that is met as the
    time runs out is replayed, but not made small. An interrupt (Ctrl-C) gives what was found so far. Raises
    MachineError, GenerationError and NativeError for what cannot be run, ContradictionError where a counterexample
    contradicts a proof.
    """
    started = time.monotonic()
    job = Job(name, tuple((assumptions or {}).items()), seed)
    count = max(1, jobs or os.cpu_count() or 1)
    here = Worker(job)
    result = Campaign(here.machine, seed)
    try:
        with nullcontext(None) if count == 1 else workers_of(count, _start, job) as crew:

            def answers(asks: Iterable[Ask]) -> Iterator[Answered]:
                if crew is None:
                    for ask in asks:
                        yield here.answer(ask)
                    return
                for ask in asks:
                    crew.ask(ask)
                yield from crew.answers()

            _rounds(result, here, budget, started, answers, progress, native=native)
            if explain:
                _explain(result, answers, progress)
    except KeyboardInterrupt:
        result.stopped = Stopped.INTERRUPTED
    except WorkerKilled:
        result.stopped = Stopped.KILLED
    result.seconds = time.monotonic() - started
    return result


def _rounds(
    result: Campaign,
    worker: Worker,
    budget: Budget,
    started: float,
    answers: Callable[[Iterable[Ask]], Iterator[Answered]],
    progress: Progress | None,
    *,
    native: bool,
) -> None:
    plan = Plan(worker.generator)
    until = None if budget.seconds is None else started + budget.seconds
    while not _spent(result, budget, started):
        requests: list[Request | Block]
        if native:
            stretches = plan.stretches(result.cells, result.rounds)
            requests = [Block(place, stretch, frozenset(), until) for place, stretch in enumerate(stretches)]
            planned = sum(stretch.count for stretch in stretches)
        else:
            numbers = plan.numbers(result.cells, result.rounds)
            if budget.traces is not None:
                numbers = numbers[: budget.traces - result.traces]
            shares = [tuple(numbers[at : at + SHARE]) for at in range(0, len(numbers), SHARE)]
            requests = [Request(place, share, frozenset(), until) for place, share in enumerate(shares)]
            planned = len(numbers)
        # What is known, and the time, are looked at between slices only: so no number of processes changes a result.
        for at in range(0, len(requests), SLICE):
            parts: dict[int, Part] = {}
            known = frozenset(result.violations)
            try:
                for part in answers([replace(request, known=known) for request in requests[at : at + SLICE]]):
                    assert isinstance(part, Part)
                    parts[part.place] = part
                    if progress is not None and part.traces:
                        _tell(progress, result, list(parts.values()), budget, started, planned)
            finally:
                # Also when interrupted: what the finished shares found is kept, in their order.
                for place in sorted(parts):
                    _merge(result, parts[place])
            if until is not None and time.monotonic() >= until:
                return
        result.rounds += 1


def _tell(
    progress: Progress, result: Campaign, parts: Sequence[Part], budget: Budget, started: float, planned: int
) -> None:
    """Tells how much of the budget is spent: of the traces, where it has any, else of the steps, else of the time."""
    traces, steps = result.traces + sum(p.traces for p in parts), result.steps + sum(p.steps for p in parts)
    found = len(result.violations.keys() | {violation.key for part in parts for violation in part.found})
    latest = f"{steps} steps, {found} violation{'' if found == 1 else 's'}"
    if budget.traces is not None:
        progress(min(traces, budget.traces), budget.traces, latest)
    elif budget.steps is not None:
        progress(min(steps, budget.steps), budget.steps, latest)
    elif budget.seconds is not None:
        total = ceil(budget.seconds)
        progress(min(int(time.monotonic() - started), total), total, f"s, {latest}")
    else:
        progress(traces, result.traces + planned, latest)


def _spent(result: Campaign, budget: Budget, started: float) -> bool:
    return (
        (budget.traces is not None and result.traces >= budget.traces)
        or (budget.steps is not None and result.steps >= budget.steps)
        or (budget.seconds is not None and time.monotonic() - started >= budget.seconds)
    )


def _merge(result: Campaign, part: Part) -> None:
    result.traces += part.traces
    result.steps += part.steps
    result.cells.update(part.cells)
    result.met.update(part.met)
    result.unconfirmed.update(part.unconfirmed)
    result.unseen += part.unseen
    result.digest = result.digest + part.digest & (1 << 64) - 1
    for violation in part.found:
        result.violations.setdefault(violation.key, violation)


def _explain(
    result: Campaign, answers: Callable[[Iterable[Ask]], Iterator[Answered]], progress: Progress | None
) -> None:
    open_cells = [s.cell for s in result.standings() if s.reached is Reached.OPEN]
    by_form: dict[int, list[Cell]] = {}
    for cell in open_cells:
        by_form.setdefault(cell[0], []).append(cell)
    for standings in answers([tuple(cells) for cells in by_form.values()]):
        assert isinstance(standings, list)
        result.explained += standings
        if progress is not None:
            progress(len(result.explained), len(open_cells), "cells explained")
    result.explained.sort(key=lambda standing: standing.cell)


__all__ = ["SCHEMA", "Block", "Budget", "Campaign", "Job", "Part", "Request", "Worker", "campaign"]
