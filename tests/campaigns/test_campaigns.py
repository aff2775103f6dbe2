"""What a campaign finds, that it finds the same again, and how its cells are explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringproof.model.catalog import load
from ringproof.properties.campaign.confirming import Confirmer, ContradictionError
from ringproof.properties.campaign.coverage import Reached
from ringproof.properties.campaign.lockstep import Lockstep, Suspect
from ringproof.properties.campaign.plan import Stretch
from ringproof.properties.campaign.run import Block, Budget, Campaign, Job, Request, Worker, campaign
from ringproof.properties.definitions import Semantics
from ringproof.properties.replay import replay
from ringproof.solvers.answer import Answer, Unsat
from ringproof.solvers.z3_solver import Z3Solver

VIOLATED = {
    "return-to-user": "RETURN TO USER",
    "load-real-address": "LOAD REAL ADDRESS",
    "read-mode": "READ MODE",
    "read-psw": "READ PSW",
    "previous-space": "MOVE FROM PREVIOUS SPACE",
    "user-no-op": "LOAD R",
    "shrink": "SHRINK",
    "halt-shared": "HALT",
    "store-absolute": "STORE ABSOLUTE",
}
"""The variants that break Theorem 1's condition, and the instruction that does."""

SOUND = ["third-generation", *(f"third-generation-{name}" for name in ("privileged-return", "halt", "supervisor-call"))]


def run(name: str, traces: int, **options: int) -> Campaign:
    return campaign(name, seed=1, budget=Budget(traces=traces), jobs=options.get("jobs", 1))


@pytest.mark.slow
@pytest.mark.parametrize("variant", VIOLATED)
def test_a_broken_condition_is_found_in_one_step(variant: str) -> None:
    found = run(f"third-generation-{variant}", 120)
    names = {violation.witness.instruction.split()[0] for violation in found.violations.values()}
    assert names == {VIOLATED[variant].split()[0]}
    semantics = Semantics(load(f"third-generation-{variant}"))
    for violation in found.violations.values():
        assert replay(semantics, violation.witness).shown
        assert violation.witness.id == violation.witness.hashed()


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_a_machine_that_keeps_the_condition_is_not_accused(name: str) -> None:
    found = run(name, 150)
    assert not found.violations and not found.unconfirmed


@pytest.mark.slow
def test_one_process_and_three_find_the_same() -> None:
    one, three = run("third-generation-read-psw", 150), run("third-generation-read-psw", 150, jobs=3)
    assert (one.digest, one.steps, one.cells, one.met) == (three.digest, three.steps, three.cells, three.met)
    assert [v.witness for v in one.violations.values()] == [v.witness for v in three.violations.values()]


def test_a_trace_does_not_depend_on_those_before_it() -> None:
    job = Job("third-generation-read-mode", (), 5)
    worker = Worker(job)
    digests = [worker.trace(number).digest for number in range(40)]
    assert [Worker(job).trace(number).digest for number in (39, 7)] == [digests[39], digests[7]]
    assert len(set(digests)) == 40


@pytest.mark.slow
def test_every_cell_is_met_or_explained() -> None:
    found = campaign("third-generation", seed=1, budget=Budget(traces=40), jobs=1, explain=True)
    standings = {(s.cell[0], s.cell[1], s.cell[2]): s.reached for s in found.standings()}
    assert Reached.OPEN not in standings.values() and Reached.UNDECIDED not in standings.values()
    machine = load("third-generation")
    load_psw = next(n for n, i in enumerate(machine.instructions) if i.name == "LOAD PSW")
    assert standings[load_psw, machine.top, "privilege trap"] is Reached.UNREACHABLE
    assert standings[load_psw, machine.guest_level, "completes"] is Reached.UNREACHABLE


def _suspect(worker: Worker) -> Suspect:
    return next(s for number in range(400) for s in worker.trace(number).suspects)


def test_a_counterexample_of_a_proved_claim_is_a_fault_of_ours() -> None:
    class ProvesEverything(Z3Solver):
        def check(self, assertions: object, budget: int) -> Answer:
            return Unsat(0)

    worker = Worker(Job("third-generation-shrink", (), 1))
    suspect = _suspect(worker)
    with pytest.raises(ContradictionError, match="the solver proves third-generation-shrink/"):
        Confirmer(worker.semantics, ProvesEverything()).confirm(suspect)


def test_a_suspect_that_the_definitions_do_not_confirm_is_none() -> None:
    worker = Worker(Job("third-generation-shrink", (), 1))
    suspect = _suspect(worker)
    innocuous = replace(suspect, states=tuple({**s, "b": 0} for s in suspect.states))
    assert worker.confirmer.confirm(innocuous) is None


def test_when_the_time_is_over_a_violation_is_only_replayed() -> None:
    worker = Worker(Job("third-generation-shrink", (), 1))
    suspect = _suspect(worker)
    early, late = worker.confirmer.confirm(suspect), worker.confirmer.confirm(suspect, late=lambda: True)
    assert early is not None and late is not None
    assert (early.finished, late.finished) == (True, False)
    assert replay(worker.semantics, late.witness).shown
    assert len(str(late.witness)) > len(str(early.witness)), "nothing was made small"


def test_nothing_is_begun_after_the_time() -> None:
    worker = Worker(Job("third-generation-shrink", (), 1))
    over = 0.0
    assert worker.share(Request(3, (1, 2), frozenset(), over)).traces == 0
    assert worker.block(Block(4, Stretch(0, 0, 100), frozenset(), over)).traces == 0


@pytest.mark.slow
@pytest.mark.parametrize("native", [False, True])
def test_progress_is_told_by_the_budget_with_the_violations_so_far(native: bool) -> None:
    told: list[tuple[int, int, str]] = []
    found = campaign(
        "third-generation-shrink", seed=1, budget=Budget(seconds=3), jobs=1, native=native,
        progress=lambda done, total, latest: told.append((done, total, latest)),
    )  # fmt: skip
    assert {total for _, total, _ in told} == {3}
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][2].endswith(f", {len(found.violations)} violation{'s' * (len(found.violations) != 1)}")
    assert found.violations


@pytest.mark.slow
def test_the_condition_is_watched_after_a_fetch_that_changes_the_mode() -> None:
    """A KI10 enters public mode by fetching from a public page; no instruction is accused of that."""
    worker = Worker(Job("pdp10-ki10", (), 1))
    lockstep = Lockstep(worker.semantics, worker.generator)
    for number in range(0, 6000, 331):
        for suspect in lockstep.run(number).suspects:
            assert worker.confirmer.confirm(suspect) is not None, suspect.instruction.id
