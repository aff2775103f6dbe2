"""What Popek and Goldberg say is what runs here, and where the letter misleads, running it shows that."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ringproof.model.third_generation.variants import variant
from ringproof.papers.experiment import Kind, Laboratory
from ringproof.papers.popek_goldberg_1974 import CLAIMS, UNCLAMPED, Claim, Unclamped, monitors
from ringproof.papers.popek_goldberg_1974.experiments import EXPERIMENTS
from ringproof.papers.popek_goldberg_1974.literal import privileged_no_op, supervisor_calls
from ringproof.papers.popek_goldberg_1974.named import conditions
from ringproof.papers.popek_goldberg_1974.statements import TINY, compared
from ringproof.papers.popek_goldberg_1974.vm_map import as_written, bound, clamped, leaks, mismatches, unclamped
from ringproof.properties.run import check


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.machine)
def test_the_conditions_fail_by_what_the_paper_names(claim: Claim) -> None:
    names = () if claim.machine.startswith("third") else (*claim.theorem1_fails_by, *claim.also, "MOVE", "DATAO APR")
    one, _, three = check(claim.machine, only=names, jobs=1).theorems
    assert set(one.violations) == {*claim.theorem1_fails_by, *claim.also}
    assert set(three.violations) == set(claim.theorem3_fails_by)
    assert not one.undecided and not three.undecided


@pytest.mark.slow
def test_a_claim_that_is_not_so_differs() -> None:
    machine = "third-generation-halt"
    wrong = Claim(machine, "3", "HALT", theorem1_fails_by=("HALT",))
    right = Claim(machine, "3", "HALT")
    laboratory = Laboratory(jobs=1)
    assert conditions(wrong, laboratory).agrees is False
    assert conditions(right, laboratory).agrees is True


def test_both_statements_of_the_definitions_agree() -> None:
    cases = [(machine, machine.instructions[-1]) for machine in (variant("halt", *TINY), variant("read-mode", *TINY))]
    finding = compared(cases, Laboratory(jobs=1))
    assert (finding.agrees, finding.shown) == (True, ())
    assert finding.result.startswith("the same flags for 2 of 2 instructions")


def test_the_last_cell_is_out_of_reach() -> None:
    finding = bound(Laboratory(jobs=1))
    assert finding.agrees is True
    assert finding.shown[0] == "q = 8: with (0, 7) E[7] is a memory trap"


def test_the_map_as_written_lets_a_guest_out_of_its_cells() -> None:
    out = leaks(UNCLAMPED, as_written)
    assert (len(out), sum(each.b < UNCLAMPED.w for each in out)) == (UNCLAMPED.cases, UNCLAMPED.below)
    assert all(each.l + each.a >= UNCLAMPED.w for each in out)


@pytest.mark.parametrize(("q", "k", "w"), [(8, 3, 4), (8, 2, 6), (8, 5, 1), (16, 3, 9), (4, 0, 4)])
def test_the_clamped_map_is_a_machine_of_the_guests_size(q: int, k: int, w: int) -> None:
    case = Unclamped(q, k, w, 0, 0)
    assert leaks(case, clamped) == mismatches(case, clamped) == []


def test_the_clamp_is_needed_at_every_bound() -> None:
    """One cell more, and a guest is out of its region again."""
    assert leaks(UNCLAMPED, lambda l, b, w: min(b, max(0, w - l) + 1)) != []


def test_the_maps_slip_is_found_in_all_of_storage_too() -> None:
    finding = unclamped(Laboratory(jobs=1))
    assert finding.agrees is True
    assert "proved for all of 65536 cells" in finding.result
    assert finding.shown[-1].startswith("q = 65536")


@pytest.mark.slow
def test_a_supervisor_call_is_sensitive_to_the_letter() -> None:
    finding = supervisor_calls(Laboratory(jobs=1))
    assert finding.agrees is True
    assert finding.shown == (
        "control sensitive: without a memory trap, SUPERVISOR CALL changes M from 0 to 1",
        "not privileged: SUPERVISOR CALL traps in supervisor and traps in user mode",
    )


def test_a_privileged_no_op_is_innocuous_and_traps() -> None:
    finding = privileged_no_op(Laboratory(jobs=1))
    assert finding.agrees is True
    assert finding.shown == ("in user mode it ends in a privilege trap: the control program has to intervene",)


@pytest.mark.parametrize(
    ("words", "agrees"),
    [
        ({"equivalence": "proved", "efficiency": "proved"}, True),
        ({"equivalence": "proved", "efficiency": "refuted"}, False),
        ({"equivalence": "unknown", "efficiency": "proved"}, None),
        ({"equivalence": "vacuous", "efficiency": "proved"}, None),
    ],
)
def test_a_theorem_agrees_if_all_of_its_monitor_is_proved(
    words: dict[str, str], agrees: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = SimpleNamespace(properties=words, obligations=[], witnesses=[], stopped=None)
    monkeypatch.setattr(monitors, "prove", lambda *arguments, **options: report)
    assert monitors.proved("a/monitor", Laboratory()).agrees is agrees


@pytest.mark.slow
def test_a_monitor_can_meet_lemma_1_and_pass_a_trap_on_wrongly() -> None:
    finding = monitors.reflection(Laboratory(jobs=1))
    assert finding.agrees is True
    assert finding.result.endswith("meets Lemma 1 and is refuted by reflected (memory trap)")
    assert "alone it traps (memory trap)" in finding.shown[-1]


def test_every_slip_has_its_experiment() -> None:
    slips = [experiment.name for experiment in EXPERIMENTS if experiment.kind is Kind.SLIP]
    assert slips == ["bound", "map", "supervisor-calls", "privileged-innocuous", "reflection"]
    assert len({experiment.name for experiment in EXPERIMENTS}) == len(EXPERIMENTS)
