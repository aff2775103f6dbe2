"""The solver's classification is that of plain enumeration, on machines small enough to have all states tried.

With addresses of one bit the storage is E[0] and E[1], a cell has 6 bits, and there are 131072 states (262144 with
a component `halted`), each with every operand. Instructions that touch no cell are tried with four cells too.
"""

from __future__ import annotations

import pytest

from ringproof.model.machine import Instruction, Machine
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.variants import VARIANTS, variant
from ringproof.papers.popek_goldberg_1974.enumeration import Enumeration, reserved_depends_on
from ringproof.properties.classification import classify_form
from ringproof.properties.definitions import Semantics
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.interpreter import Interpreter

from .expected import rows

TINY = (1, 6)
SMALL = (2, 8)


def changed(name: str) -> Instruction:
    """The instruction that a variant adds or replaces: the last that it declares."""
    return variant(name, *TINY).instructions[-1]


def agrees(machine: Machine, name: str) -> None:
    instruction = Interpreter(machine).named(name)
    result = classify_form(Semantics(machine), instruction, Z3Solver())
    assert Enumeration(machine, instruction).flags() == (result.flags(), tuple(result.resources))


@pytest.mark.slow
@pytest.mark.parametrize("name", [instruction.name for instruction in third_generation(*TINY).instructions])
def test_instructions_of_the_machine(name: str) -> None:
    agrees(third_generation(*TINY), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_the_instruction_of_each_variant(name: str) -> None:
    agrees(variant(name, *TINY), changed(name).name)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_other_instructions_of_a_variant_are_those_of_the_machine(name: str) -> None:
    """Their outcomes are the very same terms, and what a variant adds to the state they leave alone."""
    base, machine = third_generation(*TINY), variant(name, *TINY)
    added = set(machine.components) - set(base.components)
    for instruction in machine.instructions[:-1]:
        ours, theirs = machine.outcome(instruction), base.outcome(Interpreter(base).named(instruction.name))
        assert [(t.cause, id(t.guard)) for t in ours.traps] == [(t.cause, id(t.guard)) for t in theirs.traps]
        assert all(ours.state[component] is theirs.state[component] for component in base.components)
        assert all(ours.state[component] is machine.variables[component] for component in added)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["return-to-user", "shrink", "halt", "halt-shared", "supervisor-call"])
def test_with_four_cells(name: str) -> None:
    agrees(variant(name, *SMALL), changed(name).name)


@pytest.mark.parametrize("name", ["return-to-user", "halt", "read-mode"])
def test_the_tiny_machine_says_what_the_paper_does(name: str) -> None:
    flags, resources = Enumeration(variant(name, *TINY), changed(name)).flags()
    expected = rows(f"third-generation-{name}")[changed(name).name]
    assert (flags, resources) == (expected.flags, expected.resources)


def test_whether_a_cell_is_reserved_depends_on_no_cell() -> None:
    assert reserved_depends_on(third_generation(*TINY)) == {"l", "b"}


def test_the_states_are_all_tried() -> None:
    """JUMP touches no cell: every value of M, P, l, b and a. LOAD R divides by the cells that it can reach."""
    machine = third_generation(*TINY)
    jump = Enumeration(machine, Interpreter(machine).named("JUMP"))
    jump.flags()
    assert jump.states == 2 * 2 * 2 * 4 * 2
    load = Enumeration(machine, Interpreter(machine).named("LOAD R"))
    load.flags()
    assert load.states == 2 * 2 * 2 * 4 * 2 * 64
