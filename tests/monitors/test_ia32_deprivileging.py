"""De-privileging on IA-32: which instructions a guest kernel betrays the monitor by, and that the rest is sound."""

from __future__ import annotations

from functools import cache

import pytest

from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction
from ringproof.model.terms import Evaluation, Term
from ringproof.properties.monitors.obligations import Claim, Squares
from ringproof.solvers.answer import Sat, Undecided
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.python_code import default_value

RING_1, RING_3 = "ia32/de-privileging-ring1", "ia32/de-privileging-ring3"
BUDGET = 40_000_000


@cache
def construction(name: str) -> Construction:
    return system(name)


def squares(name: str, form: str) -> Squares:
    built = construction(name)
    instruction = next(i for i in built.guest.instructions if i.id == form)
    return Squares(built, instruction, name, lambda *conditions: False)


def differences(claim: Claim) -> list[str]:
    """What differs in a counterexample to the claim; nothing where there is none."""
    answer = Z3Solver().check([*claim.hypotheses, claim.violation], BUDGET)
    assert not isinstance(answer, Undecided)
    if not isinstance(answer, Sat):
        return []

    def read(variable: Term) -> object:
        value = answer.assignment.get(variable.name)
        return default_value(variable.sort) if value is None else value

    found = Evaluation(read)
    return [name for name, term in claim.differences.items() if found.value(term)]


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("POPFD [9D]", {"the virtual IF", "the virtual IOPL"}),
        ("PUSHFD [9C]", {"memory"}),
        ("PUSH CS [0E]", {"memory"}),
        ("STR r/m16 [66 0F 00 /1]", {"memory"}),
        ("VERW r/m16 [0F 00 /5]", {"ZF"}),
    ],
)
def test_an_instruction_that_does_something_else_in_ring_1_betrays_the_monitor(form: str, shown: set[str]) -> None:
    found = differences(squares(RING_1, form).direct())
    assert found
    assert set(found) <= shown


@pytest.mark.parametrize(
    "form", ["INC r32 [40+rd]", "PUSH r32 [50+rd]", "PUSH DS [1E]", "CPUID [0F A2]", "RDTSC [0F 31]"]
)
@pytest.mark.parametrize("name", [RING_1, RING_3])
def test_what_runs_directly_is_the_guests_own_step_and_stays_in_the_region(name: str, form: str) -> None:
    subject = squares(name, form)
    claims = (subject.direct(), subject.control_direct(), subject.efficient())
    assert [differences(claim) for claim in claims] == [[], [], []]


@pytest.mark.parametrize(
    "form", ["CLI [FA]", "HLT [F4]", "MOV rm32, CRn [0F 20 /r]", "IN AL, DX [EC]", "RDPMC [0F 33]"]
)
def test_a_privileged_instruction_always_traps_and_is_interpreted(form: str) -> None:
    subject = squares(RING_1, form)
    completes = (*subject.hypotheses, ~subject.host.trapping())
    assert not isinstance(Z3Solver().check(completes, BUDGET), Sat)
    assert [differences(claim) for claim in subject.trapped() if claim.case == "emulated"] == [[], []]


def test_the_host_tells_the_virtual_ring_where_the_kernel_has_one_of_its_own() -> None:
    assert "CPL" in construction(RING_1).placement.lent
    assert "CPL" not in construction(RING_3).placement.lent
