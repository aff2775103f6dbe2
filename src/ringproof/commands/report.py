"""`ringproof report FILE`: a counterexample or recorded runs as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import check_output, machine_of
from .replay_monitored import SCHEMAS, system_of

if TYPE_CHECKING:
    from ringproof.report.content import Report


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    callback=check_output,
    help="The HTML file; by default FILE's name with .html.",
)
@click.option("--machine", "machine_file", metavar="FILE.py", help="The file of a machine of your own.")
def report(file: Path, other: Path | None, output: Path | None, machine_file: str | None) -> None:
    """Write a counterexample, or recorded runs, as one HTML page that works offline.

    FILE is a counterexample or a trace; with a second trace OTHER, the page shows both side by side. The page carries
    the machine itself: values can be edited in it, and the runs are made again. Exit code 6 says that FILE does not
    replay; then there is no page.
    """
    from ringproof.properties.witness import schema_of
    from ringproof.report.page import page
    from ringproof.traces.recording.reading import is_trace

    if other is not None or is_trace(file):
        made = _of_traces([file] if other is None else [file, other], machine_file)
    elif (schema := schema_of(file)) in SCHEMAS:
        made = _of_program(file, schema, machine_file)
    else:
        made = _of_witness(file, machine_file)
    target = output or file.with_suffix(".html")
    write(target, page(made))
    click.echo(f"{target}: {made.name} of {made.machine.name}, {target.stat().st_size / 1024:.0f} KiB")


def _of_witness(file: Path, machine_file: str | None) -> Report:
    from ringproof.properties.definitions import Semantics
    from ringproof.properties.replay import replay
    from ringproof.properties.verdicts import SpuriousError
    from ringproof.properties.witness import load
    from ringproof.report.from_witness import assumptions, of_witness

    witness = load(file)
    machine = machine_of("the witness", witness.machine, machine_file)
    usual = assumptions(machine)
    machine.assuming(witness.assumptions)
    replayed = replay(Semantics(machine), witness)
    if not replayed.shown:
        raise SpuriousError(f"{witness.id} of {machine.name} does not show what it claims, so there is no report of it")
    return of_witness(replayed, file, usual, machine_file)


def _of_program(file: Path, schema: str, machine_file: str | None) -> Report:
    from ringproof.properties.monitors.divergence import SCHEMA, load, rerun
    from ringproof.properties.verdicts import SpuriousError
    from ringproof.report.from_divergence import of_divergence

    if schema != SCHEMA:
        raise click.UsageError(f"{file} is one step under a monitor; a report shows the program that was saved with it")
    if machine_file is not None:
        raise click.UsageError(f"{file} is of a system of the catalogue; it takes no --machine")
    program = load(file)
    system = system_of(file, program.system)
    start, run = rerun(system, program)
    if not run[-1].parts:
        raise SpuriousError(f"the two runs of {program.id} do not part, so there is no report of it")
    return of_divergence(system, program, start, run, file)


def _of_traces(files: list[Path], machine_file: str | None) -> Report:
    from ringproof.report.from_trace import of_traces
    from ringproof.report.from_witness import assumptions
    from ringproof.traces.native.recording import producer
    from ringproof.traces.recording.reading import read_trace
    from ringproof.traces.recording.trace import Trace

    traces = []
    usual: dict[str, str] = {}
    for path in files:
        found = read_trace(path)
        machine = machine_of(path, found.header.machine, machine_file)
        usual = assumptions(machine)
        machine.assuming(found.header.assumptions)
        traces.append(Trace(found, machine, producer(machine)))
    return of_traces(traces, usual, machine_file)


def write(target: Path, text: str) -> None:
    """Writes the page whole or not at all."""
    if target.exists() and not target.is_file():
        raise click.BadParameter(f"{target} is not a regular file, so no page is written there")
    partial = target.with_name(f"{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
