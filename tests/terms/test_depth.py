"""No traversal recurses on term depth: a hundred thousand operations in each other are built, read and dropped."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest

from ringproof.model.terms import (
    Array,
    BitVec,
    Bool,
    Evaluation,
    Term,
    bits,
    boolean,
    concat,
    ite,
    select,
    store,
    substitute,
    topological,
    var,
    variables,
)
from ringproof.solvers.answer import Sat, Undecided
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.python_code import compile_terms

DEPTHS = {"arithmetic": 100_000, "choices": 10_000, "joins": 10_000}
BEYOND = 1_100
"""More than Python's recursion limit, where building takes quadratic time."""
X, Y = var("x", BitVec(16)), var("y", BitVec(16))
Plain = Callable[[int, int, int, int], int]
STEPS: dict[str, tuple[Callable[[Term, int], Term], Plain]] = {
    "arithmetic": (lambda term, i: (term & Y) + (i % 50), lambda value, i, x, y: (value & y) + i % 50),
    "choices": (
        lambda term, i: ite(X.bit(i % 16), term ^ Y, term + 1),
        lambda value, i, x, y: value ^ y if x >> i % 16 & 1 else value + 1,
    ),
    "joins": (
        lambda term, i: ~concat(term[7:0], term[15:8]) + Y,
        lambda value, i, x, y: ~(value % 256 * 256 + value // 256) + y,
    ),
}

pytestmark = pytest.mark.slow


def deep(step: Callable[[Term, int], Term], depth: int) -> Term:
    term = X
    for i in range(depth):
        term = step(term, i)
    return term


@pytest.mark.parametrize("name", STEPS)
def test_every_traversal(name: str) -> None:
    (step, plain), depth = STEPS[name], DEPTHS[name]
    assert sys.getrecursionlimit() <= BEYOND < depth
    x, y = 0x1234, 0xBEEF
    expected = x
    for i in range(depth):
        expected = plain(expected, i, x, y) % 2**16
    term = deep(step, depth)
    assert len(topological([term])) > depth
    assert set(variables([term])) == {X, Y}
    (value,) = substitute([term], {X: bits(x, 16), Y: bits(y, 16)})
    assert value.value == expected
    assert Evaluation(lambda variable: {"x": x, "y": y}[variable.name]).value(term) == expected
    assert compile_terms([term])({"x": x, "y": y}) == (expected,)
    text = repr(term)
    assert text.startswith("<") and len(text) < 1000
    del term, value
    gc.collect()


def test_the_solver_reads_deep_terms() -> None:
    term = deep(STEPS["arithmetic"][0], 30_000)
    assert isinstance(Z3Solver().check([term < 50], 1_000), Undecided)
    shorter = deep(STEPS["arithmetic"][0], BEYOND)
    answer = Z3Solver().check([shorter < 50, X + Y < 5], 50_000_000)
    assert isinstance(answer, Sat)
    assert compile_terms([shorter < 50, X + Y < 5])({"x": 0, "y": 0, **answer.assignment}) == (True, True)


@pytest.mark.parametrize("complemented", [False, True])
def test_an_equation_goes_down_a_deep_chain_of_choices(complemented: bool) -> None:
    conditions = [var(f"c{i}", Bool) for i in range(BEYOND)]
    chain = X
    for i, condition in enumerate(conditions):
        chain = ite(condition, bits(i % 2, 16), chain)
        chain = ~chain + 2 if complemented else chain
    equation = chain == 1
    last = {conditions[-1]: boolean(True)}
    (reached,) = substitute([equation], last)
    (folded,) = substitute([chain], last)
    assert reached is boolean(folded.value == 1)
    none = dict.fromkeys(conditions, boolean(False))
    assert substitute([equation], none)[0] is (substitute([chain], none)[0] == 1)


def test_a_choice_takes_shared_summands_out_however_often() -> None:
    condition = var("c", Bool)
    summands = [var(f"s{i}", BitVec(16)) for i in range(BEYOND)]
    nested, plain = X, Y
    for summand in summands:
        nested = summand + ite(condition, nested, summand * 2)
        plain = summand + plain
    chosen = ite(condition, nested, plain)
    assert substitute([chosen], {condition: boolean(False)})[0] is plain


def test_a_long_chain_of_stores() -> None:
    chain = var("m", Array(16, 16))
    for i in range(BEYOND):
        chain = store(chain, 3 * i, Y + i)
    assert select(chain, bits(21, 16)) is Y + 7
    assert select(chain, bits(22, 16)) is select(var("m", Array(16, 16)), bits(22, 16))
    (renamed,) = substitute([chain], {Y: X})
    assert select(renamed, bits(21, 16)) is X + 7
