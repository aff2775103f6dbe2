"""Progress where stderr is no terminal: plain lines, not more often than asked for."""

from __future__ import annotations

import pytest

from ringproof.commands import progress


def test_lines_are_as_far_apart_as_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    with progress.reporter("work", quiet=False, every=2.0) as report:
        assert report is not None
        for done in range(1, 101):
            now += 0.1
            report(done, 100, "things")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "1/100 things" and lines[-1] == "100/100 things"
    assert 5 <= len(lines) <= 7


def test_without_stderr_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with progress.reporter("work", quiet=False) as report:
        assert report is None


def test_every_result_has_a_line_where_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.reporter("work", quiet=False) as report:
        assert report is not None
        for done in range(3):
            report(done, 9, "thing")
    assert capsys.readouterr().err == "0/9 thing\n1/9 thing\n2/9 thing\n"
