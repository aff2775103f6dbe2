"""Witness files: what is saved replays, and a damaged, foreign or hostile file is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main
from ringproof.properties.witness import Witness, load

from . import machines

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def saved(tmp_path: Path, capsys: Capture) -> list[Path]:
    """The counterexamples of a machine with a violation."""
    folder = tmp_path / "found"
    main(["check", "third-generation-read-mode", "--quiet", "--jobs", "1", "--save", str(folder)])
    capsys.readouterr()
    return sorted(folder.glob("*.json"))


@pytest.fixture
def shown(saved: list[Path]) -> Path:
    """The counterexample that shows the mode."""
    return next(path for path in saved if load(path).claim == "mode")


def refused(path: Path, capsys: Capture) -> str:
    """The one sentence with which the file is refused."""
    assert main(["replay", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ringproof: ") and err.count("\n") == 1
    return err.removeprefix("ringproof: ").rstrip("\n")


def changed(path: Path, change: Callable[[dict[str, Any]], None], *, rename: bool = True) -> Path:
    """The file with its content changed, and with the id that goes with it if `rename`."""
    content = json.loads(path.read_text())
    change(content)
    if rename:
        fields = {key: value for key, value in content.items() if key != "id"}
        content["id"] = Witness(**fields).hashed()
    path.write_text(json.dumps(content))
    return path


def test_every_saved_counterexample_replays(saved: list[Path], capsys: Capture) -> None:
    assert len(saved) > 10
    for path in saved:
        assert main(["replay", str(path)]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{path.stem} of third-generation-read-mode: ")
        assert out.endswith("It still shows what it claims.\n")


def test_a_value_edited_by_hand(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c["states"][0].update(b="0x7"), rename=False)
    error = refused(shown, capsys)
    assert error.startswith(f"{shown} was changed: its content is cx-")
    assert error.endswith(f"but it calls itself '{shown.stem}'")


def test_a_value_edited_by_hand_with_a_new_name_does_not_replay(shown: Path, capsys: Capture) -> None:
    def same_mode(content: dict[str, Any]) -> None:
        content["states"][1] = dict(content["states"][0])

    changed(shown, same_mode)
    assert main(["replay", str(shown)]) == 6
    assert capsys.readouterr().out.endswith("It does not show what it claims.\n")


def test_a_value_that_does_not_fit(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c["states"][0].update(M="0x2"))
    assert refused(shown, capsys) == "M is a hexadecimal number of 1 bits, not '0x2'"


def test_a_component_that_the_machine_does_not_have(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c["states"][0].update(EAX="0x2"))
    assert refused(shown, capsys) == "third-generation-read-mode has no component named 'EAX'"


def test_an_instruction_of_another_machine(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c.update(instruction="SMSW AX"))
    assert refused(shown, capsys) == "third-generation-read-mode has no instruction 'SMSW AX'"


def test_a_claim_that_there_is_not(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c.update(claim="magic"))
    assert refused(shown, capsys).endswith("not-privileged, not 'magic'")


def test_a_word_of_another_instruction(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c.update(word="0x0"))
    assert refused(shown, capsys).startswith("the word 0x0 is not one of 'READ MODE")


def test_an_assumption_that_there_is_not(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c["assumptions"].update(UMIP="1"))
    assert "no assumption named 'UMIP'" in refused(shown, capsys)


def test_a_machine_that_there_is_not(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c.update(machine="pdp-11"))
    told = refused(shown, capsys)
    assert told.startswith("the witness is of machine 'pdp-11', which is not in the catalogue; ")
    assert told.endswith("name its file with --machine FILE.py")


def test_without_a_schema(shown: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c.pop("schema"))
    told = f"{shown} is not a witness file of schema ringproof/witness/1: Object missing required field `schema`"
    assert refused(shown, capsys) == told


def test_a_file_is_never_run_as_a_machine(shown: Path, tmp_path: Path, capsys: Capture) -> None:
    """The name of a machine in a witness is a name: a Python file is taken from the command line only."""
    evil = tmp_path / "evil.py"
    evil.write_text(f"from pathlib import Path; Path({str(tmp_path / 'ran')!r}).touch()\n")
    changed(shown, lambda c: c.update(machine=str(evil)))
    refused(shown, capsys)
    assert not (tmp_path / "ran").exists()


def test_of_another_machine(shown: Path, tmp_path: Path, capsys: Capture) -> None:
    other = machines.sound(tmp_path)
    changed(shown, lambda c: c.update(assumptions={}))
    assert main(["replay", str(shown), "--machine", str(other)]) == 2
    expected = "ringproof: the witness is of machine 'third-generation-read-mode', not of 'small'\n"
    assert capsys.readouterr().err == expected


def test_truncated(shown: Path, capsys: Capture) -> None:
    text = shown.read_text()
    for length in (1, len(text) // 2, len(text) - 3):
        shown.write_text(text[:length])
        assert refused(shown, capsys).startswith(f"{shown} is not a witness file of schema ringproof/witness/1: ")


def test_of_100_megabytes(shown: Path, capsys: Capture) -> None:
    with shown.open("r+b") as file:
        file.truncate(100_000_000)
    assert refused(shown, capsys) == f"{shown} has 100000000 bytes; a witness has at most 1048576"


def test_a_device_is_not_read(capsys: Capture) -> None:
    assert refused(Path("/dev/zero"), capsys) == "/dev/zero is not a regular file; a witness file was expected"


@pytest.mark.parametrize(
    "content",
    [b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"machine": 1}', b'{"schema": "ringproof/witness/2"}', b"null"],
    ids=["a list", "no text", "deep nesting", "a wrong type", "a newer schema", "null"],
)
def test_anything_else(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert str(path) in refused(path, capsys)


def test_no_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "none.json"
    assert refused(path, capsys) == f"{path} cannot be read: No such file or directory"
    assert refused(tmp_path, capsys).startswith(f"{tmp_path} ")
