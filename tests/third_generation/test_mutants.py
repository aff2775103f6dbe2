"""A machine with one instruction broken is noticed: the check names the instruction and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ringproof.model.machine import Machine
from ringproof.model.terms import Term, ite
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import CALL_TRAP, PRIVILEGE_TRAP, USER, ThirdGeneration, form
from ringproof.properties.classification import classify_form, rows
from ringproof.properties.definitions import Semantics
from ringproof.properties.theorems import conditions
from ringproof.solvers.z3_solver import Z3Solver

from .expected import BASE, CONTROL, INNOCUOUS, LOCATION, MODE, PRIVILEGED, Row, row
from .expected import USER as USER_SENSITIVE

ONE = {"LOAD PSW": (7, "a"), "LOAD R": (8, "a"), "JUMP": (5, "a")}
TWO = {"MOVE": 0, "ADD": 2}


@dataclass(frozen=True)
class Mutant:
    """Another meaning of `instruction`, and its row."""

    text: str
    instruction: str
    meaning: Callable[..., None]
    expected: Row


def load_r(cpu: ThirdGeneration, a: Term) -> None:
    cell, n = cpu.load(a), cpu.P.width
    cpu.b, cpu.l = cell[n:0], cell[2 * n : n + 1]


def no_check(cpu: ThirdGeneration, a: Term) -> None:
    cpu.load_psw(cpu.load(a))


def odd_addresses_only(cpu: ThirdGeneration, a: Term) -> None:
    cpu.trap(PRIVILEGE_TRAP, when=(cpu.M == USER) & a.bit(0))
    load_r(cpu, a)


def supervisor_traps_too(cpu: ThirdGeneration, a: Term) -> None:
    cpu.trap(PRIVILEGE_TRAP)
    load_r(cpu, a)


def traps_as_a_call(cpu: ThirdGeneration, a: Term) -> None:
    cpu.trap(CALL_TRAP, when=cpu.M == USER)
    load_r(cpu, a)


def supervisor_traps_in_one_state(cpu: ThirdGeneration, a: Term) -> None:
    cpu.trap(PRIVILEGE_TRAP, when=(cpu.M == USER) | ((cpu.P == 77) & (a == 5)))
    load_r(cpu, a)


def user_is_let_through_once(cpu: ThirdGeneration, a: Term) -> None:
    cpu.trap(PRIVILEGE_TRAP, when=(cpu.M == USER) & ~((cpu.P == 77) & (cpu.load(a) == 12345)))
    cpu.load_psw(cpu.load(a))


def bound_only(cpu: ThirdGeneration, a: Term) -> None:
    with cpu.when(cpu.load(a) == 99):
        cpu.b = cpu.b - 1


def mode_in_a_bit(cpu: ThirdGeneration, a: Term, b: Term) -> None:
    cpu.store(b, cpu.load(b) + cpu.load(a) + cpu.M.zext(64))


def mode_after_overflow(cpu: ThirdGeneration, a: Term, b: Term) -> None:
    total = cpu.load(b) + cpu.load(a)
    cpu.store(b, ite((total == 2**63) & (cpu.M == USER), total + 1, total))


def absolute(cpu: ThirdGeneration, a: Term, b: Term) -> None:
    cpu.store(b, cpu.E[a])


def location_in_the_counter(cpu: ThirdGeneration, a: Term) -> None:
    cpu.P = ite(cpu.l == 4096, a + 1, a)


def bound_in_the_counter(cpu: ThirdGeneration, a: Term) -> None:
    cpu.P = ite(cpu.b == 4096, a + 1, a)


MUTANTS = [
    Mutant("LOAD PSW without a check", "LOAD PSW", no_check, row(CONTROL, USER_SENSITIVE)),
    Mutant("LOAD R without a check", "LOAD R", load_r, row(CONTROL, USER_SENSITIVE)),
    Mutant("LOAD R checks odd addresses only", "LOAD R", odd_addresses_only, row(CONTROL, USER_SENSITIVE)),
    Mutant("LOAD R traps in both modes", "LOAD R", supervisor_traps_too, INNOCUOUS),
    Mutant("LOAD R traps for another reason", "LOAD R", traps_as_a_call, row(CONTROL)),
    Mutant("LOAD R traps in one supervisor state", "LOAD R", supervisor_traps_in_one_state, row(CONTROL)),
    Mutant("LOAD PSW lets one value through", "LOAD PSW", user_is_let_through_once, row(CONTROL, USER_SENSITIVE)),
    Mutant("JUMP changes the bound once", "JUMP", bound_only, row(CONTROL, USER_SENSITIVE)),
    Mutant("ADD shows the mode", "ADD", mode_in_a_bit, row(MODE)),
    Mutant("ADD shows the mode for one sum", "ADD", mode_after_overflow, row(MODE)),
    Mutant("MOVE reads absolute addresses", "MOVE", absolute, row(LOCATION, USER_SENSITIVE, resources=("E",))),
    Mutant("JUMP shows one location", "JUMP", location_in_the_counter, row(LOCATION, USER_SENSITIVE)),
    Mutant("JUMP shows one bound", "JUMP", bound_in_the_counter, row(USER_SENSITIVE, resources=("b",))),
]


def mutated(mutant: Mutant) -> Machine:
    machine = third_generation()
    machine.instructions = [i for i in machine.instructions if i.name != mutant.instruction]
    opcode, fields = ONE[mutant.instruction] if mutant.instruction in ONE else (TWO[mutant.instruction], "a b")
    machine.add(mutant.instruction, mutant.instruction, form(machine, opcode, fields), mutant.meaning)
    return machine


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.text)
def test_a_broken_instruction_is_noticed(mutant: Mutant) -> None:
    machine = mutated(mutant)
    result = classify_form(Semantics(machine), machine.instructions[-1], Z3Solver())
    assert (result.flags(), tuple(result.resources)) == (mutant.expected.flags, mutant.expected.resources)
    assert mutant.expected != BASE[mutant.instruction]
    if PRIVILEGED not in mutant.expected.words:
        one, _, three = conditions(rows([result]))
        assert one.holds is not (mutant.expected != INNOCUOUS)
        assert three.holds is (USER_SENSITIVE not in mutant.expected.words)


def reads_past_the_bound(cpu: ThirdGeneration, a: Term, b: Term) -> None:
    cpu.store(b, cpu.E[cpu.l + a])


def writes_past_the_bound(cpu: ThirdGeneration, a: Term, b: Term) -> None:
    cpu.E = cpu.E.set(cpu.l + b, cpu.load(a))


def behavior(meaning: Callable[..., None]) -> dict[str, bool | None]:
    machine = mutated(Mutant("", "MOVE", meaning, INNOCUOUS))
    return classify_form(Semantics(machine), machine.instructions[-1], Z3Solver()).flags()


def test_a_store_past_the_bound_reaches_the_reserved_cells() -> None:
    flags = behavior(writes_past_the_bound)
    assert (flags["control_sensitive"], flags["user_sensitive"]) == (True, True)


def test_a_load_past_the_bound_is_behavior_sensitive() -> None:
    """The paper's states agree in E|r alone: what lies outside the window may differ, and the program sees it."""
    flags = behavior(reads_past_the_bound)
    assert (flags["behavior_sensitive"], flags["user_sensitive"]) == (True, True)
