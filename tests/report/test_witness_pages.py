"""The page of a counterexample, as its reader meets it in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ringproof.__main__ import main
from ringproof.model.catalog import named
from ringproof.model.terms import ArraySort
from ringproof.properties.definitions import Semantics
from ringproof.properties.replay import Replayed, replay
from ringproof.properties.witness import load
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

from .browser import needs_chromium, opened

pytestmark = [needs_chromium, pytest.mark.slow]


def replayed(path: Path) -> Replayed:
    witness = load(path)
    machine = named(witness.machine)
    machine.assuming(witness.assumptions)
    return replay(Semantics(machine), witness)


def edited(found: Replayed, run: int, place: str, value: int) -> State:
    """What the interpreter makes of a state of the witness, edited."""
    case = found.case
    state = {n: v.copy() if isinstance(v, Cells) else v for n, v in case.states[run].items()}
    name, bracket, index = place.partition("[")
    if bracket:
        state[name][int(index.rstrip("]"), 16)] = value
    else:
        state[name] = value
    return case.semantics.after(case.instruction, case.fields, state).state


def page_that_shows_the_mode(folder: Path, machine: str) -> Path:
    """The page of a counterexample of a machine in a file."""
    assert main(["check", machine, "--quiet", "--jobs", "1", "--save", str(folder / "found")]) == 1
    path = next(path for path in sorted((folder / "found").glob("*.json")) if load(path).claim == "mode")
    assert main(["report", str(path), "--machine", machine]) == 0
    return path.with_suffix(".html")


def test_the_page_complains_of_nothing_and_asks_for_nothing(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        found.page.keyboard.press("p")
        found.page.keyboard.press("n")
        assert found.complaints == []
        assert found.requests == [read_mode.as_uri()]


def test_it_says_first_what_check_says(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        said = "READ MODE 0 shows the mode: the cell at 0 becomes 0 at level supervisor, but 1 at level user."
        assert found.text("h1") == said
        assert found.text("#table tr.differs .name >> nth=0") == "E[0x0]"


def test_other_scripts_and_styles_are_refused(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        found.page.evaluate("""() => {
            const script = document.createElement('script');
            script.textContent = 'globalThis.intruder = true';
            document.body.append(script, Object.assign(document.createElement('img'), {src: 'https://example.org/'}));
            document.body.setAttribute('style', 'color: red');
        }""")
        assert found.page.evaluate("() => globalThis.intruder") is None
        assert len([text for text in found.complaints if "Content Security Policy" in text]) == 3


@pytest.mark.parametrize("run", [0, 1])
@pytest.mark.parametrize(
    ("place", "value"), [("P", 0x41), ("E[0x0]", 0xFEDCBA9876543210), ("l", 0x1234), ("b", 0x10000)]
)
def test_an_edit_runs_as_it_does_in_python(
    browser: Browser, read_mode: Path, witnesses: dict[str, Path], run: int, place: str, value: int
) -> None:
    after = edited(replayed(witnesses["READ MODE/mode"]), run, place, value)
    with opened(browser, read_mode) as found:
        found.page.locator("#both").uncheck()
        found.unfold()
        found.edit(place, run, hex(value))
        column = 2 * run + 1
        for name in ("P", "M", "l", "b"):
            assert found.value(name, column) == after[name]
        for index in {0, *(index for index, cell in after["E"].items() if cell)}:
            assert found.value(f"E[{index:#x}]", column) == after["E"][index]
        assert found.complaints == []


def test_ia32_runs_in_the_page(browser: Browser, witnesses: dict[str, Path]) -> None:
    path = witnesses["SMSW/resource"]
    assert main(["report", str(path)]) == 0
    case = replayed(path)
    with opened(browser, path.with_suffix(".html")) as found:
        found.page.locator("#both").uncheck()
        found.unfold()
        found.edit("CR0", 0, "0xdeadbeef")
        after = edited(case, 0, "CR0", 0xDEADBEEF)
        for name, component in case.case.semantics.machine.components.items():
            if not isinstance(component.sort, ArraySort):
                assert found.value(name, 1) == after[name], name
        assert "EAX" in found.text("#edited")
        assert found.complaints == []


def test_an_edit_of_what_is_equal_reaches_both_runs_and_is_taken_back(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        before = found.text("#table")
        found.edit("P", 0, "7")
        assert [found.value("P", n) for n in range(4)] == [7, 8, 7, 8]
        assert "Edited in 1 place" in found.text("#edited")
        found.page.keyboard.press("r")
        found.page.wait_for_selector("#edited:empty", state="attached")
        assert found.text("#table") == before


def test_a_difference_that_is_edited_away_is_marked_no_more(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        found.edit("M", 1, "0")
        assert found.page.locator("tr.differs").count() == 0
        assert "Now the runs end alike." in found.text("#edited")


def test_a_value_that_does_not_fit_is_refused_in_words(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        found.edit("P", 0, "0x10000")
        assert found.text("#said") == "P is a number of at most 16 bits, such as 0x2a or 42, not “0x10000”."
        found.page.keyboard.press("Escape")
        assert found.value("P", 0) == 0
        assert found.text("#edited") == ""


def test_the_keyboard_alone_edits(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        found.page.keyboard.press("e")
        found.page.keyboard.press("Enter")
        found.page.keyboard.type("0x2a")
        found.page.keyboard.press("Enter")
        assert found.value("E[0x0]", 0) == 0x2A
        focused = found.page.evaluate("() => document.activeElement.getAttribute('aria-label')")
        assert focused == "E[0x0], first run: 0x2a, edited. Edit"


def test_a_moved_run_is_shown_beside_the_first(browser: Browser, witnesses: dict[str, Path]) -> None:
    """Bases that were moved on purpose are no difference."""
    path = witnesses["LOAD REAL ADDRESS/location"]
    assert main(["report", str(path)]) == 0
    with opened(browser, path.with_suffix(".html")) as found:
        static = found.page.locator("tr.differs .name").all_inner_texts()
        assert static == [name for name in static if name.startswith("E[")]
        assert len(static) == 1
        assert found.complaints == []


def test_it_reads_without_javascript(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:
        with_script = [found.page.locator("#table tr.differs").all_inner_texts(), found.text("#heading")]
    with opened(browser, read_mode, java_script_enabled=False) as plain:
        without = [plain.page.locator("#table tr.differs").all_inner_texts(), plain.text("#heading")]
        assert re.sub(r"\s+", " ", str(without)) == re.sub(r"\s+", " ", str(with_script))
        assert "shows the mode" in plain.text("h1")
        assert not plain.page.locator("#tools").is_visible()


@pytest.mark.parametrize("width", [320, 390, 800, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, read_mode: Path, width: int) -> None:
    with opened(browser, read_mode, viewport={"width": width, "height": 800}) as found:
        assert found.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_mode_is_marked_in_its_ring(browser: Browser, read_mode: Path) -> None:
    with opened(browser, read_mode) as found:

        def distance(run: int) -> float:
            mark = found.page.locator(f".at[data-run='{run}'] .is")
            x, y = (float(mark.get_attribute(name) or 0) for name in ("cx", "cy"))
            return float(((x - 150) ** 2 + (y - 150) ** 2) ** 0.5)

        inner = float(found.page.locator(".ring[data-level='0']").get_attribute("r") or 0)
        assert distance(1) < inner < distance(2)
        found.edit("M", 1, "0")
        assert distance(2) < inner
