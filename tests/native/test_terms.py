"""The native reader computes what the generated Python computes, on random terms of every operation and width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringproof.model.terms import BitVec, Bool, Term, bits, concat, ite, sdiv, srem, udiv, urem, var, variables
from ringproof.traces.native.reader import native_terms
from ringproof.traces.python_code import compile_terms

from .term_strategies import BINARY, assignments, numbers, pools


def check_readers_agree(data: st.DataObject, pool: list[Term], count: int) -> None:
    native, python, inputs = native_terms(pool), compile_terms(pool), variables(pool)
    for _ in range(count):
        values = data.draw(assignments(inputs))
        assert native(values) == python(values)


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), pools())
def test_random_terms(data: st.DataObject, pool: list[Term]) -> None:
    check_readers_agree(data, pool, 4)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1, 8, 31, 32, 33, 36, 63, 64, 65, 72, 127, 128, 129, 200])
@settings(max_examples=60)
@given(data=st.data())
def test_every_operation_at_the_edges_of_a_width(width: int, data: st.DataObject) -> None:
    """Division by zero, shifts past the width and the least negative number are among the edges."""
    native, python = _everything(width)
    values = {"x": data.draw(numbers(width)), "y": data.draw(numbers(width))}
    assert native(values) == python(values)


Reader = Callable[[Mapping[str, Any]], tuple[Any, ...]]


@cache
def _everything(width: int) -> tuple[Reader, Reader]:
    x, y = var("x", BitVec(width)), var("y", BitVec(width))
    roots = [operation(x, y) for operation in BINARY.values()]
    roots += [x < y, x == y, ~x, x * bits(3 & ((1 << width) - 1), width), x * -1]
    roots += [x.sext(width + 40), concat(x, y), y[width - 1 : width // 2]]
    return native_terms(roots), compile_terms(roots)


def test_division_by_zero_and_overflow_are_the_terms_own() -> None:
    x, y = var("x", BitVec(64)), var("y", BitVec(64))
    native = native_terms([udiv(x, y), urem(x, y), sdiv(x, y), srem(x, y)])
    least, ones = 1 << 63, (1 << 64) - 1
    assert native({"x": 5, "y": 0}) == (ones, 5, ones, 5)
    assert native({"x": least, "y": 0}) == (ones, least, 1, least)
    assert native({"x": least, "y": ones}) == (0, least, least, 0)


@pytest.mark.slow
def test_a_chain_of_a_thousand_choices_needs_no_deep_recursion() -> None:
    x, result = var("x", BitVec(32)), var("x", BitVec(32)) * var("x", BitVec(32))
    for number in range(1000):
        result = ite(var(f"c{number}", Bool), udiv(result, x) + number, x)
    values = {"x": 3, **{f"c{number}": number % 7 != 0 for number in range(1000)}}
    assert native_terms([result])(values) == compile_terms([result])(values)
