"""Sorts and widths are checked where a term is built, in a sentence that names what was given and expected."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ringproof.model.terms import (
    Array,
    BitVec,
    Bool,
    Term,
    TermError,
    all_of,
    bits,
    concat,
    constant_array,
    equal,
    implies,
    ite,
    sdiv,
    select,
    shift,
    slt,
    srem,
    store,
    udiv,
    urem,
    var,
)

A, B, P = var("a", BitVec(32)), var("b", BitVec(8)), var("p", Bool)
M, N = var("m", Array(16, 8)), var("n", Array(16, 8))
FOUR = bits(4, 8)  # a power of two, by which division is a slice


@pytest.mark.parametrize(
    "build",
    [
        lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a & b, lambda a, b: a | b,
        lambda a, b: a ^ b, lambda a, b: a << b, lambda a, b: a >> b, lambda a, b: a.sar(b), lambda a, b: a == b,
        lambda a, b: a != b, lambda a, b: a < b, lambda a, b: a >= b, equal, slt, udiv, urem, sdiv, srem,
        lambda a, b: ite(P, a, b),
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", [B, FOUR], ids=["variable", "constant"])
def test_two_widths_do_not_fit_each_other(build: Callable[[Term, Term], Term], other: Term) -> None:
    with pytest.raises(TermError) as error:
        build(A, other)
    assert str(error.value) == "operands of 32 and 8 bits do not fit each other"


@pytest.mark.parametrize("build", [lambda: A > B, lambda: A <= B])
def test_a_comparison_that_swaps_its_operands_names_both_widths(build: Callable[[], Term]) -> None:
    with pytest.raises(TermError, match=r"^operands of (32 and 8|8 and 32) bits do not fit each other$"):
        build()


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: A[32:0], "bits 32 to 0 were asked of a term of 32 bits"),
        (lambda: A[0:7], "bits 0 to 7 were asked of a term of 32 bits"),
        (lambda: A[-1], "bits -1 to -1 were asked of a term of 32 bits"),
        (lambda: A.zext(16), "a term of 32 bits cannot be extended to 16 bits"),
        (lambda: A.sext(16), "a term of 32 bits cannot be extended to 16 bits"),
        (lambda: A[7:], "a slice of a bit-vector is written with both ends, the higher bit first: t[7:0]"),
        (lambda: A[7:0:2], "a slice of a bit-vector is written with both ends, the higher bit first: t[7:0]"),
        (lambda: A[B], "the bits of a bit-vector are numbered by integers; shift by a term instead"),
        (lambda: M[3:0], "an array is read at one address, not at a range"),
        (lambda: bits(256, 8), "256 does not fit in 8 bits"),
        (lambda: bits(-129, 8), "-129 does not fit in 8 bits"),
        (lambda: B + 256, "256 does not fit in 8 bits"),
        (lambda: B == True, "a bit-vector of 8 bits was expected, not True"),  # noqa: E712
        (lambda: B + "1", "a bit-vector of 8 bits was expected, not '1'"),  # type: ignore[operator]
        (lambda: M[A], "operands of 16 and 32 bits do not fit each other"),
        (lambda: select(M, B), "operands of 16 and 8 bits do not fit each other"),
        (lambda: store(M, A, 0), "operands of 16 and 32 bits do not fit each other"),
        (lambda: M.set(0, A), "operands of 8 and 32 bits do not fit each other"),
        (lambda: M.set(0x10000, 0), "65536 does not fit in 16 bits"),
        (lambda: store(M, 0, 0, B), "a Bool was expected, but <b> is of sort BitVec(8)"),
        (lambda: shift(M, B), "operands of 16 and 8 bits do not fit each other"),
        (lambda: select(A, A), "an array was expected, but <a> is of sort BitVec(32)"),
        (lambda: M == N, "arrays are not compared whole; compare them at one arbitrary address"),
        (lambda: M == 3, "a term of sort Array(16, 8) was expected, not 3"),
        (lambda: ite(P, M, N), "both arms of an array choice must be stores onto the same array"),
        (lambda: ite(B, A, A), "a Bool was expected, but <b> is of sort BitVec(8)"),
        (lambda: ite(P, P, A), "a Bool was expected, but <a> is of sort BitVec(32)"),
        (lambda: P & B, "a Bool was expected, but <b> is of sort BitVec(8)"),
        (lambda: P & 1, "a Bool was expected, not 1"),
        (lambda: all_of(P, FOUR), "a Bool was expected, but <4:8> is of sort BitVec(8)"),
        (lambda: implies(FOUR, P), "a Bool was expected, but <4:8> is of sort BitVec(8)"),
        (lambda: P + 1, "a bit-vector was expected, but <p> is of sort Bool"),
        (lambda: slt(P, P), "a bit-vector was expected, but <p> is of sort Bool"),
        (lambda: concat(A, P), "a bit-vector was expected, but <p> is of sort Bool"),
        (lambda: M.width, "a bit-vector was expected, but <m> is of sort Array(16, 8)"),
        (lambda: A.value, "a constant was expected, but <a> is none"),
        (lambda: FOUR.name, "a variable was expected, but <4:8> is none"),
        (lambda: constant_array(8, P), "a bit-vector was expected, but <p> is of sort Bool"),
        (lambda: bool(A == 0), "the term <(a == 0:32)> has no truth value; use ite, & or when="),
        (lambda: 0 < A < 9, "the term <~(a == 0:32)> has no truth value; use ite, & or when="),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_a_sentence(build: Callable[[], object], sentence: str) -> None:
    with pytest.raises(TermError) as error:
        build()
    assert str(error.value) == sentence


def test_sorts() -> None:
    assert BitVec(8) is BitVec(8)
    assert Array(16, 8) is Array(16, 8)
    assert var("x", BitVec(8)) is not var("x", BitVec(9))
    with pytest.raises(ValueError, match=r"^a bit-vector has at least 1 bit, not 0$"):
        BitVec(0)
