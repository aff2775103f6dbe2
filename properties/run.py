"""A whole check of a machine: every form in parallel, the theorems, the mode graph, the decoding."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from ringproof.model.catalog import load
from ringproof.model.machine import Machine
from ringproof.model.selection import select
from ringproof.solvers.z3_solver import Z3Solver

from .classification import FormResult, Row, classify_form, rows
from .decoding import Decoding, check_decoding
from .definitions import Semantics
from .discharge import BUDGET
from .pairs import first_run
from .theorems import Condition, conditions
from .transitions import (
    ModeGraph,
    Transition,
    TrapKind,
    fetch_outcome,
    graph,
    of_instruction,
    of_trap,
    transitions,
    trap_kinds,
)
from .verdicts import Proved, Refuted, Unknown, Vacuous
from .witness import Witness
from .workers import WorkerKilled
from .workers import workers as workers_of

Progress = Callable[[int, int, str], None]


class Stopped(Enum):
    """Why a check ended before everything was decided."""

    INTERRUPTED = "interrupted"
    KILLED = "a worker process was killed"


@dataclass(frozen=True)
class Report:
    """What a check found. `stopped` says what cut it short, if anything did: then only the rows decided so far.

    `selected` are the patterns that the rows were chosen by; the conditions are then over these rows alone.
    """

    machine: Machine
    solver: str
    rows: list[Row]
    theorems: tuple[Condition, Condition, Condition]
    modes: ModeGraph
    decoding: Decoding | None
    seconds: float
    selected: tuple[str, ...] = ()
    stopped: Stopped | None = None
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def witnesses(self) -> list[Witness]:
        """Every counterexample, each once, in the order of the rows."""
        found = {w.id: w for row in self.rows for form in row.forms for w in form.witnesses}
        return list(found.values())


@dataclass(frozen=True)
class Job:
    """What a worker needs to build the machine for itself."""

    name: str
    assumptions: tuple[tuple[str, str], ...]
    budget: int


def prepare(name: str, assumptions: Mapping[str, str]) -> Machine:
    """The machine `name` under `assumptions`, in the first of its contexts unless these choose another.

    Raises MachineError for what does not exist.
    """
    machine = load(name)
    if machine.contexts and "context" not in assumptions:
        assumptions = {"context": next(iter(machine.contexts)), **assumptions}
    machine.assuming(assumptions)
    return machine


def check(
    name: str,
    *,
    assumptions: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    jobs: int | None = None,
    budget: int = BUDGET,
    progress: Progress | None = None,
) -> Report:
    """Classifies the machine `name`, with `jobs` processes (all cores by default).

    `only` restricts the check to the rows of these names, in which `*` and `?` stand for any text and any
    character; then decoding is not checked. Raises MachineError for an unknown machine or assumption, and
    NothingSelected for a name that no row has. An interrupt (Ctrl-C) gives the report of what was decided so far.
    """
    started = time.monotonic()
    job = Job(name, tuple((assumptions or {}).items()), budget)
    machine = prepare(name, dict(job.assumptions))
    chosen = select(machine, only)
    workers = max(1, min(jobs or os.cpu_count() or 1, len(chosen)))
    found: dict[int, Decided] = {}
    moves: list[Transition] = []
    decoding: Decoding | None = None
    stopped: Stopped | None = None
    try:
        if not only:
            decoding = check_decoding(machine, Z3Solver(), budget)
        for part in _decide(job, machine, chosen, workers):
            if not isinstance(part, Decided):
                moves += part
                continue
            found[part.index] = part
            if progress is not None:
                progress(len(found), len(chosen), part.result.name)
    except KeyboardInterrupt:
        stopped = Stopped.INTERRUPTED
    except WorkerKilled:
        stopped = Stopped.KILLED
    ordered = [found[index] for index in sorted(found)]
    results = [part.result for part in ordered]
    moves = [move for part in ordered for move in part.transitions] + sorted(moves, key=lambda move: move.by)
    table = rows(results)
    return Report(
        machine=machine,
        solver=Z3Solver().name,
        rows=table,
        theorems=conditions(table, complete=stopped is None),
        modes=graph(machine, moves),
        decoding=decoding,
        seconds=time.monotonic() - started,
        selected=tuple(only),
        stopped=stopped,
        counts=_counts(results),
    )


@dataclass(frozen=True)
class Decided:
    """What a worker found out about one instruction form: `index` is its place in the machine."""

    index: int
    result: FormResult
    transitions: list[Transition]
    traps: list[TrapKind]


def _decide(job: Job, machine: Machine, chosen: Sequence[int], workers: int) -> Iterator[Decided | list[Transition]]:
    """What is found out of each form of `chosen`, and the transitions of each trap that one of them can raise."""
    if workers == 1:
        yield from _decide_here(_Worker(job, machine), chosen)
        return
    with workers_of(workers, _start, job) as crew:
        seen = _fetching(machine)
        requests: list[int | TrapKind] = [*seen, *chosen]
        for request in requests:
            crew.ask(request)
        for found in crew.answers():
            if isinstance(found, Decided):
                for kind in found.traps:
                    if kind not in seen:
                        seen.add(kind)
                        crew.ask(kind)
            yield found


def _decide_here(worker: _Worker, chosen: Sequence[int]) -> Iterator[Decided | list[Transition]]:
    seen = _fetching(worker.semantics.machine)
    yield from map(worker.trap, list(seen))
    for index in chosen:
        found = worker.classify(index)
        yield found
        yield from map(worker.trap, [kind for kind in found.traps if kind not in seen])
        seen.update(found.traps)


def _fetching(machine: Machine) -> set[TrapKind]:
    """The traps of the fetch."""
    return set(trap_kinds(fetch_outcome(machine), None)) if machine.deliver else set()


class _Worker:
    def __init__(self, job: Job, machine: Machine) -> None:
        self.semantics = Semantics(machine)
        self.solver = Z3Solver()
        self.budget = job.budget

    def classify(self, index: int) -> Decided:
        machine = self.semantics.machine
        instruction = machine.instructions[index]
        run = first_run(machine, instruction)
        result = classify_form(self.semantics, instruction, self.solver, self.budget, run)
        moves = transitions(self.semantics, of_instruction(instruction, run), self.solver, self.budget)
        return Decided(index, result, moves, trap_kinds(run.outcome, index) if machine.deliver else [])

    def trap(self, kind: TrapKind) -> list[Transition]:
        return transitions(self.semantics, of_trap(self.semantics.machine, kind), self.solver, self.budget)


def _start(job: Job) -> Callable[[int | TrapKind], Decided | list[Transition]]:
    worker = _Worker(job, prepare(job.name, dict(job.assumptions)))
    return lambda request: worker.classify(request) if isinstance(request, int) else worker.trap(request)


def _counts(results: Sequence[FormResult]) -> dict[str, int]:
    kinds = {"proved": Proved, "refuted": Refuted, "vacuous": Vacuous, "unknown": Unknown}
    verdicts = [verdict for result in results for verdict in result.verdicts.values()]
    return {name: sum(isinstance(v, kind) for v in verdicts) for name, kind in kinds.items()}
