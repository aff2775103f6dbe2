"""The comparison of `tests.native.random_steps`, on a few thousand steps of each machine."""

from __future__ import annotations

import pytest

from ringproof.model.catalog import CATALOG, load
from ringproof.traces.generation.traces import Generator
from ringproof.traces.native.engine import Engine

from .random_steps import compare


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CATALOG))
def test_traces_of_the_generator_run_alike(name: str) -> None:
    machine = load(name)
    assert compare(Generator(machine, 7), Engine(machine), iter(range(10**6)), 2000) >= 2000
