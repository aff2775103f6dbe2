"""The printed table beside our rows, on a part of the machine."""

from __future__ import annotations

import pytest

from ringproof.papers.experiment import Laboratory
from ringproof.papers.robin_irvine_2000 import compare, mnemonics
from ringproof.papers.robin_irvine_2000.experiments import MACHINE, beyond, count, table
from ringproof.properties.run import check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def part() -> Laboratory:
    """A laboratory in which some rows are the whole machine: four of the table's, one of their kind."""
    report = check(MACHINE, only=["SGDT", "SMSW", "MOV (* segment)", "INTO", "ADD"], jobs=1)
    return Laboratory(jobs=1, checks={(MACHINE, (), ()): report})


def test_rows_of_the_table_are_sensitive(part: Laboratory) -> None:
    finding = table(part, ("SGDT", "SMSW", "MOV"))
    assert finding.agrees is True
    assert finding.result == "3 of 3 are sensitive and not privileged"
    rows = ("SGDT     SGDT", "SMSW     SMSW", "MOV      MOV (from segment)", "MOV      MOV (to segment)")
    assert tuple(line.split(":")[0] for line in finding.shown) == rows


def test_what_is_missing_is_no_agreement(part: Laboratory) -> None:
    assert count(part).agrees is False
    assert beyond(part).agrees is False
    assert beyond(part).shown == ("INTO: a gate transfer through the IDT, as INT n",)


def test_an_instruction_of_another_kind_is_beyond_the_table() -> None:
    assert compare(["SGDT", "CPUID", "RET (far)"]).beyond == ("CPUID",)
    assert set(compare(["SGDT", "CPUID", "RET (far)"]).missing) == set(mnemonics()) - {"SGDT", "RET"}
