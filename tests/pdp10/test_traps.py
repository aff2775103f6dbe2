"""Traps as programs see them: unimplemented operations, illegal instructions, memory protection and page failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringproof.model.cpu import Kind

from .worlds import (
    ACCESS,
    CONCEALED,
    KERNEL,
    PUBLIC,
    PUBLIC_PAGE,
    START,
    SUPERVISOR,
    WRITABLE,
    World,
    halfwords,
    io,
    op,
    pc_word,
    user_world,
)

HANDLER, RL = 0o3000, 0o20000
MUUOS = [0o000, *range(0o040, 0o100)]
UNASSIGNED = [*range(0o100, 0o130), 0o247]


def trapping(world: World, word: int) -> World:
    """The world after `word` at START of the program's own space, where locations 41 and 61 lead to HANDLER."""
    jsr = op(0o264, 0, HANDLER)
    world.load(jsr, at=0o41).load(jsr, at=0o61)
    world.load(word, at=START + world.state["base"]).step()
    return world


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize(("codes", "location"), [(MUUOS, 0o40), (UNASSIGNED, 0o60)])
def test_operations_that_mean_nothing_trap_through_absolute_locations(
    user: bool, codes: list[int], location: int
) -> None:  # fmt: skip
    for code in codes:
        world = trapping((user_world if user else World)(OV=True, BIS=True).acs({2: 5}), op(code, 7, 0o100, x=2))
        assert world.core[location] == op(code, 7, 0o105)
        assert world.core[HANDLER] == pc_word(START + 1, USER=user, OV=True, BIS=True)
        state = world.state
        assert (state["PC"], state["USER"], state["BIS"]) == (HANDLER + 1, False, False)
        assert (state["base"], state["bound"]) == (0, 0o377)


@pytest.mark.parametrize("word", [op(0o254, 4, 0o105), op(0o254, 0o12, 0o105), io(3, 0o000, 0o105)])
def test_what_a_user_may_not_do_traps_like_a_muuo(word: int) -> None:
    world = trapping(user_world(), word)
    assert world.core[0o40] == word
    assert world.core[HANDLER] == pc_word(START + 1, USER=True)
    assert not world.state["USER"]


@pytest.mark.parametrize("base", [0, RL])
def test_local_operations_stay_in_the_program(base: int) -> None:
    world = user_world() if base else World()
    world.load(op(0o265, 4, 0o2000 - 0o1000), at=base + 0o41).load(op(0o012, 7, 0o55), at=base + START)
    world.step()
    assert (world.core[base + 0o40], world.state["executing"]) == (op(0o012, 7, 0o55), True)
    world.step()
    assert (world.state["PC"], world.ac[4] & 0o777777, world.state["USER"]) == (0o1000, START + 1, bool(base))


@given(address=st.integers(0o20, 0o777777), Pl=st.integers(0, 0o377), Ph=st.integers(0, 0o377), WP=st.booleans())
def test_two_segments(address: int, Pl: int, Ph: int, WP: bool) -> None:
    settings = {"Pl": Pl, "Ph": Ph, "Rh": 0o40000, "WP": WP}
    low = address >> 10 <= Pl
    high = not low and address >= 0o400000 and address >> 10 <= Ph
    place = (address + (RL if low else 0o40000)) & 0o777777
    reading = user_world(**settings)
    reading.core[place] = 5
    trapped = reading.try_one(op(0o200, 3, address))
    assert (trapped is None) == (low or high)
    assert trapped is not None or reading.ac[3] == 5
    assert trapped is None or trapped.cause.kind is Kind.MEMORY
    for code in (0o202, 0o272):  # MOVEM; ADDM, which reads too, but is refused before that.
        writing = user_world(**settings).acs({3: 5})
        trapped = writing.try_one(op(code, 3, address))
        assert (trapped is None) == (low or (high and not WP))
        assert trapped is not None or writing.core[place] == 5


def test_executive_mode_is_neither_relocated_nor_protected() -> None:
    world = World(Rl=RL, Pl=0).load(5, at=0o777777).one(op(0o200, 3, 0o777777))
    assert world.ac[3] == 5


@pytest.mark.parametrize(
    ("word", "fetching", "saved"),
    [
        (op(0o200, 3, 0o300000), START, START + 1),
        (op(0o251, 3, 0o300000), START, START),  # BLT can be taken up again.
        (0, 0o300000, 0o300000),
    ],
)
def test_a_protection_violation_interrupts(word: int, fetching: int, saved: int) -> None:
    on = {"PI_on": True, "PIE": 0b0010000, "APR_channel": 3}
    world = user_world(**on).set(PC=fetching).acs({3: halfwords(0o300000, 0o300000)})
    world.load(word, at=RL + START).load(op(0o264, 0, HANDLER), at=0o46)
    world.step()
    state = world.state
    assert (world.core[HANDLER], state["PC"]) == (pc_word(saved, USER=True), HANDLER + 1)
    assert (state["USER"], state["PIH"], state["protection_flag"]) == (False, 0b0010000, True)


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"PI_on": True, "PIE": 0b0010000, "APR_channel": 4},
        {"PI_on": True, "PIE": 0b0010000, "APR_channel": 3, "PIH": 0b1000000},
        {"PI_on": False, "PIE": 0b0010000, "APR_channel": 3},
    ],
)
def test_a_protection_violation_without_a_free_level_is_passed_over(setting: dict[str, int]) -> None:
    world = user_world(**setting).load(op(0o200, 3, 0o300000), at=RL + START)
    world.step()
    assert (world.state["PC"], world.state["USER"], world.state["protection_flag"]) == (START + 1, True, True)


def ki10_world(mode: int, **pages: int) -> World:
    """A KI10 whose user process table is page 700, and the executive's page 701; both tables lead to HANDLER."""
    world = World("ki10", MODE=mode, UBR=0o700, EBR=0o701, public=mode in (SUPERVISOR, PUBLIC))
    tables = {table << 10 | n: entry for table in (0o700, 0o701) for n, entry in world.state["maps"].items()}
    world.state["maps"] = type(world.core)(tables)
    for name, entry in pages.items():
        world.state["maps"][0o700 << 10 | int(name.removeprefix("page"), 8)] = entry
    for new in range(0o430, 0o440):
        world.core[0o700000 + new] = HANDLER + new
    for table in (0o700000, 0o701000):
        world.core[table + 0o420] = op(0o264, 0, HANDLER)
    return world


@pytest.mark.parametrize("mode", range(4))
def test_a_muuo_of_the_ki10_exchanges_pc_words_in_the_user_process_table(mode: int) -> None:
    world = ki10_world(mode).set(PC=0o400100).load(op(0o040, 7, 0o105), at=0o400100)
    world.step()
    table, user, public = 0o700000, mode >= 2, mode % 2 == 1
    assert world.core[table + 0o424] == op(0o040, 7, 0o105)
    assert world.core[table + 0o425] == pc_word(0o400101, USER=user, PUBLIC=public)
    state = world.state
    assert state["PC"] == HANDLER + 0o430 + 4 * user + 2 * public
    assert (state["MODE"], state["UIO"], state["PCP"]) == (KERNEL, user, public)


@pytest.mark.parametrize(
    ("entry", "code", "kind"),
    [(0, 0o200, "page failure"), (ACCESS, 0o202, "page failure"), (ACCESS | WRITABLE, 0o200, None)],
)
def test_pages_have_rights(entry: int, code: int, kind: str | None) -> None:
    trapped = ki10_world(CONCEALED, page5=entry).try_one(op(code, 3, 0o5123))
    assert (trapped.cause.name if trapped else None) == kind


def test_public_programs_see_public_pages_only() -> None:
    trapped = ki10_world(PUBLIC, page5=ACCESS | WRITABLE).try_one(op(0o200, 3, 0o5123))
    assert trapped is not None
    assert trapped.cause.name == "proprietary violation"
    assert ki10_world(PUBLIC, page5=ACCESS | PUBLIC_PAGE).try_one(op(0o200, 3, 0o5123)) is None


@pytest.mark.parametrize(
    ("address", "table", "entry"),
    [(0o340123, 0o700, 0o1000), (0o377123, 0o700, 0o1037), (0o400123, 0o701, 0o400), (0o777123, 0o701, 0o777)],
)
def test_the_executive_has_pages_by_each_of_the_two_tables(address: int, table: int, entry: int) -> None:
    world = ki10_world(KERNEL).load(5, at=0o1234123)
    world.state["maps"][table << 10 | entry] = ACCESS | 0o1234
    assert world.one(op(0o200, 3, address)).ac[3] == 5
    trapped = world.try_one(op(0o202, 3, address))
    assert trapped is not None and trapped.cause.name == "page failure"


@pytest.mark.parametrize("address", [0o5123, 0o337777])
def test_the_executive_reaches_its_first_pages_without_a_map(address: int) -> None:
    """The kernel reads and writes there, the supervisor nothing: they are not public."""
    world = ki10_world(KERNEL)
    world.state["maps"].clear()
    assert world.acs({3: 5}).one(op(0o202, 3, address)).core[address] == 5
    assert world.one(op(0o257, 4, address)).ac[4] == 0o020000 | address >> 9
    trapped = ki10_world(SUPERVISOR).try_one(op(0o200, 3, address))
    assert trapped is not None and trapped.cause.name == "proprietary violation"
    assert ki10_world(SUPERVISOR).set(PC=address).load(op(0o254, 1, 0o5100), at=address).step().trapped is None


def test_concealed_code_is_entered_at_a_portal_alone() -> None:
    portal = ki10_world(PUBLIC, page5=ACCESS | 5).load(op(0o254, 1, 0o5100), at=0o5010).set(PC=0o5010)
    portal.step()
    assert (portal.state["MODE"], portal.state["PC"]) == (CONCEALED, 0o5100)
    elsewhere = ki10_world(PUBLIC, page5=ACCESS | 5).load(op(0o201, 1, 0), at=0o5010).set(PC=0o5010)
    step = elsewhere.step()
    assert step.trapped is not None
    assert step.trapped.cause.name == "proprietary violation"
    assert elsewhere.state["MODE"] == KERNEL


def test_a_page_failure_says_which_page_and_why_and_enters_kernel_mode() -> None:
    world = ki10_world(CONCEALED, page5=ACCESS).load(op(0o202, 3, 0o5123))
    world.step()
    assert world.core[0o700427] == 1 << 27 | 5 << 18 | 0b1001  # User; accessible; a write.
    assert world.core[HANDLER] == pc_word(START, USER=True)
    assert (world.state["PC"], world.state["MODE"]) == (HANDLER + 1, KERNEL)


def test_an_instruction_from_a_public_page_makes_the_program_public() -> None:
    world = ki10_world(CONCEALED, page1=ACCESS | PUBLIC_PAGE | 1).load(op(0o201, 1, 0))
    world.step()
    assert world.state["MODE"] == PUBLIC
