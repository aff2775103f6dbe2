"""The definitions of Popek and Goldberg 1974, section 3, as obligations over all states and operands.

Each claims the absence of a property, so that its counterexample shows the property. `user` restricts both
states to the guests' level and the deprivileged context (the paper's *user sensitive*: control, or location
with both modes user; resources other than the relocation count with the location).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ringproof.model.cpu import Kind
from ringproof.model.machine import Instruction, Role
from ringproof.model.terms import Term, any_of, select, substitute
from ringproof.model.terms.array import stores

from .pairs import (
    OTHER_REASONS,
    Run,
    bases,
    controlled,
    moved,
    same_inside,
    second_run,
    varied,
    views_differ,
)
from .reads import demanded_reads
from .verdicts import Obligation


class Definitions:
    """The obligations of one instruction form, from its run on the machine's own variables."""

    def __init__(self, instruction: Instruction, run: Run) -> None:
        self.instruction = instruction
        self.run = run
        self.machine = run.machine
        self.encoded = instruction.encoding.matches

    def _name(self, what: str) -> str:
        return f"{self.machine.name}/{what}/{self.instruction.id}"

    @cached_property
    def _first_valid(self) -> list[Term]:
        return self.machine.valid(self.run.before)

    def _valid(self, state: Mapping[str, Term]) -> list[Term]:
        ties = {term: state[name] for name, term in self.run.before.items() if state[name] is not term}
        return substitute(self._first_valid, ties) if ties else self._first_valid

    def _at_guest_level(self, state: Mapping[str, Term]) -> list[Term]:
        level = self.machine.at_level(self.machine.guest_level)
        return [state[self.machine.mode] == level, *self.machine.in_context(state)]

    def never_executes(self) -> Obligation:
        """It traps in every state. Its counterexample is a state in which it completes."""
        hypotheses = (self.encoded, *self._valid(self.run.before))
        return Obligation(self._name("never-executes"), hypotheses, self.run.completes)

    def privileged(self) -> Obligation:
        """For all pairs equal but for the mode, if neither traps otherwise: it traps for privilege in the second
        (the guests' level) and not in the first (the most privileged)."""
        machine = self.machine
        first = second_run(self.run, {**machine.variables, machine.mode: machine.at_level(machine.top)})
        second = second_run(self.run, {**machine.variables, machine.mode: machine.at_level(machine.guest_level)})
        both = (first, second)
        hypotheses = [self.encoded]
        for run in both:
            hypotheses += [*self._valid(run.before), *machine.in_context(run.before)]
            hypotheses.append(~run.outcome.trapping(*OTHER_REASONS))
        kept = second.outcome.trapping(Kind.PRIVILEGE) & first.completes
        return Obligation(self._name("privileged"), tuple(hypotheses), ~kept)

    def not_control_sensitive(self, *, user: bool = False) -> Obligation:
        """Wherever it completes, mode, resources and devices stay, and cells that the hardware reserves."""
        run, machine = self.run, self.machine
        hypotheses = [self.encoded, *self._valid(run.before), run.completes]
        if user:
            hypotheses += self._at_guest_level(run.before)
        changes = [run.changed(name) for name in controlled(machine)]
        if machine.reserved is not None and machine.relocation is not None:
            name = machine.relocation.memory
            old, new, view = run.before[name], run.outcome.state[name], machine.view(run.before)
            # Asked at the places that were written: there a moved address and the test of its place fold together.
            for place, _, when in stores(new)[1]:
                hit = when & machine.reserved(view, place)
                changes.append(hit & (select(old, place) != select(new, place)))
        return Obligation(self._name("user-control" if user else "control"), tuple(hypotheses), any_of(*changes))

    def not_behavior_sensitive(
        self, what: str, names: Iterable[str], *, relocated: bool = False, levels: tuple[int, int] | None = None,
        user: bool = False,
    ) -> Obligation:  # fmt: skip
        """Two states that differ in `names` (and are moved against each other) look alike afterwards, wherever
        it completes in both and leaves mode, resources and devices as they were.

        The memory among `names` is varied where the program does not see it: the paper's states agree in E|r alone.
        """
        machine = self.machine
        state = varied(machine, names)
        first, second = self.run, second_run(self.run, moved(machine, state) if relocated else state)
        hypotheses = [self.encoded, first.completes, second.completes]
        for run in (first, second):
            hypotheses += self._valid(run.before) + run.controlled_unchanged()
            if user:
                hypotheses += self._at_guest_level(run.before)
        if levels is not None:
            pair = zip((first, second), levels, strict=True)
            hypotheses += [run.before[machine.mode] == machine.at_level(level) for run, level in pair]
        violation = views_differ(first, second, moved=relocated)
        hypotheses += same_inside(machine, names, [*hypotheses, violation])
        return Obligation(self._name(what), tuple(hypotheses), violation)

    def reads_nothing_outside(self, memory: str) -> Obligation:
        """Wherever it completes and leaves mode, resources and devices alone, it reads what the program sees of
        `memory`; then it shows nothing else of it (see `reads`)."""
        run, machine = self.run, self.machine
        assert machine.relocation is not None and machine.relocation.visible is not None
        hypotheses = [self.encoded, run.completes, *self._valid(run.before), *run.controlled_unchanged()]
        view = machine.view(run.before)
        outside = [
            wanted & ~machine.relocation.visible(view, address)
            for address, wanted in demanded_reads(run, machine.variables[memory])
        ]
        return Obligation(self._name(f"reads:{memory}"), tuple(hypotheses), any_of(*outside))

    def varied_apart(self) -> list[str]:
        """The resources and devices that are varied one at a time: all but the bases of the relocation."""
        own = bases(self.machine)
        return [n for n in controlled(self.machine) if n != self.machine.mode and n not in own]

    def clocks(self) -> list[str]:
        return [c.name for c in self.machine.components.values() if c.role is Role.CLOCK]
