"""IA-32 is classified as the literature and the manual say: Robin and Irvine 2000; SDM vol. 3, sections 2.5 and 5.9."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ringproof.model.cpu import Outcome
from ringproof.model.ia32 import ia32
from ringproof.papers.robin_irvine_2000 import COVERED_BY_UMIP, OF_THE_SAME_KIND, compare, mnemonics
from ringproof.properties.definitions import Semantics
from ringproof.properties.replay import replay
from ringproof.properties.run import Report, check
from ringproof.properties.sentences import sentence
from ringproof.properties.verdicts import Refuted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the classification of ia32")]

# SDM vol. 3, section 5.9, in the modes and with the instructions that the model has; CLI, STI and the I/O
# instructions under the context's IOPL 0 and denying bitmap, RDPMC under CR4.PCE = 0.
PRIVILEGED = {
    "HLT", "INVD", "WBINVD", "INVLPG", "LGDT", "LIDT", "LLDT", "LTR", "LMSW", "CLTS",
    "MOV (from CR)", "MOV (to CR)", "MOV (from DR)", "MOV (to DR)", "RDMSR", "WRMSR", "RDPMC", "SYSEXIT",
    "CLI", "STI", "IN", "OUT", "INS", "OUTS",
}  # fmt: skip

# What a row shows, where the table of Robin and Irvine says what it reads or depends on.
LEAKS: Mapping[str, set[str]] = {
    "SGDT": {"GDTR_limit"},
    "SIDT": {"IDTR_limit"},
    "SLDT": {"LDTR_selector"},
    "STR": {"TR_selector"},
    "SMSW": {"CR0"},
    "PUSHF": {"IF", "IOPL"},
}
SHOW_THE_MODE = {"LAR", "LSL", "VERR", "VERW", "PUSH (segment)", "MOV (from segment)", "CALL (far)", "INT n"}
SHOW_THE_PLACE = {"SGDT", "SIDT"}


@pytest.fixture(scope="session")
def report() -> Report:
    return check("ia32")


def violations(report: Report) -> set[str]:
    return set(report.theorems[0].violations)


def test_nothing_is_unknown(report: Report) -> None:
    assert report.counts["unknown"] == 0
    assert report.stopped is None
    assert not any(condition.undecided for condition in report.theorems)


def test_every_word_has_exactly_one_meaning(report: Report) -> None:
    assert report.decoding is not None
    assert report.decoding.disjoint is report.decoding.total is True


def test_the_eighteen_mnemonics_are_sensitive_and_unprivileged(report: Report) -> None:
    found = compare(violations(report))
    assert len(mnemonics()) == 18
    assert found.missing == ()


def test_what_is_beyond_them_is_of_the_same_kind(report: Report) -> None:
    found = compare(violations(report))
    assert found.beyond == ()
    assert set(found.same_kind) == set(OF_THE_SAME_KIND)


def test_the_privileged_instructions(report: Report) -> None:
    assert {row.name for row in report.rows if row.flag("privileged")} == PRIVILEGED


def test_the_other_instructions_are_innocuous(report: Report) -> None:
    innocuous = {row.name for row in report.rows if row.innocuous}
    assert innocuous == {row.name for row in report.rows} - PRIVILEGED - violations(report)
    assert {"ADD", "MOV", "PUSH", "POP", "CALL", "JMP", "Jcc", "RET", "IDIV", "MOVS"} <= innocuous


def test_what_leaks(report: Report) -> None:
    rows = {row.name: row for row in report.rows}
    for name, components in LEAKS.items():
        assert components <= set(rows[name].resources), name
    assert {name for name in SHOW_THE_MODE if not rows[name].flag("mode_sensitive")} == set()
    assert {row.name for row in report.rows if row.flag("location_sensitive")} >= SHOW_THE_PLACE


def test_popf_is_not_user_sensitive(report: Report) -> None:
    """At the guests' level it changes neither IF nor IOPL: it fails Theorem 1's condition, not Theorem 3's."""
    assert "POPF" in report.theorems[0].violations
    assert "POPF" not in report.theorems[2].violations


def test_only_clocks_are_timing_sensitive(report: Report) -> None:
    assert {row.name for row in report.rows if row.flag("timing_sensitive")} == {"RDTSC", "RDPMC", "RDMSR"}
    assert set(report.theorems[1].violations) == violations(report) | {"RDTSC"}


def test_a_guest_enters_ring_0_by_entry_points_alone(report: Report) -> None:
    raising = {t.by for t in report.modes.transitions if t.raises and not t.is_trap and t.target == "ring 0"}
    assert raising == {"CALL (far)", "INT n", "INT3", "INTO", "INT1", "SYSENTER"}
    assert report.modes.other_ways() == []


def test_every_counterexample_replays_and_is_told(report: Report) -> None:
    semantics = Semantics(report.machine)
    assert report.witnesses
    for witness in report.witnesses:
        replayed = replay(semantics, witness)
        assert replayed.shown, witness.id
        assert witness.id == witness.hashed()
        assert sentence(replayed).count("`") == 2


def same(one: Outcome, two: Outcome) -> bool:
    """Equal terms are one object, so that equal outcomes are made of the same objects."""
    traps = [(t.cause, t.guard) for t in one.traps], [(t.cause, t.guard) for t in two.traps]
    if len(traps[0]) != len(traps[1]):
        return False
    guards = all(a is c and b is d for (a, b), (c, d) in zip(*traps, strict=True))
    return guards and all(one.state[name] is two.state[name] for name in one.state)


def test_with_umip_exactly_its_five_leave_the_list(report: Report) -> None:
    """The other rows on the list are decided anew; of those that are not, UMIP does not change the meaning."""
    umip = check("ia32", assumptions={"UMIP": "1"}, only=sorted(violations(report)))
    assert violations(report) - violations(umip) == set(COVERED_BY_UMIP)
    assert violations(umip) < violations(report)
    assert {row.name for row in umip.rows if row.flag("privileged")} == set(COVERED_BY_UMIP)
    machine, protected = ia32(), ia32()
    protected.assuming({"UMIP": "1"})
    pairs = zip(machine.instructions, protected.instructions, strict=True)
    changed = {i.name for i, j in pairs if not same(machine.outcome(i), protected.outcome(j))}
    assert changed == set(COVERED_BY_UMIP)


def test_an_innocuous_refutation_is_only_of_never_executing_or_privilege(report: Report) -> None:
    for row in report.rows:
        if row.innocuous:
            for form in row.forms:
                claims = {v.witness.claim for v in form.verdicts.values() if isinstance(v, Refuted)}
                assert claims <= {"executes", "not-privileged", "timing"}
