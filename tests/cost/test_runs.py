"""Guest programs under a monitor: the quick runner takes the system's own steps, and mixes are what they say."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.monitors.catalog import system
from ringproof.model.pdp10.ka10 import ka10
from ringproof.properties.cost import mixes
from ringproof.properties.cost.cases import cases
from ringproof.properties.cost.measuring import COMPLETED, PRIVILEGED, TRAPPED, Measuring, NotMeasured
from ringproof.properties.cost.mixes import Mix
from ringproof.traces.monitored_in_place import Moved, Running
from ringproof.traces.python_code import Cells

TRAPPING, HYBRID = "third-generation/trap-and-emulate", "third-generation/hybrid"

drawn = st.builds(Mix, st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


@cache
def measuring(name: str) -> Measuring:
    construction = system(name)
    return Measuring(construction, cases(name, construction))


@pytest.mark.parametrize("name", [TRAPPING, HYBRID])
@settings(max_examples=8)
@given(mix=drawn, stray=st.integers(0, 2**16 - 1), value=st.integers(0, 2**64 - 1))
def test_the_quick_runner_takes_the_systems_own_steps(name: str, mix: Mix, stray: int, value: int) -> None:
    """By the same hand, to the same state of the host and of the guest; also in programs with a stray cell."""
    system = measuring(name).system
    together = measuring(name).start(mix)
    together.host["E"][stray] = value
    together = system.together(system.values(together.guest, together.host, together.kept))
    running = Running(system, together)
    for _ in range(40):
        together, step = system.step(together)
        assert running.step() == step.by
        assert running.host == together.host
    kept = system.placement.kept_of_guest
    assert {n: running.guest[n] for n in kept} == {n: together.guest[n] for n in kept}


@given(st.integers(0, 31), st.integers(0, 31), st.integers(1, 9))
def test_a_moved_memory_is_the_same_cells_elsewhere(offset: int, index: int, value: int) -> None:
    cells = Cells()
    moved = Moved(cells, offset, 32)
    moved[index] = value
    assert cells == {(index + offset) % 32: value}
    assert moved[index] == value


@settings(max_examples=10)
@given(drawn, st.integers(1, 4))
def test_steps_are_of_the_kinds_that_the_mix_says(mix: Mix, rounds: int) -> None:
    steps = rounds * mix.round
    supervisor = mix.kernel + mix.privileged + 1
    trapping = Counter(direct=mix.kernel + mix.user, emulated=mix.privileged + 1, reflected=1)
    hybrid = Counter(direct=mix.user, interpreted=supervisor, reflected=1)
    alone = Counter({COMPLETED: mix.kernel + mix.user, PRIVILEGED: mix.privileged + 1, TRAPPED: 1})
    for name, expected in ((TRAPPING, trapping), (HYBRID, hybrid)):
        assert measuring(name).counts(mix, steps) == Counter({k: rounds * n for k, n in expected.items()})
    assert measuring(TRAPPING).counts_alone(mix, steps) == Counter({k: rounds * n for k, n in alone.items()})


def test_times_are_the_shortest_of_whole_rounds() -> None:
    """With a clock that gains a second more at each reading, the first turn is the shortest."""
    readings = iter(n * n for n in range(1000))
    mix = Mix(1, 1, 1)
    (found,) = measuring(TRAPPING).pairs([mix], steps=12, times=3, clock=lambda: float(next(readings)))
    assert found.monitored.steps == found.alone.steps == 10
    assert (found.monitored.microseconds, found.alone.microseconds) == (9e6, 13e6)
    assert found.slowdown == 9 / 13


def test_a_machine_without_the_programs_instructions_has_none() -> None:
    assert not mixes.runs(ka10())


def test_a_system_without_an_ordinary_state_is_not_measured() -> None:
    from dataclasses import replace

    construction = system(TRAPPING)
    bare = replace(construction, placement=replace(construction.placement, ordinary={}))
    with pytest.raises(NotMeasured, match=r"^the placement of trap-and-emulate names no ordinary state"):
        Measuring(bare, cases(TRAPPING, construction))


def test_monitors_under_monitors_are_not_measured() -> None:
    construction = system("third-generation/recursive")
    with pytest.raises(NotMeasured, match=r"^of the 2 monitors under the guest a run has the innermost only$"):
        Measuring(construction, cases("recursive", construction))
