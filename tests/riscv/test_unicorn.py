"""Random single steps agree with unicorn's RISC-V, or differ in a way that is listed."""

from __future__ import annotations

import pytest

from ringproof.model.catalog import load
from ringproof.traces.oracles.answers import OracleUnavailable
from ringproof.traces.oracles.sources import source


def check(steps: int, seed: int, *only: str) -> None:
    try:
        run = source("unicorn", "rv64").validate(load("rv64"), steps=steps, seed=seed, only=only)
    except OracleUnavailable as error:
        pytest.skip(str(error))
    told = [d.describe() for kept in run.disagreements.values() for d in kept]
    assert not told, "\n".join(told)
    assert run.steps == steps
    assert run.agreed > steps // 2
    assert set(run.rings) == {0, 1, 3}
    if steps > 10_000:
        assert not run.uncovered


def test_a_few_steps_agree() -> None:
    check(150, 3, "ADD", "LD", "C.SDSP", "MRET")


@pytest.mark.slow
def test_many_steps_agree() -> None:
    check(40_000, 4)
