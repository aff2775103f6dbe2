"""Counterexamples are small and have stable names: nothing in one can be left out, and every run finds the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ringproof.properties.definitions import Semantics
from ringproof.properties.replay import replay
from ringproof.properties.run import Report, check
from ringproof.properties.witness import Witness
from ringproof.traces.recording.state_text import StateError

from .expected import EXPECTED

pytestmark = pytest.mark.slow
MACHINE = "third-generation-read-psw"


def ids(report: Report) -> list[str]:
    return [witness.id for witness in report.witnesses]


def shows(semantics: Semantics, witness: Witness) -> bool:
    try:
        return bool(replay(semantics, witness).shown)
    except StateError:
        return False


def smaller(witness: Witness) -> Iterator[Witness]:
    """The witness without one component, or with one bit of a number or of a cell less, in one state or in all."""
    names = sorted({name for state in witness.states for name in state})
    for name in names:
        for states in _changed(witness.states, name, lambda value: [None]):
            yield msgspec.structs.replace(witness, states=states)
        for states in _changed(witness.states, name, _fewer_bits):
            yield msgspec.structs.replace(witness, states=states)


def _changed(states: list[Any], name: str, reduce: Any) -> Iterator[list[Any]]:
    for affected in [range(len(states)), *[[i] for i in range(len(states))]]:
        values = {states[i].get(name) for i in affected if not isinstance(states[i].get(name), dict)}
        cells = [states[i][name] for i in affected if isinstance(states[i].get(name), dict)]
        for old in [*values, *cells[:1]]:
            for new in reduce(old) if old is not None else []:
                changed = [
                    {**s, name: new} if i in affected and s.get(name) == old else s for i, s in enumerate(states)
                ]
                yield [{k: v for k, v in state.items() if v is not None} for state in changed]


def _fewer_bits(value: str | dict[str, str]) -> list[Any]:
    if isinstance(value, dict):
        return [{**value, i: fewer} for i, cell in value.items() for fewer in _fewer_bits(cell)]
    number = int(value, 16)
    return [hex(number & ~(1 << bit)) for bit in range(number.bit_length()) if number >> bit & 1]


@pytest.mark.parametrize("machine", EXPECTED)
def test_nothing_can_be_left_out_of_a_counterexample(machine: str) -> None:
    report = check(machine, jobs=1)
    semantics = Semantics(report.machine)
    assert sum(len(list(smaller(witness))) for witness in report.witnesses) > 50
    for witness in report.witnesses:
        assert shows(semantics, witness)
        assert witness.id == witness.hashed()
        for less in smaller(witness):
            assert not shows(semantics, less), (witness, less.states)


def test_the_smallest_counterexamples() -> None:
    """RETURN TO USER changes the mode of the state in which everything is zero."""
    report = check("third-generation-return-to-user", jobs=1, only=["RETURN TO USER"])
    found = {witness.claim: witness for witness in report.witnesses}
    assert found["control"].states == [{}]
    assert found["control"].word == hex(0b1001 << 60)
    assert found["not-privileged"].states == [{}, {"M": "0x1"}]


def test_every_run_finds_the_same_whatever_the_number_of_processes() -> None:
    first = ids(check(MACHINE, jobs=1))
    assert len(set(first)) == len(first) > 10
    assert ids(check(MACHINE, jobs=1)) == first
    assert ids(check(MACHINE, jobs=2)) == first
    code = f"from ringproof.properties.run import check; print(*[w.id for w in check({MACHINE!r}, jobs=1).witnesses])"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert run.stdout.split() == first


def test_what_was_checked_before_changes_nothing() -> None:
    """Terms are shared by all machines of a process, verdicts are not."""
    alone = ids(check(MACHINE, jobs=1, only=["READ PSW"]))
    check("third-generation-store-absolute", jobs=1)
    assert ids(check(MACHINE, jobs=1, only=["READ PSW"])) == alone
    whole = check(MACHINE, jobs=1)
    assert [w.id for row in whole.rows if row.name == "READ PSW" for f in row.forms for w in f.witnesses] == alone
