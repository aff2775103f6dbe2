"""A validation run: many random steps of a machine against an oracle, with coverage and the list of exceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter

from .answers import Cannot
from .comparison import Comparer, Disagreement, Oracle
from .deviations import Deviation, Explainer
from .ia32_steps import Case

EXAMPLES = 3
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Exceptional:
    """A listed deviation of the oracle, how often it was met, and one example."""

    deviation: Deviation
    count: int
    example: str


@dataclass(eq=False)
class Validation:
    """What a run found. `coverage` counts (form, ring, outcome) over the steps that were compared.

    `names` has the row of the classification of each form. `settings` counts the steps by the value of each
    assumption: a bit of the configuration, or IOPL in the state.
    """

    machine: str
    oracle: str
    version: str
    seed: int
    steps: int = 0
    agreed: int = 0
    coverage: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    settings: Counter[tuple[str, int]] = field(default_factory=Counter)
    declined: Counter[str] = field(default_factory=Counter)
    cannot: Counter[str] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    disagreements: dict[tuple[str, ...], list[Disagreement]] = field(default_factory=dict)
    disagreed: Counter[tuple[str, ...]] = field(default_factory=Counter)
    forms: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    deviations: tuple[Deviation, ...] = ()

    @property
    def exceptions(self) -> list[Exceptional]:
        """The deviations that were met."""
        met = [d for d in self.deviations if self.listed[d.name]]
        return [Exceptional(d, self.listed[d.name], self.examples[d.name]) for d in met]

    @property
    def unused(self) -> list[Deviation]:
        """The deviations of this oracle that no case needed."""
        return [d for d in self.deviations if not self.listed[d.name]]

    @property
    def explained(self) -> int:
        """How many steps differ in a way that is listed."""
        return self.steps - self.agreed - self.unexplained - self.declined.total() - self.cannot.total()

    @property
    def unexplained(self) -> int:
        return self.disagreed.total()

    @property
    def uncovered(self) -> list[str]:
        """The forms that were never compared."""
        seen = {form for form, _, _ in self.coverage}
        return [form for form in self.forms if form not in seen]

    @property
    def rings(self) -> Mapping[int, int]:
        """Compared steps by ring."""
        counts: Counter[int] = Counter()
        for (_, ring, _), count in self.coverage.items():
            counts[ring] += count
        return dict(sorted(counts.items()))

    def rows(self) -> Mapping[str, Counter[tuple[int, str]]]:
        """For each row of the classification, the compared steps by ring and outcome."""
        found: dict[str, Counter[tuple[int, str]]] = {}
        for (form, ring, outcome), count in self.coverage.items():
            found.setdefault(self.names[form], Counter())[ring, outcome] += count
        return dict(sorted(found.items()))

    def outcomes(self) -> Mapping[str, int]:
        """Compared steps by what the model says of them."""
        counts: Counter[str] = Counter()
        for (_, _, outcome), count in self.coverage.items():
            counts[outcome] += count
        return dict(counts.most_common())


def validate(
    machine: Machine,
    oracle: Oracle,
    cases: Callable[[Interpreter], Iterable[Case]],
    deviations: Sequence[Deviation] = (),
    *,
    steps: int,
    seed: int,
    progress: Progress | None = None,
    goal: int | None = None,
    run: Validation | None = None,
    comparer: type[Comparer] = Comparer,
) -> Validation:
    """Compares cases that `cases(interpreter)` draws until there are `steps`. The seed is only recorded.

    `comparer` says what is compared. With `run` that run goes on; `goal` is then how many steps progress is
    measured against.
    """
    interpreter = Interpreter(machine)
    compares = comparer(interpreter, oracle)
    explainer = Explainer(compares, deviations)
    run = run or Validation(machine.name, oracle.name, oracle.version, seed)
    run.forms = tuple(i.id for i in machine.instructions)
    run.names = {i.id: i.name for i in machine.instructions}
    run.deviations = explainer.deviations
    for case in cases(interpreter):
        if run.steps >= steps:
            break
        _count(run, case, compares, explainer)
        if progress is not None and run.steps % 1000 == 0:
            progress(run.steps, goal or steps, f"{run.agreed} agree, {run.explained} listed, {run.unexplained} differ")
    return run


def _count(run: Validation, case: Case, comparer: Comparer, explainer: Explainer) -> None:
    run.steps += 1
    expected, answer, differences = comparer.compare(case)
    if answer is None:
        run.declined[expected.outcome] += 1
        return
    if isinstance(answer, Cannot):
        run.cannot[answer.reason] += 1
        return
    run.coverage[case.instruction.id, case.ring, expected.outcome] += 1
    for assumption in comparer.machine.assumptions.values():
        if assumption.scope == "configuration":
            run.settings[assumption.name, assumption.value] += 1
        elif assumption.name in case.state:
            run.settings[assumption.name, case.state[assumption.name]] += 1
    if not differences:
        run.agreed += 1
        return
    disagreement = Disagreement(case, differences, expected, answer)
    causes = explainer.explain(disagreement)
    if causes is None:
        kind = (case.instruction.id, *disagreement.kind)
        run.disagreed[kind] += 1
        kept = run.disagreements.setdefault(kind, [])
        if len(kept) < EXAMPLES:
            kept.append(disagreement)
        return
    for cause in causes:
        run.listed[cause.name] += 1
        if len(causes) == 1 or cause.name not in run.examples:
            run.examples.setdefault(cause.name, disagreement.describe())
