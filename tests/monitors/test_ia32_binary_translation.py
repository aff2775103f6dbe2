"""Binary translation on IA-32: what is copied, what calls the monitor, and that code which changes is noticed."""

from __future__ import annotations

from functools import cache

import pytest

from ringproof.model.ia32.forms import Form
from ringproof.model.machine import Instruction
from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction
from ringproof.model.monitors.ia32_binary_translation import READS_CODE, REPLACED, call_monitor, translation
from ringproof.model.monitors.ia32_host import WATCHED, host_machine
from ringproof.model.terms import Term, any_of, var
from ringproof.properties.monitors.obligations import Squares
from ringproof.properties.monitors.steps import on_state, over_word
from ringproof.solvers.answer import Sat, Unsat
from ringproof.solvers.z3_solver import Z3Solver

SYSTEM = "ia32/binary-translation"
BUDGET = 40_000_000
STORE = "MOV r/m32, r32 [89 /r]"


@cache
def construction() -> Construction:
    return system(SYSTEM)


def form(id: str) -> Instruction:
    return next(i for i in construction().guest.instructions if i.id == id)


def squares(id: str) -> Squares:
    return Squares(construction(), form(id), SYSTEM, lambda *conditions: False)


def proved(*terms: Term) -> bool:
    return isinstance(Z3Solver().check(terms, BUDGET), Unsat)


def test_offending_rows_become_calls_of_the_monitor_and_others_are_copied() -> None:
    popf = Form("POPF", "POPFD", "9D", lambda cpu: None, 32, "ignored", False)
    assert translation(popf) is call_monitor
    plain = Form("CMC", "CMC", "F5", lambda cpu: None, "any", "ignored", False)
    assert translation(plain) is plain
    assert {"POPF", "SGDT", "IRET", "LAR"} <= REPLACED


@pytest.mark.parametrize("id", ["POPFD [9D]", "SGDT m [0F 01 /0]", "PUSH CS [0E]"])
def test_a_replaced_instruction_always_reaches_the_monitor(id: str) -> None:
    subject = squares(id)
    assert proved(*subject.hypotheses, ~subject.host.trapping())


@pytest.mark.parametrize("id", ["CALL rel32 [E8 cd]", "RET [C3]", "Jcc rel8 [70+cc cb]", STORE])
def test_copied_code_runs_as_the_guests_own_with_the_guests_return_addresses(id: str) -> None:
    claim = squares(id).direct()
    assert proved(*claim.hypotheses, claim.violation)


def test_a_store_into_scanned_code_traps() -> None:
    subject = squares(STORE)
    watching = [trap for trap in subject.host.traps if trap.cause is WATCHED]
    assert len(watching) == 1
    assert isinstance(Z3Solver().check([*subject.hypotheses, watching[0].guard], BUDGET), Sat)


@pytest.mark.slow
@pytest.mark.parametrize("id", [STORE, "ADD r32, r/m32 [03 /r]", "MOVSD [NFx A5]", "MOV EAX, moffs32 [A1 moffs]"])
def test_only_words_that_read_code_as_data_depend_on_where_the_cache_lies(id: str) -> None:
    """The copied instruction on the host, with CS's base here and with it elsewhere."""
    host = host_machine()
    instruction = next(i for i in host.instructions if i.id == id)
    outcome = over_word(host, instruction)
    moved = on_state(host, outcome, {**host.variables, "CS_base": var("$elsewhere", host.components["CS_base"].sort)})
    unit = over_word(construction().host, form_on_host(id))
    reads_code = next(trap.guard for trap in unit.traps if trap.cause is READS_CODE)
    differ = [one.guard != two.guard for one, two in zip(outcome.traps, moved.traps, strict=True)]
    differ += [outcome.state[name] != moved.state[name] for name in ("EAX", "EDX", "ESI", "EDI", "EIP", "ZF")]
    cell = var("$at", host.components["ESP"].sort)
    differ.append(outcome.state["memory"][cell] != moved.state["memory"][cell])
    assert proved(instruction.encoding.matches, ~reads_code, any_of(*differ))


def form_on_host(id: str) -> Instruction:
    return next(i for i in construction().host.instructions if i.id == id)
