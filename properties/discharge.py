"""Discharging an obligation: solver, cover, shrinking, replay, in that order, and never past a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import Evaluation, Term
from ringproof.solvers.answer import Sat, Solver, Undecided, Unsat
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells, default_value
from ringproof.traces.recording.state_text import StateError, encode_state

from .definitions import Semantics
from .pairs import AMOUNT, bounded_memory, prime
from .replay import replay
from .shrinking import shrink
from .verdicts import Obligation, Proved, Refuted, SpuriousError, Unknown, Vacuous, Verdict
from .witness import Witness

BUDGET = 40_000_000
"""The solver's resource units for one question; the hardest of the shipped machines needs about a tenth."""


class Discharger:
    """Turns the obligations on one instruction form into verdicts, and remembers states to cover them with."""

    def __init__(self, semantics: Semantics, solver: Solver, budget: int = BUDGET) -> None:
        self.semantics = semantics
        self.machine: Machine = semantics.machine
        self.solver = solver
        self.budget = budget
        self._known: list[Evaluation] = []
        self.assumptions = {name: str(value) for name, value in self.machine.assumed.items()}

    def discharge(
        self,
        obligation: Obligation,
        instruction: Instruction,
        claim: str,
        *,
        component: str = "",
        varied: tuple[str, ...] = (),
        fixed: Mapping[str, tuple[int, int]] | None = None,
        user: bool = False,
        extra: tuple[Term, ...] = (),
        thorough: bool = True,
    ) -> Verdict:
        """The verdict on `obligation`; its counterexample becomes a witness of `claim` and is replayed.

        `varied` names the components that the second state has for itself, `fixed` those that the obligation
        sets to a constant in each state, `extra` what is asked of a counterexample beyond the violation.
        Raises SpuriousError when a counterexample does not replay.
        """
        terms = [*obligation.hypotheses, obligation.violation, *extra]
        answer = self.solver.check(terms, self.budget)
        if isinstance(answer, Undecided):
            return Unknown(answer.reason, answer.cost)
        if not isinstance(answer, Sat):
            return self._covered(obligation, answer.cost)
        solver = self.solver if thorough else None
        parts = list(instruction.encoding.fields.values())
        values = shrink(terms, dict(answer.assignment), solver, self.budget, parts)
        self._known.append(_evaluation(values))
        states = self._states(values, varied, fixed or {}, pair=claim not in ("executes", "control"))
        witness = Witness(
            machine=self.machine.name,
            assumptions=self.assumptions,
            instruction=instruction.id,
            claim=claim,
            word=hex(values.get(WORD, 0)),
            states=[encode_state(self.machine, state) for state in states],
            amount=hex(values.get(AMOUNT, 0)),
            component=component,
            user=user,
        ).identified()
        try:
            shown = replay(self.semantics, witness).shown
        except StateError as error:
            raise SpuriousError(f"the counterexample of {obligation.name} ({claim}) is none: {error}") from error
        if not shown:
            raise SpuriousError(f"the counterexample of {obligation.name} ({claim}) does not replay: {witness}")
        return Refuted(witness, answer.cost)

    def proved(self, obligation: Obligation) -> Verdict | None:
        """The verdict on `obligation` if nothing violates it; None where something may, which refutes no claim yet."""
        answer = self.solver.check([*obligation.hypotheses, obligation.violation], self.budget)
        return self._covered(obligation, answer.cost) if isinstance(answer, Unsat) else None

    def _covered(self, obligation: Obligation, cost: int) -> Verdict:
        """Proved, if some state satisfies the hypotheses: one that is known already, or one that the solver finds."""
        hypotheses = list(obligation.hypotheses)
        if any(all(known.value(term) for term in hypotheses) for known in self._known):
            return Proved(cost)
        cover = self.solver.check(hypotheses, self.budget)
        cost += cover.cost
        if isinstance(cover, Sat):
            known = _evaluation(cover.assignment)
            if not all(known.value(term) for term in hypotheses):
                raise SpuriousError(f"the state that is to cover {obligation.name} does not satisfy its hypotheses")
            self._known.append(known)
            return Proved(cost)
        if isinstance(cover, Undecided):
            return Unknown(f"no cover: {cover.reason}", cost)
        return Vacuous("no state satisfies the hypotheses", cost)

    def _states(
        self, values: Mapping[str, Any], varied: tuple[str, ...], fixed: Mapping[str, tuple[int, int]], *, pair: bool
    ) -> list[State]:
        first = {
            name: values.get(name, default_value(component.sort)) for name, component in self.machine.components.items()
        }
        for name, (one, _) in fixed.items():
            first[name] = one
        if not pair:
            return [first]
        second = {name: value.copy() if isinstance(value, Cells) else value for name, value in first.items()}
        for name in varied:
            own = values.get(prime(name), default_value(self.machine.components[name].sort))
            second[name] = self._outside(first, name, own) if name in bounded_memory(self.machine) else own
        for name, (_, two) in fixed.items():
            second[name] = two
        return [first, self.semantics.relocate(second, values.get(AMOUNT, 0))]

    def _outside(self, first: State, name: str, other: Cells) -> Cells:
        """The memory that is the first's where the program sees it, and `other` elsewhere."""
        own, inside = first[name], self.semantics.inside(first, name)
        return Cells({a: own[a] if inside(a) else other[a] for a in {*own, *other}})


def _evaluation(values: Mapping[str, Any]) -> Evaluation:
    """Values under `values`, where a second state without values of its own equals the first."""

    def read(variable: Term) -> Any:
        value = values.get(variable.name, values.get(variable.name.removesuffix(prime(""))))
        return default_value(variable.sort) if value is None else value

    return Evaluation(read)
