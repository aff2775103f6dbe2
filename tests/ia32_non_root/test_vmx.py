"""VM entry, VM exit, and who exits first. SDM vol. 3, chapters 26 to 28 and 31."""

from __future__ import annotations

import pytest

from .vmx_worlds import (
    ENTRY_EVENT,
    ERROR,
    GUEST_EFLAGS,
    GUEST_EIP,
    GUEST_PHYSICAL,
    INFORMATION,
    LENGTH,
    PRIMARY,
    PRIMARY_BITS,
    QUALIFICATION,
    REASON,
    gate,
    vmx_world,
)
from .worlds import BOUND, GUEST_CODE, GUEST_IDT, GUEST_STACK, HOST_RETURN, HOST_STACK, WINDOW, NonRootWorld

VMLAUNCH, VMRESUME = "0F01C2", "0F01C3"


def entered(**components: int) -> NonRootWorld:
    world = vmx_world(**components)
    assert world.step(VMLAUNCH) == ""
    assert world.in_guest
    return world


def vmcs(world: NonRootWorld, field: int) -> int:
    return int(world["VMCS"][field])


def test_entry_loads_the_guest_and_translates_its_memory() -> None:
    world = entered(EBX=7)
    assert (world["EIP"], world["ESP"], world["CPL"], world["IF"]) == (GUEST_CODE, GUEST_STACK, 0, 0)
    assert (world["window_base"], world["VMCS_launched"], world["EBX"]) == (WINDOW, 1, 7)
    assert world.step("53") == ""  # PUSH EBX
    assert world.peek(WINDOW + GUEST_STACK - 4) == 7


def test_an_exit_saves_the_guest_and_loads_the_host() -> None:
    world = entered()
    assert world.step("F4") == "exit: HLT privilege"
    assert not world.in_guest
    assert (vmcs(world, REASON), vmcs(world, GUEST_EIP), vmcs(world, LENGTH)) == (12, GUEST_CODE, 1)
    assert (world["EIP"], world["ESP"], world["window_base"]) == (HOST_RETURN, HOST_STACK, 0)
    assert (world.selector("CS"), world.selector("DS"), world["GDTR_base"], world["TR_base"]) == (
        8,
        0x10,
        0x1000,
        0x4000,
    )


SWITCHED_BACK = [
    "EIP", "ESP", "CR0", "CR3", "CR4", "DR7", "CPL", "IF", "IOPL", "ZF", "TF", "GDTR_base", "IDTR_limit",
    *[f"{name}_{part}" for name in ("ES", "DS", "FS", "GS") for part in ("selector", "base", "limit", "access", "big")],
    *[f"{name}_{part}" for name in ("CS", "SS") for part in ("index", "base", "limit", "access")],
    *[f"{name}_{part}" for name in ("LDTR", "TR") for part in ("selector", "base", "limit", "access")],
]  # fmt: skip


def test_exit_and_entry_bring_the_guest_back() -> None:
    world = entered()
    assert world.step("B811000000") == ""  # MOV EAX, 17
    world.state |= {"IF": 1, "IOPL": 2, "ZF": 1, "CR3": 0x5000, "FS_base": 0x1230, "ES_access": 0, "GS_limit": 0xFFFF}
    guest = {name: world[name] for name in SWITCHED_BACK}
    assert world.step("0FA2") == "exit: CPUID privilege"
    assert {name: world[name] for name in SWITCHED_BACK} != guest
    assert world.step(VMRESUME) == ""
    assert {name: world[name] for name in SWITCHED_BACK} == guest


@pytest.mark.parametrize(
    ("text", "reason", "qualification"),
    [
        ("0FA2", 10, 0),
        ("0F08", 13, 0),
        ("0F31", 16, 0),
        ("0F33", 15, 0),
        ("0F32", 31, 0),
        ("0F30", 32, 0),
        ("0F21C1", 29, 0x110),  # MOV ECX, DR0: from, ECX
        ("0F23FB", 29, 0x307),  # MOV DR7, EBX: to, EBX
        ("E460", 30, 0x60 << 16 | 1 << 6 | 1 << 3),  # IN AL, 60h
        ("EF", 30, 0x1234 << 16 | 3),  # OUT DX, EAX
        ("F36E", 30, 0x1234 << 16 | 1 << 5 | 1 << 4),  # REP OUTSB
        ("0F01C1", 18, 0),
        ("0F01C4", 26, 0),
    ],
)
def test_reasons_and_qualifications(text: str, reason: int, qualification: int) -> None:
    world = entered(EDX=0x1234)
    assert world.step(text).startswith("exit: ")
    assert (vmcs(world, REASON), vmcs(world, QUALIFICATION)) == (reason, qualification)
    assert vmcs(world, LENGTH) == len(text) // 2


@pytest.mark.parametrize("text", ["0F0100", "9C", "9D", "0F01E0", "0F00C8", "8CC8", "0F02C0", "0F00E0", "0F20C0", "FA"])
def test_what_works_on_the_guests_own_registers_does_not_exit(text: str) -> None:
    """SGDT, PUSHF, POPF, SMSW, STR, MOV from CS, LAR, VERR, MOV from CR0, CLI."""
    world = entered(EAX=0x100)
    assert world.step(text) == ""
    assert world.in_guest


def test_faults_for_privilege_come_before_exits_but_not_before_those_of_mov_dr_and_vmx_instructions() -> None:
    """SDM vol. 3, sections 26.1.1 and 26.1.3."""
    for text, expected in (
        ("F4", "#GP(0x0) program"), ("0F32", "#GP(0x0) program"), ("0F21C0", "exit: MOV DR privilege"),
        ("0F01C1", "exit: VMCALL privilege"), ("0F78C0", "exit: VMREAD privilege"),
    ):  # fmt: skip
        world = entered()
        world.state |= {"CPL": 3, "CS_access": 0xFB, "SS_access": 0xF3}
        assert world.run(text) == expected


def test_an_unknown_msr_exits_before_it_is_a_fault() -> None:
    """SDM vol. 3, section 26.1.1: RDMSR of an MSR that there is not, at CPL 0."""
    assert entered(ECX=0xDEAD).run("0F32") == "exit: RDMSR privilege"


def test_outs_exits_before_its_segment_is_checked() -> None:
    world = entered(ESI=5)
    world.state["DS_limit"] = 4
    assert world.run("6E") == "exit: I/O instruction privilege"


def test_memory_beyond_the_window_is_an_ept_violation() -> None:
    world = entered(EBX=BOUND + 4)
    assert world.step("8903") == "exit: EPT violation memory"  # MOV [EBX], EAX
    assert (vmcs(world, REASON), vmcs(world, GUEST_PHYSICAL)) == (48, BOUND + 4)
    assert vmcs(world, QUALIFICATION) == 0x182  # a write, to the translation of a linear address


def test_an_interrupt_exits_though_the_guest_has_cleared_if() -> None:
    world = entered()
    assert world.step("FA") == ""
    world.state |= {"INTR": 1, "INTR_vector": 0x20}
    assert world.step("90") == "exit: external interrupt privilege"
    assert (vmcs(world, REASON), world["INTR"]) == (1, 1)


def test_the_timer_returns_control_from_a_loop() -> None:
    world = vmx_world()
    world.state["VMCS"][0x482E] = 5
    assert world.step(VMLAUNCH) == ""
    for _ in range(5):
        assert world.step("EBFE") == ""  # JMP $
    assert world.step("EBFE") == "exit: VMX-preemption timer expired privilege"
    assert vmcs(world, REASON) == 52


def test_entry_injects_an_exception_through_the_guests_idt() -> None:
    world = vmx_world()
    world.guest_poke(GUEST_IDT + 8 * 13, gate(0x5000))
    world.state["VMCS"][ENTRY_EVENT] = 0x80000B0D
    world.state["VMCS"][0x4018] = 0x18
    assert world.step(VMLAUNCH) == ""
    assert (world["EIP"], world["ESP"]) == (0x5000, GUEST_STACK - 16)
    assert world.peek(WINDOW + GUEST_STACK - 16) == 0x18
    assert vmcs(world, ENTRY_EVENT) == 0x00000B0D


def test_an_interrupt_window_exits_once_the_guest_can_be_interrupted() -> None:
    world = vmx_world()
    world.state["VMCS"][PRIMARY] = PRIMARY_BITS | 1 << 2
    assert world.step(VMLAUNCH) == ""
    assert world.step("FB") == ""  # STI
    assert world.step("90") == "exit: interrupt window privilege"
    assert vmcs(world, GUEST_EFLAGS) & 0x200


def test_entry_fails_with_a_number() -> None:
    world = vmx_world()
    assert world.step(VMRESUME) == ""
    assert (world["ZF"], vmcs(world, ERROR), world.in_guest) == (1, 5, False)
    world.state["VMCS"][0x0C02] = 0  # the host's CS
    assert world.step(VMLAUNCH) == ""
    assert (world["ZF"], vmcs(world, ERROR)) == (1, 8)
    world.state["VMCS_current"] = 0
    assert world.step(VMLAUNCH) == ""
    assert (world["CF"], world["ZF"]) == (1, 0)


def test_fields_are_read_and_written_by_encoding() -> None:
    world = vmx_world(ECX=0x6820, EAX=0x246)
    assert world.run("0F79C8") == ""  # VMWRITE ECX, EAX
    assert world.run("0F78CA") == ""  # VMREAD EDX, ECX
    assert (world["EDX"], world["CF"], world["ZF"]) == (0x246, 0, 0)
    world.state["ECX"] = REASON
    assert world.run("0F79C8") == ""
    assert (world["ZF"], vmcs(world, ERROR)) == (1, 13)
    world.state["ECX"] = 0x6821
    assert world.run("0F78CA") == ""
    assert (world["ZF"], vmcs(world, ERROR)) == (1, 12)


def test_an_exception_goes_to_the_guest_unless_the_bitmap_has_it() -> None:
    world = entered()
    world.guest_poke(GUEST_IDT + 8 * 6, gate(0x5000))
    assert world.step("0F0B") == "#UD undefined"
    assert (world.in_guest, world["EIP"]) == (True, 0x5000)
    assert vmcs(world, INFORMATION) == 0
