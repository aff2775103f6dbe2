"""Trap entry and return, delegation, interrupts and their order. Privileged manual, sections 3.1 and 12.1."""

from __future__ import annotations

from typing import Any

import pytest

from ringproof.model.riscv.interrupts import ALL, MEI, MTI, SEI, SSI, STI, SUPERVISOR
from ringproof.traces.interpreter import State

from .worlds import CODE, DATA, M, S, U, hart, state, word

ECALL_FROM_U = 8
DELEGABLE_ECALL_FROM_U = 1 << 8


def packed(bits: object, *numbers: int) -> int:
    positions: tuple[int, ...] = bits.positions  # type: ignore[attr-defined]
    return sum(1 << positions.index(number) for number in numbers)


def test_a_trap_enters_m_mode_and_keeps_where_it_came_from() -> None:
    run = hart()
    found = state(run, word(run, "ECALL"), priv=S, mtvec=0x8000_1000, MIE=True)
    run.step(found)
    assert (found["priv"], found["PC"], found["mepc"], found["mcause"], found["MPP"]) == (M, 0x8000_1000, CODE, 9, S)
    assert (found["MIE"], found["MPIE"]) == (False, True)


def test_a_delegated_trap_enters_s_mode_but_not_from_m_mode() -> None:
    run = hart()
    given: dict[str, Any] = {"medeleg": DELEGABLE_ECALL_FROM_U | 1 << 3, "stvec": 0x8000_1000, "mtvec": 0x8000_2000}
    found = state(run, word(run, "ECALL"), priv=U, **given)
    run.step(found)
    assert (found["priv"], found["PC"], found["scause"], found["SPP"]) == (S, 0x8000_1000, ECALL_FROM_U, False)
    found = state(run, word(run, "EBREAK"), priv=M, **given)
    run.step(found)
    assert (found["priv"], found["PC"], found["mcause"], found["mtval"]) == (M, 0x8000_2000, 3, CODE)


def test_an_illegal_instruction_is_shown() -> None:
    run = hart()
    found = state(run, word(run, "MRET"), priv=U, mtvec=0x8000_1000)
    run.step(found)
    assert (found["mcause"], found["mtval"]) == (2, word(run, "MRET"))
    found = state(run, 0x0000_0000, priv=U, mtvec=0x8000_1000)
    run.step(found)
    assert (found["mcause"], found["mtval"]) == (2, 0)


def test_a_return_to_a_lower_level_clears_mprv() -> None:
    run = hart()
    for level, kept in ((U, False), (S, False), (M, True)):
        found = state(run, word(run, "MRET"), MPP=level, MPRV=True, MPIE=True, mepc=DATA + 1)
        run.step(found)
        assert (found["priv"], found["MPP"], found["MPRV"], found["MIE"]) == (level, U, kept, True)
        assert found["PC"] == DATA


def interrupted(**values: Any) -> State:
    run = hart()
    found = state(run, word(run, "ADDI"), mtvec=0x8000_1001, stvec=0x8000_2001, **values)
    run.step(found)
    return found


def test_interrupts_are_taken_in_order_each_at_its_own_entry() -> None:
    everything = packed(ALL, *ALL.positions)
    pending = packed(SUPERVISOR, SSI, STI, SEI)
    found = interrupted(priv=U, mie=everything, mip=pending, MEI_line=True)
    assert (found["mcause"], found["PC"]) == (1 << 63 | MEI, 0x8000_1000 + 4 * MEI)
    found = interrupted(priv=U, mie=everything, mip=pending, mtime=5, mtimecmp=5)
    assert found["mcause"] == 1 << 63 | MTI
    found = interrupted(priv=U, mie=everything, mip=pending)
    assert found["mcause"] == 1 << 63 | SEI


def test_a_delegated_interrupt_waits_for_s_mode_to_allow_it() -> None:
    given: dict[str, Any] = {
        "mie": packed(ALL, STI),
        "mip": packed(SUPERVISOR, STI),
        "mideleg": packed(SUPERVISOR, STI),
    }
    assert interrupted(priv=S, SIE=False, **given)["priv"] == S
    found = interrupted(priv=S, SIE=True, **given)
    assert (found["scause"], found["PC"], found["SPP"]) == (1 << 63 | STI, 0x8000_2000 + 4 * STI, True)
    found = interrupted(priv=M, MIE=True, **given)
    assert (found["priv"], found["PC"]) == (M, CODE + 4)


def test_an_interrupt_of_m_mode_goes_before_a_delegated_one() -> None:
    found = interrupted(
        priv=S, SIE=True, MIE=False, mie=packed(ALL, SSI, SEI), mip=packed(SUPERVISOR, SSI, SEI),
        mideleg=packed(SUPERVISOR, SEI),
    )  # fmt: skip
    assert (found["priv"], found["mcause"]) == (M, 1 << 63 | SSI)


@pytest.mark.parametrize(
    ("name", "bit", "level", "traps"),
    [
        ("SRET", "TSR", S, True), ("SRET", "TSR", M, False), ("SFENCE.VMA", "TVM", S, True),
        ("SFENCE.VMA", "TVM", M, False), ("WFI", "TW", S, True), ("WFI", "TW", M, False),
        ("csr satp (read)", "TVM", S, True), ("csr satp (read)", "TVM", M, False),
    ],
)  # fmt: skip
def test_bits_of_mstatus_trap_s_mode(name: str, bit: str, level: int, traps: bool) -> None:
    run = hart()
    fields = {"op": 2} if name.startswith("csr") else {}
    for value in (False, True):
        setting: dict[str, Any] = {bit: value}
        found = state(run, word(run, name, **fields), priv=level, **setting)
        trapped = run.attempt(found).trapped
        assert (trapped is not None) == (value and traps)


def test_counters_need_both_enables_in_u_mode() -> None:
    run = hart()
    for machine_level, supervisor_level, level, reads in (
        (0, 7, U, False), (0, 7, S, False), (0, 0, M, True), (2, 0, S, True), (2, 0, U, False), (2, 2, U, True),
    ):  # fmt: skip
        found = state(run, word(run, "csr time (read)", op=2, rd=5), priv=level, mcounteren=machine_level,
                      scounteren=supervisor_level, mtime=99)  # fmt: skip
        assert (run.attempt(found).trapped is None) == reads
        assert found["X"][5] == (99 if reads else 0)


def test_waiting_takes_until_the_timer_or_for_good() -> None:
    run = hart()
    found = state(run, word(run, "WFI"), mie=packed(ALL, MTI), mtimecmp=1000)
    run.step(found)
    assert (found["mtime"], found["waiting"]) == (1000, False)
    found = state(run, word(run, "WFI"), word(run, "ADDI"))
    run.step(found)
    assert found["waiting"]
    assert run.attempt(found).trapped is not None
    found["MEI_line"], found["mie"] = True, packed(ALL, MEI)
    run.step(found)
    assert (found["waiting"], found["PC"]) == (False, CODE + 8)


def test_sip_shows_and_changes_only_what_is_delegated() -> None:
    run = hart()
    write = word(run, "csr sip (write)", op=1, rd=5, rs1=6)
    given: dict[str, Any] = {"priv": S, "mip": packed(SUPERVISOR, STI, SSI), "registers": {6: 1 << SEI}}
    found = state(run, write, mideleg=packed(SUPERVISOR, SSI), **given)
    run.step(found)
    assert (found["X"][5], found["mip"]) == (1 << SSI, packed(SUPERVISOR, STI))
    found = state(run, write, mideleg=0, **given)
    run.step(found)
    assert (found["X"][5], found["mip"]) == (0, packed(SUPERVISOR, STI, SSI))
