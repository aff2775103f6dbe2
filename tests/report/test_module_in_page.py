"""The module that a page carries, run by the page's own script, does what the reference interpreter does."""

from __future__ import annotations

import random
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from ringproof.__main__ import main
from ringproof.model.catalog import named
from ringproof.report.runs import Run, copied
from ringproof.report.stream import encoded
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.store import canonical
from ringproof.traces.python_code import Cells

from ..commands import machines
from ..native.states import state as random_state
from . import programs
from .browser import needs_chromium, opened
from .test_witness_pages import page_that_shows_the_mode

pytestmark = [needs_chromium, pytest.mark.slow]

STATES, STEPS = 60, 6

RUN = """async ([texts, steps]) => {
  const content = JSON.parse(new TextDecoder().decode(await unpacked('data')));
  const machine = await Machine.compile(await unpacked('module'), content.native, content.components);
  const found = [];
  for (const text of texts) {
    const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    const initial = readRun(new Reader(bytes), content.components, '').initial;
    const run = await machine.run(initial, '', steps, null, [], new Notes(content.tables, null));
    run.moveTo(0);
    const back = show(run.state);
    run.moveTo(steps);
    found.push([back, show(run.state)]);
  }
  return found;

  function show(state) {
    return content.components.map((component, c) => component.index === null ? state.values[c].toString(16)
      : [...state.cells[c]].map(([index, value]) => [index, value.toString(16)]));
  }
}"""


def shown(machine_components: list[str], text: list[Any], like: State) -> State:
    """A state as the page wrote it."""
    found: State = {}
    for name, value in zip(machine_components, text, strict=True):
        if isinstance(like[name], Cells):
            found[name] = Cells({int(index): int(cell, 16) for index, cell in value}, like[name].default)
        else:
            found[name] = int(value, 16)
    return found


@pytest.mark.parametrize("name", ["third-generation-read-psw", "pdp10-ka10", "pdp10-ki10", "ia32"])
def test_random_states_go_on_as_in_python(browser: Browser, tmp_path: Path, name: str) -> None:
    machine = named(name)
    rng = random.Random(f"page {name}")
    states = [random_state(rng, machine) for _ in range(STATES)]
    start = Interpreter(machine).initial(**machine.start)
    trace = programs.recorded(tmp_path, "start", machine, start, 0)
    assert main(["report", str(trace)]) == 0
    texts = [b64encode(encoded(machine, [Run("", state, ())])[0]).decode() for state in states]
    with opened(browser, trace.with_suffix(".html")) as page:
        found = page.page.evaluate(RUN, [texts, STEPS])
        assert page.complaints == []
    interpreter = Interpreter(machine)
    for state, (back, after) in zip(states, found, strict=True):
        assert shown(list(machine.components), back, state) == canonical(state)
        expected = copied(state)
        interpreter.run(expected, STEPS)
        assert shown(list(machine.components), after, state) == canonical(expected)


def test_a_machine_that_does_not_fetch_executes_single_instructions(browser: Browser, tmp_path: Path) -> None:
    source = machines.leaking(tmp_path)
    page = page_that_shows_the_mode(tmp_path, str(source))
    with opened(browser, page) as found:
        found.edit("acc", 0, "0x77")
        found.edit("pc", 1, "255")
        assert [found.value("acc", n) for n in range(4)] == [0x77, 0, 0x77, 1]
        assert [found.value("pc", n) for n in range(4)] == [255, 0, 255, 0]
        assert found.complaints == []


def test_a_trap_in_an_edited_run_is_told(browser: Browser, witnesses: dict[str, Path]) -> None:
    path = witnesses["LOAD PSW/executes"]
    assert main(["report", str(path)]) == 0
    with opened(browser, path.with_suffix(".html")) as found:
        assert found.text("#heading").split() == ["LOAD", "PSW", "0", "0x7000000000000000", "completes"]
        found.edit("M", 0, "1")
        assert "Now it traps: privilege trap." in found.text("#edited")
        assert "traps: privilege trap" in found.text("#heading")
        assert found.value("M", 1) == 1
