"""Moves, half words, Boolean functions and tests: what each of the regular groups does to any words, on both machines.

The expected results are written from the manual's tables of operation codes, in which the bits of a code say what it
does.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .worlds import LEAST, ONES, OPERAND, World, flags, halfwords, halves, op, signed, words

MACHINES = pytest.mark.parametrize("name", ["ka10", "ki10"])


def swapped(word: int) -> int:
    return (word & 0o777777) << 18 | word >> 18


MOVES: list[Callable[[int], int]] = [lambda w: w, swapped, lambda w: -w & ONES, lambda w: abs(signed(w)) & ONES]


@MACHINES
@given(kind=st.integers(0, 3), ac_word=words, memory=words, e=halves)
def test_moves_in_their_four_modes(name: str, kind: int, ac_word: int, memory: int, e: int) -> None:
    code, result = 0o200 + 4 * kind, MOVES[kind]
    world = World(name).load(memory, at=OPERAND).acs({5: ac_word})
    assert world.one(op(code, 5, OPERAND)).ac[5] == result(memory)
    assert World(name).one(op(code + 1, 5, e)).ac[5] == result(e)
    stored = World(name).acs({5: ac_word}).one(op(code + 2, 5, OPERAND))
    assert (stored.core[OPERAND], stored.ac[5]) == (result(ac_word), ac_word)
    itself = World(name).load(memory, at=OPERAND).acs({5: ac_word}).one(op(code + 3, 5, OPERAND))
    assert (itself.core[OPERAND], itself.ac[5]) == (result(memory), result(memory))
    spared = World(name).load(memory, at=OPERAND).acs({0: ac_word}).one(op(code + 3, 0, OPERAND))
    assert (spared.core[OPERAND], spared.ac[0]) == (result(memory), ac_word)


@MACHINES
@pytest.mark.parametrize("code", [0o210, 0o214])
@given(memory=words, before=flags)
def test_negating_sets_carries_for_zero_and_overflow_for_the_least_word(
    name: str, code: int, memory: int, before: dict[str, bool]
) -> None:  # fmt: skip
    world = World(name, **before).load(memory, at=OPERAND).one(op(code, 5, OPERAND))
    if memory == LEAST:
        risen = {"CRY1", "OV"}
    elif memory == 0 and code == 0o210:
        risen = {"CRY0", "CRY1"}
    else:
        risen = set()
    assert world.flags == before | dict.fromkeys(risen, True)


@MACHINES
@given(code=st.integers(0o500, 0o577), ac_word=words, memory=words)
def test_half_words(name: str, code: int, ac_word: int, memory: int) -> None:
    to_right, fill, other_half, mode = code >> 5 & 1, code >> 3 & 3, code >> 2 & 1, code & 3
    source, target = (
        (memory, ac_word) if mode == 0 else (OPERAND, ac_word) if mode == 1
        else (ac_word, memory) if mode == 2 else (memory, memory)
    )  # fmt: skip
    from_right = to_right ^ other_half
    half = source & 0o777777 if from_right else source >> 18
    kept = target >> 18 if to_right else target & 0o777777
    rest = [kept, 0, 0o777777, 0o777777 if half >> 17 else 0][fill]
    result = halfwords(rest, half) if to_right else halfwords(half, rest)
    world = World(name).load(memory, at=OPERAND).acs({5: ac_word}).one(op(code, 5, OPERAND))
    assert world.ac[5] == (ac_word if mode == 2 else result)
    assert world.core[OPERAND] == (result if mode >= 2 else memory)


@MACHINES
@given(code=st.integers(0o400, 0o477), ac_word=words, memory=words)
def test_the_code_of_a_boolean_function_is_its_truth_table(name: str, code: int, ac_word: int, memory: int) -> None:
    table, mode = code >> 2 & 0o17, code & 3
    operand = OPERAND if mode == 1 else memory
    both, neither = ac_word & operand, ~(ac_word | operand) & ONES
    ac_only, memory_only = ac_word & ~operand, operand & ~ac_word
    parts = [(1, both), (2, memory_only), (4, ac_only), (8, neither)]
    result = sum(part for bit, part in parts if table & bit)
    world = World(name).load(memory, at=OPERAND).acs({5: ac_word}).one(op(code, 5, OPERAND))
    assert world.ac[5] == (ac_word if mode == 2 else result)
    assert world.core[OPERAND] == (result if mode >= 2 else memory)


@MACHINES
@given(code=st.integers(0o600, 0o677), ac_word=words, memory=words)
def test_tests_mask_change_and_skip(name: str, code: int, ac_word: int, memory: int) -> None:
    change, from_memory, condition, swap = code >> 4 & 3, code >> 3 & 1, code >> 1 & 3, code & 1
    mask = memory if from_memory else OPERAND
    mask = swapped(mask) if swap else mask
    masked = ac_word & mask
    world = World(name).load(memory, at=OPERAND).acs({5: ac_word}).one(op(code, 5, OPERAND))
    assert world.ac[5] == [ac_word, ac_word & ~mask, ac_word ^ mask, ac_word | mask][change]
    assert world.skipped == [False, masked == 0, True, masked != 0][condition]
    assert world.core[OPERAND] == memory


@MACHINES
@given(ac_word=words, memory=words, accumulator=st.booleans())
def test_exchange(name: str, ac_word: int, memory: int, accumulator: bool) -> None:
    if accumulator:
        world = World(name).acs({5: ac_word, 6: memory}).one(op(0o250, 5, 6))
        assert (world.ac[5], world.ac[6]) == (memory, ac_word)
    else:
        world = World(name).load(memory, at=OPERAND).acs({5: ac_word}).one(op(0o250, 5, OPERAND))
        assert (world.ac[5], world.core[OPERAND]) == (memory, ac_word)


@given(pair=st.tuples(words, words), before=st.booleans())
def test_double_moves_of_the_ki10(pair: tuple[int, int], before: bool) -> None:
    number = signed(pair[0]) * (1 << 35) + (pair[1] & (LEAST - 1))
    world = World("ki10", BIS=before).load(*pair, at=OPERAND)
    assert world.one(op(0o120, 5, OPERAND)).ac[5] == pair[0]
    assert (world.ac[6], world.state["BIS"]) == (pair[1], False)
    world = World("ki10").load(*pair, at=OPERAND).one(op(0o121, 5, OPERAND))
    assert signed(world.ac[5]) * (1 << 35) + world.ac[6] == (number if pair[0] == LEAST and not number & (LEAST - 1)
                                                             else -number)  # fmt: skip
    world = World("ki10").acs(dict(enumerate(pair, 5))).one(op(0o124, 5, OPERAND))
    assert (world.core[OPERAND], world.core[OPERAND + 1]) == pair


@MACHINES
@given(index=words, y=halves, x=st.integers(1, 15))
def test_an_index_register_is_added_to_the_address(name: str, index: int, y: int, x: int) -> None:
    world = World(name).acs({x: index}).one(op(0o201, 0, y, x=x))
    assert world.ac[0] == (index + y) & 0o777777


@MACHINES
def test_an_indirect_address_is_that_of_the_word_it_points_to(name: str) -> None:
    world = World(name).load(op(0, 0, 0o30, x=2), at=OPERAND).acs({1: 0o100, 2: 0o5})
    assert world.one(op(0o201, 0, OPERAND - 0o100, x=1, i=1)).ac[0] == 0o35


@MACHINES
def test_addresses_below_20_are_accumulators(name: str) -> None:
    world = World(name).acs({3: 7}).one(op(0o202, 3, 0o17))
    assert (world.ac[0o17], len(world.core)) == (7, 0)
