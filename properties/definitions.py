"""The definitions once more, in the paper's words over concrete states: what replay and enumeration check.

Where `sensitivity` writes a formula over all states, this module runs the reference interpreter on given
states and looks. Neither uses the other; a test shows that they agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ringproof.model.cpu import Kind
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import ArraySort, var
from ringproof.traces.interpreter import Fields, Interpreter, State, Trapped
from ringproof.traces.python_code import Cells, compile_terms
from ringproof.traces.relocation import Mover

from .pairs import CONTROLLED, OTHER_REASONS, bounded_memory


@dataclass(frozen=True)
class After:
    """What an instruction made of a state: the trap, or the state after it."""

    trapped: Trapped | None
    state: State


class Semantics:
    """A machine on concrete states: validity, relocation, execution, and what a program sees."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.interpreter = Interpreter(machine)
        self._mover = Mover(machine)
        own = machine.variables
        self._checks = {
            "valid": compile_terms(machine.valid(own)),
            "context": compile_terms(machine.in_context(own)),
        }

    def broken_rule(self, state: State) -> str | None:
        """The rule of valid states that `state` breaks, in words, or None."""
        texts = ["the mode is one of the levels"] * (len(self.machine.valid(self.machine.variables)) - len(self._rules))
        for text, holds in zip([*texts, *self._rules], self._checks["valid"](state), strict=True):
            if not holds:
                return text
        return None

    @cached_property
    def _rules(self) -> list[str]:
        machine = self.machine
        fixed = [f"{a.name}={a.value}" for a in machine.assumptions.values() if a.scope == "configuration" and a.holds]
        return [invariant.text for invariant in machine.invariants] + fixed

    def in_context(self, state: State) -> bool:
        """The context's settings hold (the level is asked apart)."""
        return all(self._checks["context"](state))

    def at_guest_level(self, state: State) -> bool:
        return bool(state[self.machine.mode] == self.machine.guest_level) and self.in_context(state)

    def after(self, instruction: Instruction, fields: Fields, state: State) -> After:
        """Runs the instruction on a copy of `state`."""
        copy = {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}
        return After(self.interpreter.execute(instruction, fields, copy), copy)

    def relocate(self, state: State, amount: int) -> State:
        """`state` moved by `amount`: every base, and the memory with them."""
        return self._mover.move(state, amount)

    def inside(self, state: State, name: str) -> Callable[[int], bool]:
        """Whether a program in `state` sees a cell of its memory `name`."""
        visible = self._visible
        if visible is None or name not in bounded_memory(self.machine):
            return lambda address: True
        return lambda address: bool(visible({**state, "$at": address})[0])

    def changed(self, before: State, after: State, roles: Sequence[Role] = CONTROLLED) -> list[str]:
        """The components of `roles` that are not what they were."""
        return [
            c.name
            for c in self.machine.components.values()
            if c.role in roles and unequal(before[c.name], after[c.name])
        ]

    def reserved_changed(self, before: State, after: State) -> list[int]:
        """The addresses that the hardware reserves, outside the program's reach, whose cells changed."""
        machine = self.machine
        if machine.reserved is None or machine.relocation is None:
            return []
        name = machine.relocation.memory
        sort = machine.components[name].sort
        assert isinstance(sort, ArraySort)
        at = var("$at", sort.index)
        test = compile_terms([machine.reserved(machine.view(machine.variables), at)])
        written = {*before[name], *after[name]}
        return [a for a in sorted(written) if before[name][a] != after[name][a] and test({**before, "$at": a})[0]]

    def views_differ(self, before: State, first: State, second: State, amount: int) -> list[str]:
        """Where two programs, the second moved by `amount`, see different things: components and cells."""
        machine = self.machine
        found: list[str] = self.changed(first, second, (Role.PROGRAM,))
        for component in machine.components.values():
            if component.role is Role.MEMORY:
                found += self._cells_differ(component.name, before, first, second, amount)
        return found

    def _cells_differ(self, name: str, before: State, first: State, second: State, amount: int) -> list[str]:
        relocation = self.machine.relocation
        one, two = first[name], second[name]
        if relocation is not None and relocation.memory == name:
            two = self.relocate({**second}, -amount % (1 << relocation.amount.width))[name]
        inside = self.inside(before, name)
        return [f"{name}[{a:#x}]" for a in sorted({*one, *two}) if one[a] != two[a] and inside(a)]

    @cached_property
    def _visible(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]] | None:
        relocation = self.machine.relocation
        if relocation is None or relocation.visible is None:
            return None
        sort = self.machine.components[relocation.memory].sort
        assert isinstance(sort, ArraySort)
        return compile_terms([relocation.visible(self.machine.view(self.machine.variables), var("$at", sort.index))])


def unequal(one: Any, two: Any) -> bool:
    """Two values of a component differ; cells that hold the default are no difference."""
    if isinstance(one, Cells):
        return any(one[i] != two[i] for i in {*one, *two})
    return bool(one != two)


def control_sensitive(semantics: Semantics, instruction: Instruction, fields: Fields, state: State) -> list[str]:
    """What of mode, resources, devices and reserved cells the instruction changes without a trap."""
    after = semantics.after(instruction, fields, state)
    if after.trapped is not None:
        return []
    cells = [f"reserved cell {a:#x}" for a in semantics.reserved_changed(state, after.state)]
    return semantics.changed(state, after.state) + cells


def behavior_sensitive(
    semantics: Semantics, instruction: Instruction, fields: Fields, states: tuple[State, State], amount: int
) -> list[str]:
    """Where the program's views differ after both runs, if both complete and leave mode and resources alone."""
    runs = [semantics.after(instruction, fields, state) for state in states]
    for before, after in zip(states, runs, strict=True):
        if after.trapped is not None or semantics.changed(before, after.state):
            return []
    return semantics.views_differ(states[0], runs[0].state, runs[1].state, amount)


def breaks_privilege(
    semantics: Semantics, instruction: Instruction, fields: Fields, states: tuple[State, State]
) -> bool | None:
    """Whether a pair equal but for the mode shows that the instruction is not privileged.

    None where the pair does not count, since one of them traps for memory, undefined or program reasons.
    """
    first, second = (semantics.after(instruction, fields, state).trapped for state in states)
    for trapped in (first, second):
        if trapped is not None and trapped.cause.kind in OTHER_REASONS:
            return None
    kept = first is None and second is not None and second.cause.kind is Kind.PRIVILEGE
    return not kept


def equal_but_for(semantics: Semantics, first: State, second: State, names: Sequence[str]) -> bool:
    """The two states agree in every component outside `names`, and in the memory that the program sees."""
    for name in semantics.machine.components:
        if name in names and name in bounded_memory(semantics.machine):
            one, two, inside = first[name], second[name], semantics.inside(first, name)
            if any(one[a] != two[a] and inside(a) for a in {*one, *two}):
                return False
        elif name not in names and unequal(first[name], second[name]):
            return False
    return True


__all__ = [
    "After", "Semantics", "behavior_sensitive", "breaks_privilege", "control_sensitive", "equal_but_for", "unequal",
]  # fmt: skip
