"""Fixed-point arithmetic, shifts and bytes, by laws over the numbers that words stand for. On both machines."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .worlds import LEAST, ONES, OPERAND, World, halves, op, signed, words

MACHINES = pytest.mark.parametrize("name", ["ka10", "ki10"])
LOW = LEAST - 1
"""The 35 bits of a word without its sign."""


def fits(number: int) -> bool:
    return -LEAST <= number < LEAST


def pair(high: int, low: int) -> int:
    """The double-length number of a sign and 70 bits."""
    return (signed(high) << 35) + (low & LOW)


def computed(name: str, code: int, ac: int, memory: int, following: int = 0) -> World:
    world = World(name).load(memory, at=OPERAND).acs({5: ac, 6: following})
    return world.one(op(code, 5, OPERAND))


@MACHINES
@given(a=words, b=words)
def test_add_and_subtract_wrap_and_say_so(name: str, a: int, b: int) -> None:
    for code, number in ((0o270, signed(a) + signed(b)), (0o274, signed(a) - signed(b))):
        world = computed(name, code, a, b)
        assert world.ac[5] == number & ONES
        assert world.flags["OV"] == (not fits(number)) == (world.flags["CRY0"] != world.flags["CRY1"])
    assert computed(name, 0o270, a, b).flags["CRY0"] == (a + b > ONES)
    assert computed(name, 0o274, a, b).flags["CRY0"] == (a >= b)


@MACHINES
@given(a=words, b=words)
def test_the_modes_say_where_a_result_goes(name: str, a: int, b: int) -> None:
    total = (a + b) & ONES
    assert computed(name, 0o271, a, b).ac[5] == (a + OPERAND) & ONES
    to_memory, to_both = computed(name, 0o272, a, b), computed(name, 0o273, a, b)
    assert (to_memory.ac[5], to_memory.core[OPERAND]) == (a, total)
    assert (to_both.ac[5], to_both.core[OPERAND]) == (total, total)


@MACHINES
@given(a=words, b=words)
def test_products(name: str, a: int, b: int) -> None:
    assume(a != LEAST)
    product = signed(a) * signed(b)
    single, double = computed(name, 0o220, a, b), computed(name, 0o224, a, b)
    assert single.ac[5] == (product & LOW | (LEAST if product < 0 else 0))
    assert single.flags["OV"] == (not fits(product))
    assert pair(double.ac[5], double.ac[6]) == product
    assert double.ac[6] >> 35 == double.ac[5] >> 35
    assert not double.flags["OV"]


@given(b=words)
def test_the_ka10_takes_the_least_multiplicand_for_its_negative_and_the_ki10_does_not(b: int) -> None:
    ka10, ki10 = computed("ka10", 0o224, LEAST, b), computed("ki10", 0o224, LEAST, b)
    assume(b != LEAST)
    assert pair(ka10.ac[5], ka10.ac[6]) == LEAST * signed(b)
    assert pair(ki10.ac[5], ki10.ac[6]) == -LEAST * signed(b)


@MACHINES
def test_the_square_of_the_least_number_overflows(name: str) -> None:
    assert computed(name, 0o224, LEAST, LEAST).flags["OV"]


@MACHINES
@given(a=words, b=words)
def test_integer_division_rounds_to_zero(name: str, a: int, b: int) -> None:
    assume(not (a == LEAST and b in (1, ONES)))
    world = computed(name, 0o230, a, b)
    assert world.flags["DCK"] == world.flags["OV"] == (b == 0)
    if b == 0:
        assert (world.ac[5], world.ac[6]) == (a, 0)
    else:
        quotient, remainder = signed(world.ac[5]), signed(world.ac[6])
        assert quotient * signed(b) + remainder == signed(a)
        assert abs(remainder) < abs(signed(b))
        assert remainder == 0 or (remainder < 0) == (signed(a) < 0)


@MACHINES
@given(high=words, low=words, b=words)
def test_long_division(name: str, high: int, low: int, b: int) -> None:
    dividend = pair(high, low)
    world = computed(name, 0o234, high, b, low)
    assert world.flags["DCK"] == world.flags["OV"]
    if world.flags["DCK"]:
        assert abs(dividend) >> 35 >= abs(signed(b))
        assert (world.ac[5], world.ac[6]) == (high, low)
    else:
        quotient, remainder = signed(world.ac[5]), signed(world.ac[6])
        assert quotient * signed(b) + remainder == dividend
        assert abs(remainder) < abs(signed(b))


COUNTS = st.one_of(st.integers(0, 0o200), st.integers(0o777600, 0o777777), halves)


def count(e: int) -> int:
    """How many places to the left a shift instruction shifts: bit 18 is the sign, bits 28 to 35 the number."""
    return -(-e & 0xFF) if e >> 17 else e & 0xFF


@MACHINES
@given(a=words, b=words, e=COUNTS)
def test_shifts(name: str, a: int, b: int, e: int) -> None:
    def shifted(code: int) -> tuple[int, int, bool]:
        world = World(name).acs({5: a, 6: b}).one(op(code, 5, e))
        return world.ac[5], world.ac[6], world.flags["OV"]

    places = count(e)
    whole = a << 36 | b

    def move(word: int) -> int:
        return word << places if places >= 0 else word >> -places

    assert shifted(0o242) == (move(a) & ONES, b, False)
    both = move(whole) & (1 << 72) - 1
    assert shifted(0o246) == (both >> 36, both & ONES, False)
    number, double = move(signed(a)), move(pair(a, b))
    assert shifted(0o240) == (number & LOW | a & LEAST, b, not fits(number))
    if places == 0:
        assert shifted(0o244) == (a, b, False)
    else:
        high, low = double >> 35 & LOW | a & LEAST, double & LOW | a & LEAST
        assert shifted(0o244) == (high, low, not -(1 << 70) <= double < 1 << 70)


@MACHINES
@given(a=words, b=words, e=COUNTS)
def test_rotations_lose_nothing(name: str, a: int, b: int, e: int) -> None:
    places = e & 0xFF if not e >> 17 else (e & 0xFF) - 256
    world = World(name).acs({5: a, 6: b}).one(op(0o241, 5, e)).one(op(0o245, 1, e))
    left = places % 36
    assert world.ac[5] == (a << left | a >> 36 - left) & ONES
    world = World(name).acs({5: a, 6: b}).one(op(0o245, 5, e))
    whole, left = a << 36 | b, places % 72
    turned = (whole << left | whole >> 72 - left) & (1 << 72) - 1
    assert (world.ac[5], world.ac[6]) == (turned >> 36, turned & ONES)


@MACHINES
@given(word=words)
def test_find_first_one(name: str, word: int) -> None:
    world = World(name).acs({5: word, 6: 7}).one(op(0o243, 5, OPERAND))
    assert world.ac[6] == (36 - word.bit_length() if word else 0)
    assert world.state["PC"] == (OPERAND if word else 0o1001)


def pointer(position: int, size: int, address: int = OPERAND, x: int = 0) -> int:
    return position << 30 | size << 24 | x << 18 | address


places_and_sizes = st.integers(0, 36).flatmap(lambda size: st.tuples(st.integers(0, 36 - size), st.just(size)))


@MACHINES
@given(place=places_and_sizes, word=words, byte=words)
def test_bytes_are_loaded_and_deposited(name: str, place: tuple[int, int], word: int, byte: int) -> None:
    position, size = place
    mask = (1 << size) - 1
    world = World(name).load(word, at=OPERAND).load(pointer(position, size), at=0o2000).acs({5: byte})
    world.one(op(0o137, 5, 0o2000))
    assert world.core[OPERAND] == word & ~(mask << position) | (byte & mask) << position
    assert world.one(op(0o135, 6, 0o2000)).ac[6] == byte & mask
    assert world.core[0o2000] == pointer(position, size)


@MACHINES
@given(size=st.integers(1, 36), bytes_=st.lists(words, min_size=1, max_size=8))
def test_a_string_of_bytes_is_written_and_read(name: str, size: int, bytes_: list[int]) -> None:
    world = World(name).load(pointer(36, size), pointer(36, size), at=0o2000)
    for byte in bytes_:
        world.acs({5: byte}).one(op(0o136, 5, 0o2000))
    for byte in bytes_:
        assert world.one(op(0o134, 6, 0o2001)).ac[6] == byte & (1 << size) - 1
    words_used = -(-len(bytes_) // (36 // size))
    assert world.core[0o2000] & 0o777777 == OPERAND + words_used - 1


@MACHINES
def test_first_part_done_keeps_a_byte_pointer_from_being_incremented_twice(name: str) -> None:
    world = World(name, BIS=True).load(0o123, at=OPERAND).load(pointer(0, 9), at=0o2000)
    world.one(op(0o134, 6, 0o2000))
    assert (world.ac[6], world.core[0o2000], world.state["BIS"]) == (0o123, pointer(0, 9), False)


def test_past_the_last_word_the_ka10_carries_into_the_index_field_and_the_ki10_does_not() -> None:
    for name, following in (("ka10", pointer(27, 9, 0, x=1)), ("ki10", pointer(27, 9, 0))):
        world = World(name).load(pointer(0, 9, 0o777777), at=0o2000).one(op(0o133, 0, 0o2000))
        assert world.core[0o2000] == following
