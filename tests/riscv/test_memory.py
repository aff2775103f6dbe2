"""Protection, translation, alignment and devices."""

from __future__ import annotations

import pytest

from ringproof.traces.python_code import Cells

from .worlds import (
    CODE,
    DATA,
    DIRTY,
    EXECUTE,
    KERNEL_PAGE,
    READ,
    TABLES,
    USER,
    VALID,
    WRITE,
    M,
    S,
    U,
    cause,
    hart,
    identity,
    state,
    word,
    write,
)  # fmt: skip

LOAD_FAULT, STORE_FAULT, FETCH_PAGE, LOAD_PAGE, STORE_PAGE = 5, 7, 12, 13, 15
R, W, X, TOR, NA4, NAPOT, L = 1, 2, 4, 1 << 3, 2 << 3, 3 << 3, 1 << 7


def loads(size: str, address: int, entries: list[tuple[int, int]], level: int) -> int | None:
    """What a load from `address` meets below `entries` of (address register, configuration), all else allowed."""
    run = hart(pmp_entries="8")
    rest = [((1 << 54) - 1, R | W | X | NAPOT)]
    addresses, configurations = zip(*(entries + rest), strict=True)
    found = state(run, word(run, size, rd=5, rs1=6), registers={6: address}, priv=level,
                  pmpaddr=Cells(enumerate(addresses)), pmpcfg=Cells(enumerate(configurations)))  # fmt: skip
    return cause(run, found)


@pytest.mark.parametrize(
    ("size", "address", "entries", "level", "fault"),
    [
        ("LW", DATA, [(DATA >> 2, NA4)], U, LOAD_FAULT),
        ("LW", DATA + 4, [(DATA >> 2, NA4)], U, None),
        ("LD", DATA, [(DATA >> 2, NA4 | R)], U, LOAD_FAULT),  # only half of it matches
        ("LD", DATA, [(DATA >> 2, NA4 | R)], M, LOAD_FAULT),
        ("LW", DATA, [(DATA >> 2, NA4)], M, None),
        ("LW", DATA, [(DATA >> 2, NA4 | L)], M, LOAD_FAULT),
        ("LW", DATA, [(DATA >> 2, NA4 | L | R)], M, None),
        ("LD", DATA + 8, [(DATA >> 2, NAPOT)], U, None),  # eight bytes
        ("LD", DATA + 8, [(DATA >> 2 | 1, NAPOT)], U, LOAD_FAULT),  # sixteen
        ("LW", DATA, [(DATA >> 2, 0), ((DATA >> 2) + 4, TOR)], U, LOAD_FAULT),
        ("LW", DATA + 16, [(DATA >> 2, 0), ((DATA >> 2) + 4, TOR)], U, None),
        ("LW", DATA - 4, [(DATA >> 2, 0), ((DATA >> 2) + 4, TOR)], U, None),
        ("LW", DATA, [(DATA >> 2, NA4 | R), (DATA >> 2 | 1, NAPOT)], U, None),  # the first that matches decides
    ],
)  # fmt: skip
def test_protection(size: str, address: int, entries: list[tuple[int, int]], level: int, fault: int | None) -> None:
    assert loads(size, address, entries, level) == fault


def test_nothing_is_allowed_below_m_mode_where_no_entry_matches() -> None:
    run = hart()
    for level, fault in ((M, None), (U, 1)):
        found = state(run, word(run, "ADDI"), priv=level)
        found["pmpcfg"] = Cells()
        assert cause(run, found) == fault


def test_locked_entries_cannot_be_written_nor_the_address_below_a_locked_range() -> None:
    run = hart()
    found = state(run, word(run, "csr pmpaddr0-63 (write)", op=1, rs1=6, index=0), registers={6: 0x1234},
                  pmpcfg=Cells({0: NAPOT | R | W | X, 1: TOR | L | R | W | X}))  # fmt: skip
    before = found["pmpaddr"][0]
    run.step(found)
    assert found["pmpaddr"][0] == before
    found = state(run, word(run, "csr pmpcfg0-14 (write)", op=1, rs1=6), registers={6: 0x0F0F},
                  pmpcfg=Cells({0: NAPOT | R | W | X, 1: NAPOT | L | R | X}))  # fmt: skip
    run.step(found)
    assert (found["pmpcfg"][0], found["pmpcfg"][1]) == (0x0F, NAPOT | L | R | X)


@pytest.mark.parametrize(
    ("name", "rights", "level", "status", "fault"),
    [
        ("LW", KERNEL_PAGE, S, {}, None),
        ("LW", KERNEL_PAGE, U, {}, LOAD_PAGE),
        ("LW", KERNEL_PAGE | USER, S, {}, LOAD_PAGE),
        ("LW", KERNEL_PAGE | USER, S, {"SUM": True}, None),
        ("LW", KERNEL_PAGE & ~READ & ~WRITE, S, {}, LOAD_PAGE),
        ("LW", KERNEL_PAGE & ~READ & ~WRITE, S, {"MXR": True}, None),
        ("LW", KERNEL_PAGE & ~VALID, S, {}, LOAD_PAGE),
        ("LW", KERNEL_PAGE & ~64, S, {}, LOAD_PAGE),
        ("LW", KERNEL_PAGE & ~DIRTY, S, {}, None),
        ("SW", KERNEL_PAGE & ~DIRTY, S, {}, STORE_PAGE),
        ("SW", KERNEL_PAGE & ~WRITE, S, {}, STORE_PAGE),
        ("SW", KERNEL_PAGE & ~READ, S, {}, STORE_PAGE),  # W without R is reserved
        ("AMOADD.W", KERNEL_PAGE & ~WRITE, S, {}, STORE_PAGE),
        ("LR.W", KERNEL_PAGE & ~READ & ~WRITE, S, {}, LOAD_PAGE),
    ],
)
def test_rights_of_pages(name: str, rights: int, level: int, status: dict[str, bool], fault: int | None) -> None:
    run = hart()
    code_rights = KERNEL_PAGE | (USER if level == U else 0)
    found = state(run, word(run, name, rs1=6), registers={6: DATA}, priv=level, **status)
    assert cause(run, identity(found, rights=code_rights, page=DATA >> 12, page_rights=rights)) == fault


def test_mprv_gives_loads_the_privilege_of_mpp_and_not_fetches() -> None:
    run = hart()
    for mprv, mpp, fault in ((True, U, LOAD_PAGE), (True, S, None), (True, M, None), (False, U, None)):
        found = state(run, word(run, "LW", rs1=6), registers={6: DATA}, MPRV=mprv, MPP=mpp)
        assert cause(run, identity(found)) == fault


def test_a_page_without_execution_is_not_fetched_from() -> None:
    run = hart()
    found = state(run, word(run, "ADDI"), priv=S)
    assert cause(run, identity(found, page=CODE >> 12, page_rights=KERNEL_PAGE & ~EXECUTE)) == FETCH_PAGE


def test_large_pages_must_be_aligned_and_addresses_canonical() -> None:
    run = hart()
    for page, fault in ((CODE >> 12, None), ((CODE >> 12) + 1, FETCH_PAGE)):
        found = identity(state(run, word(run, "ADDI"), priv=S))
        write(found["memory"], TABLES + 0x1000 + 8 * (CODE >> 21 & 0x1FF), page << 10 | KERNEL_PAGE, 8)
        assert cause(run, found) == fault
    found = identity(state(run, word(run, "LW", rs1=6), registers={6: 1 << 39 | DATA}, priv=S))
    assert cause(run, found) == LOAD_PAGE


def test_the_hart_may_set_accessed_and_dirty_itself() -> None:
    run = hart(update_accessed="1")
    fresh = KERNEL_PAGE & ~64 & ~DIRTY
    for name, set_bits in (("LW", 64), ("SW", 64 | DIRTY)):
        found = state(run, word(run, name, rs1=6), registers={6: DATA}, priv=S)
        identity(found, page=DATA >> 12, page_rights=fresh)
        assert cause(run, found) is None
        assert found["memory"][TABLES + 0x2000 + 8 * (DATA >> 12 & 0x1FF)] == fresh & 0xFF | set_bits


def test_a_misaligned_store_across_pages_writes_all_of_it_or_nothing() -> None:
    run = hart()
    address = DATA + 0xFFC
    for rights, fault in ((KERNEL_PAGE, None), (KERNEL_PAGE & ~WRITE, STORE_PAGE)):
        found = state(run, word(run, "SD", rs1=6, rs2=7), registers={6: address, 7: 0x1122334455667788}, priv=S)
        identity(found, page=(DATA >> 12) + 1, page_rights=rights)
        trapped = run.attempt(found).trapped
        assert (None if trapped is None else trapped.cause.vector) == fault
        assert trapped is None or trapped.details["tval"] == DATA + 0x1000
        assert found["memory"][address] == (0 if fault else 0x88)


def test_misaligned_accesses_trap_where_the_hart_does_not_perform_them() -> None:
    run = hart(misaligned="0")
    assert cause(run, state(run, word(run, "LW", rs1=6), registers={6: DATA + 2})) == 4
    assert cause(run, state(run, word(run, "SH", rs1=6), registers={6: DATA + 1})) == 6
    for assumed in ("0", "1"):
        run = hart(misaligned=assumed)
        assert cause(run, state(run, word(run, "AMOADD.W", rs1=6), registers={6: DATA + 2})) == 6


def test_store_conditional_succeeds_once_after_its_reservation() -> None:
    run = hart()
    code = [word(run, "LR.W", rd=5, rs1=6), *[word(run, "SC.W", rd=5, rs1=6, rs2=7)] * 2]
    found = state(run, *code, registers={6: DATA, 7: 9})
    results = []
    for _ in code:
        run.step(found)
        results.append(found["X"][5])
    assert results == [0, 0, 1]
    assert found["memory"][DATA] == 9


def test_the_console_and_the_timer() -> None:
    run = hart()
    found = state(run, word(run, "SB", rs1=6, rs2=7), word(run, "LD", rd=5, rs1=8),
                  registers={6: 0x1000_0000, 7: ord("A"), 8: 0x0200_BFF8}, mtime=77)  # fmt: skip
    run.step(found)
    run.step(found)
    assert (found["printed"][0], found["printed_count"], found["X"][5]) == (ord("A"), 1, 78)


def test_there_is_no_memory_above_four_gibibytes() -> None:
    run = hart()
    assert cause(run, state(run, word(run, "LW", rs1=6), registers={6: 1 << 32})) == LOAD_FAULT
    assert cause(run, state(run, word(run, "SW", rs1=6), registers={6: 1 << 60})) == STORE_FAULT
