"""Faulty monitors: each has to be refuted by a property, or is a right monitor after all.

A mutant that all three properties are proved of is *equivalent*: it meets the whole specification, and so is no fault
(the report says so, and a test names the reason of each). One that is neither refuted nor proved is *inconclusive*.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ringproof.model.monitors.faults import FAULTS
from ringproof.model.selection import NothingSelected

from ..discharge import BUDGET
from ..run import Progress
from ..workers import workers as workers_of
from .obligations import PROPERTIES
from .prove import Report, prove


@dataclass(frozen=True)
class Mutant:
    """A fault and the verdict on each property of the monitor that has it; `by` are the instructions that showed it."""

    name: str
    system: str
    text: str
    verdicts: dict[str, str]
    by: dict[str, list[str]]
    witness: str | None

    @property
    def fate(self) -> str:
        """ "killed", "equivalent" or "inconclusive"."""
        found = self.verdicts.values()
        if "refuted" in found:
            return "killed"
        return "equivalent" if all(word == "proved" for word in found) else "inconclusive"


def mutants(
    names: Sequence[str] = (), *, jobs: int | None = None, budget: int = BUDGET, progress: Progress | None = None
) -> list[Mutant]:
    """Every fault of the catalogue, or those in `names`, with its verdicts. Raises NothingSelected for other names."""
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise NothingSelected(f"no fault is named {unknown[0]!r}; there are {', '.join(FAULTS)}")
    chosen = list(names or FAULTS)
    found: dict[str, Mutant] = {}
    for mutant in _tried(chosen, budget, max(1, min(jobs or os.cpu_count() or 1, len(chosen)))):
        found[mutant.name] = mutant
        if progress is not None:
            progress(len(found), len(chosen), mutant.name)
    return [found[name] for name in chosen]


def _tried(names: Sequence[str], budget: int, workers: int) -> Iterator[Mutant]:
    if workers == 1:
        yield from map(_start(budget), names)
        return
    with workers_of(workers, _start, budget) as crew:
        for name in names:
            crew.ask(name)
        yield from crew.answers()


def _start(budget: int) -> Callable[[str], Mutant]:
    return lambda name: _try(name, budget)


def _try(name: str, budget: int) -> Mutant:
    fault = FAULTS[name]
    system = f"{fault.system}~{name}"
    report: Report = prove(system, only=fault.only, jobs=1, budget=budget)
    verdicts = report.properties
    shown = report.witnesses
    return Mutant(
        name,
        system,
        fault.text,
        verdicts,
        {what: report.refuted(what) for what in PROPERTIES if report.refuted(what)},
        shown[0].id if shown else None,
    )
