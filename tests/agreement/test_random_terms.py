"""Every reader of terms gives the same value: z3, the generated Python, the lazy evaluation, and plain integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings

from ringproof.model.terms import Evaluation
from ringproof.traces.python_code import compile_terms

from ..terms.recipes import BINARY as OPERATIONS
from ..terms.recipes import COMPARE, Environment, Recipe, as_cells, build, environments, meaning, numbers, terms
from .z3_reading import reading

X8, Y8 = Recipe("var", 8, (), "x8"), Recipe("var", 8, (), "y8")
EDGES = (0, 1, 2, 7, 8, 9, 127, 128, 129, 254, 255)


def with_z3(recipe: Recipe, environment: Environment) -> Any:
    cells = {name: dict(enumerate(v)) if isinstance(v, list) else v for name, v in environment.items()}
    with reading([build(recipe)]) as read:
        return read.values(cells)[0]


@pytest.mark.slow
@settings(max_examples=250)
@given(recipe=terms(4), environment=environments())
def test_z3_reads_what_was_meant(recipe: Recipe, environment: Environment) -> None:
    assert with_z3(recipe, environment) == meaning(recipe, environment)


@pytest.mark.slow
@settings(max_examples=250)
@given(recipe=terms(4), environment=environments())
def test_the_lazy_evaluation_reads_what_was_meant(recipe: Recipe, environment: Environment) -> None:
    evaluation = Evaluation(lambda variable: as_cells(environment)[variable.name])
    assert evaluation.value(build(recipe)) == meaning(recipe, environment)


@pytest.mark.parametrize("op", [*OPERATIONS, *COMPARE])
def test_operations_at_their_edges(op: str) -> None:
    """Division by zero, shifts at and past the width, the most negative number: all pairs of edge values."""
    recipe = Recipe(op, 8 if op in OPERATIONS else 0, (X8, Y8))
    term = build(recipe)
    generated = compile_terms([term])
    with reading([term]) as read:
        for x in EDGES:
            for y in EDGES:
                values = {"x8": x, "y8": y}
                expected = meaning(recipe, values)
                assert read.values(values) == [expected], (op, x, y)
                assert generated(values) == (expected,), (op, x, y)
                assert Evaluation(lambda v, at=values: at[v.name]).value(term) == expected, (op, x, y)  # type: ignore[misc]


@pytest.mark.slow
@pytest.mark.parametrize("op", ["shl", "lshr", "ashr"])
@settings(max_examples=60)
@given(amount=numbers(64), value=numbers(64))
@example(amount=2**64 - 1, value=2**63)
@example(amount=2**63, value=1)
def test_no_amount_is_too_large_to_shift_by(op: str, amount: int, value: int) -> None:
    recipe = Recipe(op, 64, (Recipe("var", 64, (), "x64"), Recipe("var", 64, (), "y64")))
    values = {"x64": value, "y64": amount}
    assert compile_terms([build(recipe)])(values) == (meaning(recipe, values),)
    assert with_z3(recipe, values) == meaning(recipe, values)
