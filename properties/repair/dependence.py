"""Which configuration bits the verdicts on an instruction form can depend on.

The configuration is made of variables, and the form is run once. Where neither what it does nor what it reads or
changes has to do with a bit, the obligations are the same formulas with the bit set and with it clear, but for the
rules of valid states that tie the bit to a component which the form never touches; so the verdicts are the same.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from copy import copy
from dataclasses import replace

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Assumption, Instruction, Machine
from ringproof.model.terms import Bool, Term, var, variables

from ..pairs import AMOUNT


class _Open(Assumption):
    """A bit whose value is not given."""

    @property
    def term(self) -> Term:
        return var(f"?{self.name}", Bool)


def settable(machine: Machine) -> list[str]:
    """The configuration bits: what is fixed for a run and is true or false."""
    return [a.name for a in machine.assumptions.values() if a.scope == "configuration" and not a.width]


def dependence(machine: Machine, forms: Iterable[int]) -> dict[int, frozenset[str]]:
    """For each of the instruction forms at `forms`, the configuration bits that its verdicts can depend on."""
    bits = settable(machine)
    opened = copy(machine)
    opened.assumptions = {
        name: _Open(name, a.value, a.text, a.scope, a.width, a.holds) if name in bits else a
        for name, a in machine.assumptions.items()
    }
    signs = {name: _signs(opened, opened.assumptions[name]) for name in bits}
    common = _of_every_form(opened)
    everywhere = {name for name in bits if signs[name] & common}
    found = {}
    for form in forms:
        touched = _touched(opened, opened.instructions[form]) if bits else set()
        read = {name for name in bits if name in everywhere or signs[name] & touched}
        found[form] = frozenset(read | _asked(machine, form, [name for name in bits if name not in read]))
    return found


def same(one: Instruction, first: Outcome, two: Instruction, second: Outcome) -> bool:
    """Two forms have the same words, and the same terms for what they do."""
    causes = [[trap.cause for trap in outcome.traps] for outcome in (first, second)]
    terms = [
        (form.encoding.matches, *form.encoding.fields.values(), *(trap.guard for trap in outcome.traps),
         *outcome.choices, *outcome.state.values())
        for form, outcome in ((one, first), (two, second))
    ]  # fmt: skip
    return causes[0] == causes[1] and len(terms[0]) == len(terms[1]) and all(map(operator.is_, *terms))


def _asked(machine: Machine, form: int, bits: list[str]) -> set[str]:
    """The bits of which the form is another where they are changed, though it reads none: its Python asks for them."""
    instruction = machine.instructions[form]
    before = machine.outcome(instruction)
    found = set()
    for bit in bits:
        other = copy(machine)
        flipped = replace(machine.assumptions[bit], value=1 - machine.assumptions[bit].value)
        other.assumptions = {**machine.assumptions, bit: flipped}
        if not same(instruction, before, instruction, other.outcome(instruction)):
            found.add(bit)
    return found


def _signs(machine: Machine, bit: Assumption) -> set[str]:
    """The names of the variables by which a form has to do with `bit`: its own, and what valid states tie it to."""
    own = {bit.term.name}
    if bit.holds is not None:
        own |= _names([bit.holds(machine.view(machine.variables), bit.term)])
    return own


def _of_every_form(machine: Machine) -> set[str]:
    """What the obligations on every form speak of."""
    view = machine.view(machine.variables)
    terms = [machine.variables[machine.mode], *machine.in_context(machine.variables)]
    terms += [invariant.holds(view) for invariant in machine.invariants]
    relocation = machine.relocation
    if relocation is not None:
        terms += relocation.bases(view, var(AMOUNT, relocation.amount)).values()
        at = var("$at", machine.components[relocation.memory].sort.index)  # type: ignore[union-attr]
        if relocation.visible is not None:
            terms.append(relocation.visible(view, at))
        if machine.reserved is not None:
            terms.append(machine.reserved(view, at))
    return _names(terms)


def _touched(machine: Machine, instruction: Instruction) -> set[str]:
    outcome = machine.outcome(instruction)
    changed = {name: term for name, term in outcome.state.items() if term is not machine.variables[name]}
    return {*changed, *_names([*(trap.guard for trap in outcome.traps), *outcome.choices, *changed.values()])}


def _names(terms: list[Term]) -> set[str]:
    return {variable.name for variable in variables(terms)}
