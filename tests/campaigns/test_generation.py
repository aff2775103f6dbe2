"""Traces are functions of a seed and a number; base pairs are what they claim to be."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.catalog import load
from ringproof.properties.definitions import Semantics, equal_but_for
from ringproof.traces.generation.randomness import Stream, key, mix
from ringproof.traces.generation.traces import Generator

MACHINES = ["third-generation", "third-generation-halt-shared", "pdp10-ka10"]


@cache
def generator(name: str, seed: int = 3) -> Generator:
    return Generator(load(name), seed)


@cache
def semantics(name: str) -> Semantics:
    return Semantics(load(name))


def test_the_random_function_is_splitmix64() -> None:
    # The first outputs of the reference implementation for the seed 1234567.
    stream = Stream(1234567)
    assert [stream.draw() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_mixing_loses_nothing(one: int, two: int) -> None:
    assert (mix(one) == mix(two)) == (one == two)


def test_keys_differ_by_seed_and_by_number() -> None:
    assert len({key(seed, number) for seed in range(40) for number in range(40)}) == 1600


@settings(max_examples=15, deadline=None)
@given(number=st.integers(0, 400))
def test_a_trace_starts_alike_whatever_was_made_before(number: int) -> None:
    name = "third-generation-halt-shared"
    start, again = generator(name).start(number), Generator(load(name), 3).start(number)
    assert (start.first, start.second, start.base.kind) == (again.first, again.second, again.base.kind)


@pytest.mark.parametrize("name", MACHINES)
@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, 5000))
def test_a_pair_is_valid_and_differs_in_what_it_says(name: str, number: int) -> None:
    start, found = generator(name).start(number), semantics(name)
    assert found.broken_rule(start.first) is None
    if start.second is None:
        return
    assert found.broken_rule(start.second) is None
    assert found.at_guest_level(start.first) or found.at_guest_level(start.second)
    expected = found.relocate(start.first, start.base.amount)
    assert equal_but_for(found, expected, start.second, [start.base.component])


@pytest.mark.parametrize("name", MACHINES[:2])
@settings(max_examples=40, deadline=None)
@given(number=st.integers(0, 5000))
def test_the_first_instruction_is_the_target(name: str, number: int) -> None:
    start = generator(name).start(number)
    step = generator(name).interpreter.attempt(start.first)
    assert step.instruction is generator(name).machine.instructions[start.target.form]
