"""Hypothesis strategies for terms of every operation, at widths where readers tend to disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ringproof.model.terms import (
    Array,
    ArraySort,
    BitVec,
    BitVecSort,
    Bool,
    Term,
    all_of,
    any_of,
    bits,
    concat,
    equal,
    ite,
    sdiv,
    select,
    sign_extend,
    slt,
    srem,
    udiv,
    urem,
    var,
)
from ringproof.traces.python_code import Cells

WIDTHS = (1, 2, 7, 8, 16, 31, 32, 33, 36, 63, 64, 65, 72, 96, 128, 130)

Pool = list[Term]

BINARY: dict[str, Callable[[Term, Term], Term]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "and": lambda a, b: a & b,
    "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b, "shl": lambda a, b: a << b, "lshr": lambda a, b: a >> b,
    "ashr": lambda a, b: a.sar(b), "udiv": udiv, "urem": urem, "sdiv": sdiv, "srem": srem,
}  # fmt: skip
COMPARISONS: dict[str, Callable[[Term, Term], Term]] = {
    "eq": equal, "ult": lambda a, b: a < b, "slt": slt, "ule": lambda a, b: a <= b,
}  # fmt: skip
STEPS = (
    *BINARY,
    *COMPARISONS,
    "constant",
    "scale",
    "not",
    "extract",
    "concat",
    "extend",
    "logic",
    "ite",
    "ite",
    "read",
)


def numbers(width: int) -> st.SearchStrategy[int]:
    """Numbers of `width` bits, often at an edge."""
    top = (1 << width) - 1
    edges = {n & top for n in (0, 1, 2, -1, -2, top >> 1, (top >> 1) + 1, width, width - 1, 31, 32, 63, 64)}
    return st.one_of(st.sampled_from(sorted(edges)), st.integers(0, top))


def _numbers_in(pool: Pool) -> list[Term]:
    return [term for term in pool if isinstance(term.sort, BitVecSort)]


def _conditions_in(pool: Pool) -> list[Term]:
    return [term for term in pool if term.sort is Bool]


@st.composite
def pools(draw: st.DrawFn, steps: int = 25) -> Pool:
    """Bools and bit-vectors, the later ones made of the earlier ones. Variables: numbers, `p`, `q`, and arrays."""
    widths = draw(st.lists(st.sampled_from(WIDTHS), min_size=2, max_size=4))
    pool: Pool = [var(f"{name}{width}", BitVec(width)) for width in widths for name in "xy"]
    pool += [var("p", Bool), var("q", Bool)]
    arrays = [
        var("small", Array(4, 36)),
        var("bytes", Array(16, 8)),
        var("words", Array(32, 64)),
        var("wide", Array(9, 72)),
    ]
    for _ in range(steps):
        pool.append(_step(draw, pool, arrays))
    return pool


def _step(draw: st.DrawFn, pool: Pool, arrays: list[Term]) -> Term:
    step = draw(st.sampled_from(STEPS))
    term = draw(st.sampled_from(_numbers_in(pool)))
    width = term.width
    like = [other for other in _numbers_in(pool) if other.width == width]
    condition = draw(st.sampled_from(_conditions_in(pool)))
    if step in BINARY:
        return BINARY[step](term, draw(st.sampled_from(like)))
    if step in COMPARISONS:
        return COMPARISONS[step](term, draw(st.sampled_from(like)))
    if step == "constant":
        return bits(draw(numbers(width)), width)
    if step == "scale":
        return term * bits(draw(numbers(width)), width)
    if step == "not":
        return ~term if draw(st.booleans()) else ~condition
    if step == "extract":
        low = draw(st.integers(0, width - 1))
        return term[draw(st.integers(low, width - 1)) : low]
    if step == "concat":
        other = draw(st.sampled_from(_numbers_in(pool)))
        return concat(term, other) if width + other.width <= 160 else term
    if step == "extend":
        wider = draw(st.sampled_from([w for w in (*WIDTHS, 160) if w >= width]))
        return sign_extend(term, wider) if draw(st.booleans()) else term.zext(wider)
    if step == "logic":
        others = draw(st.lists(st.sampled_from(_conditions_in(pool)), max_size=3))
        return all_of(condition, *others) if draw(st.booleans()) else any_of(condition, *others)
    if step == "read":
        return _read(draw, draw(st.sampled_from(arrays)), term)
    if draw(st.booleans()):
        return ite(condition, term, draw(st.sampled_from(like)))
    return ite(condition, draw(st.sampled_from(_conditions_in(pool))), draw(st.sampled_from(_conditions_in(pool))))


def _read(draw: st.DrawFn, array: Term, term: Term) -> Term:
    """A cell, or neighbouring ones joined, the highest address highest or lowest."""
    assert isinstance(array.sort, ArraySort)
    width = array.sort.index.width
    index = term[width - 1 : 0] if term.width >= width else term.zext(width)
    count = draw(st.sampled_from((1, 1, 2, 3, 4, 6, 8)))
    cells = [select(array, index + n) for n in range(count)]
    if array.sort.value.width != 8:
        return cells[0]
    return concat(*(reversed(cells) if draw(st.booleans()) else cells))


def _value(draw: st.DrawFn, variable: Term) -> Any:
    sort = variable.sort
    if isinstance(sort, ArraySort):
        near = st.one_of(
            numbers(sort.index.width), st.sampled_from([4094, 4095, 4096]).map(lambda i: i % (1 << sort.index.width))
        )
        cells = draw(st.dictionaries(near, numbers(sort.value.width), max_size=6))
        return Cells(cells, draw(numbers(sort.value.width)))
    return draw(numbers(sort.width)) if isinstance(sort, BitVecSort) else draw(st.booleans())


@st.composite
def assignments(draw: st.DrawFn, variables: list[Term]) -> dict[str, Any]:
    """A value for each variable, by name."""
    return {variable.name: _value(draw, variable) for variable in variables}
