"""What the rounds of a campaign run: every target, in an order of the seed's, and more where cells were not met."""

from __future__ import annotations

from functools import cache

from ringproof.model.catalog import load
from ringproof.properties.campaign.coverage import cells_of
from ringproof.properties.campaign.plan import EVERY, Plan
from ringproof.traces.generation.traces import LONG, Generator


@cache
def generator(seed: int) -> Generator:
    return Generator(load("third-generation"), seed)


def test_the_first_round_has_every_target() -> None:
    targets = len(generator(1).targets)
    assert sorted(Plan(generator(1)).numbers({}, 0)) == list(range(targets))
    assert {stretch.target for stretch in Plan(generator(1)).stretches({}, 0)} == set(range(targets))


def test_the_order_is_the_seeds() -> None:
    orders = [Plan(generator(seed)).numbers({}, 0) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_a_target_with_cells_that_were_not_met_has_more_traces() -> None:
    form, level, fate = cells_of(load("third-generation"))[0]
    met = {cell: 1 for cell in cells_of(load("third-generation")) if cell != (form, level, fate)}
    plan, targets = Plan(generator(1)), generator(1).targets
    wanting = next(n for n, target in enumerate(targets) if (target.form, target.level) == (form, level))
    places = [number % len(targets) for number in plan.numbers(met, 5)]
    assert places.count(wanting) == 32 and {places.count(n) for n in range(len(targets)) if n != wanting} == {8}
    assert [stretch.target for stretch in plan.stretches(met, 1)] == [wanting]
    assert len(plan.stretches(met, EVERY)) == len(targets)


def test_no_trace_is_run_twice() -> None:
    plan, numbers = Plan(generator(1)), list[int]()
    for rounds in range(5):
        numbers += plan.numbers({}, rounds)
    assert len(set(numbers)) == len(numbers)
    stretches = [stretch for rounds in range(6) for stretch in plan.stretches({}, rounds)]
    starts = {(stretch.target, stretch.serial) for stretch in stretches}
    assert len(starts) == len(stretches) and all(s.serial % LONG == 0 and 0 < s.count <= LONG for s in stretches)


def test_where_everything_was_met_all_go_on() -> None:
    met = dict.fromkeys(cells_of(load("third-generation")), 1)
    assert len(Plan(generator(1)).stretches(met, 1)) == len(generator(1).targets)
