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
def test_a_batch_is_its_traces_together() -> None:
    worker = Worker(Job("third-generation", (), 7))
    targets = len(worker.generator.targets)
    traces = [worker.trace((LONG + n) * targets + 3) for n in range(25)]
    batch = batches(worker).run(3, LONG, 25)
    assert batch.steps == sum(trace.steps for trace in traces)
    assert batch.digest == sum(trace.digest for trace in traces) % (1 << 64)


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
