"""`ringproof report`: which files it takes, and what becomes of hostile text in them."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ringproof.__main__ import main
from ringproof.model.catalog import named
from ringproof.properties.replay import CLAIMS
from ringproof.properties.witness import load
from ringproof.report.claims import DEFINITIONS
from ringproof.traces.recording.form import FRAME

from ..commands import machines
from ..commands.test_witness_files import changed
from . import programs

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def shown(tmp_path: Path, capsys: Capture) -> Path:
    """A counterexample that shows the mode."""
    options = ["--only", "READ MODE", "--quiet", "--jobs", "1", "--save", str(tmp_path / "found")]
    main(["check", "third-generation-read-mode", *options])
    capsys.readouterr()
    return next(path for path in sorted((tmp_path / "found").glob("*.json")) if load(path).claim == "mode")


class Elements(HTMLParser):
    """The elements of a page, and the attributes that begin with "on"."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]


def test_it_says_what_it_wrote(shown: Path, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "page.html"
    assert main(["report", str(shown), "-o", str(target)]) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(rf"{re.escape(str(target))}: {shown.stem} of third-generation-read-mode, \d+ KiB\n", out)
    assert sorted(path.name for path in tmp_path.glob("page*")) == ["page.html"]


def test_the_page_is_the_same_each_time(shown: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        main(["report", str(shown), "-o", str(tmp_path / name)])
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_what_does_not_replay_has_no_report(shown: Path, tmp_path: Path, capsys: Capture) -> None:
    changed(shown, lambda c: c["states"].__setitem__(1, dict(c["states"][0])))
    target = tmp_path / "page.html"
    assert main(["report", str(shown), "-o", str(target)]) == 6
    assert capsys.readouterr().err.endswith("does not show what it claims, so there is no report of it\n")
    assert not target.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"\x00\xff" * 100),
        lambda path: path.write_text("{}"),
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text().replace("0x0", "0x1")),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(shown: Path, capsys: Capture, damage: Callable[[Path], None]) -> None:
    damage(shown)
    assert main(["report", str(shown)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("ringproof: ") and err.count("\n") == 1
    assert not shown.with_suffix(".html").exists()


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


def test_hostile_text_stays_text(tmp_path: Path, capsys: Capture) -> None:
    """Names, documentation and file names come from others."""
    source = machines.leaking(tmp_path)
    text = (
        source.read_text()
        .replace("acc := mode.", HOSTILE.replace('"', '\\"'))
        .replace("an accumulator", repr(HOSTILE)[1:20])
    )
    source.write_text(text.replace('"program counter"', repr(HOSTILE)))
    main(["check", str(source), "--quiet", "--jobs", "1", "--save", str(tmp_path / "found")])
    path = next(p for p in (tmp_path / "found").glob("*.json") if load(p).claim == "mode")
    strange = path.with_name("<b onclick=x>.json")
    path.rename(strange)
    target = tmp_path / "page.html"
    assert main(["report", str(strange), "--machine", str(source), "-o", str(target)]) == 0
    written = target.read_text()
    elements = Elements(written)
    assert elements.found.count("script") == 4
    assert "img" not in elements.found and "b" not in [e for e in elements.found if e == "onclick"]
    assert elements.handlers == []
    assert "{{7*7}}" in written and "alert(1)&lt;/script&gt;" in written


def test_the_text_of_a_witness_is_not_believed(shown: Path, tmp_path: Path) -> None:
    """The sentence is made again: that in the file is not part of what its name covers."""
    changed(shown, lambda c: c.update(text="Everything is fine. " + HOSTILE))
    target = tmp_path / "page.html"
    assert main(["report", str(shown), "-o", str(target)]) == 0
    assert "Everything is fine" not in target.read_text()


def test_a_machine_that_has_no_module_is_named_as_such(tmp_path: Path) -> None:
    source = machines.leaking(tmp_path)
    text = source.read_text().replace('counter="pc"', 'counter=""')
    source.write_text(text)
    main(["check", str(source), "--quiet", "--jobs", "1", "--save", str(tmp_path / "found")])
    path = next(p for p in (tmp_path / "found").glob("*.json") if load(p).claim == "mode")
    assert main(["report", str(path), "--machine", str(source)]) == 0
    assert "This page cannot run the machine: small has no program counter." in path.with_suffix(".html").read_text()


def test_a_trace_that_the_machine_does_not_take_has_no_report(tmp_path: Path, capsys: Capture) -> None:
    trace = programs.third_generation(tmp_path, 10)
    other = programs.third_generation(tmp_path, 10, addend=9, name="other")
    # The header of one run with the steps of another, each whole by its checksum.
    one, two = (frames(path.read_bytes()) for path in (trace, other))
    trace.write_bytes(one[0] + two[1] + one[2])
    assert main(["report", str(trace)]) == 6
    assert capsys.readouterr().err == f"ringproof: {trace} does not replay: third-generation does otherwise at step 0\n"
    assert not trace.with_suffix(".html").exists()


def frames(content: bytes) -> tuple[bytes, bytes, bytes]:
    """The first line and the header, the steps, the end."""
    starts = [content.index(b"\n") + 1]
    while starts[-1] < len(content):
        starts.append(starts[-1] + FRAME.size + FRAME.unpack_from(content, starts[-1])[1])
    return content[: starts[1]], content[starts[1] : starts[2]], content[starts[2] :]


@pytest.mark.parametrize("damage", [lambda content: content[:20], lambda content: content[:-60] + b"\0" * 60])
def test_a_damaged_trace_is_refused_in_one_sentence(
    tmp_path: Path, capsys: Capture, damage: Callable[[bytes], bytes]
) -> None:
    trace = programs.third_generation(tmp_path, 10)
    trace.write_bytes(damage(trace.read_bytes()))
    assert main(["report", str(trace)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_traces_of_two_machines_do_not_stand_side_by_side(tmp_path: Path, capsys: Capture) -> None:
    machine = named("third-generation-read-mode")
    one = programs.third_generation(tmp_path, 3)
    two = programs.recorded(tmp_path, "other", machine, programs.supervised(machine), 3)
    assert main(["report", str(one), str(two)]) == 2
    assert (
        capsys.readouterr().err == f"ringproof: {one} is of third-generation, but {two} of third-generation-read-mode\n"
    )


def test_a_run_that_is_too_long_is_refused(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringproof.report.from_trace.LONGEST", 9)
    trace = programs.third_generation(tmp_path, 10)
    assert main(["report", str(trace)]) == 2
    assert capsys.readouterr().err == f"ringproof: {trace} has 10 steps; a report holds at most 9\n"


def test_every_claim_has_its_definition() -> None:
    assert set(DEFINITIONS) == set(CLAIMS)


def test_the_commands_in_a_page_do_what_they_say(shown: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shown.parent)
    strange = shown.rename(shown.with_name("it's & so.json"))
    assert main(["report", strange.name]) == 0
    lines = re.findall(r"<dd><code>(.*)</code></dd>", strange.with_suffix(".html").read_text())
    capsys.readouterr()
    codes = []
    for line in lines:
        program, *words = shlex.split(html.unescape(line))
        assert program == "ringproof"
        codes.append((words[0], main(words)))
    assert codes == [("replay", 0), ("check", 1), ("explain", 0), ("report", 0)]
    assert "still shows what it claims" in capsys.readouterr().out
    assert list(shown.parent.glob("found/*.json"))
