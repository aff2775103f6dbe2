"""A whole proof of a system: every claim of every form in parallel, and what they come to by property."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringproof.model.monitors.catalog import system as construct
from ringproof.model.monitors.construction import Construction
from ringproof.model.selection import select
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
    """What a worker needs to build the system for itself."""

    name: str
    budget: int


def prove(
    name: str,
    *,
    properties: Sequence[str] = (),
    only: Sequence[str] = (),
    jobs: int | None = None,
    budget: int = BUDGET,
    progress: Progress | None = None,
) -> Report:
    """Proves or refutes the three properties of the system `name`, with `jobs` processes (all cores by default).

    `properties` are those asked for (all by default), `only` patterns of rows or forms. Raises MachineError for an
    unknown system, and NothingSelected where nothing is left. An interrupt gives the report of what was decided.
    """
    started = time.monotonic()
    construction = construct(name)
    chosen = _select(construction, only)
    workers = max(1, min(jobs or os.cpu_count() or 1, len(chosen)))
    found: dict[int, list[Obligation]] = {}
    stopped: Stopped | None = None
    try:
        for index, obligations in _decide(Job(name, budget), chosen, workers):
            found[index] = obligations
            if progress is not None:
                progress(len(found), len(chosen), obligations[0].instruction if obligations else name)
    except KeyboardInterrupt:
        stopped = Stopped.INTERRUPTED
    except WorkerKilled:
        stopped = Stopped.KILLED
    wanted = properties or PROPERTIES
    ordered = [o for index in chosen if index in found for o in found[index] if o.property in wanted]
    return Report(
        name=name,
        construction=construction,
        solver=Z3Solver().name,
        obligations=ordered,
        seconds=time.monotonic() - started,
        selected=(*properties, *only),
        stopped=stopped,
    )


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


def _decide(job: Job, chosen: Sequence[int], workers: int) -> Iterator[tuple[int, list[Obligation]]]:
    if workers == 1:
        yield from map(_start(job), chosen)
        return
    with workers_of(workers, _start, job) as crew:
        for index in chosen:
            crew.ask(index)
        yield from crew.answers()


def _start(job: Job) -> Callable[[int], tuple[int, list[Obligation]]]:
    worker = _Worker(job)
    return lambda index: (index, worker.decide(index))


class _Worker:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.construction = construct(job.name)
        self.solver = Z3Solver()
        self.lemmas = Lemmas(Z3Solver(quick=EASY), job.budget)
        self.semantics = Semantics(self.construction.judged or self.construction.guest)
        self.discharger = Discharger(System(self.construction), job.name, self.solver, job.budget)

    def decide(self, index: int) -> list[Obligation]:
        found: list[Obligation] = []
        subject = _subject(self.construction, index, self.job.name, self.lemmas.agree)
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
        return is_direct(self.semantics, instruction, self.solver, self.job.budget)


__all__ = ["Never", "Obligation", "Report", "listed", "prove"]
