"""`ringproof run --suite DIR`: every program of a folder, run to its end, and a table of what came of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ringproof.exits import Exit

from .common import columns, print_json
from .progress import reporter
from .run_program import is_elf, machine_name
from .starting import check_runs, own_start, read

if TYPE_CHECKING:
    from ringproof.traces.programs.elf import Program
    from ringproof.traces.programs.host import Outcome
    from ringproof.traces.recording.producer import Producer

STEPS = 10_000_000
"""Steps of each program, where --steps does not say how many."""

SOON, PATIENCE = 1 << 17, 1 << 20
"""Steps after which a program is asked whether it needs what the model leaves out, and those it then gets to exit."""

EVERY = 3.0
SHOWN_OUTPUT = 200

Verdict = Literal["pass", "fail", "unsupported", "timeout"]


@dataclass(frozen=True)
class Row:
    """What came of one program; `text` says why, where it did not pass."""

    path: str
    machine: str
    verdict: Verdict
    text: str
    code: int | None
    steps: int
    console: str


class Machines:
    """The machines that programs need, each made once. `only` names the one that is to be used, if any is."""

    def __init__(self, only: str | None, assume: Mapping[str, str], *, native: bool) -> None:
        self._only = only
        self._assume = dict(assume)
        self._native = native
        self._made: dict[str, Producer] = {}
        if only is not None:
            self._make(only)

    def of(self, program: Program) -> Producer | None:
        """What runs `program`; None where nothing does."""
        name = self._only or machine_name(program)
        if name is None:
            return None
        runner = self._make(name)
        conventions = runner.machine.programs
        return runner if conventions is not None and conventions.elf == program.form else None

    def _make(self, name: str) -> Producer:
        from ringproof.model.catalog import load
        from ringproof.traces.native.recording import producer

        if name not in self._made:
            machine = load(name)
            check_runs(machine)
            machine.assuming(self._assume)
            self._made[name] = producer(machine, native=self._native)
        return self._made[name]


def run(
    folder: Path, machine: str | None, assume: Mapping[str, str], steps: int | None, *, native: bool, as_json: bool,
    quiet: bool,
) -> Exit:  # fmt: skip
    """Runs the programs of `folder`, prints what came of them, and gives the exit code."""
    if not folder.is_dir():
        raise click.BadParameter(f"{folder} is not a folder; --suite takes one with ELF files")
    machines = Machines(machine, assume, native=native)
    rows: list[Row] = []
    skipped = 0
    interrupted = False
    try:
        paths = list(_programs(folder))
        with reporter("programs", quiet=quiet, every=EVERY) as report:
            for done, path in enumerate(paths):
                if report is not None:
                    report(done, len(paths), path.name)
                row = _row(path, str(path.relative_to(folder)), machines, STEPS if steps is None else steps)
                skipped += row is None
                rows += [] if row is None else [row]
    except KeyboardInterrupt:
        interrupted = True
    counts: Counter[str] = Counter(row.verdict for row in rows)
    if as_json:
        print_json(_document(folder, rows, counts, skipped, interrupted))
    else:
        click.echo(_text(rows, counts, skipped, interrupted))
    return _exit(rows, counts, interrupted)


def _programs(folder: Path) -> Iterator[Path]:
    """The ELF files under `folder`, in order."""
    for at, folders, files in os.walk(folder):
        folders.sort()
        yield from (path for path in (Path(at, name) for name in sorted(files)) if path.is_file() and is_elf(path))


def _row(path: Path, name: str, machines: Machines, steps: int) -> Row | None:
    """What comes of one program; None for one that does not say when it is done."""
    from ringproof.traces.programs.elf import ProgramError, program_of
    from ringproof.traces.programs.host import Host
    from ringproof.traces.programs.loading import check_fits, load

    try:
        program = program_of(read(path), name)
        if program.tohost is None:
            return None
        runner = machines.of(program)
        if runner is None:
            number, bits = program.form
            return Row(name, "", "unsupported", f"it is for e_machine {number} of {bits} bits", None, 0, "")
        check_fits(runner.machine, program, name)
    except (ProgramError, click.BadParameter) as error:
        return Row(name, "", "unsupported", str(error), None, 0, "")
    start = own_start(runner.machine)
    load(runner.machine, start, program)
    host = Host(runner, program)
    outcome = host.run(start, min(steps, SOON))
    left_out = None
    if outcome.code != 0 and outcome.ended != "interrupted":
        left_out = outcome.left_out or Host(runner, program).left_out(start, outcome.steps)
    if outcome.ended == "limit" and outcome.steps < steps:
        outcome = host.run(start, steps if left_out is None else min(steps, PATIENCE))
    if outcome.ended == "interrupted":
        raise KeyboardInterrupt
    console = outcome.console.decode(errors="replace")
    verdict, text = _verdict(outcome, left_out)
    return Row(name, runner.machine.name, verdict, text, outcome.code, outcome.steps, console)


def _verdict(outcome: Outcome, left_out: str | None) -> tuple[Verdict, str]:
    if outcome.code == 0:
        return "pass", ""
    if outcome.code is not None:
        text = f"it exited with code {outcome.code}"
    elif outcome.ended == "limit":
        text = f"it had not exited after {outcome.steps} steps"
    else:
        text = "it stopped at a trap that is not delivered" if outcome.ended == "stuck" else "it needs too much memory"
    if left_out is not None:
        return "unsupported", f"{text}, having met an instruction of {left_out}, which the model leaves out"
    return "timeout" if outcome.code is None and outcome.ended == "limit" else "fail", text


def _text(rows: list[Row], counts: Mapping[str, int], skipped: int, interrupted: bool) -> str:
    lines = [columns([(row.verdict, row.path, row.machine, row.text) for row in rows])] if rows else []
    talked = [row for row in rows if row.verdict == "fail" and row.console]
    lines += [f"{row.path} printed: {row.console[:SHOWN_OUTPUT]!r}" for row in talked]
    told = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("pass", "fail", "unsupported", "timeout"))
    lines.append(f"{len(rows)} programs: {told}.")
    if skipped:
        lines.append(f"{skipped} ELF files without the symbol tohost were not run.")
    if interrupted:
        lines.append("Interrupted: these are the programs that were run.")
    return "\n".join(lines)


def _document(
    folder: Path, rows: list[Row], counts: Mapping[str, int], skipped: int, interrupted: bool
) -> dict[str, Any]:
    return {
        "schema": "ringproof/suite/1",
        "folder": str(folder),
        "counts": {verdict: counts.get(verdict, 0) for verdict in ("pass", "fail", "unsupported", "timeout")},
        "skipped": skipped,
        "interrupted": interrupted,
        "programs": [
            {
                "path": row.path, "machine": row.machine or None, "verdict": row.verdict, "text": row.text or None,
                "exit_code": row.code, "steps": row.steps, "console": row.console,
            }
            for row in rows
        ],
    }  # fmt: skip


def _exit(rows: list[Row], counts: Mapping[str, int], interrupted: bool) -> Exit:
    if interrupted:
        return Exit.INTERRUPTED
    if counts.get("fail"):
        return Exit.VIOLATED
    if not rows:
        return Exit.NOTHING_SELECTED
    return Exit.INCONCLUSIVE if counts.get("timeout") else Exit.EXPECTED
