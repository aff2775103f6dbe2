"""`ringproof campaign`: what it prints, its exit codes, and that its counterexamples are files like the solver's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_violation_is_saved_and_replays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["campaign", "third-generation-shrink", "--traces", "20", "--workers", "1", "--quiet"]
    assert main([*arguments, "--save", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "seed 1" in shown.err and "VIOLATED: 1 instruction form sensitive" in shown.out
    files = sorted(tmp_path.glob("cx-*.json"))
    assert files
    for file in files:
        assert main(["replay", str(file)]) == 0
    assert main([*arguments, "--expect", "violated"]) == 0


def test_the_seed_and_the_trace_number_bring_a_violation_back(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["campaign", "third-generation-shrink", "--seed", "9", "--json", "--quiet"]
    assert main([*arguments, "--traces", "40", "--workers", "1"]) == 1
    (violation,) = document(capsys)["violations"]
    assert main([*arguments, "--trace", str(violation["trace"])]) == 1
    (again,) = document(capsys)["violations"]
    assert again["witness"] == violation["witness"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [["--traces", "60", "--explain"], ["--traces", "1", "--native"]], ids=["python", "native"]
)
def test_one_worker_and_four_print_the_same(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for workers in ("1", "4"):
        assert main(["campaign", "third-generation-read-mode", *more, "--workers", workers, "--json", "--quiet"]) == 1
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and json.loads(printed[0])["violations"]


def test_a_trace_alone_may_be_expected_to_violate(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["campaign", "third-generation-shrink", "--trace", "4"]
    assert [main([*arguments, "--expect", word]) for word in ("violated", "holds")] in ([0, 1], [1, 0])
    out = capsys.readouterr().out
    assert ": trace 4 of seed 1, for " in out and "       0  " in out


def test_nothing_found_is_no_proof(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaign", "third-generation", "--traces", "20", "--workers", "1", "--quiet"]) == 0
    assert "No violation was met, which is no proof" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["campaign", "nonesuch"], "no machine is named 'nonesuch'"),
        (["campaign", "third-generation", "--seed", "-1"], "-1 is not in the range"),
        (
            ["campaign", "third-generation", "--against", "unicorn"],
            "there is no other implementation of third-generation",
        ),
        (["campaign", "third-generation", "--time", "nan"], "nan is no number of seconds"),
        (["campaign", "ia32", "--trace", "1", "--native", "--steps", "5"], "--trace goes without --steps and --native"),
        (["campaign", "ia32", "--against", "unicorn", "--explain"], "--against goes without --explain"),
    ],
)
def test_bad_usage_is_one_sentence(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert sentence in shown and "Traceback" not in shown


@pytest.mark.slow
def test_steps_against_unicorn_agree_in_each_cell(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("unicorn")
    assert main(["campaign", "ia32", "--against", "unicorn", "--traces", "40", "--json", "--quiet"]) == 0
    found = document(capsys)
    results = {cell["result"] for cell in found["cells"]}
    assert "agrees" in results and "differs" not in results
