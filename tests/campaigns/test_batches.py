"""The native batches are the Python traces, number by number: steps, coverage, suspects, digest."""

from __future__ import annotations

import pytest

from ringproof.model.catalog import load
from ringproof.properties.campaign.lockstep import CHANGES, COMPLETES, STEPS
from ringproof.properties.campaign.run import Budget, Job, Worker, campaign
from ringproof.traces.generation.traces import LONG
from ringproof.traces.native.batch_runner import Batches

EXACT = ["third-generation", "third-generation-read-psw", "third-generation-shrink", "third-generation-halt-shared"]


def batches(worker: Worker) -> Batches:
    return Batches(worker.generator, STEPS, COMPLETES, CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXACT)
def test_a_native_trace_is_the_python_one(name: str) -> None:
    worker = Worker(Job(name, (), 7))
    native, targets = batches(worker), len(worker.generator.targets)
    for target in range(targets):
        for serial in (0, 1, 40):
            watched = worker.trace(serial * targets + target)
            batch = native.run(target, serial, 1)
            assert (batch.steps, batch.digest, batch.cells) == (watched.steps, watched.digest, watched.cells)
            assert batch.suspects == ([serial * targets + target] if watched.suspects else [])


@pytest.mark.slow
def test_native_traces_of_instructions_of_several_lengths_are_the_python_ones() -> None:
    worker = Worker(Job("ia32", (), 7))
    native, targets = batches(worker), len(worker.generator.targets)
    for target in range(0, targets, 199):
        watched, batch = worker.trace(target), native.run(target, 0, 1)
        assert (batch.steps, batch.digest) == (watched.steps, watched.digest)
        assert bool(batch.suspects) == bool(watched.suspects)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "targets"), [("third-generation", (3, 8)), ("pdp10-ka10", (40,)), ("ia32", (11, 702, 1400))]
)
def test_a_batch_is_its_traces_together(name: str, targets: tuple[int, ...]) -> None:
    """Nothing that a trace did is left for the next: as many traces alone, each from a fresh base pair."""
    worker = Worker(Job(name, (), 7))
    native, stride = batches(worker), len(worker.generator.targets)
    for target in targets:
        traces = [worker.trace((LONG + n) * stride + target) for n in range(25)]
        batch = native.run(target, LONG, 25)
        assert batch.steps == sum(trace.steps for trace in traces)
        assert batch.digest == sum(trace.digest for trace in traces) % (1 << 64)


@pytest.mark.slow
@pytest.mark.parametrize("pages", [0, 1, 10_000])
def test_how_many_copied_pages_are_shared_changes_nothing(pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = Worker(Job("third-generation", (), 7)).generator
    expected = Batches(generator, STEPS, COMPLETES, CHANGES).run(4, LONG, 500)
    monkeypatch.setattr("ringproof.traces.native.batch_restoring.MOST_PAGES", pages)
    found = Batches(generator, STEPS, COMPLETES, CHANGES).run(4, LONG, 500)
    assert (found.steps, found.digest, found.cells) == (expected.steps, expected.digest, expected.cells)


@pytest.mark.slow
def test_batches_one_after_the_other_do_not_meet() -> None:
    """The same batch again, after another has run."""
    native = Batches(Worker(Job("third-generation", (), 7)).generator, STEPS, COMPLETES, CHANGES)
    first, other, again = native.run(2, LONG, 300), native.run(5, LONG, 300), native.run(2, LONG, 300)
    assert (first.steps, first.digest, first.cells) == (again.steps, again.digest, again.cells)
    assert other.digest != first.digest


@pytest.mark.slow
def test_one_process_and_two_find_the_same_natively() -> None:
    found = [
        campaign("third-generation-shrink", seed=2, budget=Budget(traces=1), jobs=jobs, native=True) for jobs in (1, 2)
    ]
    one, two = [(c.digest, c.steps, c.cells, c.met, list(c.violations.values())) for c in found]
    assert one == two and found[0].violations


def test_coverage_has_the_fetch_apart() -> None:
    worker = Worker(Job("third-generation", (), 7))
    batch = batches(worker).run(0, LONG, 50)
    assert {form for form, _, _ in batch.cells} <= {-1, *range(len(load("third-generation").instructions))}
