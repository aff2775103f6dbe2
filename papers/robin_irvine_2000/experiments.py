"""The table of Robin and Irvine beside the classification of `ia32`, whose configuration is that of their processor."""

from __future__ import annotations

from ringproof.properties.classification import Row
from ringproof.properties.told import Telling, story

from ..experiment import Experiment, Finding, Kind, Laboratory
from . import COUNT, COVERED_BY_UMIP, OF_THE_SAME_KIND, PROTECTION_SYSTEM, ROWS, SENSITIVE_REGISTERS, compare, mnemonics

REFERENCE = (
    'Robin and Irvine 2000, "Analysis of the Intel Pentium\'s Ability to Support a Secure Virtual Machine Monitor", '
    "9th USENIX Security Symposium, pages 129-144"
)

MACHINE = "ia32"


def table(laboratory: Laboratory, listed: tuple[str, ...]) -> Finding:
    """The printed mnemonics `listed` beside our rows: each of these is sensitive, and none is privileged."""
    report = laboratory.check(MACHINE)
    telling = Telling(report)
    by_name = {row.name: row for row in report.rows}
    shown, answers = [], []
    for mnemonic in listed:
        own = [by_name[name] for name in ROWS.get(mnemonic, (mnemonic,))]
        found = [row.escapes("sensitive") for row in own]
        answers.append(_all(found))
        for row, answer in zip(own, found, strict=True):
            shown.append(f"{mnemonic:8} {row.name}: {_words(row, answer)}{_example(telling, row)}")
    count = sum(answer is True for answer in answers)
    return Finding(f"{count} of {len(listed)} are sensitive and not privileged", _all(answers), tuple(shown))


def beyond(laboratory: Laboratory) -> Finding:
    """What we find beyond the printed list: nothing but instructions of the same kinds."""
    report = laboratory.check(MACHINE)
    compared = compare(report.theorems[0].violations)
    shown = tuple(f"{name}: {OF_THE_SAME_KIND[name]}" for name in compared.same_kind)
    shown += tuple(f"{name}: of another kind" for name in compared.beyond)
    result = f"{len(compared.same_kind)} more of the same kinds, and {len(compared.beyond)} of another"
    return Finding(result, not compared.beyond and not compared.missing, shown)


def count(laboratory: Laboratory) -> Finding:
    """How many mnemonics the printed list has, and how many of them the check finds."""
    printed = mnemonics()
    found = compare(laboratory.check(MACHINE).theorems[0].violations).found
    shown = (f"the list: {', '.join(printed)}", f"found by the check: {len(found)}")
    result = f"the list has {len(set(printed))} mnemonics, the count says {COUNT}"
    return Finding(result, len(set(printed)) != COUNT and len(found) == len(printed), shown)


def condition(laboratory: Laboratory) -> Finding:
    """Theorem 1's condition on the processor."""
    one, _, three = laboratory.check(MACHINE).theorems
    result = f"Theorem 1's condition {one.word} by {len(one.violations)} rows, Theorem 3's by {len(three.violations)}"
    return Finding(result, None if one.holds is None else not one.holds)


def prevention(laboratory: Laboratory) -> Finding:
    """What is left of the list with CR4.UMIP set."""
    listed = [name for mnemonic in mnemonics() for name in ROWS.get(mnemonic, (mnemonic,))]
    report = laboratory.check(MACHINE, only=listed, assumptions={"UMIP": "1"})
    left = compare(report.theorems[0].violations).found
    gone = tuple(mnemonic for mnemonic in mnemonics() if mnemonic not in left)
    undecided = report.theorems[0].undecided
    result = f"with UMIP=1 {', '.join(gone)} trap outside ring 0; {len(left)} of the list are left"
    agrees = None if undecided else set(gone) == set(COVERED_BY_UMIP)
    return Finding(result, agrees, (f"left: {', '.join(left)}",))


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _words(row: Row, escapes: bool | None) -> str:
    names = ("control", "mode", "location")
    kinds = [f"{name} sensitive" for name in names if row.flag(f"{name}_sensitive")]
    if row.resources:
        kinds.append(f"shows {', '.join(row.resources)}")
    verdict = {True: "not privileged", False: "no violation", None: "undecided"}[escapes]
    return f"{', '.join(kinds) or 'not sensitive'}; {verdict}"


def _example(telling: Telling, row: Row) -> str:
    witnesses = story(row)
    return f". {telling.sentence(witnesses[0])} [{witnesses[0].id}]" if witnesses else ""


EXPERIMENTS = (
    Experiment(
        "sensitive-registers", "the analysis, first group",
        f"{', '.join(SENSITIVE_REGISTERS)} read or change sensitive registers without being privileged",
        lambda laboratory: table(laboratory, SENSITIVE_REGISTERS),
    ),
    Experiment(
        "protection-system", "the analysis, second group",
        f"{', '.join(PROTECTION_SYSTEM)} refer to the protection system without being privileged",
        lambda laboratory: table(laboratory, PROTECTION_SYSTEM),
    ),
    Experiment(
        "condition", "conclusion", "the processor as it is does not meet the condition for a monitor", condition,
    ),
    Experiment(
        "count", "the usual count", f"the list has {COUNT} instructions that are sensitive and not privileged", count,
        Kind.SLIP,
    ),
    Experiment(
        "beyond", "the analysis",
        "no other instruction is sensitive and unprivileged, but for reasons that one of these has too", beyond,
    ),
    Experiment(
        "umip", "since then: SDM vol. 3, section 2.5", f"CR4.UMIP makes {', '.join(COVERED_BY_UMIP)} trap", prevention,
    ),
)  # fmt: skip
