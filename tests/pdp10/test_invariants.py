"""Whatever a program does, the machine stays in a state that its invariants allow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringproof.model.cpu import Kind
from ringproof.model.machine import Machine
from ringproof.model.monitors.pdp10 import sized_ka10
from ringproof.model.monitors.pdp10_ki10 import sized_ki10
from ringproof.model.pdp10 import ka10, ki10
from ringproof.model.terms import Term, any_of, var
from ringproof.properties.discharge import BUDGET
from ringproof.properties.monitors.steps import delivered
from ringproof.solvers.answer import Unsat
from ringproof.solvers.z3_solver import Z3Solver

pytestmark = pytest.mark.slow


def broken(machine: Machine, after: dict[str, Term]) -> Term:
    """An invariant holds before and not after; what reads nothing that changed is left out."""
    pairs = zip(machine.valid(machine.variables), machine.valid(after), strict=True)
    return any_of(*[~now for before, now in pairs if now is not before])


@pytest.mark.parametrize("make", [ka10, sized_ka10, ki10, sized_ki10])
def test_every_instruction_and_every_trap_keeps_the_invariants(make: Callable[[], Machine]) -> None:
    machine, solver = make(), Z3Solver()
    before = machine.valid(machine.variables)
    claims: dict[str, list[Term]] = {}
    for instruction in machine.instructions:
        outcome = machine.outcome(instruction)
        claims[instruction.name] = [~outcome.trapping(), broken(machine, dict(outcome.state))]
        for trap in outcome.traps:
            if trap.cause.kind is not Kind.UNSUPPORTED:
                details = {key: var(f"$detail.{key}", term.sort) for key, term in trap.details.items()}
                done = delivered(machine, machine.variables, trap.cause, details)
                claims[trap.cause.name] = [~done.declined, broken(machine, dict(done.state))]
    answers = {name: solver.check([*before, *claim], BUDGET) for name, claim in claims.items()}
    assert [name for name, answer in answers.items() if not isinstance(answer, Unsat)] == []
