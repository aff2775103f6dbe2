"""Paravirtual IA-32: the patched guest's machine, its hypercalls, and the properties that hold for it."""

from __future__ import annotations

from functools import cache

import pytest

from ringproof.model.machine import Instruction
from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction
from ringproof.model.monitors.ia32_paravirtual import FIRST_VECTOR, HYPERCALLS, PATCHED
from ringproof.properties.monitors.obligations import Squares
from ringproof.solvers.answer import Unsat
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.interpreter import Interpreter

SYSTEM = "ia32/paravirtual"


@cache
def construction() -> Construction:
    return system(SYSTEM)


def form(id: str) -> Instruction:
    return next(i for i in construction().guest.instructions if i.id == id)


def squares(id: str) -> Squares:
    return Squares(construction(), form(id), SYSTEM, lambda *conditions: False)


def test_the_patched_machine_has_hypercalls_instead_of_the_offending_instructions() -> None:
    rows = {i.name for i in construction().guest.instructions}
    assert not rows & PATCHED
    assert {f"HYPERCALL-{name}" for name in HYPERCALLS} <= rows


def test_what_a_port_removes_is_foreign_to_the_guest_and_known_to_the_host() -> None:
    foreign = {i.name for i in construction().foreign}
    assert foreign == PATCHED


def test_a_hypercall_is_a_software_interrupt_on_the_host() -> None:
    guest, host = Interpreter(construction().guest), Interpreter(construction().host)
    for vector, name in enumerate(HYPERCALLS, FIRST_VECTOR):
        decoded = [machine.decode(0xCD | vector << 8) for machine in (guest, host)]
        assert [found is not None and found[0].syntax for found in decoded] == [f"HYPERCALL-{name}"] * 2
    assert (other := guest.decode(0x80CD)) is not None
    assert other[0].id == "INT imm8 [CD ib]"


@pytest.mark.parametrize("id", ["HYPERCALL-POPF [CD 91]", "HYPERCALL-VERW [CD 9D]"])
def test_a_hypercall_always_traps_and_does_what_the_original_did(id: str) -> None:
    subject = squares(id)
    completes = (*subject.hypotheses, ~subject.host.trapping())
    assert isinstance(Z3Solver().check(completes, 40_000_000), Unsat)
    emulated = next(claim for claim in subject.trapped() if claim.case == "emulated")
    assert isinstance(Z3Solver().check([*emulated.hypotheses, emulated.violation], 40_000_000), Unsat)
