"""Which cells a campaign has met, and why the others were not: the solver says whether a cell can be met at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from ringproof.model.encoding import WORD
from ringproof.model.machine import Machine
from ringproof.model.terms import Term, any_of
from ringproof.solvers.answer import Sat, Solver, Unsat

from ..definitions import Semantics
from ..discharge import BUDGET
from ..pairs import Run, controlled, first_run
from ..shrinking import complete
from ..verdicts import SpuriousError
from .lockstep import CHANGES, COMPLETES, Cell


class Reached(Enum):
    """How a cell stands."""

    MET = "met by random traces"
    DIRECTED = "met from a state that the solver gave"
    UNREACHABLE = "unreachable: no valid state and no operands lead there"
    UNDECIDED = "the solver could not decide whether it can be met"
    OPEN = "not met"


@dataclass(frozen=True)
class Standing:
    """A cell of the table, how it stands, and how often it was met."""

    cell: Cell
    reached: Reached
    count: int = 0


def fates(machine: Machine, form: int) -> list[str]:
    """What a form can come to as far as its definition says: completing in either way, and each cause of its traps."""
    outcome = machine.outcome(machine.instructions[form])
    return list(dict.fromkeys([COMPLETES, CHANGES, *[trap.cause.name for trap in outcome.traps]]))


def cells_of(machine: Machine) -> list[Cell]:
    """Every cell of the table: each form at each level with each of its fates."""
    return [
        (form, value, fate)
        for form in range(len(machine.instructions))
        for fate in fates(machine, form)
        for value in machine.levels.values()
    ]


class Explainer:
    """Asks the solver for a state in which a cell is met, and runs it."""

    def __init__(self, semantics: Semantics, solver: Solver) -> None:
        self.semantics, self.solver = semantics, solver
        self.machine = semantics.machine

    def explain(self, cells: Iterable[Cell]) -> Iterator[Standing]:
        """How each cell stands. Raises SpuriousError where a state of the solver's does not lead to its cell."""
        form, run = None, None
        for cell in cells:
            if cell[0] != form or run is None:
                form, run = cell[0], first_run(self.machine, self.machine.instructions[cell[0]])
            yield Standing(cell, self._reached(run, cell))

    def _reached(self, run: Run, cell: Cell) -> Reached:
        form, level, fate = cell
        machine, instruction = self.machine, self.machine.instructions[form]
        terms = [
            instruction.encoding.matches,
            run.before[machine.mode] == machine.at_level(level),
            *machine.valid(run.before),
            *_condition(run, fate),
        ]
        answer = self.solver.check(terms, BUDGET)
        if isinstance(answer, Unsat):
            return Reached.UNREACHABLE
        if not isinstance(answer, Sat):
            return Reached.UNDECIDED
        values = complete([*terms, *machine.variables.values()], dict(answer.assignment))
        word = int(values.pop(WORD, 0))
        matches, fields = self.semantics.interpreter.operands(instruction, word)
        state = {name: values[name] for name in machine.components}
        after = self.semantics.after(instruction, fields, state)
        if after.trapped is not None:
            found = after.trapped.cause.name
        else:
            found = CHANGES if self.semantics.changed(state, after.state) else COMPLETES
        if not matches or found != fate or self.semantics.broken_rule(state) is not None:
            raise SpuriousError(f"the solver's state for {instruction.id} ({fate}) comes to {found} when it is run")
        return Reached.DIRECTED


def _condition(run: Run, fate: str) -> list[Term]:
    if fate in (COMPLETES, CHANGES):
        changes = any_of(*[run.changed(name) for name in controlled(run.machine)])
        return [run.completes, changes if fate == CHANGES else ~changes]
    earlier: list[Term] = []
    hits: list[Term] = []
    for trap in run.outcome.traps:
        if trap.cause.name == fate:
            hits.append(trap.guard & ~any_of(*earlier))
        earlier.append(trap.guard)
    return [any_of(*hits)]
