"""Faulty monitors are noticed, each by the property that it breaks; those that are none have a reason.

A choice of one of each kind; `ringproof mutants` runs all of them, in about three minutes.
"""

from __future__ import annotations

import json

import pytest

from ringproof.__main__ import main
from ringproof.model.monitors.faults import FAULTS
from ringproof.properties.monitors.mutants import mutants
from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE, MAP

EQUIVALENT = {
    "emulates-memory": "interpreting an instruction that traps ends in the guest's own trap, as reflection does",
    "outer-no-clamp": "the inner monitor never asks for more than its machine has, so the outer one has nothing to cut",
    "vmx-tables": "the guest has GDTR, IDTR, LDTR and TR of its own, and access to them is promised no speed",
    "svm-stgi": "the interrupt flag that STGI sets is set while guests run",
}

NOTICED_BY = {
    "no-clamp": {EQUIVALENCE, CONTROL},
    "clamp-one-less": {EQUIVALENCE, EFFICIENCY},
    "region-over-psw": {CONTROL},
    "no-vector": {CONTROL},
    "psw-forgets-M": {EQUIVALENCE},
    "interprets-all": {EQUIVALENCE, EFFICIENCY},
    "outer-past-the-end": {MAP},
    "vmx-ports": {EQUIVALENCE, CONTROL},
    "vmx-interrupts": {EQUIVALENCE, CONTROL},
    "vmx-timer": {CONTROL},
    "vmx-memory": {EQUIVALENCE, CONTROL},
    "vmx-never-asks": {EQUIVALENCE},
    "svm-ports": {EQUIVALENCE, CONTROL},
    "svm-masked": {CONTROL},
    "svm-memory": {EQUIVALENCE, CONTROL},
    "svm-clgi": {CONTROL},
    "svm-halts-not": {EQUIVALENCE},
    "svm-identity": {EFFICIENCY},
}


def test_there_are_more_than_forty_faults_and_each_says_what_is_wrong() -> None:
    assert len(FAULTS) > 40
    assert len({fault.text for fault in FAULTS.values()}) == len(FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTICED_BY)
def test_a_fault_is_noticed_by_the_property_that_it_breaks(name: str) -> None:
    (found,) = mutants([name], jobs=1)
    assert found.fate == "killed" and set(found.by) == NOTICED_BY[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUIVALENT)
def test_a_fault_that_is_none_is_proved_to_be_none(name: str) -> None:
    (found,) = mutants([name], jobs=1)
    assert (found.fate, found.by) == ("equivalent", {}), EQUIVALENT[name]


@pytest.mark.slow
def test_the_table_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "r-again", "--json", "--quiet", "--jobs", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"killed": 1}
    assert found["mutants"][0]["refuted_by"] == {EQUIVALENCE: ["LOAD R"]}


def test_another_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mutants", "none-such", "--quiet"]) == 5
    assert "no fault is named" in capsys.readouterr().err
