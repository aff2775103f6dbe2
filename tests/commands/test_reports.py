"""What check, explain and machines print: one JSON document of the schema, and text that says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main
from ringproof.model.catalog import CATALOG, load
from ringproof.model.well_formed import check_well_formed

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
    assert "  refuted  does not show the mode, wherever it changes none of these  cx-" in text
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
        ("1 / 0", "could not be read as a machine: line 1, ZeroDivisionError: division by zero"),
        ("def machine(", "could not be read as a machine: SyntaxError: '(' was never closed (my.py, line 1)"),
        ("raise SystemExit(0)", "could not be read as a machine: line 1, SystemExit: 0"),
        ("x = 1", "defines no function machine() that returns a Machine"),
        ("def machine(): return 3", "defines no function machine() that returns a Machine"),
    ],
)
def test_a_file_that_is_no_machine(content: str, error: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "my.py"
    path.write_text(content)
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err == f"ringproof: {path} {error}\n"


def broken(folder: Path, old: str, new: str) -> Path:
    """The small machine with a mistake in it."""
    path = machines.sound(folder)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('RESOURCE, "int', "'resource', \"int", "timer has the role 'resource'; one of PROGRAM, MODE, RESOURCE, "),
        ('{"supervisor": 0, "user": 1}', '{"user": 1}', "there is only the level user; at least two were expected"),
        ('"user": 1}', '"user": 0}', "two of the levels supervisor, user have the same value"),
        ('"user": 1}', '"user": 2}', "the level user is 2, but mode holds 0 to 1"),
        ('guest="user"', 'guest="usr"', "guests run at 'usr', which is none of the levels supervisor, user"),
        ('guest="user"', 'guest="supervisor"', "guests run at 'supervisor', the most privileged level"),
        ('mode="mode"', 'mode="mod"', "the mode is the component 'mod', but the machine has pc, acc, mode, timer"),
        ('MODE, "0', 'PROGRAM, "0', "the mode mode has the role program; MODE was expected"),
        ('RESOURCE, "int', 'MODE, "int', "timer has the role MODE as well as mode; a machine has one mode"),
        ('counter="pc"', 'counter="ip"', "the counter is the component 'ip', which the machine does not have"),
        ('name="small"', 'name="ia32"', "it calls itself ia32, as a machine of the catalogue does"),
        ("cpu.acc + n.zext(8)", "cpu.acc + n", "line 29, the meaning of ADD: "),
        ("cpu.acc + n.zext(8)", "cpu.acc + k", "line 29, the meaning of ADD: NameError: name 'k' is not defined"),
        ("cpu.acc = cpu.acc", "cpu.ac = cpu.acc", "the meaning of ADD: AttributeError: the machine has no component"),
        ("def add(cpu, n)", "def add(cpu, k)", "the meaning of ADD: TypeError: "),
        ("cpu.trap(PRIVILEGE, when=cpu.mode == 1)", "if cpu.mode == 1: pass", "has no truth value; use ite, & or "),
        ("Kind.PRIVILEGE", "'privilege'", "SET TIMER traps with Cause("),
    ],
)  # fmt: skip
def test_a_mistake_in_a_machine_is_one_sentence(
    old: str, new: str, error: str, tmp_path: Path, capsys: Capture
) -> None:
    path = broken(tmp_path, old, new)
    for command in ("check", "machines"):
        assert main([command, str(path)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"ringproof: {path} could not be read as a machine: ")
        assert error in told
        assert told.count("\n") == 1


@pytest.mark.parametrize("name", CATALOG)
def test_the_machines_of_the_catalogue_are_well_formed(name: str) -> None:
    check_well_formed(load(name))


def test_what_a_machine_prints_is_no_result(tmp_path: Path, capsys: Capture) -> None:
    path = broken(tmp_path, "def machine():", "print('hello')\n\n\ndef machine():")
    assert main(["check", str(path), "--quiet", "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["machine"] == "small"
    assert err == "hello\n"


@pytest.mark.parametrize("folder", ["/dev/null/found", "/proc/found", ""])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(folder: str, capsys: Capture) -> None:
    for command in (["check", "third-generation"], ["explain", "third-generation", "ADD"]):
        assert main([*command, "--save", folder]) == 2
        assert f"nothing can be saved in '{folder or '.'}'" in capsys.readouterr().err


def test_guests_do_not_run_at_the_top(capsys: Capture) -> None:
    assert main(["check", "ia32", "--assume", "CPL=ring 0"]) == 2
    assert capsys.readouterr().err == "ringproof: guests cannot run at ring 0, the most privileged level\n"
