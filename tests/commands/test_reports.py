"""What check, explain and machines print: one JSON document of the schema, and text that says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main
from ringproof.model.catalog import CATALOG

from . import machines

Capture = pytest.CaptureFixture[str]
MACHINE = "third-generation-read-psw"


def run(capsys: Capture, *arguments: str) -> str:
    """What a command prints; it must not fail for a fault of ours, nor print anything else."""
    assert main(list(arguments)) in (0, 1)
    out, err = capsys.readouterr()
    assert err == ""
    return out


def document(capsys: Capture, *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--json"))


def test_check_as_json(capsys: Capture) -> None:
    found = document(capsys, "check", MACHINE, "--quiet", "--jobs", "1")
    assert found["schema"] == "ringproof/check/1"
    assert found["machine"] == MACHINE
    assert found["context"] == {"M": "user"}
    rows = {row["name"]: row for row in found["instructions"]}
    leak = rows["READ PSW"]
    assert leak["mode_sensitive"] is leak["location_sensitive"] is leak["behavior_sensitive"] is True
    assert leak["resource_sensitive"] == ["b"]
    assert leak["privileged"] is leak["control_sensitive"] is leak["timing_sensitive"] is leak["innocuous"] is False
    assert leak["user_sensitive"] is True
    assert rows["ADD"]["innocuous"] is True
    assert all(
        witness.startswith("cx-") and len(witness) == 15 for row in rows.values() for witness in row["witnesses"]
    )
    assert found["theorems"]["theorem1"]["condition"] == "fails"
    assert found["theorems"]["theorem1"]["violations"] == ["READ PSW"]
    assert set(found["theorems"]) == {"theorem1", "theorem2", "theorem3"}
    assert found["obligations"]["unknown"] == 0 < found["obligations"]["proved"]
    assert found["complete"] is True
    assert found["solver"].startswith("z3 ")
    assert found["seconds"] > 0


def test_the_witnesses_of_the_document_are_those_that_are_saved(capsys: Capture, tmp_path: Path) -> None:
    found = document(capsys, "check", MACHINE, "--quiet", "--jobs", "1", "--save", str(tmp_path))
    ids = {witness for row in found["instructions"] for witness in row["witnesses"]}
    assert {path.stem for path in tmp_path.glob("*.json")} == ids


def test_two_processes_find_what_one_finds(capsys: Capture) -> None:
    one, two = (document(capsys, "check", MACHINE, "--quiet", "--jobs", jobs) for jobs in ("1", "2"))
    one.pop("seconds"), two.pop("seconds")
    assert one == two


def test_an_unknown_is_said_in_json(capsys: Capture) -> None:
    assert main(["check", MACHINE, "--quiet", "--jobs", "1", "--budget", "1", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["theorems"]["theorem1"]["condition"] == "unknown"
    assert {row["innocuous"] for row in found["instructions"]} == {"unknown"}


def test_a_check_of_some_rows_says_so(capsys: Capture) -> None:
    text = run(capsys, "check", MACHINE, "--quiet", "--only", "ADD", "--only", "move*")
    assert "privileged), over the rows selected, holds." in text
    assert "Innocuous: 3 of 3 instructions." in text
    assert "Decoding" not in text


def test_all_rows_on_request(capsys: Capture) -> None:
    text = run(capsys, "check", "third-generation", "--quiet", "--jobs", "1", "--all")
    assert "  LOAD PSW         privileged, control sensitive\n" in text
    assert "  ADD              innocuous\n" in text


def test_an_assumption_changes_the_context(capsys: Capture) -> None:
    found = document(capsys, "check", "ia32", "--quiet", "--only", "STR", "--assume", "UMIP=1")
    assert found["context"]["UMIP"] == 1
    assert found["instructions"][0]["privileged"] is True
    assert found["theorems"]["theorem1"]["condition"] == "holds"


@pytest.mark.parametrize(
    ("assumption", "error"),
    [
        ("UMIP", "an assumption is written NAME=VALUE, not 'UMIP'"),
        ("UMIP=2", "UMIP is a number from 0 to 1, not '2'"),
        ("IOPL=-1", "IOPL is a number from 0 to 3, not '-1'"),
        ("CPL=ring 4", "CPL is one of ring 0, ring 1, ring 2, ring 3, not 'ring 4'"),
        ("VMX=1", "ia32 has no assumption named 'VMX'; it has CPL, UMIP, TSD, PCE, PVI, VME, IOPL, io_bitmap"),
    ],
)
def test_an_assumption_that_cannot_be(assumption: str, error: str, capsys: Capture) -> None:
    assert main(["check", "ia32", "--assume", assumption]) == 2
    assert error in capsys.readouterr().err


def test_explain_tells_each_claim_and_the_runs(capsys: Capture) -> None:
    text = run(capsys, "explain", "third-generation-read-mode", "read mode")
    assert "READ MODE: mode sensitive" in text
    assert "  proved   changes no mode, resource or device without a trap  (cost " in text
    assert "  refuted  does not show the mode  cx-" in text
    sentence = "`READ MODE 0` shows the mode: the cell at 0 becomes 0 at level supervisor, but 1 at level user. [cx-"
    assert sentence in text
    assert "    *  M     0          0      1           1\n" in text


def test_explain_as_json_has_the_witnesses(capsys: Capture) -> None:
    found = document(capsys, "explain", "third-generation-read-mode", "READ MODE")
    assert found["schema"] == "ringproof/explain/1"
    assert found["instruction"]["name"] == "READ MODE"
    assert {w["id"] for w in found["counterexamples"]} == set(found["instruction"]["witnesses"])


def test_explain_of_no_instruction(capsys: Capture) -> None:
    assert main(["explain", "ia32", "SGTD"]) == 5
    assert capsys.readouterr().err == "ringproof: ia32 has no instruction named 'SGTD'; did you mean STD or SGDT?\n"


def test_replay_as_json(capsys: Capture, tmp_path: Path) -> None:
    run(capsys, "explain", "third-generation-shrink", "SHRINK", "--save", str(tmp_path))
    for path in tmp_path.glob("*.json"):
        found = document(capsys, "replay", str(path))
        assert found["schema"] == "ringproof/replay/1"
        assert found["id"] == path.stem
        assert found["holds"] is True
        assert found["shown"]


def test_machines_lists_the_catalogue(capsys: Capture) -> None:
    assert [line.split()[0] for line in run(capsys, "machines").splitlines()] == list(CATALOG)
    assert [m["name"] for m in document(capsys, "machines")["machines"]] == list(CATALOG)


@pytest.mark.parametrize("name", CATALOG)
def test_a_machine_shows_what_it_is_made_of_and_leaves_out(name: str, capsys: Capture) -> None:
    found = document(capsys, "machines", name)
    assert found["schema"] == "ringproof/machine/1"
    assert found["name"] == name
    assert found["left_out"]["behavior"]
    text = run(capsys, "machines", name)
    for part in found["left_out"]["behavior"]:
        assert part in text


def test_a_machine_in_a_file_of_its_own(tmp_path: Path, capsys: Capture) -> None:
    path = str(machines.leaking(tmp_path))
    assert "timer  BitVec(8)  resource  interrupt timer" in run(capsys, "machines", path)
    run(capsys, "check", path, "--quiet", "--jobs", "2", "--save", str(tmp_path / "found"))
    for witness in (tmp_path / "found").glob("*.json"):
        assert "It still shows what it claims." in run(capsys, "replay", str(witness), "--machine", path)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("1 / 0", "could not be read as a machine: ZeroDivisionError: division by zero"),
        ("def machine(", "could not be read as a machine: SyntaxError: '(' was never closed (my.py, line 1)"),
        ("x = 1", "defines no function machine() that returns a Machine"),
        ("def machine(): return 3", "defines no function machine() that returns a Machine"),
    ],
)
def test_a_file_that_is_no_machine(content: str, error: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "my.py"
    path.write_text(content)
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err == f"ringproof: {path} {error}\n"
