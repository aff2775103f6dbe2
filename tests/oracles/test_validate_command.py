"""`ringproof validate`: what it prints and the exit codes, without a long run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ringproof.__main__ import main
from ringproof.commands.validate import validate
from ringproof.exits import Exit
from ringproof.traces.oracles.bochs import Bochs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(validate, ["ia32", "--quiet", *arguments])


def test_without_bochs_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        return "there is no program `bochs` (Debian's packages: bochs, bochs-term)"

    monkeypatch.setattr(Bochs, "available", staticmethod(missing))
    result = run("--against", "bochs")
    assert result.exit_code == Exit.INCONCLUSIVE
    assert result.stderr.endswith(f"ringproof: {missing()}\n")
    assert result.stdout == ""


def test_a_folder_without_counterexamples_selects_nothing(tmp_path: Path) -> None:
    result = run("--witnesses", str(tmp_path))
    assert result.exit_code == Exit.NOTHING_SELECTED
    assert result.stderr == f"ringproof: there are no counterexamples (cx-*.json, dv-*.json) in {tmp_path}\n"


def test_counterexamples_are_for_unicorn(tmp_path: Path) -> None:
    result = run("--against", "bochs", "--witnesses", str(tmp_path))
    assert result.exit_code == Exit.USAGE
    assert "bochs does not run any state that it is given; --witnesses is for unicorn" in result.stderr


def test_an_unknown_row_selects_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "ia32", "--quiet", "--only", "FROB"]) == Exit.NOTHING_SELECTED
    assert capsys.readouterr().err == "ringproof: ia32 has no instruction named 'FROB'\n"


@pytest.mark.slow
def test_a_short_run_against_bochs() -> None:
    if trouble := Bochs.available():
        pytest.skip(trouble)
    result = run("--against", "bochs", "--only", "SGDT", "--only", "RDTSC", "--steps", "200", "--json")
    assert result.exit_code == Exit.EXPECTED, result.stdout
    document = json.loads(result.stdout)
    assert document["against"]["name"] == "bochs"
    assert document["agreed"] + document["listed"] == document["steps"] <= 200
    assert document["uncovered"] == []
    assert [e["section"] for e in document["exceptions"]] == ["SDM vol. 3, section 17.17"]
    known = {(s["name"], s["value"]) for s in document["settings"]}
    assert {("UMIP", 0), ("UMIP", 1), ("IOPL", 0), ("IOPL", 3)} <= known


@pytest.mark.slow
def test_a_short_run_in_words() -> None:
    pytest.importorskip("unicorn")
    result = run("--only", "INT1", "--steps", "20", "--coverage")
    assert result.exit_code == Exit.EXPECTED, result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].endswith(": 20 steps, seed 1")
    assert "covered: 1 of 1 forms" in result.stdout
    rings = [line.split()[1:3] for line in lines[lines.index("steps by instruction") + 1 :]]
    assert rings == [["ring", f"{n}:"] for n in range(4)]
    assert "  INT1, 20 steps: SDM vol. 2, INT n/INTO/INT3/INT1" in lines
