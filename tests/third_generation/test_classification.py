"""The whole check of the machine and each variant gives what the paper says."""

from __future__ import annotations

import pytest

from ringproof.model.catalog import CATALOG
from ringproof.properties.run import check

from .expected import EXPECTED, PRIVILEGED, rows

MACHINES = [name for name in CATALOG if name.startswith("third-generation")]


def test_every_machine_of_the_catalogue_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(MACHINES)


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_classification(machine: str) -> None:
    report = check(machine, jobs=1)
    expected = rows(machine)
    flags = {r.name: {name: r.flag(name) for name in expected[r.name].flags} for r in report.rows}
    assert flags == {name: row.flags for name, row in expected.items()}
    assert {r.name: tuple(r.resources) for r in report.rows} == {name: row.resources for name, row in expected.items()}
    assert {r.name for r in report.rows if r.innocuous} == {name for name, row in expected.items() if not row.words}
    assert {r.name for r in report.rows if r.always_traps} == {"SUPERVISOR CALL"} & set(expected)
    assert report.counts["unknown"] == 0
    assert report.decoding is not None
    assert (report.decoding.disjoint, report.decoding.total) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_conditions_of_the_theorems(machine: str) -> None:
    expected = EXPECTED[machine]
    one, two, three = check(machine, jobs=1).theorems
    assert (one.holds, two.holds, three.holds) == (expected.theorem1, expected.theorem1, expected.theorem3)
    (added,) = expected.rows or ("",)
    assert one.violations == (() if expected.theorem1 else (added,))
    assert three.violations == (() if expected.theorem3 else (added,))


def test_a_condition_fails_by_what_is_sensitive_and_not_privileged() -> None:
    """The table is consistent: the theorems' verdicts follow from its rows."""
    for machine, expected in EXPECTED.items():
        found = [row for row in rows(machine).values() if PRIVILEGED not in row.words]
        assert expected.theorem1 == all(not row.words for row in found)
        assert expected.theorem3 == all("user" not in row.words for row in found)
