"""Asking the classification again of single forms, under other configurations and with traps in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from ringproof.model.machine import Machine
from ringproof.model.trapping import OwnTrap, own_trap, with_traps
from ringproof.solvers.z3_solver import Z3Solver

from ..classification import FormResult, classify_form
from ..definitions import Semantics
from ..run import Job, Progress, prepare
from ..workers import Workers, workers


@dataclass(frozen=True, order=True)
class Setting:
    """How a machine is changed: values of configuration bits, and the rows that trap for privilege."""

    changes: tuple[tuple[str, int], ...] = ()
    traps: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Question:
    """What is the classification of the form at `form` in the machine, as changed by `setting`?"""

    setting: Setting
    form: int


def changed(job: Job, setting: Setting) -> Machine:
    """The machine of `job` as changed by `setting`."""
    values = {**dict(job.assumptions), **{name: str(value) for name, value in setting.changes}}
    machine = prepare(job.name, values)
    return with_traps(machine, setting.traps, _own_trap(job)) if setting.traps else machine


@lru_cache(maxsize=1)
def _own_trap(job: Job) -> OwnTrap:
    """The trap that is put in front, the same whatever bits are changed."""
    return own_trap(prepare(job.name, dict(job.assumptions)))


class Rechecker:
    """Answers questions by `crew`, or here where there is none, each once."""

    def __init__(self, job: Job, crew: Workers[Question, Answered] | None, progress: Progress | None) -> None:
        self.answered: dict[Question, FormResult] = {}
        self._here = serve(job)
        self._crew = crew
        self._progress = progress

    def ask(self, questions: Sequence[Question]) -> None:
        """Puts the answers to `questions` into `answered`."""
        new = sorted({question for question in questions if question not in self.answered})
        total = len(self.answered) + len(new)
        for question, result in self._answers(new):
            self.answered[question] = result
            if self._progress is not None:
                self._progress(len(self.answered), total, result.name)

    def _answers(self, questions: Sequence[Question]) -> Iterator[Answered]:
        if self._crew is None:
            yield from map(self._here, questions)
            return
        for question in questions:
            self._crew.ask(question)
        yield from self._crew.answers()


Answered = tuple[Question, FormResult]


@contextmanager
def rechecker(job: Job, jobs: int, progress: Progress | None) -> Iterator[Rechecker]:
    """A rechecker that has `jobs` processes."""
    if jobs == 1:
        yield Rechecker(job, None, progress)
        return
    with workers(jobs, serve, job) as crew:
        yield Rechecker(job, crew, progress)


def serve(job: Job) -> Callable[[Question], Answered]:
    """The function that answers questions about the machine of `job`."""
    solver = Z3Solver()

    @lru_cache(maxsize=4)
    def semantics(setting: Setting) -> Semantics:
        return Semantics(changed(job, setting))

    def answer(question: Question) -> Answered:
        meant = semantics(question.setting)
        return question, classify_form(meant, meant.machine.instructions[question.form], solver, job.budget)

    return answer
