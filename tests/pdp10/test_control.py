"""Comparisons, jumps, stacks, subroutines, BLT and XCT. On both machines, in executive mode, unless a test says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .worlds import ONES, OPERAND, START, World, flags, halfwords, halves, op, pc_word, signed, user_world, words

MACHINES = pytest.mark.parametrize("name", ["ka10", "ki10"])


def holds(condition: int, a: int, b: int) -> bool:
    """The eight conditions in the last octal digit of a code."""
    return [False, a < b, a == b, a <= b, True, a >= b, a != b, a > b][condition]


@MACHINES
@given(condition=st.integers(0, 7), a=words, b=words)
def test_compare_and_skip(name: str, condition: int, a: int, b: int) -> None:
    world = World(name).acs({5: a}).one(op(0o300 + condition, 5, OPERAND))
    assert world.skipped == holds(condition, signed(a), OPERAND)
    world = World(name).load(b, at=OPERAND).acs({5: a}).one(op(0o310 + condition, 5, OPERAND))
    assert world.skipped == holds(condition, signed(a), signed(b))


@MACHINES
@given(condition=st.integers(0, 7), a=words, step=st.sampled_from([0, 1, -1]))
def test_jump_and_count_on_an_accumulator(name: str, condition: int, a: int, step: int) -> None:
    code = {0: 0o320, 1: 0o340, -1: 0o360}[step] + condition
    world = World(name).acs({5: a}).one(op(code, 5, OPERAND))
    result = (a + step) & ONES
    assert world.ac[5] == result
    assert world.state["PC"] == (OPERAND if holds(condition, signed(result), 0) else START + 1)
    assert world.flags["OV"] == (signed(a) + step != signed(result))


@MACHINES
@given(condition=st.integers(0, 7), a=words, step=st.sampled_from([0, 1, -1]), ac=st.sampled_from([0, 5]))
def test_skip_and_count_on_memory(name: str, condition: int, a: int, step: int, ac: int) -> None:
    code = {0: 0o330, 1: 0o350, -1: 0o370}[step] + condition
    world = World(name).load(a, at=OPERAND).acs({ac: 7}).one(op(code, ac, OPERAND))
    result = (a + step) & ONES
    assert (world.core[OPERAND], world.ac[ac]) == (result, result if ac else 7)
    assert world.skipped == holds(condition, signed(result), 0)


@given(left=halves, right=halves)
def test_adding_one_to_both_halves_carries_between_them_on_the_ka10_only(left: int, right: int) -> None:
    for name in ("ka10", "ki10"):
        carry = name == "ka10" and right == 0o777777
        result = halfwords((left + 1 + carry) & 0o777777, (right + 1) & 0o777777)
        for code, jumps in ((0o252, result >> 35 == 0), (0o253, result >> 35 == 1)):
            world = World(name).acs({5: halfwords(left, right)}).one(op(code, 5, OPERAND))
            assert world.ac[5] == result
            assert world.state["PC"] == (OPERAND if jumps else START + 1)


@MACHINES
@given(select=st.integers(0, 15), before=flags)
def test_jump_on_flag_and_clear(name: str, select: int, before: dict[str, bool]) -> None:
    chosen = [flag for bit, flag in ((8, "OV"), (4, "CRY0"), (2, "CRY1"), (1, "FOV")) if select & bit]
    world = World(name, **before).one(op(0o255, select, OPERAND))
    assert world.state["PC"] == (OPERAND if any(before[flag] for flag in chosen) else START + 1)
    assert world.flags == before | dict.fromkeys(chosen, False)


@MACHINES
@given(word=words)
def test_push_and_pop(name: str, word: int) -> None:
    world = World(name).load(word, at=OPERAND).acs({1: halfwords(0o777770, 0o2000)})
    world.one(op(0o261, 1, OPERAND))
    assert (world.core[0o2001], world.ac[1]) == (word, halfwords(0o777771, 0o2001))
    world.one(op(0o262, 1, OPERAND + 1))
    assert (world.core[OPERAND + 1], world.ac[1]) == (word, halfwords(0o777770, 0o2000))


@pytest.mark.parametrize(("name", "flag"), [("ka10", "PDL"), ("ki10", "TRAP2")])
def test_a_stack_that_overflows_or_underflows_says_so(name: str, flag: str) -> None:
    full, empty = halfwords(0o777777, 0o2000), halfwords(0, 0o2000)
    assert World(name).acs({1: full}).one(op(0o261, 1, OPERAND)).state[flag]
    assert World(name).acs({1: empty}).one(op(0o262, 1, OPERAND)).state[flag]
    assert not World(name).acs({1: full}).one(op(0o262, 1, OPERAND)).state[flag]
    for pointer in (0, empty):
        assert not World(name).acs({1: pointer}).one(op(0o261, 1, OPERAND)).state[flag]


@MACHINES
@given(before=flags)
def test_a_subroutine_call_saves_the_pc_word_and_comes_back(name: str, before: dict[str, bool]) -> None:
    saved = before if name == "ka10" else before | {"OV": False}  # Bit 0 is Previous Context Public there.
    expected = pc_word(START + 1, **saved)
    after = before | {"BIS": False}
    world = World(name, **before).acs({1: halfwords(0o777770, 0o2000)}).one(op(0o260, 1, OPERAND))
    assert (world.core[0o2001], world.state["PC"], world.flags) == (expected, OPERAND, after)
    assert world.one(op(0o263, 1)).state["PC"] == START + 1
    world = World(name, **before).one(op(0o264, 0, OPERAND))
    assert (world.core[OPERAND], world.state["PC"], world.flags) == (expected, OPERAND + 1, after)
    world = World(name, **before).one(op(0o265, 4, OPERAND))
    assert (world.ac[4], world.state["PC"], world.flags) == (expected, OPERAND, after)


@pytest.mark.parametrize("uio", [False, True])
def test_the_ka10_saves_the_mode_and_user_in_out_with_the_flags(uio: bool) -> None:
    user, executive = user_world(UIO=uio), World(UIO=uio)
    assert user.one(op(0o265, 4, 0)).ac[4] == pc_word(START + 1, USER=True, UIO=uio)
    assert executive.one(op(0o265, 4, 0)).ac[4] == pc_word(START + 1, UIO=uio)


@pytest.mark.parametrize("mode", range(4))
def test_the_ki10_saves_user_and_public_with_the_flags(mode: int) -> None:
    world = World("ki10", MODE=mode, public=True).one(op(0o265, 4, 0))
    assert world.ac[4] == pc_word(START + 1, USER=mode >= 2, PUBLIC=mode % 2 == 1)


@MACHINES
@given(word=words)
def test_jsa_and_jra_nest(name: str, word: int) -> None:
    world = World(name).acs({4: word}).one(op(0o266, 4, OPERAND))
    assert (world.core[OPERAND], world.state["PC"]) == (word, OPERAND + 1)
    assert world.ac[4] == halfwords(OPERAND, START + 1)
    assert world.one(op(0o267, 4, 0, x=4)).ac[4] == word
    assert world.state["PC"] == START + 1


@MACHINES
@given(content=st.lists(words, min_size=1, max_size=10))
def test_blt_moves_a_block(name: str, content: list[int]) -> None:
    world = World(name).load(*content, at=0o2000).acs({1: halfwords(0o2000, 0o3000)})
    world.run(op(0o251, 1, 0o3000 + len(content) - 1), op(0o254, 4))
    assert [world.core[0o3000 + n] for n in range(len(content))] == content
    assert world.core[0o3000 + len(content)] == 0


@MACHINES
def test_blt_clears_core_by_moving_it_onto_itself_one_further(name: str) -> None:
    world = World(name).load(*range(10, 20), at=0o2000).load(0, at=0o2000).acs({1: halfwords(0o2000, 0o2001)})
    world.run(op(0o251, 1, 0o2007), op(0o254, 4))
    assert [world.core[0o2000 + n] for n in range(10)] == [0] * 8 + [18, 19]


@MACHINES
def test_blt_moves_at_least_one_word(name: str) -> None:
    world = World(name).load(5, at=0o2000).acs({1: halfwords(0o2000, 0o3000)}).run(op(0o251, 1, 0o100), op(0o254, 4))
    assert (world.core[0o3000], world.core[0o3001]) == (5, 0)


@MACHINES
def test_xct_executes_a_word_elsewhere_as_if_it_stood_there(name: str) -> None:
    world = World(name).load(op(0o344, 5, OPERAND), at=0o2000).load(op(0o256, 0, 0o2000))  # AOJA 5,OPERAND
    world.step()
    world.step()
    assert (world.ac[5], world.state["PC"]) == (1, OPERAND)


@MACHINES
def test_xct_of_a_skip_skips_from_the_xct(name: str) -> None:
    world = World(name).load(op(0o334), op(0o256, 0, 0o2000), at=0o2000).load(op(0o256, 0, 0o2001))
    for _ in range(3):  # XCT of XCT of SKIPA.
        world.step()
    assert (world.state["PC"], world.state["executing"]) == (START + 2, False)


@MACHINES
def test_xct_of_jsp_saves_the_address_after_the_xct(name: str) -> None:
    world = World(name).load(op(0o265, 4, OPERAND), at=0o2000).load(op(0o256, 0, 0o2000))
    world.step()
    world.step()
    assert (world.ac[4], world.state["PC"]) == (START + 1, OPERAND)
