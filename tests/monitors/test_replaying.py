"""`ringproof replay` and `ringproof report` of what speaks against a monitor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringproof.__main__ import main
from ringproof.properties.monitors.demonstrating import programs
from ringproof.properties.monitors.divergence import Divergence
from ringproof.properties.monitors.witness import SystemWitness

from .counterexamples import HALT, READ_PSW, RETURN_TO_USER, SHRINK, STORE_ABSOLUTE, witness

Capture = pytest.CaptureFixture[str]


def program(found: SystemWitness) -> Divergence:
    shown = programs(found.system, [(found.instruction, (found,))], jobs=1)[found.instruction]
    assert shown is not None
    return shown.program


def document(path: Path, capsys: Capture) -> dict[str, Any]:
    main(["replay", str(path), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("found", [RETURN_TO_USER, READ_PSW, SHRINK, HALT, STORE_ABSOLUTE])
def test_a_counterexample_of_one_step_replays(found: SystemWitness, tmp_path: Path, capsys: Capture) -> None:
    path = found.save(tmp_path)
    assert main(["replay", str(path)]) == 0
    assert "It still shows what it claims." in capsys.readouterr().out
    assert document(path, capsys)["holds"] is True


def test_the_step_is_shown_both_ways_and_what_differs_is_marked(tmp_path: Path, capsys: Capture) -> None:
    path = RETURN_TO_USER.save(tmp_path)
    rows = {row["component"]: row for row in document(path, capsys)["runs"]}
    assert rows["M"] == {"component": "M", "before": "0", "alone": "1", "virtual": "0", "host": ["1", "1"],
                         "differs": True}  # fmt: skip
    assert [name for name, row in rows.items() if row["differs"]] == ["M"]


def test_a_cell_of_the_guest_is_shown_with_where_it_lies_and_a_cell_of_the_monitors_apart(
    tmp_path: Path, capsys: Capture
) -> None:
    rows = {row["component"]: row for row in document(STORE_ABSOLUTE.save(tmp_path), capsys)["runs"]}
    assert rows["E[1] of the host"]["host"] == ["0xd", "0xd"]
    read = {row["component"]: row for row in document(READ_PSW.save(tmp_path), capsys)["runs"]}
    assert read["E[0], on the host [4]"]["differs"] is True


def test_what_a_guest_changes_of_the_hosts_is_marked(tmp_path: Path, capsys: Capture) -> None:
    rows = document(HALT.save(tmp_path), capsys)["runs"]
    assert [row["component"] for row in rows if row["differs"]] == ["halted"]


def test_a_counterexample_that_shows_nothing_is_spurious(tmp_path: Path, capsys: Capture) -> None:
    path = witness("return-to-user", "MOVE", word=0).save(tmp_path)
    assert main(["replay", str(path)]) == 6
    assert "It does not show what it claims." in capsys.readouterr().out


def test_a_program_replays_with_both_runs_aligned(tmp_path: Path, capsys: Capture) -> None:
    path = program(RETURN_TO_USER).save(tmp_path)
    assert main(["replay", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["2:", "9000300000000000", "RETURN", "TO", "USER", "3", "completes", "it", "runs", "directly"] in lines
    assert any(line[:5] == ["3:", "7000000000000000", "LOAD", "PSW", "0"] and "emulates" in line for line in lines)
    found = document(path, capsys)
    assert (found["holds"], len(found["steps"]), found["instruction"]) == (True, 2, "RETURN TO USER")


def test_a_program_that_parts_later_than_it_says_is_spurious(tmp_path: Path, capsys: Capture) -> None:
    shorter = msgspec.structs.replace(program(RETURN_TO_USER), steps=1).identified()
    path = shorter.save(tmp_path)
    assert document(path, capsys)["holds"] is False
    assert main(["replay", str(path)]) == 6
    assert main(["report", str(path)]) == 6


@pytest.mark.parametrize("kind", [READ_PSW, program(READ_PSW)], ids=["counterexample", "program"])
def test_a_file_of_a_system_that_there_is_not_is_refused(
    kind: SystemWitness | Divergence, tmp_path: Path, capsys: Capture
) -> None:
    path = msgspec.structs.replace(kind, system="abacus/trap-and-emulate").identified().save(tmp_path)
    assert main(["replay", str(path)]) == 2
    err = capsys.readouterr().err
    assert err == f"ringproof: {path} is of system 'abacus/trap-and-emulate', which is not in the catalogue\n"


@pytest.mark.parametrize("command", ["replay", "report"])
def test_a_system_of_the_catalogue_takes_no_machine_file(command: str, tmp_path: Path, capsys: Capture) -> None:
    path = program(READ_PSW).save(tmp_path)
    assert main([command, str(path), "--machine", "mine.py"]) == 2
    assert "is of a system of the catalogue; it takes no --machine" in capsys.readouterr().err


def test_a_report_shows_programs_and_no_single_steps(tmp_path: Path, capsys: Capture) -> None:
    assert main(["report", str(RETURN_TO_USER.save(tmp_path))]) == 2
    assert "a report shows the program that was saved with it" in capsys.readouterr().err


def test_the_page_of_a_program_names_both_runs_and_marks_the_monitors_work(tmp_path: Path) -> None:
    path = program(RETURN_TO_USER).save(tmp_path)
    assert main(["report", str(path)]) == 0
    page = path.with_suffix(".html").read_text()
    for text in (
        "guest alone",
        "guest under the monitor",
        "emulated by the monitor after the host&#39;s privilege trap",
        "What it shows: Not equivalent",
    ):
        assert text in page


@pytest.mark.slow
def test_prove_saves_a_program_for_each_instruction_that_refutes(tmp_path: Path, capsys: Capture) -> None:
    name = "third-generation-shrink/trap-and-emulate"
    assert main(["prove", name, "--only", "SHRINK", "--quiet", "--jobs", "1", "--save", str(tmp_path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [entry["instruction"] for entry in found["programs"]] == ["SHRINK"]
    (saved,) = tmp_path.glob("dv-*.json")
    assert saved.stem == found["programs"][0]["program"]
    assert main(["replay", str(saved)]) == 0
