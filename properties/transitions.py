"""Mode transitions: from which privilege level to which an instruction can take the machine, and how.

A transition to a more privileged level is *controlled* if where it lands does not depend on the program's
own registers, but for its choice of an entry point: two states that agree in mode, resources, memory and that
choice, and run the same instruction, arrive at the same program counter with the same resources. Then only
who owns the resources decides which entry points there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import any_of
from ringproof.solvers.answer import Sat, Solver, Undecided

from .definitions import Semantics
from .pairs import Run, controlled, differ, second_run, varied
from .shrinking import complete
from .verdicts import SpuriousError


@dataclass(frozen=True)
class Transition:
    """An instruction that can take the machine from one level to another. Levels by name.

    `controlled` is None for a transition that does not raise the privilege, or where it is unknown.
    """

    instruction: str
    source: str
    target: str
    raises: bool
    controlled: bool | None = None


def transitions(
    semantics: Semantics, instruction: Instruction, run: Run, solver: Solver, budget: int
) -> list[Transition]:
    """The feasible transitions of one instruction form. Raises SpuriousError where one does not replay."""
    machine = semantics.machine
    mode = machine.mode
    if run.outcome.state[mode] is machine.variables[mode]:
        return []
    order = list(machine.levels.items())
    found = []
    for i, (source, low) in enumerate(order):
        for j, (target, high) in enumerate(order):
            if i == j:
                continue
            step = [
                instruction.encoding.matches,
                *machine.valid(machine.variables),
                machine.variables[mode] == machine.at_level(low),
                run.completes,
                run.outcome.state[mode] == machine.at_level(high),
            ]
            answer = solver.check(step, budget)
            if not isinstance(answer, Sat):
                continue
            _confirm(semantics, instruction, step, dict(answer.assignment), high)
            kept = _controlled(machine, instruction, run, low, high, solver, budget) if j < i else None
            found.append(Transition(instruction.name, source, target, j < i, kept))
    return found


def _confirm(semantics: Semantics, instruction: Instruction, terms: list, assignment: dict, level: int) -> None:  # type: ignore[type-arg]
    values = complete(terms, assignment)
    state = semantics.interpreter.initial()
    state.update({name: value for name, value in values.items() if name in state})
    _, fields = semantics.interpreter.operands(instruction, values["$word"])
    after = semantics.after(instruction, fields, state)
    if after.trapped is not None or after.state[semantics.machine.mode] != level:
        raise SpuriousError(f"the transition of {instruction.id} to level {level} does not replay")


def _controlled(
    machine: Machine, instruction: Instruction, run: Run, low: int, high: int, solver: Solver, budget: int
) -> bool | None:
    own = [c.name for c in machine.components.values() if c.role is Role.PROGRAM]
    second = second_run(run, varied(machine, own))
    terms = [instruction.encoding.matches]
    terms += [one == two for one, two in zip(run.outcome.choices, second.outcome.choices, strict=True)]
    for each in (run, second):
        terms += machine.valid(each.before)
        terms += [each.before[machine.mode] == machine.at_level(low), each.completes]
        terms.append(each.outcome.state[machine.mode] == machine.at_level(high))
    names = [n for n in controlled(machine) if n in run.outcome.state] + [machine.counter]
    arrive = [
        differ(name, run.outcome.state[name], second.outcome.state[name])
        for name in names
        if name and machine.components[name].role is not Role.DEVICE
    ]
    answer = solver.check([*terms, any_of(*arrive)], budget)
    return None if isinstance(answer, Undecided) else not isinstance(answer, Sat)


@dataclass(frozen=True)
class ModeGraph:
    """The levels, the transitions between them, and how the most privileged level is reached from the guests'."""

    levels: tuple[str, ...]
    transitions: tuple[Transition, ...]
    guest: str

    def other_ways(self) -> list[str]:
        """The instructions on a path from the guests' level to the top that are not controlled entries."""
        top = self.levels[0]
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(self.levels)
        graph.add_edges_from((t.source, t.target, {"by": t.instruction}) for t in self.transitions)
        below = nx.descendants(graph, self.guest) | {self.guest}
        above = nx.ancestors(graph, top) | {top}
        loose = {t.instruction for t in self.transitions if t.raises and t.controlled is not True
                 and t.source in below and t.target in above}  # fmt: skip
        return sorted(loose)


def graph(machine: Machine, found: list[Transition]) -> ModeGraph:
    """The mode graph of all instructions' transitions; each instruction once per pair of levels."""
    merged: dict[tuple[str, str, str], Transition] = {}
    for t in found:
        key = (t.instruction, t.source, t.target)
        old = merged.get(key)
        merged[key] = t if old is None or old.controlled is True else old
    return ModeGraph(tuple(machine.levels), tuple(merged.values()), machine.guest)
