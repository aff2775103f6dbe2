"""The page of a recorded run, and of two side by side."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pytest_benchmark.fixture import BenchmarkFixture

from ringproof.__main__ import main
from ringproof.model.catalog import named
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.form import Input

from . import programs
from .browser import Opened, needs_chromium, opened

pytestmark = [needs_chromium, pytest.mark.slow]


def page_of(*traces: Path) -> Path:
    assert main(["report", *map(str, traces)]) == 0
    return traces[0].with_suffix(".html")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page_of(programs.third_generation(tmp_path_factory.mktemp("run"), 200))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of which the second has another initial cell, which is read at step 0."""
    folder = tmp_path_factory.mktemp("pair")
    first = programs.third_generation(folder, 60)
    return page_of(first, programs.third_generation(folder, 60, addend=5, name="other"))


def after(state: State, steps: int) -> State:
    Interpreter(named("third-generation")).run(state, steps)
    return state


def shows(found: Opened, state: State, column: int = 1) -> None:
    """The table has the values of `state`."""
    found.unfold()
    for name in ("M", "P", "l", "b"):
        assert found.value(name, column) == state[name]
    for index in (0, programs.BASE + 0x11, programs.BASE + 0x12):
        found.look("E", index)
        assert found.value(f"E[{index:#x}]", column) == state["E"][index]


def test_a_step_has_an_address_of_its_own(browser: Browser, run: Path) -> None:
    with opened(browser, run, "#step-122") as found:
        assert found.text("#where") == "step 122 of 0 to 199"
        shows(found, after(programs.supervised(named("third-generation")), 123))
        found.page.keyboard.press("n")
        assert found.page.url.endswith("#step-123")
        found.page.evaluate("() => { location.hash = '#step-7' }")
        found.page.wait_for_selector(".rows li.current .at:text-is('7')")
        shows(found, after(programs.supervised(named("third-generation")), 8))
        assert found.complaints == []


def test_the_keys_move_about(browser: Browser, run: Path) -> None:
    with opened(browser, run) as found:
        seen = []
        for key in ("l", "p", "f", "n", "n", "m", "m", "ArrowLeft", "Home", "p", "End", "n"):
            found.page.keyboard.press(key)
            seen.append(found.text("#where").split(" of ")[0])
        assert seen == [
            "step 199", "step 198", "before step 0", "step 0", "step 1", "step 2", "step 5", "step 4",
            "before step 0", "before step 0", "step 199", "step 199",
        ]  # fmt: skip


def test_the_keys_can_be_turned_off(browser: Browser, run: Path) -> None:
    with opened(browser, run) as found:
        found.page.locator("#help input").uncheck()
        found.page.keyboard.press("l")
        assert found.text("#where").startswith("step 0 ")


def test_forward_and_back_come_to_the_same_state(browser: Browser, run: Path) -> None:
    with opened(browser, run, "#step-50") as found:
        here = found.text(".state")
        for key in ("l", "f"):
            found.page.keyboard.press(key)
        found.page.evaluate("() => { location.hash = '#step-50' }")
        found.page.wait_for_selector(".rows li.current .at:text-is('50')")
        assert found.text(".state") == here


def test_traps_and_levels_stand_in_the_list(browser: Browser, run: Path) -> None:
    with opened(browser, run) as found:
        steps = found.page.locator(".rows li").all_inner_texts()
        assert steps[3].split() == ["2", "⇅!", "u", "LOAD", "PSW", "19", "privilege", "trap"]
        assert steps[4].split() == ["3", "s", "ADD", "48,", "0"]
        label = found.page.locator(".rows li").nth(3)
        assert (label.get_attribute("aria-posinset"), label.get_attribute("aria-setsize")) == ("4", "201")


def test_two_runs_open_where_they_part(browser: Browser, pair: Path) -> None:
    with opened(browser, pair) as found:
        assert found.text("h1") == "Two runs of third-generation part at step 0 at ADD 16, 17."
        assert [found.value("E[0x111]", n) for n in range(4)] == [0, 3, 0, 5]
        found.page.keyboard.press("d")
        assert found.text("#where") == "step 1 of 0 to 59"
        assert "E[0x112]" in found.page.locator("tr.differs .name").all_inner_texts()
        found.page.keyboard.press("d")
        assert found.text("#where") == "step 1 of 0 to 59", "what differs already is no new divergence"
        assert found.complaints == []


def test_an_edit_runs_again_as_the_interpreter_does(browser: Browser, run: Path) -> None:
    """Another program: a word of it is edited, and a register's value."""
    state = programs.supervised(named("third-generation"))
    state["E"][programs.BASE + 1] = 0x3001001100000000
    state["b"] = 0x30
    with opened(browser, run, "#start") as found:
        found.unfold()
        found.edit("b", 0, "0x30")
        found.edit("E[0x101]", 0, "0x3001001100000000")
        found.page.wait_for_selector("#edited:has-text('2 places')")
        assert "The run goes another way from step 1 on." in found.text("#edited")
        assert found.page.locator(".is-edited").count() == 2
        found.page.keyboard.press("l")
        assert found.page.locator(".is-edited").count() == 0, "later values are computed"
        shows(found, after(state, 200))
        assert found.complaints == []


def test_an_edited_start_is_saved_and_runs_at_the_command_line(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = named("third-generation")
    start = programs.supervised(machine)
    start["E"] = Cells(start["E"], 0x7)
    inputs = [Input(step=20, values={"P": "0x0", "E": {"0x110": "0x5"}})]
    trace = programs.recorded(tmp_path, "inputs", machine, start, 80, inputs)
    with opened(browser, page_of(trace), "#start") as found:
        found.look("E", 0x110)
        found.edit("E[0x110]", 0, "0x123456789abcdef0")
        with found.page.expect_download() as download:
            found.page.locator("#edited a").click()
        download.value.save_as(tmp_path / "edited.json")
        command = shlex.split(found.text("#edited code"))
        found.page.keyboard.press("l")
        found.look("E", 0x110)
        after = {name: found.value(name, 1) for name in ("P", "E[0x111]", "E[0x112]")}
        assert found.complaints == []
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert main([*command[1:], "--json", "--quiet"]) == 0
    state = json.loads(capsys.readouterr().out)["state"]
    assert after == {
        "P": int(state.get("P", "0x0"), 16),
        "E[0x111]": int(state["E"]["0x111"], 16),
        "E[0x112]": int(state["E"]["0x112"], 16),
    }


def test_what_came_from_outside_comes_again(browser: Browser, tmp_path: Path) -> None:
    machine = named("third-generation")
    inputs = [Input(step=20, values={"P": "0x0", "E": {"0x110": "0x7", "0x8000": "0x1"}})]
    trace = programs.recorded(tmp_path, "inputs", machine, programs.supervised(machine), 80, inputs)
    with opened(browser, page_of(trace), "#step-79") as found:

        def values() -> list[int]:
            seen = [found.value(name, 1) for name in ("M", "P", "l", "b")]
            for index in (0, 0x110, 0x111, 0x112, 0x8000):
                found.look("E", index)
                seen.append(found.value(f"E[{index:#x}]", 1))
            return seen

        found.page.evaluate("() => { location.hash = '#step-20' }")
        found.page.wait_for_selector(".rows li.current:has-text('changed from outside')")
        assert found.text("#heading") == "changed from outside"
        found.page.keyboard.press("l")
        found.unfold()
        recorded = values()
        found.page.keyboard.press("f")
        found.look("E", 0x32)
        found.edit("E[0x32]", 0, "0x1")
        found.page.wait_for_selector("#edited:has-text('the same 80 instructions')")
        found.page.keyboard.press("l")
        assert values() == recorded
        assert recorded[-1] == 1
        assert found.complaints == []


def test_ia32_crosses_its_rings(browser: Browser, tmp_path: Path) -> None:
    state = programs.calling()
    with opened(browser, page_of(programs.ia32(tmp_path, 100)), "#step-3") as found:
        assert found.text(".assembly") == "INT 0x40"
        assert (found.value("CPL", 0), found.value("CPL", 1)) == (3, 0)
        found.page.keyboard.press("f")
        found.unfold()
        found.edit("EAX", 0, "0xfffffff0")
        found.page.wait_for_selector("#edited:not(:empty)")
        found.page.keyboard.press("l")
        found.unfold()
        state["EAX"] = 0xFFFFFFF0
        Interpreter(named("ia32")).run(state, 100)
        for name in ("EAX", "EBX", "EDX", "ESP", "EIP", "CF", "ZF", "PF", "CPL", "CS_index", "memory[0x8000]"):
            expected = state["memory"][0x8000] if "[" in name else state[name]
            assert found.value(name, 1) == expected, name
        assert found.complaints == []


def test_an_edited_byte_is_met_where_its_instruction_runs(browser: Browser, tmp_path: Path) -> None:
    """`INC EAX; INC EAX; PUSH 1; MOV ECX, 5; JMP $`: what is fetched after an instruction is not the instruction."""
    machine = named("ia32")
    state = Interpreter(machine).initial(**machine.start) | {"EIP": 0x1000, "ESP": 0x8000}
    state["memory"].update(dict(enumerate(bytes.fromhex("40 40 6a 01 b9 05 00 00 00 eb fe"), 0x1000)))
    with opened(browser, page_of(programs.recorded(tmp_path, "bytes", machine, state, 20)), "#start") as found:
        found.look("memory", 0x1005)
        found.edit("memory[0x1005]", 0, "9")
        found.page.wait_for_selector("#edited:not(:empty)")
        assert "The run goes another way from step 3 on." in found.text("#edited")
        steps = found.page.locator(".rows li").all_inner_texts()
        assert "PUSH 0x1" in " ".join(steps[3].split())
        assert found.complaints == []


@pytest.mark.parametrize("text", ["hello", "0x1ffffffff", "-4"])
def test_a_bad_address_is_told_beside_its_field(text: str, browser: Browser, run: Path) -> None:
    with opened(browser, run) as found:
        found.unfold()
        field = found.page.locator(".finder input")
        field.fill(text)
        found.page.keyboard.press("Enter")
        told = f"An index of E is a number from 0x0 to 0xffff, such as 0x1000 or 4096, not “{text}”."
        assert found.text(".finder .wrong") == told
        field.fill("0x100")
        found.page.keyboard.press("Enter")
        assert found.page.locator(".wrong").count() == 0


def test_a_bad_value_is_told_in_its_cell(browser: Browser, run: Path) -> None:
    with opened(browser, run, "#start") as found:
        found.unfold()
        found.edit("P", 0, "zz")
        told = "P is a number of at most 16 bits, such as 0x2a or 42, not “zz”."
        assert found.text("td .wrong") == told
        found.page.locator("h1").click()
        assert found.text("td .wrong") == told
        assert found.page.locator(".is-edited").count() == 0
        found.page.keyboard.press("n")
        assert found.page.locator(".wrong").count() == 0


def test_an_edited_run_that_ends_at_once_has_one_step(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, page_of(programs.ia32(tmp_path, 20)), "#start") as found:
        found.unfold()
        found.edit("CS_limit", 0, "0")
        found.edit("IDTR_limit", 0, "0")
        found.page.wait_for_selector("#edited:has-text('2 places')")
        assert "It has 1 step;" in found.text("#edited")


def test_the_rings_are_seen_at_once(browser: Browser, pair: Path) -> None:
    with opened(browser, pair, viewport={"width": 1200, "height": 900}) as found:
        box = found.page.locator("#rings").bounding_box()
        assert box is not None and box["y"] + box["height"] <= 900 and box["width"] >= 150
        list_box = found.page.locator(".scroller").bounding_box()
        assert list_box is not None and list_box["y"] + 5 * 26 <= 900


def test_without_javascript_the_parting_and_its_steps_are_there(browser: Browser, pair: Path) -> None:
    with opened(browser, pair, java_script_enabled=False) as found:
        assert "part at step 0" in found.text("h1")
        assert found.page.locator("tr.differs .name").all_inner_texts() == ["E[0x110]", "E[0x111]"]
        assert found.page.locator("#static-steps li").count() == 7


def test_a_hundred_thousand_steps_open_at_once(browser: Browser, tmp_path: Path, benchmark: BenchmarkFixture) -> None:
    """Timed where benchmarks are asked for."""
    page = page_of(programs.third_generation(tmp_path, 100_000))
    assert page.stat().st_size < 5_000_000

    def opening() -> None:
        with opened(browser, page) as found:
            assert found.text("#where") == "step 0 of 0 to 99,999"

    benchmark.pedantic(opening, rounds=3)  # type: ignore[no-untyped-call]
    if benchmark.stats is not None and benchmark.enabled:
        assert benchmark.stats.stats.min < 1
    with opened(browser, page) as found:
        found.page.keyboard.press("l")
        assert found.text("#where") == "step 99,999 of 0 to 99,999"
        assert found.page.locator(".rows li.current .at").inner_text() == "99999"
        assert found.page.locator(".rows li").count() < 100
        found.page.locator(".scroller").evaluate("list => { list.scrollTop = list.scrollHeight / 2 }")
        found.page.wait_for_selector(".rows li .at:text-is('50000')")
        assert found.complaints == []
