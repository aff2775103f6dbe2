"""Folding keeps meaning: every reader of a term gives what the recipe says on plain integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.terms import Term, bits, substitute, variables
from ringproof.traces.python_code import compile_terms

from .recipes import Environment, Recipe, arrays, as_cells, build, constant, environments, meaning, terms

pytestmark = pytest.mark.slow


def constants(term: Term, environment: Environment) -> dict[Term, Term]:
    """A constant for each variable of `term`."""
    return {v: constant(v, environment) for v in variables([term])}


def folded(term: Term, environment: Environment) -> Any:
    """The value that substitution folds `term` to."""
    (result,) = substitute([term], constants(term, environment))
    return result.value


@settings(max_examples=200)
@given(recipe=terms(4), environment=environments())
def test_substituting_constants_evaluates(recipe: Recipe, environment: Environment) -> None:
    assert folded(build(recipe), environment) == meaning(recipe, environment)


@settings(max_examples=200)
@given(recipe=terms(4), environment=environments())
def test_the_python_reader_evaluates(recipe: Recipe, environment: Environment) -> None:
    (value,) = compile_terms([build(recipe)])(as_cells(environment))
    assert value == meaning(recipe, environment)


@settings(max_examples=100)
@given(recipe=terms(4), environment=environments(), data=st.data())
def test_substitution_may_be_done_in_parts(recipe: Recipe, environment: Environment, data: st.DataObject) -> None:
    term = build(recipe)
    every = constants(term, environment)
    some = {v: c for v, c in every.items() if data.draw(st.booleans(), label=v.name)}
    (partly,) = substitute([term], some)
    assert set(variables([partly])) <= set(every) - set(some)
    (whole,) = substitute([partly], every)
    assert whole.value == meaning(recipe, environment)


@settings(max_examples=100)
@given(recipe=terms(4))
def test_building_again_gives_the_same_object(recipe: Recipe) -> None:
    term = build(recipe)
    assert build(recipe) is term
    assert substitute([term], {})[0] is term


@settings(max_examples=100)
@given(recipe=arrays(3, 8), environment=environments())
def test_every_cell_of_an_array(recipe: Recipe, environment: Environment) -> None:
    array = build(recipe)
    read = compile_terms([array[bits(index, 3)] for index in range(8)])
    assert list(read(as_cells(environment))) == meaning(recipe, environment)
