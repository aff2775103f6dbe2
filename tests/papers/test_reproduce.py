"""`ringproof reproduce`: the papers, their claims, and an exit code that is 0 only if all agree."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ringproof.__main__ import main
from ringproof.papers import catalog, experiment
from ringproof.papers.catalog import PAPERS, load
from ringproof.papers.experiment import Experiment, Finding, Kind, Laboratory, Paper
from ringproof.properties.run import Stopped, check
from ringproof.properties.workers import WorkerKilled

FOLDER = Path(catalog.__file__).parent


def paper(monkeypatch: pytest.MonkeyPatch, *answers: bool | None) -> None:
    """Puts a paper in the catalogue's place whose claims agree as said; the last is a slip."""
    kinds = [Kind.CLAIM] * (len(answers) - 1) + [Kind.SLIP]
    experiments = tuple(
        Experiment(f"claim-{n}", str(n), "it is so", lambda laboratory, a=answer: Finding("it is", a, ("seen",)), kind)  # type: ignore[misc]
        for n, (answer, kind) in enumerate(zip(answers, kinds, strict=True), 1)
    )
    monkeypatch.setattr(catalog, "load", lambda name: Paper(name, "A paper", experiments))


@pytest.mark.parametrize("name", PAPERS)
def test_every_paper_has_claims(name: str) -> None:
    found = load(name)
    assert found.name == name
    assert found.experiments
    assert len({each.name for each in found.experiments}) == len(found.experiments)


def test_every_folder_is_in_the_catalogue() -> None:
    assert {each.parent.name for each in FOLDER.glob("*/experiments.py")} == set(PAPERS)


def test_without_a_paper_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(PAPERS)


@pytest.mark.parametrize(
    ("answers", "code"), [((True, True), 0), ((True, False), 1), ((None, True), 3), ((None, False), 1)]
)
def test_the_exit_code(monkeypatch: pytest.MonkeyPatch, answers: tuple[bool | None, ...], code: int) -> None:
    paper(monkeypatch, *answers)
    assert main(["reproduce", "a", "--quiet"]) == code
    assert main(["reproduce", "a", "--quiet", "--json"]) == code


def test_the_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    paper(monkeypatch, True, None, False, True)
    main(["reproduce", "a", "--quiet"])
    out = capsys.readouterr().out
    assert "claim-1 (section 1): agrees\n  claim: it is so.\n  ours:  it is.\n    seen\n" in out
    assert "claim-2 (section 2): undecided" in out
    assert "claim-3 (section 3): DIFFERS" in out
    assert "claim-4 (section 4): slip found" in out
    assert "2 of 4 agree, 1 differ, 1 undecided; " in out


def test_a_slip_that_is_not_found_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    paper(monkeypatch, False)
    assert main(["reproduce", "a", "--quiet"]) == 1
    assert "claim-1 (section 1): SLIP NOT FOUND" in capsys.readouterr().out


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "popek_goldberg_1974", "--only", "bound", "--quiet", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["paper"]) == ("ringproof/reproduce/1", "popek_goldberg_1974")
    (claim,) = document["claims"]
    assert (claim["name"], claim["kind"], claim["agrees"]) == ("bound", "slip", True)
    assert document["agree"] is True


def test_part_of_a_check_agrees_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = check("third-generation-halt", only=["HALT"], jobs=1)
    for stopped, error, code in ((Stopped.INTERRUPTED, KeyboardInterrupt, 130), (Stopped.KILLED, WorkerKilled, 3)):
        monkeypatch.setattr(experiment, "check", lambda *a, stopped=stopped, **k: replace(whole, stopped=stopped))
        with pytest.raises(error):
            Laboratory().check("third-generation-halt")
        assert main(["reproduce", "popek_goldberg_1974", "--only", "third-generation-halt", "--quiet"]) == code


def test_claims_are_chosen_by_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "popek_goldberg_1974", "--list", "--only", "privileged*"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["privileged", "privileged-innocuous"]


def test_an_unknown_claim_or_paper_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "popek_goldberg_1974", "--only", "nothing"]) == 5
    assert "popek_goldberg_1974 has no claim named 'nothing'" in capsys.readouterr().err
    assert main(["reproduce", "popek_1974"]) == 2
    assert "no paper is named 'popek_1974'; did you mean popek_goldberg_1974?" in capsys.readouterr().err
