"""From a suspect to a counterexample: confirmed by the definitions, made small, and compared with the solver.

The steps before the suspect one are gone at once: what shows a sensitive instruction is the state, or pair of states,
just before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction
from ringproof.model.terms import ArraySort
from ringproof.solvers.answer import Solver, Unsat
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.state_text import encode_state
from ringproof.traces.relocation import Mover

from ..definitions import Semantics
from ..discharge import BUDGET
from ..pairs import AMOUNT, first_run, prime
from ..replay import SINGLE, replay
from ..sensitivity import Definitions
from ..sentences import sentence
from ..shrinking import Values, reduce
from ..verdicts import Obligation
from ..witness import Witness, WitnessError
from .lockstep import Suspect


class ContradictionError(RuntimeError):
    """A counterexample of a claim that the solver proves: a fault of ringproof, in one of the two."""


@dataclass(frozen=True)
class Violation:
    """What a campaign found: a replayed counterexample of one step, and where it was met first.

    `privilege` shows that the instruction is not privileged, where a pair of states that differ in the mode alone does.
    `finished` is false where the time ran out before it was made small and compared with the solver.
    """

    key: tuple[str, str, str]
    trace: int
    step: int
    witness: Witness
    privilege: Witness | None
    finished: bool = True


class Confirmer:
    """Confirms suspects of one machine."""

    def __init__(self, semantics: Semantics, solver: Solver | None) -> None:
        self.semantics, self.solver = semantics, solver
        self.machine = semantics.machine
        self._assumptions = {name: str(value) for name, value in self.machine.assumed.items()}
        self._proved: set[tuple[str, str, str]] = set()

    def confirm(self, suspect: Suspect, late: Callable[[], bool] = lambda: False) -> Violation | None:
        """The violation that a suspect is, or None where the definitions do not say so.

        From when it is `late`, nothing more is made small, nor compared with the solver. Raises ContradictionError
        where the solver proves that there is no violation.
        """
        at_level = all(self.semantics.at_guest_level(state) for state in suspect.states)
        found = self._witness(suspect, suspect.claim, suspect.states, late, user=at_level)
        if found is None and at_level:
            found = self._witness(suspect, suspect.claim, suspect.states, late, user=False)
        if found is None:
            return None
        machine = self.machine
        privileged_twin = {**suspect.guest, machine.mode: machine.top}
        privilege = self._witness(suspect, "not-privileged", (privileged_twin, suspect.guest), late, user=False)
        if privilege is None and not found.user:
            return None
        for witness in (found, privilege):
            if witness is not None and not late():
                self._compare(suspect.instruction, witness)
        return Violation(suspect.key, suspect.trace, suspect.step, found, privilege, finished=not late())

    # Witnesses.

    def _witness(
        self, suspect: Suspect, claim: str, states: tuple[State, ...], late: Callable[[], bool], *, user: bool
    ) -> Witness | None:
        """The smallest witness of a claim from these states; None where they do not show it."""
        shrinking = _Shrinking(self, suspect, claim, user)
        values = shrinking.values((self._trimmed(suspect, states), *states[1:]))
        if not shrinking.holds(values):
            return None
        small = reduce(values, lambda smaller: not late() and shrinking.holds(smaller))
        witness = shrinking.witness(small).identified()
        text = sentence(replay(self.semantics, witness))
        return Witness(
            **{name: getattr(witness, name) for name in witness.__struct_fields__ if name != "text"}, text=text
        )

    def _trimmed(self, suspect: Suspect, states: tuple[State, ...]) -> State:
        """The first state with no more cells than the instruction, in any of the states, and the rules look at."""
        interpreter, mover = self.semantics.interpreter, Mover(self.machine)
        _, fields = interpreter.operands(suspect.instruction, suspect.word)
        kept = {name: Cells((), value.default) for name, value in states[0].items() if isinstance(value, Cells)}
        for number, state in enumerate(states):
            noting = {name: _Noting(value) if isinstance(value, Cells) else value for name, value in state.items()}
            self.semantics.after(suspect.instruction, fields, noting)
            self.semantics.broken_rule(noting)
            self.semantics.in_context(noting)
            for name, cells in kept.items():
                moved = 0
                if number and suspect.amount and self.machine.relocation and name == self.machine.relocation.memory:
                    moved = mover.offset(suspect.amount)
                sort = self.machine.components[name].sort
                assert isinstance(sort, ArraySort)
                for index in noting[name].read:
                    place = (index - moved) % (1 << sort.index.width)
                    cells[place] = states[0][name][place]
        return {**states[0], **kept}

    # The solver.

    def _compare(self, instruction: Instruction, witness: Witness) -> None:
        """Asks the solver for the very claim that the witness refutes."""
        key = (witness.instruction, witness.claim + str(witness.user), witness.component)
        if self.solver is None or key in self._proved:
            return
        obligation = self._obligation(Definitions(instruction, first_run(self.machine, instruction)), witness)
        answer = self.solver.check([*obligation.hypotheses, obligation.violation], BUDGET)
        if isinstance(answer, Unsat):
            raise ContradictionError(
                f"the solver proves {obligation.name}, but the campaign has a counterexample: {witness.text}"
            )
        self._proved.add(key)

    def _obligation(self, definitions: Definitions, witness: Witness) -> Obligation:
        machine, user = self.machine, witness.user
        if witness.claim == "control":
            return definitions.not_control_sensitive(user=user)
        if witness.claim == "not-privileged":
            return definitions.privileged()
        if witness.claim == "mode":
            return definitions.not_behavior_sensitive("mode", [machine.mode])
        if witness.claim == "location":
            return definitions.not_behavior_sensitive("location", [], relocated=True, user=user)
        return definitions.not_behavior_sensitive(
            f"resource:{witness.component}", [witness.component], user=user
        )  # fmt: skip


class _Shrinking:
    """The states of a claim as one set of values: the first state, what the second has for itself, word, amount."""

    def __init__(self, confirmer: Confirmer, suspect: Suspect, claim: str, user: bool) -> None:
        self._semantics = confirmer.semantics
        self._machine = confirmer.machine
        self._assumptions = confirmer._assumptions
        self._suspect, self._claim, self._user = suspect, claim, user
        self._varied = {"mode": self._machine.mode, "resource": suspect.component}.get(claim)

    def values(self, states: tuple[State, ...]) -> Values:
        found: Values = {WORD: self._suspect.word, **{n: _plain(v) for n, v in states[0].items()}}
        if self._claim == "location":
            found[AMOUNT] = self._suspect.amount
        if self._varied is not None:
            found[prime(self._varied)] = _plain(states[1][self._varied])
        return found

    def states(self, values: Values) -> list[State]:
        first = {name: values[name] for name in self._machine.components}
        if self._claim in SINGLE:
            return [first]
        if self._claim == "not-privileged":
            return [
                {**first, self._machine.mode: self._machine.top},
                {**first, self._machine.mode: self._machine.guest_level},
            ]
        if self._claim == "location":
            return [first, self._semantics.relocate(first, values[AMOUNT])]
        assert self._varied is not None
        return [first, {**first, self._varied: values[prime(self._varied)]}]

    def witness(self, values: Values) -> Witness:
        return Witness(
            machine=self._machine.name,
            assumptions=self._assumptions,
            instruction=self._suspect.instruction.id,
            claim=self._claim,
            word=hex(values[WORD]),
            states=[encode_state(self._machine, state) for state in self.states(values)],
            amount=hex(values.get(AMOUNT, 0)),
            component=self._suspect.component if self._claim == "resource" else "",
            user=self._user,
        )

    def holds(self, values: Values) -> bool:
        """The values are a witness that replays."""
        matches, _ = self._semantics.interpreter.operands(self._suspect.instruction, values[WORD])
        if not matches:
            return False
        try:
            return bool(replay(self._semantics, self.witness(values)).shown)
        except WitnessError:
            return False


class _Noting(Cells):
    """An array whose cells are read from another; what is looked at is noted, also through copies."""

    __slots__ = ("cells", "read")

    def __init__(self, cells: Cells) -> None:
        super().__init__((), cells.default)
        self.cells, self.read = cells, set[int]()

    def __missing__(self, index: int) -> int:
        self.read.add(index)
        return self.cells[index]

    def copy(self) -> _Noting:
        other = _Noting(self.cells)
        other.update(self)
        other.read = self.read
        return other


def _plain(value: Any) -> Any:
    """The value; of an array, all cells that differ from zero, as witnesses hold them."""
    return Cells({i: cell for i, cell in value.whole().items() if cell}) if isinstance(value, Cells) else value


__all__ = ["Confirmer", "ContradictionError", "Violation"]
