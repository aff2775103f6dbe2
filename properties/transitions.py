"""Mode transitions: from which privilege level to which an instruction or a trap can take the machine, and how.

A transition to a more privileged level is *controlled* if where it lands does not depend on the program's
own registers, but for its choice of an entry point: two states that agree in mode, resources, memory and that
choice, and run the same instruction or take the same trap, arrive at the same program counter with the same
resources. Then only who owns the resources decides which entry points there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import networkx as nx

from ringproof.model.cpu import Cpu, Kind, Outcome
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import BitVec, Term, any_of, substitute, var
from ringproof.solvers.answer import Sat, Solver, Undecided, Unsat
from ringproof.traces.interpreter import State, Trapped

from .definitions import Semantics
from .pairs import Run, controlled, differ, second_run, varied
from .shrinking import complete
from .verdicts import SpuriousError

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Transition:
    """What can take the machine from one level to another. Levels by name.

    `feasible` is false for what is not recorded at all, and None where the solver could not tell. `controlled`
    is None for a transition that does not raise the privilege, or where it is unknown.
    """

    by: str
    is_trap: bool
    source: str
    target: str
    raises: bool
    feasible: bool | None = True
    controlled: bool | None = None


@dataclass(frozen=True, eq=False)
class Event:
    """An instruction or a trap: what it does to every state, under what, and how to see it on one state."""

    name: str
    is_trap: bool
    run: Run
    given: tuple[Term, ...]
    after: Callable[[Semantics, State, Values], State | None]


def of_instruction(instruction: Instruction, run: Run) -> Event:
    """The completion of `instruction`."""

    def after(semantics: Semantics, state: State, values: Values) -> State | None:
        _, fields = semantics.interpreter.operands(instruction, values["$word"])
        found = semantics.after(instruction, fields, state)
        return None if found.trapped is not None else found.state

    return Event(instruction.name, False, run, (instruction.encoding.matches,), after)


@dataclass(frozen=True)
class TrapKind:
    """A cause of traps, the widths of the details that come with it, and one place that raises it.

    That place is the trap `number` of the form at `form` in the machine, or of its fetch where `form` is None.
    """

    name: str
    kind: Kind
    details: tuple[tuple[str, int], ...]
    form: int | None = field(compare=False)
    number: int = field(compare=False)


def trap_kinds(outcome: Outcome, form: int | None) -> list[TrapKind]:
    """The causes of `outcome`, each once, but for those by which the model declines to say what happens."""
    found: dict[TrapKind, None] = {}
    for number, trap in enumerate(outcome.traps):
        if trap.cause.kind not in (Kind.UNSUPPORTED, Kind.UNPREDICTABLE):
            details = tuple((name, detail.width) for name, detail in trap.details.items())
            found.setdefault(TrapKind(trap.cause.name, trap.cause.kind, details, form, number))
    return list(found)


def fetch_outcome(machine: Machine) -> Outcome:
    """What fetching an instruction does by itself: its traps. None, where the machine does not say how it fetches."""
    fetch = machine.fetch

    def meaning(cpu: Cpu) -> None:
        if fetch is not None:
            fetch(cpu)

    return machine.run(meaning)


def of_trap(machine: Machine, kind: TrapKind) -> Event:
    """The delivery of a trap, whatever the details that come with it."""
    deliver = machine.deliver
    assert deliver is not None
    raised = fetch_outcome(machine) if kind.form is None else machine.outcome(machine.instructions[kind.form])
    cause = raised.traps[kind.number].cause
    widths = dict(kind.details)
    details = {name: var(f"${name}", BitVec(width)) for name, width in widths.items()}
    outcome = machine.run(lambda cpu: deliver(cpu, cause, details))

    def after(semantics: Semantics, state: State, values: Values) -> State | None:
        given = {name: int(values.get(f"${name}", 0)) for name in widths}
        failed = semantics.interpreter.deliver(Trapped(cause, given, widths), state)
        return None if failed is not None else state

    return Event(cause.name, True, Run(machine, machine.variables, outcome), (), after)


def transitions(semantics: Semantics, event: Event, solver: Solver, budget: int) -> list[Transition]:
    """The transitions of `event` that are feasible. Raises SpuriousError where one does not replay."""
    machine, run = semantics.machine, event.run
    mode = machine.mode
    if run.outcome.state[mode] is machine.variables[mode]:
        return []
    order = list(machine.levels.items())
    found = []
    for i, (source, low) in enumerate(order):
        for j, (target, high) in enumerate(order):
            if i == j:
                continue
            step = [*event.given, *_moves(run, low, high)]
            answer = solver.check(step, budget)
            if isinstance(answer, Unsat):
                continue
            feasible = None if isinstance(answer, Undecided) else True
            if isinstance(answer, Sat):
                _confirm(semantics, event, complete(step, dict(answer.assignment)), high)
            kept = _controlled(event, low, high, solver, budget) if j < i else None
            found.append(Transition(event.name, event.is_trap, source, target, j < i, feasible, kept))
    return found


def _moves(run: Run, low: int, high: int) -> list[Term]:
    """`run` completes, from a valid state at level `low`, and arrives at level `high`.

    Below the most privileged level the state is one in which guests are run.
    """
    machine = run.machine
    start, end = run.before[machine.mode], run.outcome.state[machine.mode]
    states = machine.valid(run.before)
    if low != machine.top:
        states += machine.in_context(run.before)
    return [*states, start == machine.at_level(low), run.completes, end == machine.at_level(high)]


def _confirm(semantics: Semantics, event: Event, values: Values, level: int) -> None:
    state = semantics.interpreter.initial()
    state.update({name: value for name, value in values.items() if name in state})
    after = event.after(semantics, state, values)
    if after is None or after[semantics.machine.mode] != level:
        raise SpuriousError(f"the transition of {event.name} to level {level} does not replay")


def _controlled(event: Event, low: int, high: int, solver: Solver, budget: int) -> bool | None:
    run, machine = event.run, event.run.machine
    own = [c.name for c in machine.components.values() if c.role is Role.PROGRAM]
    second = second_run(run, varied(machine, own))
    terms = [*event.given, *_moves(run, low, high), *_moves(second, low, high)]
    ties: dict[Term, Term] = {}
    for one, two in zip(run.outcome.choices, second.outcome.choices, strict=True):
        terms.append(one == two)
        ties |= _parts_of_equals(two, one)
    names = [name for name in (*controlled(machine), machine.counter) if name and name not in machine.saved]
    arrive = [
        differ(name, run.outcome.state[name], second.outcome.state[name])
        for name in names
        if machine.components[name].role is not Role.DEVICE
    ]
    # What is equal is made the same term where it can be, so that what follows from it is the same too.
    answer = solver.check([*terms, *substitute([*terms, any_of(*arrive)], ties)], budget)
    return None if isinstance(answer, Undecided) else isinstance(answer, Unsat)


def _parts_of_equals(one: Term, two: Term) -> dict[Term, Term]:
    """The parts of `one` by those of `two` that they equal if the two are equal: bytes of a joined value."""
    if one.op == two.op == "concat" and [a.width for a in one.args] == [a.width for a in two.args]:
        return dict(zip(one.args, two.args, strict=True))
    return {one: two}


@dataclass(frozen=True)
class ModeGraph:
    """The levels, the transitions between them, and how the most privileged level is reached from the guests'."""

    levels: tuple[str, ...]
    transitions: tuple[Transition, ...]
    guest: str

    def other_ways(self) -> list[str]:
        """What is on a path from the guests' level to the top and is not known to be a controlled entry."""
        top = self.levels[0]
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(self.levels)
        graph.add_edges_from((t.source, t.target, {"by": t.by}) for t in self.transitions)
        below = nx.descendants(graph, self.guest) | {self.guest}
        above = nx.ancestors(graph, top) | {top}
        loose = {t.by for t in self.transitions if t.raises and t.controlled is not True
                 and t.source in below and t.target in above}  # fmt: skip
        return sorted(loose)


def graph(machine: Machine, found: list[Transition]) -> ModeGraph:
    """The mode graph of all transitions; each instruction and each trap once per pair of levels, at its worst."""
    merged: dict[tuple[str, bool, str, str], Transition] = {}
    for t in found:
        key = (t.by, t.is_trap, t.source, t.target)
        old = merged.get(key)
        merged[key] = t if old is None or old.controlled is True else old
    return ModeGraph(tuple(machine.levels), tuple(merged.values()), machine.guest)
