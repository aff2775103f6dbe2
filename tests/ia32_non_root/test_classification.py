"""With the right controls every sensitive instruction exits; with one cleared, those that it was for do not.

Of the eighteen instructions of Robin and Irvine 2000 none is sensitive: they work on the guest's own registers.
"""

from __future__ import annotations

import pytest

from ringproof.model.catalog import load
from ringproof.properties.run import Report, check

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the classification of ia32 in non-root operation")]

IN_AND_OUT = {"IN", "OUT", "INS", "OUTS"}
DEBUG = {"MOV (from DR)", "MOV (to DR)"}
VMX = {"VMXON", "VMXOFF", "VMCALL", "VMCLEAR", "VMPTRLD", "VMPTRST", "VMREAD", "VMWRITE", "VMLAUNCH", "VMRESUME"}
SENSITIVE = {
    "ia32-vmx": {*IN_AND_OUT, *DEBUG, "HLT", *VMX},
    "ia32-svm": {*IN_AND_OUT, *DEBUG, "HLT", "VMRUN", "STGI", "CLGI"},
}
CLOCKS = {"RDTSC", "RDPMC", "RDMSR"}

CHOSEN = {"CLC", "PUSHF", "POPF", "SGDT", "STR", "SMSW", "VERR", "HLT", "IN", "MOV (to DR)", "VMCALL", "STGI", "CLGI"}

CLEARED = [
    ("ia32-vmx", "HLT_exiting", {"HLT"}),
    ("ia32-vmx", "IO_exiting", {"IN", "OUT"}),
    ("ia32-vmx", "MOV_DR_exiting", DEBUG),
    ("ia32-svm", "intercept_HLT", {"HLT"}),
    ("ia32-svm", "intercept_IOIO", {"IN", "OUT"}),
    ("ia32-svm", "intercept_DR", DEBUG),
    ("ia32-svm", "intercept_STGI", {"STGI"}),
    ("ia32-svm", "intercept_CLGI", {"CLGI"}),
]
WITHOUT_EFFECT = [
    ("ia32-vmx", "descriptor_table_exiting=1", ("SGDT", "SIDT", "SLDT", "STR")),
    ("ia32-svm", "intercept_PUSHF=1", ("PUSHF",)),
    ("ia32-svm", "intercept_POPF=1", ("POPF",)),
]


def asked(name: str, rows: set[str] | tuple[str, ...], **assume: str) -> Report:
    return check(name, only=sorted(rows), assumptions=assume)


@pytest.mark.parametrize("name", SENSITIVE)
def test_chosen_instructions_keep_the_condition_of_theorem_1(name: str) -> None:
    chosen = {instruction.name for instruction in load(name).instructions} & CHOSEN
    report = asked(name, chosen)
    assert report.counts["unknown"] == 0
    assert not any(condition.violations for condition in report.theorems)
    assert {row.name for row in report.rows if row.sensitive} == SENSITIVE[name] & chosen


@pytest.mark.whole
@pytest.mark.parametrize("name", SENSITIVE)
def test_the_condition_of_theorem_1_holds_with_the_right_controls(name: str) -> None:
    report = check(name)
    assert report.counts["unknown"] == 0
    assert [condition.holds for condition in report.theorems] == [True, True, True]
    assert {row.name for row in report.rows if row.sensitive} == SENSITIVE[name]
    assert report.decoding is not None
    assert report.decoding.disjoint is report.decoding.total is True


@pytest.mark.parametrize(("name", "control", "rows"), CLEARED)
def test_a_cleared_control_shows_what_it_was_for(name: str, control: str, rows: set[str]) -> None:
    assert set(asked(name, rows, **{control: "0"}).theorems[0].violations) == rows


@pytest.mark.parametrize(("name", "control"), [("ia32-vmx", "EPT"), ("ia32-svm", "nested_paging")])
def test_without_second_level_translation_whatever_reads_or_writes_memory_is_sensitive(name: str, control: str) -> None:
    violations = set(asked(name, ("LODS", "PUSHF", "CLC"), **{control: "0"}).theorems[0].violations)
    assert violations == {"LODS", "PUSHF"}


def test_clocks_are_shown_without_their_controls() -> None:
    controls = {"RDTSC_exiting": "0", "RDPMC_exiting": "0", "MSR_exiting": "0"}
    one, two, _ = asked("ia32-vmx", CLOCKS, **controls).theorems
    assert set(two.violations) == CLOCKS
    assert not one.violations


def test_owned_bits_of_cr0_show_the_read_shadow() -> None:
    """SMSW has no exit: a monitor that owns PE lets the guest read what it put into the shadow."""
    assert set(asked("ia32-vmx", ("SMSW",), CR0_mask="1").theorems[0].violations) == {"SMSW"}


@pytest.mark.parametrize(("name", "setting", "rows"), WITHOUT_EFFECT)
def test_controls_that_guard_only_the_duplicate_are_not_needed(name: str, setting: str, rows: tuple[str, ...]) -> None:
    control, value = setting.split("=")
    for each in ("0", value):
        assert not asked(name, rows, **{control: each}).theorems[0].violations
