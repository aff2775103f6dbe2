"""Every exit code, by what makes it: 0 as expected, 1 violated, 2 bad input, 3 inconclusive, 4 vacuous, 5 nothing
selected, 6 spurious, 70 internal error, 130 interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringproof.__main__ import main
from ringproof.properties.verdicts import SpuriousError

from . import machines

QUIET = ["--quiet", "--jobs", "1"]


def check(*arguments: str) -> int:
    return main(["check", *arguments, *QUIET])


def test_0_the_condition_holds(tmp_path: Path) -> None:
    assert check(str(machines.sound(tmp_path))) == 0


def test_1_the_condition_fails(tmp_path: Path) -> None:
    assert check(str(machines.leaking(tmp_path))) == 1


def test_0_it_fails_as_expected(tmp_path: Path) -> None:
    assert check(str(machines.leaking(tmp_path)), "--expect", "violated") == 0


def test_1_it_holds_though_a_violation_was_expected(tmp_path: Path) -> None:
    assert check(str(machines.sound(tmp_path)), "--expect", "violated") == 1


def test_1_a_word_has_two_meanings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(str(machines.overlapping(tmp_path))) == 1
    assert "two encodings overlap: 0x" in capsys.readouterr().out


def test_2_the_machine_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("ia23") == 2
    assert capsys.readouterr().err == "ringproof: no machine is named 'ia23'; did you mean ia32?\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_2_there_is_no_room_for_the_output() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "ringproof", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    told = "ringproof: the output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (2, told)


def test_3_the_budget_is_too_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("third-generation", "--budget", "1") == 3
    assert "Theorem 1's condition (every sensitive instruction is privileged) unknown" in capsys.readouterr().out


def test_3_is_not_turned_into_success_by_an_expectation() -> None:
    assert check("third-generation", "--budget", "1", "--expect", "violated") == 3
    assert check("third-generation", "--budget", "1", "--expect", "holds") == 3


def test_4_no_state_is_valid(tmp_path: Path) -> None:
    assert check(str(machines.impossible(tmp_path))) == 4


def test_5_no_instruction_has_the_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(str(machines.sound(tmp_path)), "--only", "SET TIMES") == 5
    expected = "ringproof: small has no instruction named 'SET TIMES'; did you mean SET TIMER?\n"
    assert capsys.readouterr().err == expected


def test_5_the_machine_has_no_instruction(tmp_path: Path) -> None:
    assert check(str(machines.empty(tmp_path))) == 5


def test_6_a_counterexample_of_the_solver_does_not_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ringproof.properties import discharge

    class Empty:
        shown = ()

    monkeypatch.setattr(discharge, "replay", lambda semantics, witness: Empty())
    assert check(str(machines.sound(tmp_path))) == SpuriousError.exit_code == 6
    assert "does not replay" in capsys.readouterr().err


def test_70_is_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ringproof.properties import run

    monkeypatch.setattr(run, "conditions", lambda rows, complete: 1 // 0)
    assert check(str(machines.sound(tmp_path))) == 70


# A test run in the background is started deaf to SIGINT, and hands that on.
HEARS_CTRL_C = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from ringproof.__main__ import main
sys.exit(main())
"""


@contextmanager
def checking_ia32(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A check of IA-32 that has decided something: its progress is on stderr."""
    command = [sys.executable, "-c", HEARS_CTRL_C, "check", "ia32", "--jobs", "2", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("1/")
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_130_ctrl_c_leaves_what_was_decided() -> None:
    with checking_ia32() as process:
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "NOT COMPLETE (interrupted): only what was decided so far is shown." in out
    assert "privileged) unknown" in out or "privileged) fails by" in out
    assert " 0 unknown; z3" in out


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker processes in /proc")
def test_3_a_killed_worker_ends_the_check_and_not_the_results() -> None:
    with checking_ia32() as process:
        workers = children(process.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "NOT COMPLETE (a worker process was killed)" in out


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker processes in /proc")
def test_workers_end_with_a_check_that_is_killed() -> None:
    with checking_ia32() as process:
        workers = children(process.pid)
        process.kill()
        process.communicate(timeout=60)
        for _ in range(600):
            if not any(Path(f"/proc/{worker}").exists() for worker in workers):
                return
            time.sleep(0.05)
    pytest.fail(f"the workers {workers} still run")


def test_141_the_reader_of_the_output_has_gone() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "ringproof", "machines", "ia32"]
    with os.fdopen(write, "wb") as pipe:
        assert subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, check=False).returncode == 141


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that live."""
    for _ in range(100):
        found = [int(n) for path in Path(f"/proc/{pid}/task").glob("*/children") for n in path.read_text().split()]
        if len(found) >= 2:
            return found
        time.sleep(0.05)
    return found
