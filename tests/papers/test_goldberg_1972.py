"""Maps compose to maps: over numbers, as terms, and on the machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringproof.model.terms import bits
from ringproof.papers.experiment import Experiment, Laboratory
from ringproof.papers.goldberg_1972.experiments import ADDRESS, EXPERIMENTS, chains, walk
from ringproof.papers.goldberg_1972.maps import Map, Symbolic
from ringproof.traces.python_code import compile_terms

Q = 1 << ADDRESS
MAPS = st.integers(0, Q - 1).flatmap(lambda start: st.builds(Map, st.just(start), st.integers(0, Q - start)))


@given(st.lists(MAPS, min_size=1, max_size=4), st.integers(0, Q - 1))
def test_a_chain_is_one_map(chain: list[Map], name: int) -> None:
    whole = chain[0]
    for beneath in chain[1:]:
        whole = beneath.after(whole)
    assert whole(name) == walk(chain, name)[0]


@given(MAPS, MAPS, MAPS)
def test_composition_is_associative_on_names(one: Map, two: Map, three: Map) -> None:
    left, right = one.after(two.after(three)), one.after(two).after(three)
    assert left.size == right.size
    assert not left.size or left.start == right.start


@given(MAPS, MAPS)
def test_the_terms_compose_as_the_numbers_do(outer: Map, inner: Map) -> None:
    one = _symbolic(outer).after(_symbolic(inner))
    expected = outer.after(inner)
    assert compile_terms([one.start, one.size])({}) == (expected.start % Q, expected.size)


def _symbolic(number: Map) -> Symbolic:
    return Symbolic(bits(number.start, ADDRESS), bits(number.size, ADDRESS + 1))


def test_a_name_faults_at_the_first_map_that_does_not_have_it() -> None:
    assert walk([Map(1, 4), Map(3, 4)], 4) == (None, 0)
    assert walk([Map(1, 4), Map(3, 4)], 3) == (None, 1)
    assert walk([Map(1, 4), Map(3, 4)], 2) == (6, 1)
    assert len(list(chains(2, 2))) == 16


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_what_goldberg_says_agrees(experiment: Experiment) -> None:
    assert experiment.run(Laboratory(jobs=1)).agrees is True
