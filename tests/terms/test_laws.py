"""Laws by which two ways to write a term give one object: sums, slices, arrays, choices, and the order of operands."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.terms import (
    FALSE,
    TRUE,
    Array,
    BitVec,
    Bool,
    Term,
    all_of,
    any_of,
    bits,
    concat,
    constant_array,
    ite,
    select,
    shift,
    store,
    substitute,
    var,
)

WIDE = (1 << 61) - 1
P, Q = var("p", Bool), var("q", Bool)
X, Y, Z, W = (var(name, BitVec(32)) for name in "xyzw")
ATOMS = (X, Y, Z, X & Y, X * Y)
M = var("m", Array(32, 8))
V = var("v", BitVec(8))

summands = st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(ATOMS)), max_size=6)


def total(parts: list[tuple[int, Term]], start: Term) -> Term:
    for factor, atom in parts:
        start = start + atom * bits(factor, 32)
    return start


@settings(max_examples=60)
@given(parts=summands, constant=st.integers(-(2**31), 2**31 - 1), seed=st.integers())
def test_a_sum_is_the_same_in_every_order(parts: list[tuple[int, Term]], constant: int, seed: int) -> None:
    mixed = list(parts)
    random.Random(seed).shuffle(mixed)
    assert total(parts, bits(constant, 32)) is total(mixed, bits(0, 32)) + constant
    assert total(parts, X) - total(mixed, X) is bits(0, 32)
    assert -total(parts, X) is bits(0, 32) - total(mixed, X)
    assert total(parts, X) * 4 is total(mixed, X) << 2


@given(parts=summands, more=summands)
def test_what_two_sums_share_is_taken_out_of_a_choice(
    parts: list[tuple[int, Term]], more: list[tuple[int, Term]]
) -> None:
    one, two, base = total(parts, bits(1, 32)), total(more, bits(2, 32)), W * 3
    assert ite(P, one + base, two + base) - base is ite(P, one, two)


def test_equations_of_sums_drop_what_both_sides_have() -> None:
    assert (X + Y + 3 == Y + Z + 1) is (X + 2 == Z)
    assert (X + 3 == Y + 3) is (X == Y)
    assert (X + 1 == X) is FALSE
    assert (X + 5 == 7) is (X == 2)
    assert (~X == 5) is (bits(~5, 32) == X)
    assert (X - Y == X - Z) is (Y == Z)


@pytest.mark.parametrize(
    "join",
    [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: a & b,
        lambda a, b: a | b,
        lambda a, b: a ^ b,
        lambda a, b: a == b,
        lambda a, b: (a == 1) & (b == 1),
        lambda a, b: (a == 1) | (b == 1),
        lambda a, b: (a == 1) ^ (b == 1),
    ],
)
@pytest.mark.parametrize("constants", [(0, WIDE), (7, 2**64 - 1), (1, 1 + WIDE), (5, 6)])
def test_operands_have_one_order(join: Callable[[Term, Term], Term], constants: tuple[int, int]) -> None:
    # Integers that are equal modulo 2**61 - 1 have the same hash in Python.
    w = var("w64", BitVec(64))
    one, two = (ite(P, bits(constant, 64), w) for constant in constants)
    assert join(one, two) is join(two, one)
    one, two = (w * bits(constant, 64) for constant in constants)
    assert join(one, two) is join(two, one)


def test_conjunctions_and_disjunctions() -> None:
    assert all_of() is TRUE
    assert any_of() is FALSE
    assert all_of(P, all_of(Q, P)) is all_of(Q, P)
    assert all_of(P, Q, ~P) is FALSE
    assert any_of(P, any_of(Q, ~P)) is TRUE
    assert ~~P is P
    assert (P ^ P) is FALSE
    assert (P == ~P) is FALSE


def test_slices_and_joins() -> None:
    assert concat(X[31:16], X[15:0]) is X
    assert concat(X[31:24], X[15:8]).op == "concat"
    assert X[23:8][7:4] is X[15:12]
    assert concat(X, Y)[39:24] is concat(X[7:0], Y[31:24])
    assert X.zext(64)[31:0] is X
    assert X.zext(64)[63:32] is bits(0, 32)
    assert X.sext(64)[15:0] is X[15:0]
    assert V.sext(16).sext(32) is V.sext(32)
    assert V.zext(16).sext(32) is V.zext(32)
    assert X & 0xFF00 is concat(bits(0, 16), X[15:8], bits(0, 8))
    assert (X >> 4) is concat(bits(0, 4), X[31:4])
    assert (X & 0xFFFF) | (X & 0xFFFF0000) is (X & 0xFFFF) | (X & 0xFFFF0000)


def test_choices() -> None:
    assert ite(~P, X, Y) is ite(P, Y, X)
    assert ite(P, X, X) is X
    assert ite(P, ite(P, X, Y), Z) is ite(P, X, Z)
    assert ite(P, X, ite(Q, X, Y)) is ite(P | Q, X, Y)
    assert ite(P, TRUE, FALSE) is P
    assert ite(P, Q, FALSE) is (P & Q)
    assert (ite(P, bits(1, 32), bits(2, 32)) == 1) is P
    assert (ite(P, bits(1, 32), bits(2, 32)) == 3) is FALSE
    assert P.as_bits(8).bit(0) is P


def test_reading_what_was_written() -> None:
    stored = M.set(X, V)
    assert stored[X] is V
    assert stored[X + 1] is M[X + 1]
    assert stored[Y] is ite(X == Y, V, M[Y])
    assert stored.set(X, 3) is M.set(X, 3)
    assert M.set(X, M[X]) is M
    assert store(M, X, V, FALSE) is M
    assert store(M, X, V, P)[X] is ite(P, V, M[X])
    assert store(store(M, X, V, P), X, 1, P) is store(M, X, 1, P)
    assert constant_array(32, V)[X] is V


offsets = st.sampled_from([bits(0, 32), bits(5, 32), bits(2**32 - 1, 32), X, Y, X + Y, X - 1, -X])


@settings(max_examples=60)
@given(one=offsets, two=offsets, at=offsets)
def test_a_moved_memory_vanishes_into_addresses(one: Term, two: Term, at: Term) -> None:
    chain = M.set(Z, V).set(Z + 1, 7)
    for memory in (M, chain):
        assert select(shift(memory, one), at) is select(memory, at - one)
        assert shift(shift(memory, one), two) is shift(memory, one + two)
        assert shift(shift(memory, one), -one) is memory
        assert shift(memory, one).set(at, V) is shift(memory.set(at - one, V), one)
        assert select(shift(memory, one).set(at + one, 9), at + one) is bits(9, 8)
    assert shift(constant_array(32, V), one) is constant_array(32, V)


def test_a_choice_of_two_chains_is_one_chain() -> None:
    one, two = M.set(X, 1).set(Y, 2), M.set(X, 1).set(Z, 3)
    merged = ite(P, one, two)
    assert merged.op == "store"
    at = var("at", BitVec(32))
    assert substitute([merged[at]], {P: TRUE})[0] is one[at]
    assert substitute([merged[at]], {P: FALSE})[0] is two[at]
    assert ite(P, shift(one, W), shift(two, W)) is shift(merged, W)
    assert ite(P, M.set(X, 1), M) is store(M, X, 1, P)
