"""The monitors of the KI10: refuted by what shows the mode or the map, and by devices that are open to users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringproof.model.monitors.catalog import system
from ringproof.model.pdp10.ki10 import CONCEALED, KERNEL, PUBLIC, SUPERVISOR
from ringproof.model.pdp10.word import page_address
from ringproof.model.terms import FALSE, TRUE
from ringproof.properties.monitors import prove as proving
from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE, PROPERTIES
from ringproof.properties.monitors.prove import prove
from ringproof.properties.monitors.starting import ordinary
from ringproof.properties.monitors.verdicts import Proved
from ringproof.traces.monitored import System, Together

from .pdp10_systems import Change, deciding, is_decided, laws, word

CONSTRUCTIONS = ["trap-and-emulate", "hybrid", "recursive"]

OPEN_TO_USERS = ["MAP", "DATAO (device 740-774)", "CONSZ (device 740-774)"]
OFFENDERS = ["PUSHJ", "JSP", "JRST (portal)", *OPEN_TO_USERS]
KEY_ROWS = [*OFFENDERS, "MOVE", "MOVEM", "JRST", "JRST (halt)", "DATAO APR", "MUUO"]

MOVE, MOVEM, MAP_OF, JRST, CALL = 0o200, 0o202, 0o257, 0o254, 0o040
DATAO_APR = 0o700140
PAGE = 0o1000
ACCESS, PUBLIC_PAGE, WRITABLE = 1 << 17, 1 << 16, 1 << 15


def placed(found: System, mode: int, **guest: Any) -> Together:
    """The ordinary state with the guest in another mode, under the map that it has there."""
    usual = ordinary(found)
    changes = {"MODE": mode, "executive_map": mode < CONCEALED, **guest}
    return found.place({**usual.guest, **changes}, usual.host, usual.kept)


# Running, without a solver.


@pytest.mark.parametrize("construction", CONSTRUCTIONS)
@pytest.mark.parametrize(
    ("code", "by"),
    [
        (word(MOVE, 3, 7 * PAGE), "direct"),
        (word(MOVEM, 3, 7 * PAGE), "direct"),
        (word(MOVE, 3, 8 * PAGE), "emulated"),
        (word(JRST, 0, 0o300), "direct"),
        (word(JRST, 4, 0o300), "reflected"),
        (DATAO_APR << 18 | PAGE, "reflected"),
        (word(CALL, 0, 0), "reflected"),
    ],
)
def test_in_virtual_user_mode_a_step_under_a_monitor_is_the_step_alone(construction: str, code: int, by: str) -> None:
    """User pages 0 to 7 are there, and no others."""
    found = System(system(f"pdp10-ki10/{construction}"))
    start = placed(found, CONCEALED)
    assert found.permitted(start)
    after, monitored = found.perform(start, code)
    alone = {name: value.copy() if hasattr(value, "copy") else value for name, value in start.guest.items()}
    step = found.guest.perform(code, alone)
    if step.trapped is not None:
        found.guest.deliver(step.trapped, alone)
    assert monitored.by == by
    assert after.guest == alone


@pytest.mark.parametrize(("mode", "after"), [(PUBLIC, CONCEALED), (SUPERVISOR, KERNEL)])
def test_a_portal_runs_directly_and_the_monitor_reads_the_public_bit_back(mode: int, after: int) -> None:
    found = System(system("pdp10-ki10/trap-and-emulate"))
    left, monitored = found.perform(placed(found, mode), word(JRST, 1, 0o300))
    assert (monitored.by, left.guest["MODE"], left.host["MODE"]) == ("direct", after, CONCEALED)


def test_code_of_a_public_page_makes_the_guest_public_without_the_monitor() -> None:
    found = System(system("pdp10-ki10/hybrid"))
    start = placed(found, CONCEALED, PC=2 * PAGE)
    start.guest["maps"][1 << 10 | 2] |= PUBLIC_PAGE
    start.guest["core"][2 * PAGE] = word(MOVE, 3, 3 * PAGE)
    start = found.place(start.guest, start.host, start.kept)
    after, monitored = found.step(start)
    assert monitored.by == "emulated" and after.guest["MODE"] == KERNEL  # Page 3 is not public.
    start.guest["maps"][1 << 10 | 3] |= PUBLIC_PAGE
    after, monitored = found.step(found.place(start.guest, start.host, start.kept))
    assert (monitored.by, after.guest["MODE"]) == ("direct", PUBLIC)


def test_a_virtual_kernel_runs_under_a_map_of_its_unmapped_pages() -> None:
    found = System(system("pdp10-ki10/trap-and-emulate"))
    start = placed(found, KERNEL)
    after, monitored = found.perform(start, word(MOVE, 3, 0o420 + PAGE))
    assert (monitored.by, after.guest["AC"][3]) == ("direct", word(0o264, 0, 0o200))
    after, monitored = found.perform(start, word(MAP_OF, 3, 5 * PAGE))
    assert (monitored.by, after.guest["AC"][3] & 0o17777) == ("direct", 5 + start.kept["start"])


def test_the_shadow_names_no_page_past_the_guests_core() -> None:
    found = System(system("pdp10-ki10/hybrid"))
    start = placed(found, CONCEALED)
    start.guest["maps"][1 << 10 | 2] = ACCESS | WRITABLE | 8
    start = found.place(start.guest, start.host, start.kept)
    assert (start.host["last"], start.host["frame"]) == (7, start.kept["start"] * PAGE)
    host = {name: value.copy() if hasattr(value, "copy") else value for name, value in start.host.items()}
    trapped = found.host.perform(word(MOVEM, 3, 2 * PAGE), host).trapped
    assert trapped is not None and trapped.cause.name == "page failure"
    alone = found.guest.perform(word(MOVEM, 3, 2 * PAGE), dict(start.guest)).trapped
    assert alone is not None
    assert found.guest.deliver(alone, dict(start.guest)) is not None  # The model leaves out what this does.


# Proofs.


@pytest.mark.slow
def test_trap_and_emulate_is_refuted_by_what_shows_the_mode_and_what_is_open_to_users() -> None:
    report = prove("pdp10-ki10/trap-and-emulate", only=KEY_ROWS, jobs=1)
    assert set(report.refuted(EQUIVALENCE)) == set(OFFENDERS)
    assert report.refuted(CONTROL) == ["DATAO (device 740-774)"]
    assert report.properties[EFFICIENCY] == "proved"
    assert is_decided(report)


@pytest.mark.slow
def test_the_hybrid_is_refuted_by_the_map_and_the_open_devices_and_not_by_portals() -> None:
    """A portal violates Theorem 3's condition, but the public bit that it clears is lent to the guest."""
    report = prove("pdp10-ki10/hybrid", only=KEY_ROWS, jobs=1)
    assert set(report.refuted(EQUIVALENCE)) == set(OPEN_TO_USERS)
    assert report.refuted(CONTROL) == ["DATAO (device 740-774)"]
    assert report.properties[EFFICIENCY] == "proved"
    assert is_decided(report)


@pytest.mark.slow
def test_a_monitor_under_a_monitor_is_refuted_by_the_same_and_its_maps_compose() -> None:
    name = "pdp10-ki10/recursive"
    report = prove(name, only=KEY_ROWS, jobs=1)
    assert set(report.refuted(EQUIVALENCE)) == set(OFFENDERS)
    assert report.refuted(CONTROL) == ["DATAO (device 740-774)"]
    equations = laws(name)
    assert len(equations) > 15 and all(isinstance(law, Proved) for law in equations)


# Faults, each of which the property that it breaks must notice.


def placing(**changes: Any) -> Change:
    return lambda construction: replace(construction, placement=replace(construction.placement, **changes))


FAULTS: dict[str, tuple[str, Change, str, dict[str, list[str]]]] = {
    "shadow not cut": (
        "hybrid",
        deciding(last=lambda guest: guest.last),
        "MOVEM",
        {EQUIVALENCE: ["MOVEM"], CONTROL: ["MOVEM"]},
    ),
    "place of the region lost": (
        "hybrid",
        deciding(frame=lambda guest: guest.frame),
        "MOVEM",
        {EQUIVALENCE: ["MOVEM"], CONTROL: ["MOVEM"], EFFICIENCY: ["MOVEM"]},
    ),
    "shadow one page off": (
        "hybrid",
        deciding(frame=lambda guest: guest.frame + page_address(guest.start + 1, 0)),
        "MOVE",
        {EQUIVALENCE: ["MOVE"], EFFICIENCY: ["MOVE"]},
    ),
    "the table is the one that the base register names": (
        "hybrid",
        deciding(user_table=lambda guest: guest.UBR),
        "MOVE",
        {EQUIVALENCE: ["MOVE"], EFFICIENCY: ["MOVE"]},
    ),
    "a virtual kernel has the map of user mode": (
        "trap-and-emulate",
        deciding(executive_map=lambda guest: FALSE),
        "MOVE",
        {EQUIVALENCE: ["MOVE"], EFFICIENCY: ["MOVE"]},
    ),
    "runs in the guest's mode": (
        "trap-and-emulate",
        deciding(MODE=lambda guest: guest.MODE),
        "CONO PI",
        {EQUIVALENCE: ["CONO PI"], CONTROL: ["CONO PI"]},
    ),
    "User In-Out is the guest's": (
        "trap-and-emulate",
        deciding(UIO=lambda guest: guest.UIO),
        "CONO PI",
        {EQUIVALENCE: ["CONO PI"], CONTROL: ["CONO PI"]},
    ),
    "the public bit is not read back": (
        "hybrid",
        placing(returned=lambda guest, host: {"MODE": guest.MODE}),
        "JRST (portal)",
        {EQUIVALENCE: ["JRST (portal)"]},
    ),
    "all runs as concealed": (
        "hybrid",
        deciding(MODE=lambda guest: guest.MODE & CONCEALED | CONCEALED),
        "MOVE",
        {EQUIVALENCE: ["MOVE"]},
    ),
    "runs users with User In-Out": (
        "hybrid",
        lambda construction: replace(construction, interprets=lambda guest: ~guest.MODE.bit(1)),
        "PUSHJ",
        {EQUIVALENCE: ["PUSHJ"]},
    ),
    "page failures are reflected as the host has them": (
        "trap-and-emulate",
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
    "calls lead the host nowhere": (
        "trap-and-emulate",
        placing(granted=lambda guest, own: [guest.start >= 1]),
        "MUUO",
        {CONTROL: ["MUUO"]},
    ),
}  # fmt: skip
"""By name: the construction, what is changed, a row, and what of that row is refuted."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_noticed_by_the_property_that_it_breaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base, change, row, expected = FAULTS[name]
    made = change(system(f"pdp10-ki10/{base}"))
    monkeypatch.setattr(proving, "construct", lambda named: made)
    report = prove(f"pdp10-ki10/{base}", only=[row], jobs=1)
    assert {what: report.refuted(what) for what in PROPERTIES if report.refuted(what)} == expected
