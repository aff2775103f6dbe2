"""Solving equations beforehand changes no answer: with and without it, and in a session, the same is satisfiable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ringproof.model.terms import FALSE, TRUE, Array, BitVec, Bool, Evaluation, Term, all_of, select, var, variables
from ringproof.solvers.answer import Answer, Sat, Undecided, Unsat
from ringproof.solvers.equations import solve_equations
from ringproof.solvers.z3_solver import Z3Solver, _Context

from ..terms.recipes import ARRAYS, Recipe, arrays, bitvectors, booleans, build

BUDGET = 2_000_000
X, Y, Z = (var(name, BitVec(8)) for name in "xyz")
P, Q = var("p", Bool), var("q", Bool)
M = var("m", Array(8, 8))
Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def equations(draw: Draw) -> Recipe:
    """Of a variable or a sum with one, or of a cell, with anything."""
    width = draw(st.sampled_from((1, 3, 8)))
    left = Recipe("var", width, (), draw(st.sampled_from((f"x{width}", f"y{width}"))))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        left = Recipe("add", width, (left, draw(bitvectors(width, 1))))
    if kind == 1:
        index, cell = ARRAYS[0]
        left = Recipe("select", cell, (draw(arrays(index, cell, 1)), draw(bitvectors(index, 1))))
    return Recipe("eq", 0, (left, draw(bitvectors(left.width, 2))))


conjunctions = st.lists(equations() | booleans(2), min_size=1, max_size=4)


def directly(goal: Term) -> Answer:
    """z3's answer to the goal as it stands."""
    context = _Context()
    try:
        return context.decide(goal, BUDGET)
    finally:
        context.close()


def holds(terms: Sequence[Term], answer: Sat) -> bool:
    """The terms hold under the answer's assignment, where what it does not give is zero."""
    evaluation = Evaluation(lambda v: answer.assignment.get(v.name, {} if v.sort is M.sort or "m" in v.name else 0))
    return all(evaluation.value(term) is True for term in terms)


@pytest.mark.slow
@settings(max_examples=200)
@given(recipes=conjunctions)
def test_same_answers_and_true_models(recipes: list[Recipe]) -> None:
    terms = [build(recipe) for recipe in recipes]
    plain, solved = directly(all_of(*terms)), Z3Solver().check(terms, BUDGET)
    assume(not isinstance(plain, Undecided) and not isinstance(solved, Undecided))
    assert type(plain) is type(solved)
    for answer in (plain, solved):
        if isinstance(answer, Sat):
            assert holds(terms, answer)


@pytest.mark.slow
@settings(max_examples=50)
@given(recipes=conjunctions, questions=st.lists(conjunctions, min_size=1, max_size=3))
def test_a_session_answers_as_one_question_does(recipes: list[Recipe], questions: list[list[Recipe]]) -> None:
    terms = [build(recipe) for recipe in recipes]
    extras = [[build(recipe) for recipe in question] for question in questions]
    with Z3Solver().session(terms) as session:
        for extra in [*extras, *extras]:
            answer, alone = session.check(extra, BUDGET), Z3Solver().check([*terms, *extra], BUDGET)
            assume(not isinstance(answer, Undecided) and not isinstance(alone, Undecided))
            assert type(answer) is type(alone)
            if isinstance(answer, Sat):
                assert holds([*terms, *extra], answer)


def test_a_question_asked_again_in_a_session_has_a_true_model() -> None:
    with Z3Solver().session([X > 3]) as session:
        for extra in ([M[X] == Y, Y > 7], [M[X + 1] == 9], [M[X] == Y, Y > 7]):
            answer = session.check(extra, BUDGET)
            assert isinstance(answer, Sat)
            assert holds([X > 3, *extra], answer)


def test_a_session_forgets_its_questions() -> None:
    with Z3Solver().session([X > 3]) as session:
        assert isinstance(session.check([X < 3], BUDGET), Unsat)
        assert isinstance(session.check([X < 5], BUDGET), Sat)
        assert isinstance(session.check([], BUDGET), Sat)


@pytest.mark.parametrize(
    ("assertions", "remaining", "values"),
    [
        ([X == Y + 1, Y > 3], 1, {"x": 6, "y": 5}),
        ([X + Y == Z, X == 3, Y == 4], 0, {"x": 3, "y": 4, "z": 7}),
        ([X - Y == Z + 2, Y > Z], 2, {"x": 14, "y": 7, "z": 5}),
        ([P, ~Q], 0, {"p": True, "q": False}),
        ([(X < Y) == P, X != 3, Y > 1], 2, {"p": True, "x": 2, "y": 9}),
        ([select(M, Y) == X, Y == 4, X > 7], 1, {"x": 8, "y": 4, "m": {4: 8}}),
        ([X * 2 == Y, Y > 3], 1, {"x": 3, "y": 6}),
        ([X * 2 == Y * 2], 2, {"x": 129, "y": 1}),
        ([X == Y, Y == X, X > 1], 1, {"x": 6, "y": 6}),
        ([X == X * 2 + Y, X < 9], 1, {"x": 3, "y": 253}),
    ],
)
def test_what_an_equation_decides_goes(assertions: list[Term], remaining: int, values: dict[str, Any]) -> None:
    reduced = solve_equations(assertions)
    left = variables([reduced.goal, *reduced.reduce(assertions)])
    assert len(left) == remaining
    assert reduced.complete({variable.name: values[variable.name] for variable in left}) == values
    assert holds(assertions, Sat(values, 0))


def test_equations_that_contradict_each_other_fold_to_false() -> None:
    assert solve_equations([X == Y, Y == Z, Z == X + 1]).goal is FALSE
    assert solve_equations([P, Q == P, ~Q]).goal is FALSE
    assert solve_equations([X == Y, Y == X]).goal is TRUE
