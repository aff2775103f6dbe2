"""Costs are found again from whole runs, with their error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.properties.cost.fitting import NotFitted, fit
from ringproof.properties.cost.measuring import Run

COSTS = {"direct": 2.0, "emulated": 13.0, "reflected": 17.0}
MIXES = ((50, 1, 1), (10, 30, 2), (20, 3, 15), (70, 8, 1), (5, 5, 5))


def run(counts: tuple[int, ...], costs: dict[str, float], factor: float = 1.0) -> Run:
    ways = dict(zip(costs, counts, strict=True))
    return Run(str(counts), ways, factor * sum(costs[way] * count for way, count in ways.items()))


@settings(max_examples=10)
@given(st.tuples(*[st.floats(0.1, 1000)] * 3))
def test_costs_without_noise_are_found_again(drawn: tuple[float, float, float]) -> None:
    costs = dict(zip(COSTS, drawn, strict=True))
    found = fit([run(counts, costs) for counts in MIXES], [run((40, 2, 9), costs)])
    assert found.costs == pytest.approx(costs, rel=1e-6)
    assert max(*found.errors, *found.held_out) < 1e-9


def test_the_error_is_no_greater_than_the_noise() -> None:
    noise = (1.02, 0.98, 1.01, 0.99, 1.0)
    found = fit(
        [run(counts, COSTS, factor) for counts, factor in zip(MIXES, noise, strict=True)], [run((40, 2, 9), COSTS)]
    )
    assert 0 < max(found.errors) < 0.03
    assert 0 < max(found.held_out) < 0.03
    assert found.costs == pytest.approx(COSTS, rel=0.05)


def test_a_wrong_form_shows_in_the_error() -> None:
    """Runs in which a step costs more the more there are of them are not explained by a cost for each."""
    runs = [Run(str(n), {"direct": n, "emulated": 1}, float(n * n + 1)) for n in (1, 5, 20, 100)]
    assert max(fit(runs).errors) > 0.2


def test_runs_of_one_mix_do_not_tell_costs_apart() -> None:
    with pytest.raises(NotFitted, match=r"^2 runs do not tell apart the costs of direct, emulated, reflected$"):
        fit([run((3, 1, 1), COSTS), run((6, 2, 2), COSTS)])
