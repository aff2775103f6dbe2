"""Pairs of states: what an instruction does to one state, and to another that differs in a known way.

The first state is the machine's own variables. The second has fresh variables for what differs and shares
everything else, so that terms which do not depend on the difference are the same term in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ringproof.model.cpu import Kind, Outcome, Trap
from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import (
    ArraySort,
    Term,
    all_of,
    any_of,
    select,
    shift,
    substitute,
    topological,
    var,
    variables,
)
from ringproof.model.terms.array import stores

CONTROLLED = (Role.MODE, Role.RESOURCE, Role.DEVICE)
"""The roles that decide what a program can reach or be interrupted by: P&G's M and R, and devices."""

OTHER_REASONS = (Kind.MEMORY, Kind.PROGRAM, Kind.UNDEFINED, Kind.UNPREDICTABLE, Kind.UNSUPPORTED)

AMOUNT = "$x"
"""The variable of the relocation's amount."""


def prime(name: str) -> str:
    """The name of a component's variable in the second state."""
    return f"{name}'"


def probe(name: str) -> str:
    """The name of the arbitrary address at which the array `name` is compared."""
    return f"$at.{name}"


@dataclass(frozen=True, eq=False)
class Run:
    """An instruction on one state, over the instruction word: the state before, the traps, the state after."""

    machine: Machine
    before: Mapping[str, Term]
    outcome: Outcome

    @property
    def completes(self) -> Term:
        """It does not trap."""
        return ~self.outcome.trapping()

    def changed(self, name: str) -> Term:
        """The component `name` is not what it was (an array: at some address that was written)."""
        old, new = self.before[name], self.outcome.state[name]
        if not isinstance(new.sort, ArraySort):
            return old != new
        _, writes = stores(new)
        return any_of(*[select(old, index) != select(new, index) for index, _, _ in writes])

    @cached_property
    def reads(self) -> set[Term]:
        """The variables that what it does depends on; a component that stays as it is depends on nothing."""
        before, after = self.before, self.outcome.state
        changed = [term for name, term in after.items() if term is not before[name]]
        return set(variables([*(trap.guard for trap in self.outcome.traps), *self.outcome.choices, *changed]))

    def controlled_unchanged(self) -> list[Term]:
        """Mode, resources and devices are what they were."""
        return [~self.changed(name) for name in controlled(self.machine)]


def controlled(machine: Machine) -> list[str]:
    """The components whose role is mode, resource or device."""
    return [c.name for c in machine.components.values() if c.role in CONTROLLED]


def differ(name: str, first: Term, second: Term) -> Term:
    """Two values of a component are unequal; arrays at the arbitrary address of `name`."""
    if isinstance(first.sort, ArraySort):
        at = var(probe(name), first.sort.index)
        return select(first, at) != select(second, at)
    return first != second


def first_run(machine: Machine, instruction: Instruction) -> Run:
    """`instruction` on the machine's own variables, over the instruction word."""
    outcome = machine.outcome(instruction)
    encoding = instruction.encoding
    ties = dict(zip(encoding.variables.values(), encoding.fields.values(), strict=True))
    if not encoding.length.is_constant:
        ties[encoding.length_over_fields] = encoding.length
    return Run(machine, machine.variables, _replace(outcome, ties))


def second_run(run: Run, state: Mapping[str, Term]) -> Run:
    """The same instruction on `state`."""
    ties = {
        run.machine.variables[name]: term for name, term in state.items() if run.machine.variables[name] is not term
    }
    if not ties:
        return run
    outcome = run.outcome
    if run.reads.isdisjoint(ties):
        after = {name: state[name] if term is run.before[name] else term for name, term in outcome.state.items()}
        return Run(run.machine, state, Outcome(outcome.traps, after, outcome.choices))
    return Run(run.machine, state, _replace(outcome, ties))


def _replace(outcome: Outcome, ties: Mapping[Term, Term]) -> Outcome:
    traps = outcome.traps
    roots = [*(trap.guard for trap in traps), *outcome.choices, *outcome.state.values()]
    terms = iter(substitute(roots, ties))
    # The details stay over the fields: nothing asks for more than their names and widths.
    guarded = tuple(Trap(trap.cause, next(terms), trap.details) for trap in traps)
    choices = tuple(next(terms) for _ in outcome.choices)
    return Outcome(guarded, dict(zip(outcome.state, terms, strict=True)), choices)


def varied(machine: Machine, names: Iterable[str]) -> dict[str, Term]:
    """The second state that differs in the components `names` alone."""
    state = dict(machine.variables)
    for name in names:
        state[name] = var(prime(name), machine.components[name].sort)
    return state


def moved(machine: Machine, state: Mapping[str, Term]) -> dict[str, Term]:
    """`state` moved by the arbitrary amount `AMOUNT`: the paper's r + x."""
    relocation = machine.relocation
    if relocation is None:
        return dict(state)
    x = var(AMOUNT, relocation.amount)
    bases = relocation.bases(machine.view(state), x)
    return {**state, **bases, relocation.memory: shift(state[relocation.memory], relocation.offset(x))}


def bounded_memory(machine: Machine) -> list[str]:
    """The memory of which a program sees only a part; what lies outside is varied as a resource is."""
    relocation = machine.relocation
    return [] if relocation is None or relocation.visible is None else [relocation.memory]


def same_inside(machine: Machine, names: Iterable[str], terms: Iterable[Term]) -> list[Term]:
    """The second state's own memory is the first's where the program sees it: at every address that `terms` read."""
    relocation = machine.relocation
    found: list[Term] = []
    for name in bounded_memory(machine):
        if name not in names:
            continue
        assert relocation is not None and relocation.visible is not None
        own = machine.variables[name]
        other = var(prime(name), own.sort)
        for node in topological(terms):
            if node.op == "select" and node.args[0] is other:
                seen = relocation.visible(machine.view(machine.variables), node.args[1])
                found.append(~seen | (select(own, node.args[1]) == node))
    return found


def bases(machine: Machine) -> set[str]:
    """The components that the relocation moves; they are never varied alone."""
    if machine.relocation is None:
        return set()
    x = var(AMOUNT, machine.relocation.amount)
    return set(machine.relocation.bases(machine.view(machine.variables), x))


def views_differ(first: Run, second: Run, *, moved: bool) -> Term:
    """After both runs the programs see different things: a program component, or a cell of their own memory."""
    machine = first.machine
    found = []
    for component in machine.components.values():
        one, two = first.outcome.state[component.name], second.outcome.state[component.name]
        if component.role is Role.PROGRAM:
            found.append(differ(component.name, one, two))
        elif component.role is Role.MEMORY:
            found.append(_memories_differ(machine, component.name, first, one, two, moved))
    return any_of(*found)


def _memories_differ(machine: Machine, name: str, first: Run, one: Term, two: Term, moved: bool) -> Term:
    assert isinstance(one.sort, ArraySort)
    at = var(probe(name), one.sort.index)
    relocation = machine.relocation
    there = at
    visible: list[Term] = []
    if relocation is not None and relocation.memory == name:
        if moved:
            there = at + relocation.offset(var(AMOUNT, relocation.amount))
        if relocation.visible is not None:
            visible = [relocation.visible(machine.view(first.before), at)]
    return all_of(select(one, at) != select(two, there), *visible)


def word_of(machine: Machine) -> Term:
    """The variable of the instruction word."""
    return var(WORD, machine.word)
