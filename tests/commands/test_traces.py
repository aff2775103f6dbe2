"""`ringproof run` and `ringproof replay` of traces: what they print, their exit codes, and mistakes in one sentence."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main
from ringproof.model.catalog import CATALOG, named
from ringproof.properties.definitions import Semantics
from ringproof.traces.recording.form import FRAME, MAGIC
from ringproof.traces.recording.reading import read_trace

from . import machines

Capture = pytest.CaptureFixture[str]

USER, SUPERVISOR = 1 << 49 | 20 << 33 | 1 << 16, 16 << 33 | 1 << 16
CELLS = {1: SUPERVISOR, 16: 7 << 60 | 30 << 44, 20: 40 << 44 | 41 << 28, 21: 7 << 60 | 30 << 44, 30: USER, 40: 5}
"""A program that goes to user mode and is trapped back, for ever."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state.json"
    cells = {hex(index): hex(cell) for index, cell in CELLS.items()}
    path.write_text(json.dumps({"P": "0x10", "b": "0x10000", "E": cells}))
    return path


@pytest.fixture
def trace(state: Path, tmp_path: Path, capsys: Capture) -> Path:
    path = tmp_path / "run.trace"
    run("--state", str(state), "--steps", "100", "--record", str(path), "--every-step")
    capsys.readouterr()
    return path


def run(*arguments: str, machine: str = "third-generation") -> int:
    return main(["run", machine, "--quiet", *arguments])


def replay(*arguments: object) -> int:
    return main(["replay", "--quiet", *map(str, arguments)])


def printed(capsys: Capture, code: int = 0, got: int = 0) -> str:
    out, err = capsys.readouterr()
    assert (got, err) == (code, "")
    return out


def document(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, code: int) -> str:
    """The last line on stderr of a command that was refused."""
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    return err.splitlines()[-1].removeprefix("ringproof: ").removeprefix("Error: ")


# Running.


def test_a_run_shows_what_changed(state: Path, capsys: Capture) -> None:
    got = run("--state", str(state), "--steps", "2")
    assert printed(capsys, 0, got) == (
        "third-generation: 2 steps, as many as were asked for.\n"
        "  M        0x0   -> 0x1\n  P        0x10  -> 0x15\n  E[0x29]  0x0   -> 0x5\n"
    )


@pytest.mark.parametrize("engine", ["native", "interpreter"])
def test_a_run_stops_at_an_address(state: Path, engine: str, capsys: Capture) -> None:
    got = run("--state", str(state), "--until", "0x15", "--engine", engine)
    assert printed(capsys, 0, got).startswith("third-generation: 2 steps, then P was 0x15.\n")


def test_an_address_that_is_not_reached_is_inconclusive(state: Path, capsys: Capture) -> None:
    assert run("--state", str(state), "--until", "0x500", "--steps", "1000") == 3


def test_a_program_is_loaded_where_it_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    program = tmp_path / "p.bin"
    program.write_bytes((2 << 60 | 100 << 44 | 101 << 28).to_bytes(8, "little"))
    got = run("--program", str(program), "--at", "16", "--set", "E[100]=7", "--steps", "1", "--json")
    found = document(capsys)
    assert got == 0 and found["state"]["E"]["0x65"] == "0x7" and found["state"]["P"] == "0x11"
    assert (found["schema"], found["ended"], found["digest"]) == ("ringproof/run/1", "limit", None)
    assert found["engine"] == "native"


def test_a_trap_that_is_not_delivered_ends_the_run(tmp_path: Path, capsys: Capture) -> None:
    program = tmp_path / "p.bin"
    program.write_bytes(b"\xf4")
    got = run("--program", str(program), "--set", "CPL=3", "--engine", "interpreter", machine="ia32")
    met = "whose delivery meets fault during the delivery of an exception"
    told = f"ia32: 0 steps, then a trap that the machine does not deliver (#GP, {met}).\n"
    assert printed(capsys, 0, got) == told


@pytest.mark.parametrize("name", [name for name in CATALOG if not name.startswith("third-generation-")])
def test_machines_start_from_a_valid_state(name: str) -> None:
    machine = named(name)
    semantics = Semantics(machine)
    assert semantics.broken_rule(semantics.interpreter.initial(**machine.start)) is None


def test_a_machine_that_does_not_fetch_runs_nothing(tmp_path: Path, capsys: Capture) -> None:
    path = machines.sound(tmp_path)
    told = "no program runs on small, which is without a component of role memory, `fetch` and `deliver`"
    assert refused(capsys, run(machine=str(path))) == told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "X=1"], "third-generation has no component named 'X'"),
        (["--set", "P"], "a value is given as NAME=VALUE or NAME[INDEX]=VALUE, not 'P'"),
        (["--set", "P=0x10000"], "P is a number of 16 bits, not 0x10000"),
        (["--set", "P=seven"], "the value of P is an unsigned number such as 16 or 0x10, not 'seven'"),
        (["--set", "P=-4"], "the value of P is an unsigned number such as 16 or 0x10, not '-4'"),
        (["--set", "E[-1]=4"], "an index of E is an unsigned number such as 16 or 0x10, not '-1'"),
        (["--set", "E=1"], "E of third-generation is given as E[INDEX]=VALUE, not 'E=1'"),
        (["--set", "P[1]=1"], "P of third-generation is given as P=VALUE, not 'P[1]=1'"),
        (["--set", "E[65536]=1"], "E has indices of 16 bits and cells of 64, not 'E[65536]=1'"),
        (["--inject", "P=1"], "an injected value is given as STEP:NAME=VALUE, not 'P=1'"),
        (["--inject", "9" * 30 + ":P=1"], f"step {'9' * 30} is too large; a run has at most 1000000000000000 steps"),
        (["--until", "0x10000"], "the value of --until is an address of P, which has 16 bits, not 0x10000"),
        (["--inject", "3:Q=1"], "third-generation has no component named 'Q'"),
        (["--at", "5"], "--at says where --program lies, and no program was given"),
        (
            ["--at", "x"],
            "Invalid value for '--at': the value of --at is an unsigned number such as 16 or 0x10, not 'x'",
        ),
        (["--every-step"], "--every-step says how to --record, and no file was given"),
        (["--program", "/nowhere/p.bin"], "/nowhere/p.bin is not a file"),
        (["--record", "x/"], "Invalid value for '--record': 'x/' names a folder; a file was expected"),
        (["--record", "/nowhere/t"], "/nowhere/t cannot be written: No such file or directory"),
    ],
)
def test_a_mistake_in_an_option(arguments: list[str], sentence: str, capsys: Capture) -> None:
    assert refused(capsys, run(*arguments)).removeprefix("Invalid value: ") == sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("[]", "Expected `object`, got `array`"), ('{"P": "x"}', "P is a hexadecimal number of 16 bits, not 'x'")],
)
def test_a_file_that_is_no_state(content: str, sentence: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)
    told = refused(capsys, run("--state", str(path)))
    assert told == f"Invalid value: {path} is no state of third-generation: {sentence}"


@pytest.mark.parametrize(
    ("content", "at", "sentence"),
    [
        (b"123", "0", "the program has 3 bytes, but a cell of third-generation takes 8 each"),
        (bytes(16), "0xffff", "a program of 2 cells at 0xffff ends past the last cell, 0xffff"),
    ],
)
def test_a_program_that_does_not_fit(content: bytes, at: str, sentence: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "p.bin"
    path.write_bytes(content)
    assert refused(capsys, run("--program", str(path), "--at", at)) == f"Invalid value: {sentence}"


@pytest.mark.slow
@pytest.mark.parametrize("every_step", [True, False])
def test_ctrl_c_leaves_a_trace_that_replays(every_step: bool, state: Path, tmp_path: Path) -> None:
    path = tmp_path / "t"
    options = ["--state", str(state), "--steps", "1000000000", "--record", str(path), "--engine", "interpreter"]
    command = [sys.executable, "-m", "ringproof", "run", "third-generation", *options]
    with subprocess.Popen(
        [*command, "--quiet", "--every-step"] if every_step else [*command, "--quiet"],
        stdout=subprocess.PIPE,
        start_new_session=True,
        # Whoever runs the tests may ignore the signal, and children take that over.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        try:
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not (path.exists() and _steps(path)):
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            out, _ = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 130 and b"then it was interrupted" in out
    assert _steps(path) and replay(path) == 0


def _steps(path: Path) -> int:
    return read_trace(path).steps


# Replaying.


def test_both_kinds_of_trace_replay(trace: Path, state: Path, tmp_path: Path, capsys: Capture) -> None:
    derived = tmp_path / "derived.trace"
    run("--state", str(state), "--steps", "100", "--record", str(derived))
    assert f"Recorded in {derived} (" in capsys.readouterr().out
    digests = set()
    for path, kept in ((trace, "every step is in the file"), (derived, "kept as its start, length and digest")):
        got = replay(path)
        first, second = printed(capsys, 0, got).splitlines()
        assert first == f"{path}: 100 steps of third-generation, {kept}"
        digests.add(second)
    assert len(digests) == 1
    got = replay(trace, derived)
    assert printed(capsys, 0, got) == "The runs take the same steps (100 and 100).\n"


def test_steps_are_shown(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--step", "1", "--count", "2")
    assert printed(capsys, 0, got) == (
        "step 1  P 0x14  user  MOVE 40, 41  direct\n"
        "    P        0x14  -> 0x15\n    E[0x29]  0x0   -> 0x5\n"
        "step 2  P 0x15  user  LOAD PSW 30  traps: privilege trap\n"
        "    P       0x15  -> 0x10\n    M       0x1   -> 0x0\n    E[0x0]  0x0   -> 0x2002a00010000\n"
    )


def test_steps_as_json(trace: Path, capsys: Capture) -> None:
    assert replay(trace, "--step", "2", "--json") == 0
    found = document(capsys)
    (step,) = found["steps"]
    assert found["schema"] == "ringproof/replay-trace/1"
    assert (step["reason"], step["trap"], step["mode"], step["counter"]) == (
        "trapped",
        "privilege trap",
        "user",
        "0x15",
    )
    assert {"component": "M", "index": None, "before": "0x1", "after": "0x0"} in step["changes"]


def test_after_the_last_step_there_is_a_state_and_past_it_nothing(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--step", "100")
    assert printed(capsys, 0, got) == "After the last of 100 steps, P is 0x14.\n"
    told = f"{trace} has the steps 0 to 99; there is no step 101"
    assert refused(capsys, replay(trace, "--step", "101")) == told


@pytest.mark.parametrize(
    "question",
    [
        ["--next-mode-change"],
        ["--previous-mode-change"],
        ["--watch", "P"],
        ["--interactive"],
        ["--count", "2"],
    ],
)
@pytest.mark.parametrize("step", [5000, 10**30])
def test_no_question_starts_past_the_end(question: list[str], step: int, trace: Path, capsys: Capture) -> None:
    told = f"{trace} has the steps 0 to 99; there is no step {step}"
    assert refused(capsys, replay(trace, *question, "--step", str(step))) == told


def test_every_question_may_start_at_the_end(trace: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    code = replay(trace, "--next-mode-change", "--step", "100")
    assert printed(capsys, 5, code) == "No such step changes the mode.\n"
    code = replay(trace, "--watch", "P", "--step", "100")
    assert printed(capsys, 5, code) == "No step changes P.\n"
    code = replay(trace, "--previous-mode-change", "--step", "100")
    assert printed(capsys, 0, code).startswith("step 99  ")
    lines = iter(["p", "n", "n", "?", "quit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    code = replay(trace, "--interactive", "--step", "100")
    shown = printed(capsys, 0, code)
    assert shown.count("After the last of 100 steps, P is 0x14.\n") == 2 and "\nstep 99  " in shown
    assert shown.count("g N to step N") == 2 and "there is no step 101\n" in shown


@pytest.mark.parametrize(
    ("arguments", "step"),
    [
        (["--next-mode-change"], 0),
        (["--next-mode-change", "--step", "1"], 2),
        (["--previous-mode-change", "--step", "50"], 48),
        (["--previous-mode-change"], 99),
    ],
)
def test_mode_changes_are_found(arguments: list[str], step: int, trace: Path, capsys: Capture) -> None:
    got = replay(trace, *arguments)
    assert printed(capsys, 0, got).startswith(f"step {step}  ")


def test_nothing_found_is_said(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--previous-mode-change", "--step", "0")
    assert printed(capsys, 5, got) == "No such step changes the mode.\n"
    got = replay(trace, "--watch", "P == 1")
    assert printed(capsys, 5, got) == "No step makes P == 1 true.\n"


def test_expressions_are_watched(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--watch", "M == 1 and P == 20", "--limit", "2")
    told = printed(capsys, 0, got)
    line = "step {} makes M == 1 and P == 20 true\n"
    assert told == line.format(0) + line.format(3) + "and 32 more steps (--limit)\n"
    got = replay(trace, "--watch", "E[0x29]")
    assert printed(capsys, 0, got) == "step 1 changes E[0x29] from 0x0 to 0x5\n"
    assert replay(trace, "--watch", "E[0x29]", "--json") == 0
    assert document(capsys)["steps"] == [{"step": 1, "before": "0x0", "after": "0x5"}]
    sentence = "in the expression 'E[', a number, a name or '(' was expected at column 3, not the end"
    assert refused(capsys, replay(trace, "--watch", "E[")) == sentence


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("P == 0x10000", "P has 16 bits and is never 0x10000"),
        ("M == 1 and 0x10000 < P", "P has 16 bits and is never 0x10000"),
        ("E[P] == 0x10000000000000000", "E has 64 bits and is never 0x10000000000000000"),
        ("E[0x10000]", "an index of E has 16 bits and is never 0x10000"),
    ],
)
def test_a_number_that_is_never_met_is_refused(expression: str, what: str, trace: Path, capsys: Capture) -> None:
    assert refused(capsys, replay(trace, "--watch", expression)) == f"in the expression {expression!r}, {what}"


def test_a_computed_index_is_taken_as_the_machine_does(trace: Path, capsys: Capture) -> None:
    code = replay(trace, "--watch", "E[0x29 + 0x10000]")
    assert printed(capsys, 0, code) == "step 1 changes E[0x29 + 0x10000] from 0x0 to 0x5\n"


def test_a_division_by_zero_is_told_where_nothing_is_found(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--watch", "P / M == 400")
    assert printed(capsys, 5, got) == "No step makes P / M == 400 true. A division by 0 counts as 0.\n"


def test_steps_that_are_not_listed_are_counted(trace: Path, capsys: Capture) -> None:
    code = replay(trace, "--watch", "M", "--limit", "0")
    text = printed(capsys, 0, code)
    assert text.endswith(" steps change M.\n") and int(text.split()[0]) > 0


def test_a_recording_without_a_whole_chunk_shows_nothing(trace: Path, tmp_path: Path, capsys: Capture) -> None:
    cut = tmp_path / "cut.trace"
    content = trace.read_bytes()
    _, length, _ = FRAME.unpack_from(content, len(MAGIC))
    cut.write_bytes(content[: len(MAGIC) + FRAME.size + length + 10])
    assert read_trace(cut).steps == 0
    code = replay(cut)
    assert "nothing to take again" in printed(capsys, 5, code)


def test_an_injection_past_the_end_is_told(state: Path, capsys: Capture) -> None:
    code = run("--state", str(state), "--steps", "5", "--inject", "200:P=5")
    assert "Step 200, at which values were to be injected, was not reached." in printed(capsys, 3, code)
    assert run("--state", str(state), "--steps", "5", "--inject", "200:P=5", "--inject", "2:P=5", "--json") == 3
    assert document(capsys)["not_injected"] == [200]


def test_the_program_is_printed(trace: Path, capsys: Capture) -> None:
    got = replay(trace, "--as", "program")
    assert printed(capsys, 0, got) == (
        "0x10  LOAD PSW 30  34 times\n0x14  MOVE 40, 41  33 times\n0x15  LOAD PSW 30  33 times\n"
    )


def test_the_first_divergence_is_shown(trace: Path, state: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "other.trace"
    run("--state", str(state), "--steps", "100", "--inject", "7:P=0x10", "--record", str(other))
    capsys.readouterr()
    got = replay(trace, "--against", other)
    assert printed(capsys, 1, got) == (
        "The runs part at step 7:\n"
        f"{trace}\nstep 7  P 0x14  user  MOVE 40, 41  direct\n"
        "    P        0x14  -> 0x15\n    E[0x29]  0x5   written, the same\n"
        f"{other}\nstep 7  P 0x14  user  (no instruction)  injected\n    P  0x14  -> 0x10\n"
    )
    assert replay(trace, other, "--json") == 1
    assert document(capsys)["first_divergence"] == 7


def test_a_recording_that_was_cut_off_is_told(trace: Path, state: Path, tmp_path: Path, capsys: Capture) -> None:
    run("--state", str(state), "--steps", "17000", "--record", str(trace), "--every-step")
    trace.write_bytes(trace.read_bytes()[:-150])
    capsys.readouterr()
    assert main(["replay", str(trace)]) == 0
    out, err = capsys.readouterr()
    assert err == f"{trace} was cut off after 16384 steps; these are whole.\n"
    assert out.endswith("All of its whole chunks were taken again, and are what was recorded.\n")


def test_a_trace_that_does_not_replay_is_spurious(trace: Path, state: Path, capsys: Capture) -> None:
    changed = trace.with_name("changed.trace")
    text = json.loads(state.read_text())
    text["E"]["0x28"] = "0x6"
    state.write_text(json.dumps(text))
    run("--state", str(state), "--steps", "100", "--record", str(changed), "--every-step")
    mine, theirs = trace.read_bytes(), changed.read_bytes()
    start = mine.index(b"C", mine.index(b"H") + 9 + int.from_bytes(mine[19:23], "little"))
    other = theirs.index(b"C", theirs.index(b"H") + 9 + int.from_bytes(theirs[19:23], "little"))
    changed.write_bytes(mine[:start] + theirs[other:])
    capsys.readouterr()
    assert replay(changed) == 6
    assert capsys.readouterr().err == (
        f"ringproof: {changed} does not replay: third-generation does otherwise at step 1\n"
    )


@pytest.mark.parametrize("content", [b"ringproof/trace/9\n", b"ringproof/trace/1\nH", b"ringproof/trace/"])
def test_what_is_no_trace_of_ours(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)
    assert refused(capsys, replay(path)).startswith(f"{path} ")


@pytest.mark.parametrize("content", [b"\x90\xf4", b""])
def test_a_program_is_neither_a_trace_nor_a_counterexample(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "p.bin"
    path.write_bytes(content)
    assert refused(capsys, replay(path)) == f"{path} is neither a trace nor a counterexample"


def test_options_for_traces_are_refused_for_witnesses(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "w.json"
    path.write_text("{}")
    told = f"{path} is no trace file, and the options given are for traces"
    assert refused(capsys, replay(path, "--step", "3")) == told


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--as", "program", "--step", "3"], "--step goes with neither --against nor --as, which are about whole runs"),
        (["--watch", "P", "--count", "3"], "--count says how many steps to show, and none are shown one by one"),
        (["-i", "--json"], "--interactive shows steps to a reader; it does not go with --json"),
        (["--step", "1", "--limit", "3"], "--limit says how many steps --watch lists, and nothing is watched"),
    ],
)
def test_no_option_is_ignored(options: list[str], sentence: str, trace: Path, capsys: Capture) -> None:
    assert refused(capsys, replay(trace, *options)) == sentence


def test_one_question_at_a_time(trace: Path, capsys: Capture) -> None:
    assert "go one at a time" in refused(capsys, replay(trace, "--watch", "P", "--as", "program"))


def test_moving_about(trace: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["n", "g 40", "p", "m", "M", "w P == 16", "x", "g 1000", "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    assert replay(trace, "--interactive") == 0
    out = capsys.readouterr().out
    shown = [line.split()[1] for line in out.splitlines() if line.startswith("step ")]
    assert shown == ["0", "1", "40", "39", "41", "39", "41"]
    assert "'x' is no command here" in out and out.endswith("has the steps 0 to 99; there is no step 1000\n")


def test_a_trace_of_a_machine_of_ones_own_is_replayed_on_its_file(trace: Path, tmp_path: Path, capsys: Capture) -> None:
    other = machines.sound(tmp_path)
    told = f"{trace} is of machine 'third-generation', not of 'small'"
    assert refused(capsys, replay(trace, "--machine", other)) == told
