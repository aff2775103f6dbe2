"""The search for the smallest repairs of a machine, each proved by checking the repaired machine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import combinations

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Machine
from ringproof.model.selection import select
from ringproof.solvers.z3_solver import Z3Solver

from ..classification import FormResult, Row, rows
from ..discharge import BUDGET
from ..run import Job, Progress, prepare
from ..theorems import Condition, conditions
from .dependence import dependence, same, settable
from .rechecking import Question, Rechecker, Setting, changed, rechecker

Bits = tuple[str, ...]
"""Configuration bits that are changed, by name, in the machine's order."""


@dataclass(frozen=True)
class Repair:
    """A changed machine, and the theorem's condition on it: `after.holds` says that the repair is proved."""

    setting: Setting
    after: Condition


@dataclass(frozen=True)
class Repairs:
    """What repairs the condition `before` of one theorem.

    `traps` is the one set of rows that would have to trap where no bit changes; None where the condition holds.
    `bits` are the smallest sets of bits that are enough by themselves. `both` are the sets of bits that leave the
    fewest rows, and of these the smallest, with traps for what is left; none where bits are enough, or where they
    leave as much as before.
    """

    before: Condition
    traps: Repair | None
    bits: tuple[Repair, ...]
    both: tuple[Repair, ...]

    @property
    def found(self) -> bool | None:
        """The condition holds, or a repair is proved (None: something is unknown)."""
        after = [repair.after.holds for repair in (*([self.traps] if self.traps else []), *self.bits, *self.both)]
        if self.before.holds or True in after:
            return True
        return None if None in after else False


@dataclass(frozen=True)
class Effect:
    """What changing one bit to `value` does to each theorem's condition: rows repaired, rows that now violate it."""

    bit: str
    value: int
    repaired: tuple[tuple[str, ...], ...]
    broken: tuple[tuple[str, ...], ...]
    left: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """What a search for repairs found; `rows` are those of the machine as it is.

    `asked` counts the classifications of single forms that it rests on. `selected` are the patterns that the rows were
    chosen by; conditions and repairs are then over these rows alone.
    """

    machine: Machine
    solver: str
    rows: list[Row]
    repairs: tuple[Repairs, Repairs, Repairs]
    effects: tuple[Effect, ...]
    asked: int
    seconds: float
    selected: tuple[str, ...] = ()


def repair(
    name: str,
    *,
    assumptions: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
    jobs: int | None = None,
    budget: int = BUDGET,
    whole: bool = False,
    progress: Progress | None = None,
) -> Report:
    """The smallest repairs of the machine `name`, with `jobs` processes (all cores by default).

    Verdicts on a form that a repair does not touch are taken over from the machine as it is, once its terms are seen
    to be the same; with `whole`, every form of every repaired machine is asked again. `only` restricts all to the rows
    of these names, as for a check. Raises MachineError for an unknown machine or assumption, NothingSelected for a name
    that no row has, and WorkerKilled when a process dies.
    """
    started = time.monotonic()
    job = Job(name, tuple((assumptions or {}).items()), budget)
    machine = prepare(name, dict(job.assumptions))
    forms = select(machine, only)
    count = max(1, min(jobs or os.cpu_count() or 1, len(forms)))
    with rechecker(job, count, progress) as asking:
        search = _Search(job, machine, forms, asking, whole=whole)
        one, two, three = (search.repairs(theorem) for theorem in range(3))
        effects, table = search.effects(), search.table
    return Report(
        machine=machine,
        solver=Z3Solver().name,
        rows=table,
        repairs=(one, two, three),
        effects=effects,
        asked=len(asking.answered),
        seconds=time.monotonic() - started,
        selected=tuple(only),
    )


class _Search:
    def __init__(self, job: Job, machine: Machine, forms: Sequence[int], asking: Rechecker, *, whole: bool) -> None:
        self.job, self.machine, self.forms, self.asking, self.whole = job, machine, forms, asking, whole
        self.names = [instruction.name for instruction in machine.instructions]
        self.depends = dependence(machine, forms)
        used = frozenset[str]().union(*self.depends.values())
        self.bits = [bit for bit in settable(machine) if bit in used]
        self.sets = [chosen for size in range(len(self.bits) + 1) for chosen in combinations(self.bits, size)]
        self.escaping: dict[Question, tuple[bool, ...]] = {}
        asking.ask(self.questions(()))
        asking.ask([question for bit in self.bits for question in self.questions((bit,))])
        self.changed = lru_cache(maxsize=None)(partial(changed, job))
        self.outcome = lru_cache(maxsize=None)(self._outcome)

    @cached_property
    def table(self) -> list[Row]:
        """The rows of the machine as it is."""
        return rows(self._results(self.questions(())))

    def repairs(self, theorem: int) -> Repairs:
        before = conditions(self.table)[theorem]
        if before.holds:
            return Repairs(before, None, (), ())
        traps = self.proved(theorem, ())
        best = self.best(theorem)
        left = len(self.left(theorem, best[0]))
        if not left:
            return Repairs(before, traps, tuple(self.proved(theorem, chosen) for chosen in best), ())
        if left == len(self.left(theorem, ())):
            return Repairs(before, traps, (), ())
        return Repairs(before, traps, (), tuple(self.proved(theorem, chosen) for chosen in best))

    def effects(self) -> tuple[Effect, ...]:
        """What each bit does by itself."""
        found = []
        for bit in self.bits:
            before = [self.left(theorem, ()) for theorem in range(3)]
            after = [self.left(theorem, (bit,)) for theorem in range(3)]
            apart = list(zip(before, after, strict=True))
            repaired = tuple(tuple(name for name in one if name not in two) for one, two in apart)
            broken = tuple(tuple(name for name in two if name not in one) for one, two in apart)
            found.append(Effect(bit, self._flipped(bit), repaired, broken, tuple(after)))
        return tuple(found)

    # Settings of bits.

    def questions(self, chosen: Bits) -> list[Question]:
        """What is asked of each form where the bits `chosen` are changed; those that it depends on count."""
        return [Question(self._setting(chosen, form), form) for form in self.forms]

    def _setting(self, chosen: Bits, form: int, traps: tuple[str, ...] = ()) -> Setting:
        depends = self.depends[form]
        return Setting(tuple((bit, self._flipped(bit)) for bit in chosen if bit in depends), traps)

    def _flipped(self, bit: str) -> int:
        return 1 - self.machine.assumptions[bit].value

    def best(self, theorem: int) -> list[Bits]:
        """The sets of bits that leave the fewest rows, and of these the smallest.

        What is not asked yet is taken to leave nothing, until the sets that come first are all known.
        """
        while True:
            ranks = {chosen: (len(self.left(theorem, chosen)), len(chosen)) for chosen in self.sets}
            first = min(ranks.values())
            found = [chosen for chosen, rank in ranks.items() if rank == first]
            open_ = [q for chosen in found for q in self.questions(chosen) if q not in self.asking.answered]
            if not open_:
                return found
            self.asking.ask(open_)

    def left(self, theorem: int, chosen: Bits) -> tuple[str, ...]:
        """The rows that violate the condition, or may, where the bits `chosen` are changed; as far as is known."""
        known = [question for question in self.questions(chosen) if question in self.asking.answered]
        names = [self.names[question.form] for question in known if self._escapes(question)[theorem]]
        return tuple(dict.fromkeys(names))

    def _escapes(self, question: Question) -> tuple[bool, ...]:
        """Whether each theorem's condition fails by the form, or may."""
        if question not in self.escaping:
            result = self.asking.answered[question]
            alone = conditions([Row(result.name, [result])])
            self.escaping[question] = tuple(condition.holds is not True for condition in alone)
        return self.escaping[question]

    # Proofs.

    def proved(self, theorem: int, chosen: Bits) -> Repair:
        """The machine with the bits `chosen` changed and traps in front of the rows that are left, checked."""
        traps = self.left(theorem, chosen)
        setting = Setting(tuple((bit, self._flipped(bit)) for bit in chosen), traps)
        if self.whole:
            questions = [Question(setting, form) for form in self.forms]
        else:
            questions = [
                Question(self._setting(chosen, form, self._traps_with(name) if name in traps else ()), form)
                for form, name in ((form, self.names[form]) for form in self.forms)
            ]
            self._require_same_terms(setting, questions)
        self.asking.ask(questions)
        return Repair(setting, conditions(rows(self._results(questions)))[theorem])

    def _traps_with(self, name: str) -> tuple[str, ...]:
        """The rows that are given traps where `name` is asked of: what the other rows do changes no answer on it."""
        return self.violating if name in self.violating else (name,)

    @cached_property
    def violating(self) -> tuple[str, ...]:
        """The rows by which the condition of some theorem fails where no bit is changed."""
        return tuple(dict.fromkeys(name for theorem in range(3) for name in self.left(theorem, ())))

    def _require_same_terms(self, setting: Setting, questions: Sequence[Question]) -> None:
        """Each form means in the repaired machine what it means where it is asked of, term by term."""
        repaired = self.changed(setting)
        for question in questions:
            one, two = repaired.instructions[question.form], self.changed(question.setting).instructions[question.form]
            if not same(one, repaired.outcome(one), two, self.outcome(question)):
                raise RuntimeError(f"{one.id} is not the same in {setting} as in {question.setting}")

    def _outcome(self, question: Question) -> Outcome:
        machine = self.changed(question.setting)
        return machine.outcome(machine.instructions[question.form])

    def _results(self, questions: Sequence[Question]) -> list[FormResult]:
        return [self.asking.answered[question] for question in questions]
