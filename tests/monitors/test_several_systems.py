"""Several systems in one run: the verdicts are those of each by itself."""

from __future__ import annotations

import json

import pytest

from ringproof.__main__ import main
from ringproof.properties.monitors.prove import Report, prove, prove_all

Capture = pytest.CaptureFixture[str]
MACHINE = "third-generation-return-to-user"
SYSTEMS = [f"{MACHINE}/trap-and-emulate", f"{MACHINE}/hybrid"]
ROWS = ["RETURN TO USER", "JUMP"]


def decided(report: Report) -> list[tuple[str, type]]:
    return [(obligation.id, type(obligation.verdict)) for obligation in report.obligations]


@pytest.mark.parametrize("jobs", [1, 2])
def test_verdicts_are_those_of_each_system_by_itself(jobs: int) -> None:
    together = prove_all(SYSTEMS, only=ROWS, jobs=jobs)
    assert [report.name for report in together] == SYSTEMS
    for report in together:
        alone = prove(report.name, only=ROWS, jobs=1)
        assert decided(report) == decided(alone)
        assert report.witnesses == alone.witnesses
    assert [report.refuted("equivalence") for report in together] == [["RETURN TO USER"], []]


def test_a_pattern_names_systems_and_the_exit_code_is_that_of_the_worst(capsys: Capture) -> None:
    assert main(["prove", f"{MACHINE}/*y*", "--only", "RETURN TO USER", "--quiet", "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["system"] == f"{MACHINE}/hybrid"
    assert main(["prove", *SYSTEMS, "--only", "RETURN TO USER", "--quiet", "--jobs", "1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "ringproof/proofs/1"
    assert [each["properties"]["equivalence"]["verdict"] for each in found["systems"]] == ["refuted", "proved"]


@pytest.mark.parametrize("named", [["nowhere/*"], [SYSTEMS[0], f"{SYSTEMS[1]}/equivalence"]])
def test_what_names_no_systems_is_refused(named: list[str], capsys: Capture) -> None:
    assert main(["prove", *named]) == 2
    assert "expected" in (error := capsys.readouterr().err) or "no system matches" in error
