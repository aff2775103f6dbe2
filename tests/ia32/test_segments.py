"""Loading and storing segment registers. SDM vol. 2, MOV, POP, LDS; vol. 3, sections 3.4.5 and 5.5 to 5.7."""

from __future__ import annotations

import struct

import pytest

from .worlds import CODE, CONFORMING, FREE, GDT, STACK, TABLE_LIMIT, World, code, data, segment

MOV_DS_AX, MOV_SS_AX, MOV_CS_AX, MOV_EAX_DS = "8ED8", "8ED0", "8EC8", "8CD8"


def load(selector: int, descriptor: bytes = b"", *, ring: int = 3, instruction: str = MOV_DS_AX) -> tuple[str, World]:
    world = World(ring, EAX=selector)
    if descriptor:
        world.define(selector, descriptor)
    return world.run(instruction), world


def test_a_data_segment_is_loaded_with_its_hidden_part() -> None:
    trap, world = load(FREE | 3, segment(0xF2, base=0x12345678, limit=0xABCDE))
    assert trap == ""
    assert world.selector("DS") == FREE | 3
    assert (world["DS_base"], world["DS_limit"], world["DS_access"]) == (0x12345678, 0xABCDE, 0xF3)


def test_a_granular_limit_counts_pages() -> None:
    _, world = load(FREE | 3, segment(0xF2, limit=0x00FFFFFF))
    assert world["DS_limit"] == 0x00FFFFFF


def test_loading_sets_the_accessed_bit_in_the_table() -> None:
    _, world = load(FREE | 3, segment(0xF2))
    assert world.peek(GDT + FREE + 5, 1) == 0xF3


def test_the_ldt_is_read_by_the_table_indicator() -> None:
    trap, world = load(0x0C | 3, segment(0xF2, base=0x5000))
    assert (trap, world["DS_base"]) == ("", 0x5000)


@pytest.mark.parametrize(
    ("selector", "descriptor", "ring", "expected"),
    [
        (FREE | 3, segment(0xF2), 3, ""),
        (FREE | 3, segment(0xF0), 3, ""),  # read-only data
        (FREE | 3, segment(0xFA), 3, ""),  # readable code
        (FREE | 3, segment(0xF8), 3, "#GP(0x60) memory"),  # code that only executes
        (FREE | 3, segment(0x89), 3, "#GP(0x60) memory"),  # a TSS
        (FREE | 3, segment(0xEC), 3, "#GP(0x60) memory"),  # a call gate
        (FREE | 3, segment(0x72), 3, "#NP(0x60) memory"),
        (FREE, segment(0xD2), 3, "#GP(0x60) privilege"),  # DPL below CPL
        (FREE | 3, segment(0xD2), 0, "#GP(0x60) privilege"),  # DPL below RPL
        (FREE | 2, segment(0xD2), 2, ""),
        (FREE | 3, segment(0x9E), 3, ""),  # conforming code is never above anyone
        (FREE | 3, segment(0x9C), 3, "#GP(0x60) memory"),
        (TABLE_LIMIT + 1 | 3, b"", 3, "#GP(0x80) memory"),
        (0x24 | 3, b"", 3, "#GP(0x24) memory"),  # beyond the LDT
        (0x12 | 1, segment(0x12), 3, "#GP(0x10) privilege"),  # privilege is looked at before presence
    ],
)
def test_checks_of_a_data_segment(selector: int, descriptor: bytes, ring: int, expected: str) -> None:
    assert load(selector, descriptor, ring=ring)[0] == expected


def test_without_an_ldt_its_selectors_fault() -> None:
    world = World(EAX=0x0F, LDTR_access=0, LDTR_selector=0)
    assert world.run(MOV_DS_AX) == "#GP(0xc) memory"


def test_a_null_selector_may_be_loaded_but_not_used() -> None:
    trap, world = load(3)
    assert (trap, world["DS_selector"], world["DS_access"]) == ("", 3, 0)
    assert world.run("8B03") == "#GP(0x0) memory"


@pytest.mark.parametrize(
    ("selector", "descriptor", "ring", "expected"),
    [
        (FREE | 3, segment(0xF2), 3, ""),
        (0, b"", 0, "#GP(0x0) memory"),
        (3, b"", 3, "#GP(0x0) memory"),
        (FREE | 2, segment(0xF2), 3, "#GP(0x60) privilege"),
        (FREE, segment(0xF2), 0, "#GP(0x60) privilege"),  # DPL above CPL
        (FREE | 3, segment(0xF0), 3, "#GP(0x60) memory"),  # not writable
        (FREE | 3, segment(0xFA), 3, "#GP(0x60) memory"),  # code
        (FREE | 3, segment(0x72), 3, "#SS(0x60) memory"),  # not present
        (FREE | 3, segment(0xF2, big=False), 3, "16-bit stack segment unsupported"),
    ],
)
def test_checks_of_a_stack_segment(selector: int, descriptor: bytes, ring: int, expected: str) -> None:
    assert load(selector, descriptor, ring=ring, instruction=MOV_SS_AX)[0] == expected


def test_cs_and_numbers_without_a_register_are_undefined() -> None:
    assert World().run(MOV_CS_AX) == "#UD undefined"
    assert World().run("8EF0") == "#UD undefined"
    assert World().run("8CF8") == "#UD undefined"


def test_a_trap_leaves_everything_as_it_was() -> None:
    trap, world = load(FREE | 3, segment(0xF2, big=False), instruction=MOV_SS_AX)
    assert trap
    assert (world["EIP"], world.selector("SS"), world.peek(GDT + FREE + 5, 1)) == (CODE, data(3), 0xF2)


def test_a_selector_is_stored_zero_extended_in_a_register_and_as_a_word_in_memory() -> None:
    world = World(EAX=0xFFFFFFFF, EBX=0x20000)
    assert world.run(MOV_EAX_DS) == ""
    assert world["EAX"] == data(3)
    world.poke(0x20000, b"\xff" * 4)
    assert world.run("8C1B") == ""
    assert world.peek(0x20000) == 0xFFFF0000 | data(3)


def test_with_a_16_bit_operand_the_upper_half_of_the_register_stays() -> None:
    world = World(EAX=0xFFFFFFFF)
    world.run("668CC8")
    assert world["EAX"] == 0xFFFF0000 | code(3)


@pytest.mark.parametrize("ring", range(4))
def test_cs_and_ss_show_the_current_privilege_level(ring: int) -> None:
    world = World(ring)
    world.run("0E")
    assert world.peek(world["ESP"], 2) == code(ring)


def test_push_of_a_segment_moves_four_and_writes_two_bytes() -> None:
    world = World()
    world.poke(STACK[3] - 4, b"\xaa" * 4)
    assert world.run("1E") == ""
    assert (world["ESP"], world.peek(STACK[3] - 4)) == (STACK[3] - 4, 0xAAAA0000 | data(3))
    assert world.run("661E") == ""
    assert world["ESP"] == STACK[3] - 6


def test_pop_of_a_segment() -> None:
    world = World()
    world.push(CONFORMING | 3)
    assert world.run("0FA1") == ""
    assert (world.selector("FS"), world["ESP"]) == (CONFORMING | 3, STACK[3])
    world.push(data(0))
    assert world.run("0FA1") == "#GP(0x10) privilege"
    assert world["ESP"] == STACK[3] - 4


def test_lss_loads_the_stack_at_once() -> None:
    world = World(EBX=0x20000)
    world.poke(0x20000, struct.pack("<IH", 0x7000, data(3)))
    assert world.run("0FB223") == ""
    assert (world["ESP"], world.selector("SS")) == (0x7000, data(3))


def test_les_checks_the_selector_before_anything_is_loaded() -> None:
    world = World(EBX=0x20000, ECX=1)
    world.poke(0x20000, struct.pack("<IH", 0x7000, data(0)))
    assert world.run("C40B") == "#GP(0x10) privilege"
    assert world["ECX"] == 1


def test_les_with_a_16_bit_operand() -> None:
    world = World(EBX=0x20000, ECX=0xFFFFFFFF)
    world.poke(0x20000, struct.pack("<HH", 0x7000, 0))
    assert world.run("66C40B") == ""
    assert (world["ECX"], world["ES_selector"], world["ES_access"]) == (0xFFFF7000, 0, 0)
