"""The classification of every instruction of both machines, and what follows from it for the three theorems.

What is not in a table is innocuous, or traps always. The mode is User on the KA10, User and Public on the KI10.
"""

from __future__ import annotations

from functools import cache

import pytest

from ringproof.properties.classification import FLAGS, Row
from ringproof.properties.run import Report, check

from .worlds import machine

CONTROL, BEHAVIOR = "control_sensitive", "behavior_sensitive"
PRIVILEGED, USER = "privileged", "user_sensitive"
MODE, LOCATION, TIMING = "mode_sensitive", "location_sensitive", "timing_sensitive"

Table = dict[str, set[str]]
PROTECTION = {"memory protection"}
ALWAYS_TRAP = {"MUUO", "unassigned code"}

CALLS = ("PUSHJ", "JSR", "JSP")
"""They save the PC word, in which User and User In-Out are."""

READERS = ("CONI", "CONSZ", "CONSO")
KA10_CONDITIONS = {
    "UIO", "APR_channel", "OV_enable", "FOV_enable", "clock_enable", "NXM", "protection_flag", "address_break",
}  # fmt: skip
KI10_CONDITIONS = {
    "APR_channel", "clock_channel", "clock_enable", "timer_enable", "parity_enable", "NXM", "in_out_failure",
}  # fmt: skip
PI_CONDITIONS = {"PI_on", "PIE", "PIH", "parity_enable"}


def jrst(word: str, *chosen: str) -> str:
    return f"JRST ({', '.join(word if name == 'mode' else name for name in chosen)})"


def privileged_jrst(word: str) -> Table:
    """The functions that dismiss or halt, with any others."""
    names = ["dismiss", "halt", "restore flags", "mode"]
    combinations = [[n for bit, n in enumerate(names) if number >> bit & 1] for number in range(16)]
    return {
        jrst(word, *chosen): {PRIVILEGED, CONTROL} for chosen in combinations if {"dismiss", "halt"} & set(chosen)
    }  # fmt: skip


def device(name: str, data: str | None, conditions: set[str], *more: str, reads: set[str] = frozenset()) -> Table:  # type: ignore[assignment]
    """The eight functions of a device: its data and conditions can be read and set, for `more`."""
    reading = {BEHAVIOR, data, *more} if data else set(more)
    table: Table = {f"{function} {name}": reading for function in ("BLKI", "DATAI")}
    table |= {f"{function} {name}": {CONTROL, *more} for function in ("BLKO", "DATAO", "CONO")}
    return table | {f"{function} {name}": {BEHAVIOR, *conditions, *more, *reads} for function in READERS}


KA10: Table = {
    **{name: {BEHAVIOR, MODE, "UIO"} for name in CALLS},
    "JRST (enter user)": {CONTROL},
    "JRST (restore flags)": {CONTROL},
    "JRST (restore flags, enter user)": {CONTROL},
    **privileged_jrst("enter user"),
    **device("APR", "switches", KA10_CONDITIONS, PRIVILEGED, reads={TIMING}),
    **device("PI", None, PI_CONDITIONS, PRIVILEGED),
    **device("(device)", "DATA", {"CONDITIONS"}, PRIVILEGED),
}

KI10: Table = {
    **{name: {BEHAVIOR, MODE, "UIO", "PCP"} for name in CALLS},
    "MAP": {BEHAVIOR, LOCATION, USER},
    "JRST (portal)": {CONTROL, USER},
    "JRST (restore flags)": {CONTROL},
    "JRST (restore flags, portal)": {CONTROL, USER},
    **privileged_jrst("portal"),
    **device("APR", "switches", KI10_CONDITIONS, PRIVILEGED, reads={TIMING}),
    # Its data are margins for maintenance, which the model leaves out.
    "BLKO APR": {PRIVILEGED},
    "DATAO APR": {PRIVILEGED},
    **device("PI", None, PI_CONDITIONS, PRIVILEGED),
    # The requests of the program stand in the left half, out of reach of CONSZ and CONSO.
    "CONI PI": {PRIVILEGED, BEHAVIOR, "PIR", *PI_CONDITIONS},
    "BLKI PAG": {PRIVILEGED, BEHAVIOR, "EBR"},
    "DATAI PAG": {PRIVILEGED, BEHAVIOR, "EBR"},
    "BLKO PAG": {PRIVILEGED, CONTROL},
    "DATAO PAG": {PRIVILEGED, CONTROL},
    **device("(device)", "DATA", {"CONDITIONS"}, PRIVILEGED),
    **device("(device 740-774)", "DATA", {"CONDITIONS"}, USER),
}
LEFT_OUT = {f"{function} PAG" for function in (*READERS, "CONO")}


def found(row: Row) -> set[str]:
    """What the check says of a row; nothing may be unknown."""
    flags = {name: row.flag(name) for name in FLAGS}
    assert None not in flags.values(), row.name
    return {name for name, value in flags.items() if value} | set(row.resources)


@cache
def report(name: str) -> Report:
    return check(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "table", "trapping"),
    [("pdp10-ka10", KA10, ALWAYS_TRAP), ("pdp10-ki10", KI10, ALWAYS_TRAP | LEFT_OUT)],
)
def test_every_instruction_is_classified_as_expected(name: str, table: Table, trapping: set[str]) -> None:
    rows = report(name).rows
    assert {row.name: found(row) for row in rows if found(row)} == table
    assert {row.name for row in rows if row.always_traps} == trapping
    assert {row.name for row in rows if row.innocuous} == {row.name for row in rows} - set(table)


@pytest.mark.parametrize("name", ["ka10", "ki10"])
def test_operation_codes_that_the_model_omits_are_listed(name: str) -> None:
    omitted = [encoding.text.split("-") for encoding in machine(name).omitted]
    (listed,) = [text for text in machine(name).left_out if text.startswith("floating point")]
    for first, last in omitted:
        assert (first if first == last else f"{first} to {last}") in listed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pdp10-ka10", "pdp10-ki10"])
def test_every_word_has_exactly_one_meaning(name: str) -> None:
    decoding = report(name).decoding
    assert decoding is not None
    assert (decoding.disjoint, decoding.total) == (True, True)


@pytest.mark.slow
def test_the_ka10_meets_the_condition_of_theorem_3_and_not_that_of_theorem_1() -> None:
    """Popek and Goldberg name JRST 1. JRSTF enters user mode as silently, and the calls show which mode it is."""
    theorem1, theorem2, theorem3 = report("pdp10-ka10").theorems
    violations = (
        *CALLS, "JRST (enter user)", "JRST (restore flags)", "JRST (restore flags, enter user)",
    )  # fmt: skip
    assert (theorem1.word, theorem1.violations) == ("fails", violations)
    assert (theorem2.word, theorem2.violations) == ("fails", violations)
    assert (theorem3.word, theorem3.violations) == ("holds", ())


@pytest.mark.slow
def test_on_the_ka10_traps_alone_lead_to_executive_mode_and_jrst_alone_to_user_mode() -> None:
    modes = report("pdp10-ka10").modes
    down = {move.by for move in modes.transitions if move.target == "user"}
    up = {(move.by, move.is_trap, move.controlled) for move in modes.transitions if move.target == "executive"}
    assert down - set(privileged_jrst("enter user")) == {
        "JRST (enter user)", "JRST (restore flags)", "JRST (restore flags, enter user)",
    }  # fmt: skip
    assert up == {
        (name, True, True)
        for name in ("MUUO", "unassigned code", "illegal instruction", *PROTECTION, "memory protection (fetch)")
    }
    assert modes.other_ways() == []


@pytest.mark.slow
def test_with_user_in_out_set_the_ka10_fails_the_condition_of_theorem_3() -> None:
    """Then a user program halts the processor, dismisses interrupts, relocates itself, and gives in-out."""
    some = ("PUSHJ", "JRST*", "DATAO APR", "CONO PI", "CONI (device)", "MOVE", "ADD")
    rows = check("pdp10-ka10", assumptions={"UIO": "1"}, only=some)
    expected = {
        name: words - {PRIVILEGED} | ({USER} if PRIVILEGED in words or "restore" in name else set())
        for name, words in KA10.items()
        if name.startswith("JRST") or name in some
    }
    assert {row.name: found(row) for row in rows.rows if found(row)} == expected
    theorem3 = rows.theorems[2]
    assert theorem3.word == "fails"
    assert set(theorem3.violations) == {name for name, words in expected.items() if USER in words}


@pytest.mark.slow
def test_the_ki10_differs() -> None:
    """JRST 1 enters no user mode there; it leaves public mode, which a user program does as well. MAP and the devices
    from 740 on are open to it too, so that the condition of Theorem 3 fails."""
    theorem1, _, theorem3 = report("pdp10-ki10").theorems
    open_to_users = {"MAP", "JRST (portal)", "JRST (restore flags, portal)"}
    open_to_users |= {name for name in KI10 if name.endswith("(device 740-774)")}
    assert (theorem3.word, set(theorem3.violations)) == ("fails", open_to_users)
    assert (theorem1.word, set(theorem1.violations)) == (
        "fails", open_to_users | {*CALLS, "JRST (restore flags)"}
    )  # fmt: skip
    moves = {(move.by, move.source, move.target) for move in report("pdp10-ki10").modes.transitions}
    assert {move[1:] for move in moves if move[0] == "JRST (portal)"} == {
        ("supervisor", "kernel"), ("public", "concealed"),
    }  # fmt: skip
    assert ("JRST (restore flags)", "kernel", "public") in moves
    ways = {move.by for move in report("pdp10-ki10").modes.transitions if move.raises and move.controlled is not True}
    assert ways == {"JRST (portal)", "JRST (restore flags, portal)"}
