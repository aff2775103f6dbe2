"""VMRUN, #VMEXIT, and who is intercepted first. APM vol. 2, sections 15.5 to 15.13."""

from __future__ import annotations

import pytest

from tests.ia32.worlds import CODE

from .svm_worlds import (
    EVENT,
    EXIT_CODE,
    GUEST_EFLAGS,
    GUEST_EIP,
    INFO_1,
    INFO_2,
    INTERCEPT_3,
    INTERRUPT_CONTROL,
    NEXT,
    VMCB,
    WORD_3,
    get_word,
    set_word,
    svm_world,
)
from .vmx_worlds import gate
from .worlds import BOUND, GUEST_CODE, GUEST_IDT, GUEST_STACK, WINDOW, NonRootWorld

VMRUN = "0F01D8"


def entered(**components: int) -> NonRootWorld:
    world = svm_world(**components)
    assert world.step(VMRUN) == ""
    assert world.in_guest
    return world


def test_vmrun_loads_the_guest_and_translates_its_memory() -> None:
    world = entered(EBX=7)
    assert (world["EIP"], world["ESP"], world["EAX"], world["IF"], world["GIF"]) == (GUEST_CODE, GUEST_STACK, 0, 0, 1)
    assert world.step("53") == ""  # PUSH EBX
    assert world.peek(WINDOW + GUEST_STACK - 4) == 7


def test_an_exit_returns_behind_vmrun_with_the_host_as_it_was() -> None:
    world = svm_world()
    kept = ("ESP", "EAX", "CR0", "CPL", "IF", "CS_index", "DS_selector", "SS_access", "GDTR_base", "IDTR_limit")
    host = {name: world[name] for name in kept}
    assert world.step(VMRUN) == ""
    assert world.step("F4") == "exit: HLT privilege"
    assert {name: world[name] for name in kept} == host
    assert (world["EIP"], world["GIF"], world["window_base"], world.in_guest) == (CODE + 3, 0, 0, False)
    assert (get_word(world, EXIT_CODE), get_word(world, GUEST_EIP), get_word(world, NEXT)) == (
        0x78, GUEST_CODE, GUEST_CODE + 1,
    )  # fmt: skip


def test_exit_and_vmrun_bring_the_guest_back() -> None:
    world = entered()
    world.state |= {"IF": 1, "IOPL": 2, "ZF": 1, "CR3": 0x5000, "ES_access": 0, "DS_limit": 0xFFFF, "EAX": 17, "CR2": 9}
    names = [
        "EIP", "ESP", "EAX", "CR0", "CR2", "CR3", "DR6", "CPL", "IF", "IOPL", "ZF", "GDTR_base", "IDTR_limit",
        "ES_access", "DS_limit", "CS_base", "SS_access", "CS_index",
    ]  # fmt: skip
    guest = {name: world[name] for name in names}
    assert world.step("0FA2") == "exit: CPUID privilege"
    assert {name: world[name] for name in names} != guest
    assert world.step(VMRUN) == ""
    assert {name: world[name] for name in names} == guest


def test_vmsave_and_vmload_exchange_the_rest() -> None:
    world = svm_world()
    names = [
        f"{name}_{part}" for name in ("FS", "GS", "LDTR", "TR") for part in ("selector", "base", "limit", "access")
    ]
    own = {name: world[name] for name in names}
    world.state["MSR"][0x175] = 0x123456789
    assert world.run("0F01DB") == ""  # VMSAVE
    world.state |= {"FS_base": 1, "GS_access": 0, "TR_base": 3, "LDTR_access": 0}
    world.state["MSR"][0x175] = 0
    assert world.run("0F01DA") == ""  # VMLOAD
    assert {name: world[name] for name in names} == own
    assert world["MSR"][0x175] == 0x123456789


@pytest.mark.parametrize(
    ("text", "code", "information"),
    [
        ("0FA2", 0x72, 0),
        ("0F08", 0x76, 0),
        ("0F31", 0x6E, 0),
        ("0F32", 0x7C, 0),
        ("0F30", 0x7C, 1),
        ("0F21C9", 0x21, 0),  # MOV ECX, DR1
        ("0F23FB", 0x37, 0),  # MOV DR7, EBX
        ("E460", 0x7B, 0x60 << 16 | 1 << 8 | 1 << 4 | 1),  # IN AL, 60h
        ("F366 6F", 0x7B, 0x1234 << 16 | 1 << 8 | 2 << 4 | 1 << 3 | 1 << 2),  # REP OUTSW
        ("0F01D9", 0x81, 0),
        ("0F01D8", 0x80, 0),
        ("0F01DD", 0x85, 0),
    ],
)
def test_codes_and_information(text: str, code: int, information: int) -> None:
    world = entered(EDX=0x1234)
    assert world.step(text).startswith("exit: ")
    assert (get_word(world, EXIT_CODE), get_word(world, INFO_1)) == (code, information)


def test_faults_come_before_intercepts_except_where_the_manual_says_so() -> None:
    """APM vol. 2, table 15-7."""
    for text, expected in (
        ("F4", "#GP(0x0) program"), ("0F01D8", "#GP(0x0) program"), ("0F21C0", "#GP(0x0) program"),
        ("0F01D9", "exit: VMMCALL privilege"),
    ):  # fmt: skip
        world = entered()
        world.state |= {"CPL": 3, "CS_access": 0xFB, "SS_access": 0xF3}
        assert world.run(text) == expected


def test_memory_beyond_the_window_is_a_nested_page_fault() -> None:
    world = entered(EBX=BOUND + 4)
    assert world.step("8903") == "exit: nested page fault memory"  # MOV [EBX], EAX
    assert (get_word(world, EXIT_CODE), get_word(world, INFO_2)) == (0x400, BOUND + 4)
    assert (get_word(world, INFO_1), get_word(world, INFO_1 + 4)) == (6, 1)


def test_an_interrupt_exits_though_the_guest_has_cleared_if() -> None:
    world = entered()
    assert world.step("FA") == ""
    world.state |= {"INTR": 1, "INTR_vector": 0x20}
    assert world.step("90") == "exit: external interrupt privilege"
    assert (get_word(world, EXIT_CODE), world["INTR"]) == (0x60, 1)
    assert world.step("90") == ""  # The global interrupt flag is clear.


def test_a_virtual_interrupt_exits_once_the_guest_can_be_interrupted() -> None:
    world = svm_world()
    set_word(world, INTERCEPT_3, WORD_3 | 1 << 4)
    set_word(world, INTERRUPT_CONTROL, 1 << 24 | 1 << 8)
    assert world.step(VMRUN) == ""
    assert world.step("FB") == ""  # STI
    assert world.step("90") == "exit: virtual interrupt privilege"
    assert get_word(world, GUEST_EFLAGS) & 0x200


def test_vmrun_injects_an_interrupt_through_the_guests_idt() -> None:
    world = svm_world()
    world.guest_poke(GUEST_IDT + 8 * 0x21, gate(0x5000))
    set_word(world, EVENT, 0x80000021)
    assert world.step(VMRUN) == ""
    assert (world["EIP"], world["ESP"]) == (0x5000, GUEST_STACK - 12)
    assert world.step("F4") == "exit: HLT privilege"
    assert get_word(world, EVENT) == 0


def test_vmrun_is_refused_with_other_intercepts() -> None:
    world = svm_world()
    set_word(world, INTERCEPT_3, WORD_3 & ~(1 << 24))
    assert world.run(VMRUN) == "VMRUN with intercepts other than the configuration's unsupported"
    world.state["EAX"] = VMCB + 4
    assert world.run(VMRUN) == "#GP(0x0) program"
