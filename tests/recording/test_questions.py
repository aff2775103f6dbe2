"""Questions to traces: what is asked of one by another way has the same answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringproof.traces.interpreter import Interpreter
from ringproof.traces.recording.expressions import parse
from ringproof.traces.recording.form import Input
from ringproof.traces.recording.listing import program
from ringproof.traces.recording.questions import first_divergence, mode_change_before, mode_changes, watch
from ringproof.traces.recording.snapshots import copied
from ringproof.traces.recording.stream import CHUNK, Reason
from ringproof.traces.recording.trace import DoesNotReplayError, Trace
from ringproof.traces.recording.viewing import Viewer

from .runs import cell, loop, native, opened, recorded, user_and_back

NAME = "third-generation"


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    """MOVE in user mode, LOAD PSW which traps there, LOAD PSW in supervisor mode, for ever."""
    recorded(tmp_path / "t", native(NAME), user_and_back(), CHUNK + 50)
    return opened(tmp_path / "t", native(NAME))


def test_a_step_is_shown_with_its_instruction_mode_and_changes(trace: Trace) -> None:
    first, second, third = Viewer(trace).steps(0, 3)
    assert (first.counter, first.mode, first.text, first.reason) == (16, "supervisor", "LOAD PSW 30", Reason.DIRECT)
    assert [(c.place, c.before, c.after) for c in second.changes] == [("P", 20, 21), ("E[0x29]", 0, 5)]
    assert third.reason is Reason.TRAPPED
    assert third.taken is not None and third.taken.trapped is not None
    assert third.taken.trapped.cause.name == "privilege trap"


def test_the_mode_changes_twice_in_three_steps(trace: Trace) -> None:
    states = [trace.state(n)["M"] for n in range(31)]
    expected = [n for n in range(30) if states[n] != states[n + 1]]
    assert [n for n, _ in zip(mode_changes(trace), expected, strict=False)] == expected
    assert [mode_change_before(trace, n) for n in (0, 1, 2, 3)] == [None, 0, 0, 2]


def test_mode_changes_across_chunks_agree_forward_and_back(trace: Trace) -> None:
    forward = list(mode_changes(trace))
    for step in (5, CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 2, trace.steps):
        assert mode_change_before(trace, step) == max(n for n in forward if n < step)


def test_two_runs_part_where_an_injected_value_makes_them(trace: Trace, tmp_path: Path) -> None:
    state = user_and_back()
    recorded(tmp_path / "u", native(NAME), state, CHUNK + 50, inputs=[Input(step=CHUNK + 7, values={"P": "0x10"})])
    other = opened(tmp_path / "u", native(NAME))
    parting = first_divergence(trace, other)
    assert (parting.start, parting.step) == ((), CHUNK + 7)
    assert first_divergence(trace, trace).step is None


def test_runs_from_different_states_part_at_the_first_step_that_differs(trace: Trace, tmp_path: Path) -> None:
    state = user_and_back()
    state["E"][40] = 6
    recorded(tmp_path / "u", native(NAME), state, 30, every_step=False)
    parting = first_divergence(trace, opened(tmp_path / "u", native(NAME)))
    assert (parting.start, parting.step) == (("E",), 1)


@pytest.mark.parametrize("text", ["M", "M == 1", "E[40] + E[41] > 5", "P - 16", "b == 0x10000 and P == 21 or l"])
def test_watching_finds_what_evaluating_at_every_state_finds(trace: Trace, text: str) -> None:
    expression = parse(text, trace.shape.scalars, ["E"])
    values = [expression.value(trace.state(n)) for n in range(61)]
    expected = [n for n in range(60) if values[n] != values[n + 1] and (values[n + 1] or not expression.is_condition)]
    found = [watched.step for watched in watch(trace, expression) if watched.step < 60]
    assert found == expected


def test_the_program_is_what_the_interpreter_executed(tmp_path: Path) -> None:
    """The program writes over one of its own instructions, so a place has two lines."""
    state = loop(NAME)
    state["E"].update({17: cell(0, 50, 18), 18: cell(0, 101, 102), 19: cell(5, 16), 50: cell(2, 100, 103)})
    recorded(tmp_path / "t", native(NAME), state, 18)
    state["E"][50] = cell(2, 100, 103)
    lines = program(opened(tmp_path / "t", native(NAME)))
    interpreter, current = Interpreter(native(NAME).machine), copied(state)
    counts: dict[tuple[int, str], int] = {}
    for _ in range(18):
        at, step = current["P"], interpreter.step(current)
        assert step.instruction is not None
        key = (at, step.instruction.render(step.fields))
        counts[key] = counts.get(key, 0) + 1
    assert {(line.counter, line.text): line.times for line in lines} == counts
    assert len(counts) == 4 and [line.counter for line in lines] == [16, 17, 18, 19]


def test_an_injected_step_is_shown_as_such(tmp_path: Path) -> None:
    recorded(tmp_path / "t", native(NAME), loop(NAME), 9, inputs=[Input(step=4, values={"M": "0x1"})])
    (view,) = Viewer(opened(tmp_path / "t", native(NAME))).steps(4, 1)
    assert (view.reason, view.taken, view.text) == (Reason.INJECTED, None, "(no instruction)")
    assert [(c.place, c.after) for c in view.changes] == [("M", 1)]


def test_a_step_that_the_interpreter_does_not_take_is_not_shown(trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = user_and_back()
    wrong["E"][40] = 7
    monkeypatch.setattr(trace, "state", lambda step: wrong)
    with pytest.raises(DoesNotReplayError, match=r"does not replay: third-generation does otherwise at step 1$"):
        list(Viewer(trace).steps(0, 3))
