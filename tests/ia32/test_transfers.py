"""Far JMP, CALL and RET, interrupts and IRET. SDM vol. 2; vol. 3, sections 5.8, 6.11 to 6.13."""

from __future__ import annotations

import struct

import pytest

from .worlds import (
    CODE,
    CONFORMING,
    ENTRY,
    FREE,
    GDT,
    IDT,
    STACK,
    TASK,
    TSS,
    World,
    code,
    data,
    gate,
    segment,
)

CALL_GATE, CALL_GATE_16, TASK_GATE, INTERRUPT_GATE, TRAP_GATE, INTERRUPT_GATE_16 = 0x8C, 0x84, 0x85, 0x8E, 0x8F, 0x86
DPL3 = 0x60
AFTER_CALL = CODE + 7


def far(opcode: str, selector: int, offset: int = ENTRY) -> str:
    return opcode + struct.pack("<IH", offset, selector).hex()


def transfer(opcode: str, selector: int, descriptor: bytes = b"", *, ring: int = 3) -> tuple[str, World]:
    world = World(ring)
    if descriptor:
        world.define(selector, descriptor)
    return world.run(far(opcode, selector)), world


def words(world: World, count: int) -> list[int]:
    """The doublewords on the stack, the lowest first."""
    return [world.peek(world["ESP"] + 4 * n) for n in range(count)]


# Directly.


@pytest.mark.parametrize(
    ("selector", "descriptor", "ring", "expected"),
    [
        (code(3), b"", 3, ""),
        (code(0), b"", 0, ""),
        (code(0), b"", 3, "#GP(0x8) privilege"),
        (code(3), b"", 0, "#GP(0x38) privilege"),  # not outward either
        (code(0) | 3, b"", 0, "#GP(0x8) privilege"),  # RPL above CPL
        (code(3) & ~3, b"", 3, ""),  # RPL below CPL
        (CONFORMING, b"", 3, ""),
        (CONFORMING | 3, b"", 1, ""),
        (FREE, segment(0xFE), 2, "#GP(0x60) privilege"),  # conforming, but its DPL is above CPL
        (FREE, segment(0x7A), 3, "#NP(0x60) memory"),
        (data(3), b"", 3, "#GP(0x40) memory"),
        (0, b"", 3, "#GP(0x0) memory"),
        (3, b"", 3, "#GP(0x0) memory"),
        (0x80, b"", 3, "#GP(0x80) memory"),
        (FREE, segment(0xFA, limit=ENTRY - 1), 3, "#GP(0x0) memory"),
        (FREE, segment(0xFA, big=False), 3, "16-bit code segment unsupported"),
    ],
)
@pytest.mark.parametrize("opcode", ["EA", "9A"])
def test_direct_transfers(opcode: str, selector: int, descriptor: bytes, ring: int, expected: str) -> None:
    trap, world = transfer(opcode, selector, descriptor, ring=ring)
    assert trap == expected
    if not expected:
        assert (world["EIP"], world["CPL"], world["CS_index"]) == (ENTRY, ring, selector >> 2)
        assert words(world, 2) == ([AFTER_CALL, code(ring)] if opcode == "9A" else [0, 0])


def test_a_far_jump_loads_the_hidden_part_and_marks_the_segment_accessed() -> None:
    _, world = transfer("EA", FREE | 3, segment(0xFA, base=0x1000, limit=0xFFFF))
    assert (world["CS_base"], world["CS_limit"], world["CS_access"]) == (0x1000, 0xFFFF, 0xFB)
    assert world.peek(GDT + FREE + 5, 1) == 0xFB


def test_a_far_pointer_in_memory() -> None:
    world = World(EBX=0x20000)
    world.poke(0x20000, struct.pack("<IH", ENTRY, code(3)))
    assert world.run("FF1B") == ""
    assert (world["EIP"], words(world, 2)) == (ENTRY, [CODE + 2, code(3)])


def test_a_call_without_room_faults_on_the_stack() -> None:
    world = World(SS_limit=0xFFF)
    assert world.run(far("9A", code(3))) == "#SS(0x0) memory"


# Through call gates.


@pytest.mark.parametrize(
    ("descriptor", "ring", "expected"),
    [
        (gate(CALL_GATE | DPL3, code(3)), 3, ""),
        (gate(CALL_GATE | DPL3, CONFORMING), 3, ""),
        (gate(CALL_GATE, code(3)), 3, "#GP(0x60) privilege"),  # the gate's DPL
        (gate(CALL_GATE & 0x7F | DPL3, code(3)), 3, "#NP(0x60) memory"),
        (gate(CALL_GATE | DPL3, 3), 3, "#GP(0x0) memory"),
        (gate(CALL_GATE | DPL3, 0x80), 3, "#GP(0x80) memory"),
        (gate(CALL_GATE | DPL3, data(3)), 3, "#GP(0x40) memory"),
        (gate(CALL_GATE | DPL3, code(3)), 0, "#GP(0x38) privilege"),  # outward
        (gate(CALL_GATE_16 | DPL3, code(3)), 3, "16-bit gate unsupported"),
        (gate(TASK_GATE | DPL3, TASK), 3, "task switch unsupported"),
        (gate(TASK_GATE, TASK), 3, "#GP(0x60) privilege"),
        (gate(INTERRUPT_GATE | DPL3, code(3)), 3, "#GP(0x60) memory"),
        (segment(0x89 | DPL3, limit=0x67), 3, "task switch unsupported"),
        (segment(0x8B | DPL3, limit=0x67), 3, "#GP(0x60) memory"),  # busy
    ],
)
@pytest.mark.parametrize("opcode", ["EA", "9A"])
def test_gates(opcode: str, descriptor: bytes, ring: int, expected: str) -> None:
    trap, world = transfer(opcode, FREE, descriptor, ring=ring)
    assert trap == expected
    assert world["EIP"] == (CODE if expected else ENTRY)


def test_rpl_of_the_gates_selector_counts_but_not_that_of_its_target() -> None:
    assert transfer("9A", FREE | 3, gate(CALL_GATE | 0x20, code(1)), ring=1)[0] == "#GP(0x60) privilege"
    assert transfer("9A", FREE, gate(CALL_GATE, code(0) | 3), ring=0)[0] == ""


def test_a_jump_through_a_gate_cannot_change_the_level() -> None:
    assert transfer("EA", FREE, gate(CALL_GATE | DPL3, code(0)))[0] == "#GP(0x8) privilege"


@pytest.mark.parametrize("inner", [0, 1, 2])
def test_a_call_gate_enters_an_inner_level_on_its_own_stack(inner: int) -> None:
    trap, world = transfer("9A", FREE | 3, gate(CALL_GATE | DPL3, code(inner) & ~3))
    assert trap == ""
    assert (world["CPL"], world["EIP"], world.selector("CS")) == (inner, ENTRY, code(inner))
    assert (world["ESP"], world.selector("SS"), world["SS_access"]) == (
        STACK[inner] - 16,
        data(inner),
        0x93 | inner << 5,
    )
    assert words(world, 4) == [AFTER_CALL, code(3), STACK[3], data(3)]
    assert world["IF"]


def test_a_call_gate_copies_parameters() -> None:
    world = World()
    world.define(FREE, gate(CALL_GATE | DPL3, code(0), count=3))
    world.push(0x33, 0x22, 0x11)
    old = world["ESP"]
    assert world.run(far("9A", FREE)) == ""
    assert words(world, 7) == [AFTER_CALL, code(3), 0x11, 0x22, 0x33, old, data(3)]
    assert world["ESP"] == STACK[0] - 28


def test_many_parameters_are_refused_but_only_where_they_are_copied() -> None:
    refused = "call gate that copies more than 4 parameters unsupported"
    assert transfer("9A", FREE, gate(CALL_GATE | DPL3, code(0), count=31))[0] == refused
    assert transfer("9A", FREE, gate(CALL_GATE | DPL3, code(3), count=31))[0] == ""


@pytest.mark.parametrize(
    ("selector", "descriptor", "expected"),
    [
        (0, b"", "#TS(0x0) memory"),
        (0x80, b"", "#TS(0x80) memory"),
        (FREE + 8 | 3, segment(0x92), "#TS(0x68) privilege"),  # RPL
        (FREE + 8, segment(0xF2), "#TS(0x68) privilege"),  # DPL
        (FREE + 8, segment(0x90), "#TS(0x68) memory"),
        (FREE + 8, segment(0x12), "#SS(0x68) memory"),
        (FREE + 8, segment(0x92, limit=0xFFF), "#SS(0x68) memory"),  # no room
        (FREE + 8, segment(0x92, big=False), "16-bit stack segment unsupported"),
    ],
)
def test_checks_of_the_stack_in_the_tss(selector: int, descriptor: bytes, expected: str) -> None:
    world = World()
    world.define(FREE, gate(CALL_GATE | DPL3, code(0)))
    world.poke(TSS + 8, struct.pack("<H", selector))
    if descriptor:
        world.define(selector, descriptor)
    assert world.run(far("9A", FREE)) == expected


def test_a_tss_too_small_for_the_stack() -> None:
    world = World(TR_limit=0x0A)
    world.define(FREE, gate(CALL_GATE | DPL3, code(0)))
    assert world.run(far("9A", FREE)) == "#TS(0x50) memory"


# Returns.


def test_a_far_return_to_the_same_level() -> None:
    world = World()
    world.push(7, 7, code(3), ENTRY)
    assert world.run("CA0800") == ""
    assert (world["EIP"], world["ESP"], world["CPL"]) == (ENTRY, STACK[3], 3)


def test_a_far_return_to_an_outer_level_drops_what_it_may_not_keep() -> None:
    world = World(
        0, GS_selector=CONFORMING, GS_access=0x9F, FS_selector=data(3), FS_access=0xF3, ES_selector=3, ES_access=0
    )
    world.push(data(3), 0x12340, 0, code(3), ENTRY)
    assert world.run("CA0400") == ""
    assert (world["CPL"], world.selector("CS"), world["EIP"]) == (3, code(3), ENTRY)
    assert (world.selector("SS"), world["ESP"], world["SS_access"]) == (data(3), 0x12344, 0xF3)
    assert (world["DS_selector"], world["DS_access"], world["ES_selector"]) == (0, 0, 0)
    assert (world["GS_selector"], world["FS_selector"]) == (CONFORMING, data(3))


@pytest.mark.parametrize(
    ("selector", "stack", "ring", "expected"),
    [
        (code(0), data(0), 3, "#GP(0x8) privilege"),  # inward
        (code(0) | 3, data(3), 0, "#GP(0x8) privilege"),  # DPL is not RPL
        (0, data(3), 0, "#GP(0x0) memory"),
        (data(3), data(3), 0, "#GP(0x40) memory"),
        (0x83, data(3), 0, "#GP(0x80) memory"),
        (code(3), 0, 0, "#GP(0x0) memory"),
        (code(3), data(2), 0, "#GP(0x30) privilege"),
        (code(3), data(2) | 3, 0, "#GP(0x30) privilege"),
        (code(3), code(3), 0, "#GP(0x38) memory"),
        (CONFORMING | 3, data(3), 0, ""),
    ],
)
@pytest.mark.parametrize("opcode", ["CB", "CF"])
def test_checks_of_a_return(opcode: str, selector: int, stack: int, ring: int, expected: str) -> None:
    world = World(ring)
    world.push(stack, 0x12340, *([0x202] if opcode == "CF" else []), selector, ENTRY)
    assert world.run(opcode) == expected


# Interrupts.


def interrupt(text: str, vector: int, descriptor: bytes, *, ring: int = 3, **components: int) -> tuple[str, World]:
    world = World(ring, **components)
    world.handler(vector, descriptor)
    return world.run(text), world


@pytest.mark.parametrize(("access", "enabled"), [(INTERRUPT_GATE, False), (TRAP_GATE, True)])
def test_int_n_enters_the_kernel(access: int, enabled: bool) -> None:
    trap, world = interrupt("CD80", 0x80, gate(access | DPL3, code(0)), NT=1, TF=1, CF=1)
    assert trap == ""
    assert (world["CPL"], world["EIP"], world["ESP"]) == (0, ENTRY, STACK[0] - 20)
    assert words(world, 5) == [CODE + 2, code(3), 0x4303, STACK[3], data(3)]
    assert (bool(world["IF"]), world["NT"], world["TF"]) == (enabled, 0, 0)


def test_int_n_to_the_same_level_stays_on_the_stack() -> None:
    trap, world = interrupt("CD80", 0x80, gate(TRAP_GATE, CONFORMING), ring=0)
    assert (trap, world["CPL"], words(world, 3)) == ("", 0, [CODE + 2, code(0), 0x202])
    trap, world = interrupt("CD80", 0x80, gate(TRAP_GATE | DPL3, CONFORMING))
    assert (trap, world["CPL"], world["ESP"]) == ("", 3, STACK[3] - 12)


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        (gate(INTERRUPT_GATE, code(0)), "#GP(0x402) privilege"),
        (gate(INTERRUPT_GATE & 0x7F | DPL3, code(0)), "#NP(0x402) memory"),
        (gate(CALL_GATE | DPL3, code(0)), "#GP(0x402) memory"),
        (gate(INTERRUPT_GATE | DPL3, 3), "#GP(0x0) memory"),
        (gate(INTERRUPT_GATE | DPL3, 0x80), "#GP(0x80) memory"),
        (gate(INTERRUPT_GATE | DPL3, data(0)), "#GP(0x10) memory"),
        (gate(INTERRUPT_GATE_16 | DPL3, code(0)), "16-bit gate unsupported"),
        (gate(TASK_GATE | DPL3, TASK), "task switch unsupported"),
    ],
)
def test_checks_of_an_interrupt_gate(descriptor: bytes, expected: str) -> None:
    assert interrupt("CD80", 0x80, descriptor)[0] == expected


def test_a_vector_beyond_the_idt() -> None:
    assert World(IDTR_limit=0x3FF).run("CD80") == "#GP(0x402) memory"


def test_an_interrupt_cannot_lead_outward() -> None:
    assert interrupt("CD80", 0x80, gate(TRAP_GATE, code(3)), ring=0)[0] == "#GP(0x38) privilege"


def test_int3_and_into_ask_for_the_gates_privilege_and_int1_does_not() -> None:
    closed = gate(TRAP_GATE, code(0))
    assert interrupt("CC", 3, closed)[0] == "#GP(0x1a) privilege"
    assert interrupt("CE", 4, closed, OF=1)[0] == "#GP(0x22) privilege"
    assert interrupt("CE", 4, closed)[0] == ""
    trap, world = interrupt("F1", 1, closed)
    assert (trap, world["CPL"], world["EIP"]) == ("", 0, ENTRY)
    assert World(IDTR_limit=7).run("F1") == "#GP(0xb) memory"  # EXT is set


# IRET.


def test_iret_restores_everything_at_ring_0() -> None:
    world = World(0, IF=0)
    world.push(data(3), 0x12340, 0x003F7FD7 & ~(1 << 17), code(3), ENTRY)
    assert world.run("CF") == ""
    assert (world["CPL"], world["EIP"], world["ESP"], world["IOPL"]) == (3, ENTRY, 0x12340, 3)
    assert all(world[name] for name in ("IF", "VIF", "VIP", "NT", "RF", "AC", "ID", "CF", "OF", "TF"))


@pytest.mark.parametrize(("iopl", "changes"), [(0, False), (2, False), (3, True)])
def test_iret_at_ring_3_leaves_iopl_and_silently_keeps_if_above_it(iopl: int, changes: bool) -> None:
    world = World(3, IOPL=iopl)
    world.push(0x1002, code(3), ENTRY)
    assert world.run("CF") == ""
    assert (world["IOPL"], bool(world["IF"])) == (iopl, not changes)


def test_iret_in_a_nested_task_and_to_virtual_8086_mode_are_refused() -> None:
    assert World(NT=1).run("CF") == "task switch unsupported"
    world = World(0)
    world.push(1 << 17, code(0), ENTRY)
    assert world.run("CF") == "return to virtual-8086 mode unsupported"
    world = World(3)
    world.push(1 << 17, code(3), ENTRY)
    assert world.run("CF") == ""


# Exceptions.


def test_a_fault_is_delivered_with_its_error_code() -> None:
    world = World(EAX=data(0))
    world.handler(13, gate(INTERRUPT_GATE, code(0)))
    assert world.step("8ED8") == "#GP(0x10) privilege"
    assert (world["CPL"], world["EIP"], world["IF"]) == (0, ENTRY, 0)
    assert words(world, 6) == [0x10, CODE, code(3), 0x10202, STACK[3], data(3)]


def test_an_undefined_instruction_has_no_error_code() -> None:
    world = World()
    world.handler(6, gate(TRAP_GATE, code(0)))
    assert world.step("8EC8") == "#UD undefined"
    assert words(world, 5) == [CODE, code(3), 0x10202, STACK[3], data(3)]


def test_a_fault_during_delivery_is_left_out() -> None:
    world = World()
    world.poke(IDT + 6 * 8, b"\0" * 8)
    before = dict(world.state)
    assert world.step("8EC8") == "#UD undefined"
    assert world.state == before


def test_there_and_back() -> None:
    world = World(EAX=5)
    world.handler(0x80, gate(INTERRUPT_GATE | DPL3, code(0)))
    world.poke(ENTRY, bytes.fromhex("CF"))
    before = dict(world.state)
    assert world.step("CD80") == ""
    assert world.step("CF") == ""
    changed = {name for name in before if name != "memory" and before[name] != world[name]}
    assert changed == {"EIP", "DS_selector", "DS_access", "ES_selector", "ES_access", "FS_selector"} - {
        "DS_selector", "DS_access", "ES_selector", "ES_access", "FS_selector"
    }  # fmt: skip
    assert world["EIP"] == CODE + 2
