"""A whole proof of a system: every claim of every form in parallel, and what they come to by property."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringproof.model.monitors.catalog import system as construct
from ringproof.model.monitors.construction import Construction
from ringproof.model.selection import select
from ringproof.solvers.answer import Solver
from ringproof.solvers.remembering import Remembering
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.monitored import System

from ..classification import is_direct
from ..definitions import Semantics
from ..discharge import BUDGET
from ..run import Progress, Stopped
from ..workers import WorkerKilled
from ..workers import workers as workers_of
from .deliveries import Deliveries, Foreign
from .discharging import Discharger
from .fetching import Fetch
from .lemmas import Lemmas
from .obligations import EFFICIENCY, PROPERTIES, Agree, Maps, Squares, Subject, Undefined
from .verdicts import Never, Proved, Refuted, Unknown, Verdict
from .witness import SystemWitness

BESIDES: Mapping[int, type[Subject]] = {-1: Fetch, -2: Undefined, -3: Maps, -4: Deliveries}
"""What is proved beside the instruction forms, under numbers that no form has."""

EASY = 100_000
"""The solver's resource units for a lemma before it is bit-blasted: lemmas are small and full of sums."""


@dataclass(frozen=True)
class Obligation:
    """One claim and what became of it; `id` is `SYSTEM/property/form/case`."""

    id: str
    property: str
    instruction: str
    case: str
    verdict: Verdict


@dataclass(frozen=True)
class Report:
    """What a proof found. `stopped` says what cut it short, if anything did."""

    name: str
    construction: Construction
    solver: str
    obligations: list[Obligation]
    seconds: float
    selected: tuple[str, ...] = ()
    stopped: Stopped | None = None

    def verdict(self, name: str) -> str:
        """ "proved", "refuted" or "unknown": of the property `name` over all of its obligations."""
        own = [o.verdict for o in self.obligations if o.property == name]
        if any(isinstance(v, Refuted) for v in own):
            return "refuted"
        if self.stopped is not None or any(isinstance(v, Unknown) for v in own):
            return "unknown"
        return "proved" if any(isinstance(v, Proved) for v in own) else "vacuous"

    @property
    def properties(self) -> dict[str, str]:
        asked = {o.property for o in self.obligations}
        return {name: self.verdict(name) for name in PROPERTIES if name in asked}

    @property
    def witnesses(self) -> list[SystemWitness]:
        """Every counterexample, each once, in the order of the obligations."""
        found = {o.verdict.witness.id: o.verdict.witness for o in self.obligations if isinstance(o.verdict, Refuted)}
        return list(found.values())

    def refuted(self, name: str) -> list[str]:
        """The instructions by which the property `name` is refuted, each once."""
        own = [o for o in self.obligations if o.property == name and isinstance(o.verdict, Refuted)]
        return list(dict.fromkeys(o.instruction for o in own))


@dataclass(frozen=True)
class Job:
    """What a worker needs to build the systems for itself."""

    names: tuple[str, ...]
    budget: int


Task = tuple[int, int]
"""Which of the systems, and the number of what is proved there."""


def prove(
    name: str,
    *,
    properties: Sequence[str] = (),
    only: Sequence[str] = (),
    jobs: int | None = None,
    budget: int = BUDGET,
    progress: Progress | None = None,
) -> Report:
    """Proves or refutes the three properties of the system `name`: `prove_all` of one."""
    (report,) = prove_all([name], properties=properties, only=only, jobs=jobs, budget=budget, progress=progress)
    return report


def prove_all(
    names: Sequence[str],
    *,
    properties: Sequence[str] = (),
    only: Sequence[str] = (),
    jobs: int | None = None,
    budget: int = BUDGET,
    progress: Progress | None = None,
) -> list[Report]:
    """Proves or refutes the three properties of each of the systems `names`, with `jobs` processes (all cores).

    Forms that several systems have are taken together, since much of what is asked about them is the same; the
    verdicts are those of each system by itself. `properties` are those asked for (all by default), `only` patterns of
    rows or forms. Raises MachineError for an unknown system, and NothingSelected where nothing is left. An interrupt
    gives the reports of what was decided; their `seconds` are those of the run.
    """
    started = time.monotonic()
    constructions = [construct(name) for name in names]
    chosen = [_select(construction, only) for construction in constructions]
    tasks = _together(constructions, chosen)
    total = sum(map(len, tasks))
    found: dict[Task, list[Obligation]] = {}
    stopped: Stopped | None = None
    try:
        for task, obligations in _decide(
            Job(tuple(names), budget), tasks, max(1, min(jobs or os.cpu_count() or 1, len(tasks)))
        ):
            found[task] = obligations
            if progress is not None:
                progress(len(found), total, obligations[0].instruction if obligations else names[task[0]])
    except KeyboardInterrupt:
        stopped = Stopped.INTERRUPTED
    except WorkerKilled:
        stopped = Stopped.KILLED
    wanted = properties or PROPERTIES
    seconds = time.monotonic() - started
    return [
        Report(
            name=name,
            construction=constructions[n],
            solver=Z3Solver().name,
            obligations=[o for i in chosen[n] if (n, i) in found for o in found[n, i] if o.property in wanted],
            seconds=seconds,
            selected=(*properties, *only),
            stopped=stopped,
        )
        for n, name in enumerate(names)
    ]


def _together(constructions: Sequence[Construction], chosen: Sequence[Sequence[int]]) -> list[list[Task]]:
    """What is chosen of each system, with the same subject of all of them in one list."""
    found: dict[str, list[Task]] = {}
    for number, (construction, indices) in enumerate(zip(constructions, chosen, strict=True)):
        forms = [*construction.guest.instructions, *construction.foreign]
        for index in indices:
            subject = BESIDES[index].row if index in BESIDES else forms[index].id
            found.setdefault(subject, []).append((number, index))
    return list(found.values())


def _select(construction: Construction, only: Sequence[str]) -> list[int]:
    """The numbers of what `only` names: of rows that match, forms by id, and what is proved besides; all, without any.

    Forms of the guest's machine come first, then those that only the host has, then what is proved besides.
    """
    forms = [*construction.guest.instructions, *construction.foreign]
    own = len(construction.guest.instructions)
    if not only:
        return [*range(len(forms)), *BESIDES]
    named = {n: (form.id, *((form.name,) if n >= own else ())) for n, form in enumerate(forms)}
    named |= {n: (kind.row,) for n, kind in BESIDES.items()}
    exact = [n for n, names in named.items() if set(names) & set(only)]
    patterns = [pattern for pattern in only if all(pattern not in names for names in named.values())]
    found = {*exact, *(select(construction.guest, patterns) if patterns else ())}
    return sorted(found, key=lambda n: (n < 0, abs(n)))


def listed(name: str, only: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The obligations of the system `name` by id, with the property of each; nothing is asked of a solver."""
    construction = construct(name)
    subjects = [_subject(construction, index, name, lambda *conditions: False) for index in _select(construction, only)]
    each = [(subject, isinstance(subject, Squares)) for subject in subjects]
    return [(claim.name, claim.what) for subject, squares in each for claim in subject.claims(innocuous=squares)]


def _subject(construction: Construction, index: int, name: str, agree: Agree) -> Subject:
    """What is proved under the number `index`."""
    if index in BESIDES:
        return BESIDES[index](construction, name, agree)
    own = construction.guest.instructions
    if index < len(own):
        return Squares(construction, own[index], name, agree)
    return Foreign(construction, construction.foreign[index - len(own)], name, agree)


def _decide(job: Job, tasks: Sequence[list[Task]], workers: int) -> Iterator[tuple[Task, list[Obligation]]]:
    if workers == 1:
        decide = _start(job)
        yield from (answer for task in tasks for answer in decide(task))
        return
    with workers_of(workers, _start, job) as crew:
        for task in tasks:
            crew.ask(task)
        for answers in crew.answers():
            yield from answers


def _start(job: Job) -> Callable[[list[Task]], list[tuple[Task, list[Obligation]]]]:
    solver, easy = Remembering(Z3Solver()), Remembering(Z3Solver(quick=EASY))
    workers = [_Worker(name, job.budget, solver, easy) for name in job.names]
    return lambda tasks: [(task, workers[task[0]].decide(task[1])) for task in tasks]


class _Worker:
    """Proves what is asked about one system; `easy` answers what is only tried."""

    def __init__(self, name: str, budget: int, solver: Solver, easy: Solver) -> None:
        self.name, self.budget = name, budget
        self.construction = construct(name)
        self.solver = solver
        self.lemmas = Lemmas(easy, budget)
        self.semantics = Semantics(self.construction.judged or self.construction.guest)
        self.discharger = Discharger(System(self.construction), name, solver, budget)

    def decide(self, index: int) -> list[Obligation]:
        found: list[Obligation] = []
        subject = _subject(self.construction, index, self.name, self.lemmas.agree)
        squares = isinstance(subject, Squares)
        parts = list(subject.instruction.encoding.fields.values()) if isinstance(subject, Squares) else []
        for claim in subject.claims(innocuous=squares):
            verdict = self.discharger.discharge(claim, parts)
            if claim.what == EFFICIENCY and not isinstance(verdict, Proved) and not self._is_direct(index):
                continue
            found.append(Obligation(claim.name, claim.what, claim.instruction, claim.case, verdict))
        return found

    def _is_direct(self, index: int) -> bool:
        """Efficiency is promised of the form; that is asked only where it does not hold anyway."""
        form = self.construction.guest.instructions[index]
        instruction = next(i for i in self.semantics.machine.instructions if i.id == form.id)
        return is_direct(self.semantics, instruction, self.solver, self.budget)


__all__ = ["Never", "Obligation", "Report", "listed", "prove", "prove_all"]
