"""The comparison of `tests.native.random_steps`, on a few thousand steps of each machine, and its loops."""

from __future__ import annotations

import pytest

from ringproof.model.catalog import CATALOG, load
from ringproof.traces.generation.bases import copied
from ringproof.traces.generation.traces import Generator
from ringproof.traces.native.engine import Engine, Reason
from ringproof.traces.native.store import canonical

from .random_loops import ENDURING, jumps, put_loop
from .random_steps import compare, tier_of


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG)
def test_traces_of_the_generator_run_alike(name: str) -> None:
    machine = load(name)
    assert compare(Generator(machine, 7), Engine(machine), iter(range(10**6)), 2000) >= 2000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit"),
    [("third-generation", 80_000), ("pdp10-ka10", 40_000), ("pdp10-ki10", 40_000), ("ia32", 30_000)],
)
def test_looping_traces_run_alike_and_in_regions(name: str, limit: int) -> None:
    tier = tier_of(name)
    steps = compare(Generator(load(name), 7), tier, iter(range(10**6)), limit)
    assert steps >= limit
    assert tier.inside > steps // 10
    assert len(tier.forms) > 5


class Wrong(Engine):
    """An engine that has taken a step before it is asked."""

    def load(self, state: object) -> None:
        super().load(state)  # type: ignore[arg-type]
        super().step(1)


def test_a_difference_is_told_with_the_number_of_its_trace() -> None:
    machine = load("third-generation")
    with pytest.raises(AssertionError, match=r"trace \d+ of seed 7 on third-generation: "):
        compare(Generator(machine, 7), Wrong(machine), iter(range(10**6)), 2000)


@pytest.mark.parametrize("name", ["third-generation", pytest.param("pdp10-ka10", marks=pytest.mark.slow)])
def test_a_loop_comes_back_and_runs_on(name: str) -> None:
    machine = load(name)
    generator, engine = Generator(machine, 3), Engine(machine)
    found = 0
    for number in range(12):
        start = generator.start(number)
        if not put_loop(generator, start, engine):
            continue
        found += 1
        state, seen = copied(start.first), set[str]()
        for _ in range(ENDURING):
            seen.add(str(generator.checks.fetching.place(state)))
            generator.interpreter.step(state)
        engine.load(start.first)
        assert engine.step(ENDURING).reason is Reason.LIMIT
        assert canonical(engine.state()) == canonical(state)
        assert len(seen) < ENDURING // 2
    assert found > 6


@pytest.mark.parametrize(
    "name", ["third-generation", *(pytest.param(m, marks=pytest.mark.slow) for m in ("pdp10-ka10", "pdp10-ki10"))]
)
def test_the_jump_of_a_loop_goes_where_it_should(name: str) -> None:
    machine = load(name)
    generator = Generator(machine, 3)
    for number in range(8):
        state = generator.start(number).first
        counter, place = state[machine.counter], generator.checks.fetching.place(state)
        assert place is not None
        (code,) = jumps(machine, counter + 3, -3)
        state[generator.checks.fetching.array][place.index] = code[0]
        generator.interpreter.step(state)
        assert state[machine.counter] == counter + 3
