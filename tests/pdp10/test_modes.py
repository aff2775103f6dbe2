"""JRST with each of its sixteen functions in each mode, in-out instructions, and what each mode may do.

The expectations restate the manual: bit 10 dismisses an interrupt and bit 4 halts, both only in executive mode or with
User In-Out set; bit 2 restores the flags, and with them the mode only out of executive mode; bit 1 enters user mode on
the KA10, at any time, and leaves public mode on the KI10.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings

from ringproof.model.cpu import Kind

from .worlds import (
    CONCEALED,
    FLAG_BITS,
    KERNEL,
    ONES,
    OPERAND,
    PUBLIC,
    PUBLIC_BIT,
    START,
    SUPERVISOR,
    UIO_BIT,
    USER_BIT,
    World,
    flags,
    io,
    op,
    pc_word,
    user_world,
    words,
)

DISMISS, HALT, RESTORE, MODE = 8, 4, 2, 1


def jrst(world: World, function: int, word: int) -> bool:
    """JRST with E and the flags of `word`, taken from an index register; whether it trapped, then for privilege."""
    trapped = world.acs({1: word}).try_one(op(0o254, function, 0, x=1))
    assert trapped is None or trapped.cause.kind is Kind.PRIVILEGE
    return trapped is not None


def decode_flags(word: int, names: dict[str, bool]) -> dict[str, bool]:
    return {name: pc_word(0, **{name: True}) & word != 0 for name in names}


@given(word=words, before=flags)
@example(word=ONES, before=dict.fromkeys(FLAG_BITS, False))
@example(word=0, before=dict.fromkeys(FLAG_BITS, True))
@settings(max_examples=10)
def test_jrst_on_the_ka10(word: int, before: dict[str, bool]) -> None:
    for function, user, uio in product(range(16), (False, True), (False, True)):
        world = (user_world() if user else World()).set(UIO=uio, **before)
        world.set(PI_on=True, PIH=0b0010100, PIR=0b0010001)
        trapped = jrst(world, function, word)
        assert trapped == bool(user and not uio and function & (DISMISS | HALT))
        if trapped:
            continue
        state, restores = world.state, function & RESTORE
        enters = function & MODE or (restores and not user and word & USER_BIT)
        assert state["PC"] == word & 0o777777
        assert state["USER"] == bool(user or enters)
        assert state["UIO"] == bool(word & UIO_BIT and (uio or not user) if restores else uio)
        assert world.flags == (decode_flags(word, before) if restores else before)
        assert state["halted"] == bool(function & HALT)
        dismissed = (0b0000100, 0b0000001) if function & DISMISS else (0b0010100, 0b0010001)
        assert (state["PIH"], state["PIR"]) == dismissed
        relocation = (state["Rl"], state["Pl"]) if state["USER"] else (0, 0o377)
        assert (state["base"], state["bound"]) == relocation


@given(word=words, before=flags)
@example(word=ONES, before=dict.fromkeys(FLAG_BITS, False))
@example(word=0, before=dict.fromkeys(FLAG_BITS, True))
@settings(max_examples=10)
def test_jrst_on_the_ki10(word: int, before: dict[str, bool]) -> None:
    for function, mode, uio in product(range(16), range(4), (False, True)):
        world = World("ki10").set(MODE=mode, UIO=uio, **before)
        trapped = jrst(world, function, word)
        user = mode in (CONCEALED, PUBLIC)
        forbidden = (user and not uio) or mode == SUPERVISOR
        assert trapped == bool(forbidden and function & (DISMISS | HALT))
        if trapped:
            continue
        state, restores, kernel = world.state, function & RESTORE, mode == KERNEL
        now_user = user or (restores and kernel and word & USER_BIT)
        now_public = (mode & 1 or (restores and word & PUBLIC_BIT)) and not function & MODE
        assert state["MODE"] == 2 * bool(now_user) + bool(now_public)
        assert state["UIO"] == bool(word & UIO_BIT and (uio or kernel) if restores else uio)
        assert world.flags == (decode_flags(word, before) if restores else before)
        assert state["halted"] == bool(function & HALT)


def test_jrst_1_enters_user_mode_on_the_ka10_alone() -> None:
    ka10 = World("ka10", Rl=0o4000, Pl=3).one(op(0o254, MODE, OPERAND)).state
    ki10 = World("ki10").one(op(0o254, MODE, OPERAND)).state
    assert (ka10["USER"], ka10["base"], ka10["bound"], ka10["PC"]) == (True, 0o4000, 3, OPERAND)
    assert (ki10["MODE"], ki10["PC"]) == (KERNEL, OPERAND)


def test_no_function_of_jrst_leaves_user_mode() -> None:
    for function in range(16):
        for uio in (False, True):
            ka10, ki10 = user_world(UIO=uio), World("ki10", MODE=PUBLIC, UIO=uio)
            jrst(ka10, function, 0)
            jrst(ki10, function, 0)
            assert ka10.state["USER"]
            assert ki10.state["MODE"] in (CONCEALED, PUBLIC)


@pytest.mark.parametrize("function", range(8))
@pytest.mark.parametrize("device", [0o000, 0o004, 0o120, 0o740, 0o774])
def test_in_out_instructions_trap_in_user_mode_unless_user_in_out_is_set(function: int, device: int) -> None:
    word = io(function, device, OPERAND)
    for uio in (False, True):
        trapped = user_world(UIO=uio).try_one(word)
        assert (trapped is not None) == (not uio)
        assert trapped is None or trapped.cause.kind is Kind.PRIVILEGE
        trapped = World("ki10", MODE=CONCEALED, UIO=uio).try_one(word)
        assert (trapped is not None) == (not uio and device < 0o740)
    assert World().try_one(word) is None
    assert World("ki10").try_one(word) is None


def test_datao_apr_loads_protection_and_relocation_for_the_next_user_program() -> None:
    setting = 0o012 << 28 | 0o201 << 19 | 1 << 18 | 0o040 << 10 | 0o300 << 1
    world = World().load(setting, at=OPERAND).one(io(3, 0o000, OPERAND))
    names = ("Pl", "Ph", "WP", "Rl", "Rh", "base", "bound")
    assert [world.state[n] for n in names] == [0o012, 0o201, True, 0o040 << 10, 0o300 << 10, 0, 0o377]
    world.one(op(0o254, MODE, OPERAND))
    assert (world.state["base"], world.state["bound"]) == (0o040 << 10, 0o012)


def test_a_user_program_with_user_in_out_relocates_itself_at_once() -> None:
    world = user_world(UIO=True, Rl=0o20000).load(0o030 << 10 | 2 << 28, at=0o20000 + OPERAND)
    world.one(io(3, 0o000, OPERAND))
    assert (world.state["base"], world.state["bound"]) == (0o030 << 10, 2)


def test_the_conditions_of_the_processor_read_as_the_manual_prints_them() -> None:
    world = World(PDL=True, UIO=True, protection_flag=True, OV=True, OV_enable=True, APR_channel=3)
    assert world.one(io(5, 0o000, OPERAND)).core[OPERAND] == 0o320033
    world.one(io(4, 0o000, 0o420055))  # Clears what is set, disables Overflow, channel 5.
    names = ("PDL", "protection_flag", "OV_enable", "APR_channel")
    assert [world.state[n] for n in names] == [False, False, False, 5]
    assert world.state["UIO"]


def test_conditions_skip() -> None:
    world = World(APR_channel=3)
    assert world.one(io(7, 0o000, 0o2)).skipped  # CONSO
    assert not World(APR_channel=4).one(io(7, 0o000, 0o3)).skipped
    assert World(APR_channel=4).one(io(6, 0o000, 0o3)).skipped  # CONSZ


def test_priority_interrupts_are_set_and_read() -> None:
    world = World().one(io(4, 0o004, 0o2200 | 0o105))  # System on; levels 1, 5 and 7 on.
    assert (world.state["PI_on"], world.state["PIE"]) == (True, 0o105)
    assert world.one(io(5, 0o004, OPERAND)).core[OPERAND] == 0o305


def test_a_block_goes_out_word_by_word_until_its_count_is_up() -> None:
    world = World().load(0o777776_002000, at=OPERAND).load(0, 0o11, 0o22, at=0o2000)
    world.one(io(2, 0o120, OPERAND))
    assert (world.state["DATA"][0o120 >> 2], world.core[OPERAND], world.skipped) == (0o11, 0o777777_002001, True)
    world.set(PC=START).one(io(2, 0o120, OPERAND))
    assert (world.state["DATA"][0o120 >> 2], world.skipped) == (0o22, False)


def test_map_shows_a_user_where_its_pages_are() -> None:
    world = World("ki10", MODE=CONCEALED)
    world.state["maps"][3] = 0o500000 | 0o1234
    assert world.one(op(0o257, 5, 3 << 9)).ac[5] == 0o101234
    assert World("ki10", MODE=CONCEALED, frame=0o7000).one(op(0o257, 5, 3 << 9)).ac[5] & 0o17777 == 0o12
    world.state["maps"][3] = 0
    assert world.one(op(0o257, 5, 3 << 9)).ac[5] == 0o437777
