"""Discharging the claims about a monitor: solver, cover, shrinking, replay, in that order, and never past a failure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ringproof.model.encoding import WORD
from ringproof.model.terms import FALSE, ArraySort, Evaluation, Term, var, variables
from ringproof.solvers.answer import Sat, Solver, Undecided
from ringproof.traces.monitored import System
from ringproof.traces.python_code import default_value
from ringproof.traces.recording.state_text import StateError

from ..shrinking import shrink
from ..verdicts import SpuriousError
from .obligations import AT, Claim
from .replay import Squared, replay
from .sentences import sentence
from .shapes import Shapes
from .verdicts import Never, Proved, Refuted, Unknown, Verdict
from .witness import SystemWitness, encode

RECENT = 4
"""So many states that took a case are tried for other forms."""


class Discharger:
    """Turns the claims about one system into verdicts, and remembers states of each form to cover others with."""

    def __init__(self, system: System, name: str, solver: Solver, budget: int) -> None:
        self.system, self.name, self.solver, self.budget = system, name, solver, budget
        placement = system.placement
        memory = placement.host.components[placement.memory].sort
        assert isinstance(memory, ArraySort)
        self._shapes = Shapes(solver, budget, [*variables(placement.hypotheses()), var(AT, memory.index)])
        self._states: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._cases: dict[str, deque[Mapping[str, Any]]] = defaultdict(partial(deque, maxlen=RECENT))

    def discharge(self, claim: Claim, parts: Sequence[Term]) -> Verdict:
        """The verdict on `claim`; `parts` of the instruction word are made small in a counterexample.

        Raises SpuriousError when a counterexample does not replay.
        """
        terms = [*claim.hypotheses, claim.violation]
        if claim.violation is FALSE or self._shapes.never(terms):
            return self._covered(claim, 0)
        answer = self.solver.check(terms, self.budget)
        if isinstance(answer, Undecided):
            return Unknown(answer.reason, answer.cost)
        if not isinstance(answer, Sat):
            return self._covered(claim, answer.cost)
        values = shrink(terms, dict(answer.assignment), self.solver, self.budget, parts)
        witness = self._witness(claim, values)
        return Refuted(witness, answer.cost)

    def _witness(self, claim: Claim, values: dict[str, Any]) -> SystemWitness:
        placement = self.system.placement
        guest, host, kept = encode(placement, self.system.together(values))
        witness = SystemWitness(
            system=self.name,
            property=claim.what,
            instruction=claim.subject,
            case=claim.case,
            word=hex(values.get(WORD, 0)),
            guest=guest,
            host=host,
            kept=kept,
        )
        try:
            found: Squared = replay(self.system, witness)
        except StateError as error:
            raise SpuriousError(f"the counterexample of {claim.name} is none: {error}") from error
        if not found.shown:
            raise SpuriousError(f"the counterexample of {claim.name} does not replay: {witness}")
        text = sentence(self.system, claim.what, found)
        return SystemWitness(**{**_fields(witness), "text": text}).identified()

    def _covered(self, claim: Claim, cost: int) -> Verdict:
        """Proved, if some state satisfies the hypotheses: one that is known already, or one that the solver finds."""
        hypotheses = list(claim.hypotheses)
        if any(_holds(hypotheses, values) for values in self._candidates(claim)):
            return Proved(cost)
        cover = self.solver.check(hypotheses, self.budget)
        cost += cover.cost
        if isinstance(cover, Undecided):
            return Unknown(f"no cover: {cover.reason}", cost)
        if not isinstance(cover, Sat):
            return Never("no state takes this case", cost)
        values = dict(cover.assignment)
        if not _holds(hypotheses, values):
            raise SpuriousError(f"the state that is to cover {claim.name} does not satisfy its hypotheses")
        self._states[claim.subject].append(values)
        self._cases[claim.case].append(values)
        return Proved(cost)

    def _candidates(self, claim: Claim) -> Iterator[Mapping[str, Any]]:
        """States that may cover the claim: of the form, and of others in this case with a word of the form."""
        own = self._states[claim.subject]
        yield from own
        words = list(dict.fromkeys(values[WORD] for values in own if WORD in values))
        for values in reversed(self._cases[claim.case]):
            yield from ({**values, WORD: word} for word in reversed(words))


def _holds(terms: Sequence[Term], values: Mapping[str, Any]) -> bool:
    evaluation = Evaluation(_reader(values))
    return all(evaluation.value(term) for term in terms)


def _fields(witness: SystemWitness) -> dict[str, Any]:
    return {name: getattr(witness, name) for name in witness.__struct_fields__}


def _reader(values: Any) -> Any:
    def read(variable: Term) -> Any:
        value = values.get(variable.name)
        return default_value(variable.sort) if value is None else value

    return read
