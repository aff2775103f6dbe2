"""Watched expressions: they mean what they say, and what is wrong with one is told with its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringproof.traces.python_code import Cells
from ringproof.traces.recording.expressions import MASK, parse
from ringproof.traces.recording.shape import TraceError

STATE: dict[str, Any] = {"A": 6, "B": 0x10, "Z": True, "m": Cells({6: 7, 7: 9})}


def value(text: str) -> Any:
    return parse(text, ["A", "B", "Z"], ["m"]).value(STATE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A", 6), ("0x10", 16), ("010", 10), ("A + B * 2", 38), ("(A + B) * 2", 44), ("A - 1 - 1", 4), ("B / 5", 3),
        ("B % 5", 1), ("B / 0", 0), ("1 << 4 | 1", 17), ("1 << 64", 0), ("0xff & ~1", 0xFE), ("-1", MASK),
        ("m[A]", 7), ("m[m[A]] + m[100]", 9), ("A == 6", True), ("A != 6", False), ("A < B", True), ("A >= B", False),
        ("not A == 6", False), ("A == 6 and B == 1", False), ("A == 6 and B == 1 or Z", True), ("(A > 1) + 1", 2),
        ("5 ^ 1 & 3", 4), ("A|1==7", True),
    ],
)  # fmt: skip
def test_values(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "in the expression '', a number, a name or '(' was expected at column 1, not the end"),
        ("A +", "in the expression 'A +', a number, a name or '(' was expected at column 4, not the end"),
        ("A = 6", "in the expression 'A = 6', a number, a name or an operator was expected at column 3, not '= 6'"),
        ("A 6", "in the expression 'A 6', an operator was expected at column 3, not '6'"),
        ("(A", "in the expression '(A', ')' was expected at column 3, not the end"),
        ("m", "in the expression 'm', '[' was expected at column 2, not the end"),
        ("m[1", "in the expression 'm[1', ']' was expected at column 4, not the end"),
        ("A[1]", "in the expression 'A[1]', an operator was expected at column 2, not '[1]'"),
        ("EAX", "in the expression 'EAX', 'EAX' is no component of the machine"),
        ("A and", "in the expression 'A and', a number, a name or '(' was expected at column 6, not the end"),
        ("__import__('os')", "in the expression \"__import__('os')\", a number, a name or an operator was expected at"
         " column 12, not \"'os')\""),
        ("(" * 60 + "A" + ")" * 60, f"the expression {'(' * 40!r}... is nested more than 50 deep"),
        ("A" * 1001, "an expression has at most 1000 characters, not 1001"),
    ],
)  # fmt: skip
def test_what_is_no_expression(text: str, sentence: str) -> None:
    with pytest.raises(TraceError) as error:
        value(text)
    assert str(error.value) == sentence


@given(
    st.lists(
        st.sampled_from(["A", "m[", "]", "(", ")", "+", "-", "==", "not", "and", "7", "<<", "0x1", "~"]), max_size=9
    )
)
def test_any_words_have_a_value_or_a_sentence(words: list[str]) -> None:
    try:
        assert value(" ".join(words)) >= 0
    except TraceError as error:
        assert "\n" not in str(error)
