"""The monitors of the KA10: Theorem 1's is refuted by what shows or changes the mode, Theorem 3's is proved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringproof.model.cpu import View
from ringproof.model.monitors import pdp10
from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction
from ringproof.model.pdp10.ka10 import block_address
from ringproof.model.terms import FALSE, TRUE, Term
from ringproof.properties.monitors import prove as proving
from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE, MAP
from ringproof.properties.monitors.prove import prove
from ringproof.properties.monitors.starting import ordinary
from ringproof.properties.monitors.verdicts import Never, Proved
from ringproof.traces.monitored import System

from .pdp10_systems import Change, deciding, is_decided, laws, word

PROPERTIES = (EQUIVALENCE, CONTROL, EFFICIENCY, MAP)

OFFENDERS = [
    "PUSHJ", "JSR", "JSP", "JRST (enter user)", "JRST (restore flags)", "JRST (restore flags, enter user)",
]  # fmt: skip
"""The violations of Theorem 1's condition. The paper names JRST 1; the calls store the mode, JRSTF can change it."""

KEY_ROWS = [*OFFENDERS, "MOVE", "MOVEM", "JRST", "JRST (halt)", "DATAO APR", "MUUO"]

MOVE, MOVEM, ADD, JRST, PUSHJ, DATAO_APR = 0o200, 0o202, 0o270, 0o254, 0o260, 0o700140
LOW, HIGH = 0o1000, 0o400000


# Running, without a solver.


@pytest.mark.parametrize("construction", ["trap-and-emulate", "hybrid", "recursive"])
@pytest.mark.parametrize(
    ("code", "by"),
    [
        (word(MOVE, 3, LOW), "direct"),
        (word(MOVEM, 3, LOW), "direct"),
        (word(MOVE, 3, 0o20000), "emulated"),
        (word(MOVE, 3, HIGH), "emulated"),
        (word(JRST, 0, 0o300), "direct"),
        (word(JRST, 4, 0o300), "reflected"),
        (DATAO_APR << 18 | LOW, "reflected"),
        (0o040 << 27, "reflected"),
    ],
)
def test_in_virtual_user_mode_a_step_under_a_monitor_is_the_step_alone(construction: str, code: int, by: str) -> None:
    """Blocks 0 to 3 are there; 20000 lies beyond the low segment, and there is no high one."""
    found = System(system(f"pdp10-ka10/{construction}"))
    usual = ordinary(found)
    user = {"USER": True, "bound": 3, "Pl": 3}
    start = found.place({**usual.guest, **user}, usual.host, usual.kept)
    assert found.permitted(start)
    after, monitored = found.perform(start, code)
    alone = {name: value.copy() if hasattr(value, "copy") else value for name, value in start.guest.items()}
    step = found.guest.perform(code, alone)
    if step.trapped is not None:
        found.guest.deliver(step.trapped, alone)
    assert monitored.by == by
    assert after.guest == alone


def test_a_high_segment_is_cut_where_the_core_of_the_guest_ends() -> None:
    found = System(system("pdp10-ka10/hybrid"))
    usual = ordinary(found)
    user = {"USER": True, "bound": 0, "Pl": 0, "Ph": 0o377, "Rh": block_address_of(0o201)}
    placed = found.place({**usual.guest, **user}, usual.host, usual.kept)
    assert not found.interprets(placed)
    assert (placed.host["Ph"], placed.host["bound"]) == (0o202, 0)
    assert placed.host["Rh"] == block_address_of(0o201 + usual.kept["start"])


def test_segments_that_two_registers_cannot_express_are_interpreted() -> None:
    found = System(system("pdp10-ka10/trap-and-emulate"))
    usual = ordinary(found)
    beyond = {"USER": True, "base": block_address_of(4), "Rl": block_address_of(4)}
    placed = found.place({**usual.guest, **beyond}, usual.host, usual.kept)
    assert placed.guest["size"] == 3 and found.interprets(placed)


def block_address_of(block: int) -> int:
    return block << 10


# Proofs.


@pytest.mark.whole
def test_trap_and_emulate_is_refuted_by_the_violations_of_theorem_1_and_by_nothing_else() -> None:
    report = prove("pdp10-ka10/trap-and-emulate", jobs=1)
    assert report.properties == {EQUIVALENCE: "refuted", CONTROL: "proved", EFFICIENCY: "proved", MAP: "proved"}
    assert report.refuted(EQUIVALENCE) == OFFENDERS
    assert is_decided(report)


@pytest.mark.slow
def test_each_form_completes_or_is_interpreted_in_some_state() -> None:
    report = prove("pdp10-ka10/hybrid", only=KEY_ROWS, jobs=1)
    assert set(report.properties.values()) == {"proved"}
    assert all(isinstance(o.verdict, Proved | Never) for o in report.obligations)
    taken = {o.instruction for o in report.obligations if o.property == EQUIVALENCE and isinstance(o.verdict, Proved)}
    assert taken == set(KEY_ROWS)


@pytest.mark.slow
def test_a_monitor_under_a_monitor_is_refuted_by_the_same_and_its_maps_compose() -> None:
    rows = prove("pdp10-ka10/recursive", only=KEY_ROWS, jobs=1)
    assert (rows.refuted(EQUIVALENCE), rows.refuted(CONTROL)) == (OFFENDERS, [])
    equations = laws("pdp10-ka10/recursive")
    assert len(equations) > 15 and all(isinstance(law, Proved) for law in equations)


# Faults, each of which the property that it breaks must notice.


def without_interrupts(construction: Construction) -> Construction:
    """The allocator does not keep the host's priority interrupts on, by which memory traps are taken."""
    where = construction.placement

    def granted(guest: View, own: View) -> list[Term]:
        return [rule for rule in where.granted(guest, own) if rule is not own.PI_on]

    return replace(construction, placement=replace(where, granted=granted))


FAULTS: dict[str, tuple[str, Change, str, dict[str, list[str]]]] = {
    "low segment not cut": (
        "hybrid",
        deciding(bound=lambda guest: guest.bound, Pl=lambda guest: guest.bound),
        "MOVEM",
        {EQUIVALENCE: ["MOVEM"], CONTROL: ["MOVEM"]},
    ),
    "high segment not cut": (
        "hybrid", deciding(Ph=lambda guest: guest.Ph), "MOVEM", {EQUIVALENCE: ["MOVEM"], CONTROL: ["MOVEM"]},
    ),
    "place of the region lost": (
        "hybrid",
        deciding(base=lambda guest: guest.base, Rl=lambda guest: guest.base),
        "MOVEM",
        {EQUIVALENCE: ["MOVEM"], CONTROL: ["MOVEM"], EFFICIENCY: ["MOVEM"]},
    ),
    "high segment one block off": (
        "hybrid",
        deciding(Rh=lambda guest: guest.Rh + block_address(guest.start + 1)),
        "MOVE",
        {EQUIVALENCE: ["MOVE"], EFFICIENCY: ["MOVE"]},
    ),
    "runs in executive mode": (
        "trap-and-emulate",
        deciding(USER=lambda guest: guest.USER),
        "CONO PI",
        {EQUIVALENCE: ["CONO PI"], CONTROL: ["CONO PI"]},
    ),
    "runs users with User In-Out": (
        "hybrid",
        lambda construction: replace(
            construction, interprets=lambda guest: ~(guest.USER & pdp10.expressible(guest))
        ),
        "PUSHJ",
        {EQUIVALENCE: ["PUSHJ"]},
    ),
    "runs what cannot be expressed": (
        "hybrid",
        lambda construction: replace(construction, interprets=lambda guest: ~(guest.USER & ~guest.UIO)),
        "MOVE",
        {EQUIVALENCE: ["MOVE"]},
    ),
    "which memory trap it was is not asked": (
        "hybrid",
        lambda construction: replace(construction, emulates=lambda guest, cause: FALSE),
        "MOVE",
        {EQUIVALENCE: ["MOVE"]},
    ),
    "interprets all": (
        "hybrid",
        lambda construction: replace(construction, interprets=lambda guest: TRUE),
        "MOVE",
        {EFFICIENCY: ["MOVE"]},
    ),
    "interrupts are off": ("trap-and-emulate", without_interrupts, "MOVE", {CONTROL: ["MOVE"]}),
}  # fmt: skip
"""By name: the construction, what is changed, a row, and what of that row is refuted."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed_by_the_property_that_it_breaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base, change, row, expected = FAULTS[name]
    made = change(system(f"pdp10-ka10/{base}"))
    monkeypatch.setattr(proving, "construct", lambda named: made)
    report = prove(f"pdp10-ka10/{base}", only=[row], jobs=1)
    assert {what: report.refuted(what) for what in PROPERTIES if report.refuted(what)} == expected
