"""`ringproof run PROGRAM.elf` or `ringproof run MACHINE`: run a program, and record it if asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from . import run_program, run_suite
from .common import assume_option, check_output, json_option, print_json
from .progress import every_second, reporter
from .run_steps import take
from .run_text import document, text
from .starting import LAST_STEP, check_reachable, check_runs, inputs_of, parse_number, starting_state

if TYPE_CHECKING:
    from ringproof.traces.recording.writing import Recorded

STEPS = 1_000_000
"""Steps of what cannot say when it is done, where --steps does not say how many."""


@click.command()
@click.argument("what", metavar="PROGRAM.elf|MACHINE", required=False)
@click.option("--machine", metavar="MACHINE", help="What a program runs on; by default what its ELF file is for.")
@click.option(
    "--suite",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run every ELF file under this folder that has the symbol tohost.",
)
@click.option(
    "--program",
    type=click.Path(path_type=Path),
    metavar="FILE.bin",
    help="Load this file into memory; a cell takes as many bytes as it needs, the lowest first.",
)
@click.option("--at", metavar="ADDRESS", callback=parse_number, help="Where the program lies and starts; 0 by default.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Start from this state instead of the machine's own; what it leaves out is zero.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Start with this component, or cell NAME[INDEX], changed.",
)
@click.option(
    "--inject",
    multiple=True,
    metavar="STEP:NAME=VALUE",
    help="Instead of step STEP, change this component from outside.",
)
@click.option(
    "--steps",
    type=click.IntRange(0, LAST_STEP + 1),
    help=f"Take at most this many steps; by default {STEPS:,}, with an ELF file {run_program.STEPS:,}, with each of a "
    f"suite {run_suite.STEPS:,}.",
)
@click.option("--until", metavar="ADDRESS", callback=parse_number, help="Stop when the program counter is here.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False),
    callback=check_output,
    metavar="OUT",
    help="Keep the run in this trace file.",
)
@click.option("--every-step", is_flag=True, help="Record each step, not only what is needed to take them again.")
@click.option(
    "--engine",
    "asked",
    type=click.Choice(["native", "interpreter"]),
    default="native",
    show_default=True,
    help="What takes the steps; both take the same.",
)
@assume_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def run(
    what: str | None, machine: str | None, suite: Path | None, program: Path | None, at: int | None,
    state: Path | None, settings: tuple[str, ...], inject: tuple[str, ...], steps: int | None, until: int | None,
    record: Path | None, every_step: bool, asked: str, assume: dict[str, str], as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run PROGRAM.elf, or a program on MACHINE, and show what it printed or changed.

    An ELF file talks to a host by its symbols tohost and fromhost: it prints, and exits with a code.

    Exit code 0 says that the run came to its end, an ELF file's with code 0; 1 that it exited with another code, or
    that a program of a suite failed; 3 that it did not come to its end, to the address of --until or to a step of
    --inject.
    Ctrl-C (130) leaves a usable trace, and what was found of a suite.
    """
    from ringproof.model.catalog import load
    from ringproof.traces.native.recording import producer
    from ringproof.traces.recording.form import header_of
    from ringproof.traces.recording.producer import ReferenceProducer

    if every_step and record is None:
        raise click.UsageError("--every-step says how to --record, and no file was given")
    if suite is not None:
        if what or program or at is not None or state or settings or inject or until is not None or record:
            raise click.UsageError("--suite runs the programs of its folder and takes no other program, state or trace")
        result = run_suite.run(suite, machine, assume, steps, native=asked == "native", as_json=as_json, quiet=quiet)
        click.get_current_context().exit(result)
    name, program = run_program.chosen(what, machine, program)
    elf = run_program.program_in(program) if program is not None and run_program.is_elf(program) else None
    if elf is not None and inject:
        raise click.UsageError("--inject does not go with an ELF file, whose host has the only inputs")
    found = load(name)
    check_runs(found)
    check_reachable(found, until)
    found.assuming(assume)
    start = starting_state(found, state, program, at, settings, elf)
    runner = producer(found, native=asked == "native")
    engine = "interpreter" if isinstance(runner, ReferenceProducer) else "native"
    if asked != engine and not quiet:
        click.echo(f"{found.name} is too large for the native engine; the interpreter takes the steps", err=True)
    told = {"engine": engine}
    if elf is not None and program is not None:
        asking = run_program.Asked(program, steps, until, record, every_step, as_json, quiet)
        click.get_current_context().exit(run_program.run(runner, elf, start, asking, told))
    steps = STEPS if steps is None else steps
    header = header_of(found, start, kind="recorded" if every_step else "derived", inputs=inputs_of(found, inject))
    with reporter("steps", quiet=quiet) as report:
        recorded = take(runner, header, record, steps, until, every_second(report, steps))
    # What is interrupted may be past the last step that was recorded.
    end = start if recorded.ended == "interrupted" else runner.state()
    missed = [entry.step for entry in header.inputs if entry.step >= recorded.steps]
    if as_json:
        print_json(document(found, recorded, start, end, record) | {"not_injected": missed} | told)
    else:
        click.echo(text(found, recorded, start, end, until, record))
        for step in missed:
            click.echo(f"Step {step}, at which values were to be injected, was not reached.")
    click.get_current_context().exit(_exit(recorded, until, missed))


def _exit(recorded: Recorded, until: int | None, missed: Sequence[int]) -> Exit:
    if recorded.ended == "interrupted":
        return Exit.INTERRUPTED
    arrived = until is None or recorded.ended == "until"
    return Exit.EXPECTED if arrived and not missed else Exit.INCONCLUSIVE
