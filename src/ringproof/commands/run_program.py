"""What `ringproof run` does with an ELF file: its machine, the run with a host, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ringproof.exits import Exit

from .common import print_json
from .progress import every_second, reporter
from .run_steps import take
from .run_text import document, recorded_in, text
from .starting import read

if TYPE_CHECKING:
    from ringproof.traces.interpreter import State
    from ringproof.traces.programs.elf import Program
    from ringproof.traces.programs.host import Outcome
    from ringproof.traces.recording.producer import Producer

ELF = b"\x7fELF"
STEPS = 100_000_000
"""Steps of a program that can say when it is done, where --steps does not say how many."""


def is_elf(path: Path) -> bool:
    """The file is there and begins as ELF files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(ELF)) == ELF
    except OSError:
        return False


def chosen(what: str | None, machine: str | None, program: Path | None) -> tuple[str, Path | None]:
    """The machine's name and the program's file: `what` may be either, and an ELF file says what it is for."""
    from ringproof.model.catalog import CATALOG

    if what is not None and what not in CATALOG and not what.endswith(".py"):
        path = Path(what)
        if is_elf(path):
            if program is not None:
                raise click.UsageError(f"{what} is a program already; --program gives another")
            what, program = None, path
        elif path.exists() or path.suffix or "/" in what:
            expected = "is no ELF file" if path.is_file() else "is not a file"
            raise click.BadParameter(f"{what[:200]} {expected}; a machine or a program's ELF file was expected")
    if what is not None and machine is not None:
        raise click.UsageError(f"the machine is given twice, as {what} and as --machine {machine}")
    name = what or machine
    if name is None and program is None:
        raise click.UsageError("what to run is missing: give a machine, a program's ELF file, or --suite DIR")
    return name or _machine_for(program_in(program), str(program)), program


def program_in(path: Path | None) -> Program:
    """The program of a file. Raises click.BadParameter or ProgramError where it has none."""
    from ringproof.traces.programs.elf import program_of

    assert path is not None
    return program_of(read(path), str(path))


def machine_name(program: Program) -> str | None:
    """The first machine of the catalogue that runs such programs."""
    from ringproof.model.catalog import CATALOG

    return next((name for name, entry in CATALOG.items() if entry.elf == program.form), None)


def _machine_for(program: Program, path: str) -> str:
    from ringproof.traces.programs.elf import ProgramError

    name = machine_name(program)
    if name is None:
        number, bits = program.form
        raise ProgramError(f"{path} is for e_machine {number} of {bits} bits, which no machine of the catalogue runs")
    return name


@dataclass(frozen=True)
class Asked:
    """What the command line says of a program's run."""

    program: Path
    steps: int | None
    until: int | None
    record: Path | None
    every_step: bool
    as_json: bool
    quiet: bool


def run(runner: Producer, program: Program, start: State, asked: Asked, told: dict[str, Any]) -> Exit:
    """Runs a program with its host, tells what came of it, and gives the exit code.

    A run is recorded in a second pass, with what the host did in the first as its inputs.
    """
    from ringproof.traces.programs.host import Host
    from ringproof.traces.recording.form import header_of
    from ringproof.traces.recording.writing import Recorded

    machine, limit = runner.machine, STEPS if asked.steps is None else asked.steps
    host = Host(runner, program, None if asked.as_json else _echo)
    with reporter("steps", quiet=asked.quiet) as report:
        outcome = host.run(start, limit, until=asked.until, progress=every_second(report, limit))
        recorded = Recorded(outcome.steps, "limit" if outcome.ended == "exit" else outcome.ended, "", outcome.ending)
        if asked.record is not None:
            kind: Literal["derived", "recorded"] = "recorded" if asked.every_step else "derived"
            header = header_of(machine, start, kind=kind, inputs=list(outcome.inputs))
            progress = every_second(report, outcome.steps)
            # One step more, if the run ended by itself, meets that end again.
            more = outcome.steps + (outcome.ending is not None)
            recorded = take(runner, header, asked.record, more, asked.until, progress)
    end = runner.state()
    if asked.as_json:
        print_json(document(machine, recorded, start, end, asked.record) | _document(outcome) | told)
        return _exit(outcome)
    if outcome.console and not outcome.console.endswith(b"\n"):
        click.echo()
    if outcome.code is None:
        click.echo(text(machine, recorded, start, end, asked.until, asked.record))
    else:
        click.echo(
            f"{machine.name}: {asked.program.name} exited with code {outcome.code} within {outcome.steps} steps."
        )
        if asked.record is not None:
            click.echo(recorded_in(asked.record))
    if outcome.left_out is not None and outcome.code != 0:
        click.echo(f"The last trap was at an instruction of {outcome.left_out}, which the model leaves out.")
    return _exit(outcome)


def _echo(content: bytes) -> None:
    click.echo(content, nl=False)


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "ended": outcome.ended,
        "exit_code": outcome.code,
        "console": outcome.console.decode(errors="replace"),
        "left_out": outcome.left_out,
    }


def _exit(outcome: Outcome) -> Exit:
    if outcome.ended == "interrupted":
        return Exit.INTERRUPTED
    if outcome.code is not None:
        return Exit.EXPECTED if outcome.code == 0 else Exit.VIOLATED
    return Exit.EXPECTED if outcome.ended == "until" else Exit.INCONCLUSIVE
