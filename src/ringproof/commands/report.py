"""`ringproof report FILE`: a counterexample as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The HTML file; by default FILE's name with .html."
)
@click.option("--machine", "machine_file", metavar="FILE.py", help="The file of a machine of your own.")
def report(file: Path, output: Path | None, machine_file: str | None) -> None:
    """Write the counterexample in FILE as one HTML page that works offline.

    The page shows the runs side by side and carries the machine itself: values can be edited in it, and the runs
    are made again. Exit code 6 says that the counterexample does not replay; then there is no page.
    """
    from ringproof.model.catalog import load as load_machine
    from ringproof.model.catalog import named
    from ringproof.properties.definitions import Semantics
    from ringproof.properties.replay import replay
    from ringproof.properties.verdicts import SpuriousError
    from ringproof.properties.witness import WitnessError, load
    from ringproof.report.from_witness import assumptions, of_witness
    from ringproof.report.page import page

    witness = load(file)
    machine = load_machine(machine_file) if machine_file else named(witness.machine)
    if machine.name != witness.machine:
        raise WitnessError(f"the witness is of machine {witness.machine[:60]!r}, not of {machine.name!r}")
    usual = assumptions(machine)
    machine.assuming(witness.assumptions)
    replayed = replay(Semantics(machine), witness)
    if not replayed.shown:
        raise SpuriousError(f"{witness.id} of {machine.name} does not show what it claims, so there is no report of it")
    target = output or file.with_suffix(".html")
    write(target, page(of_witness(replayed, file, usual, machine_file)))
    click.echo(f"{target}: {witness.id} of {machine.name}, {target.stat().st_size / 1024:.0f} KiB")


def write(target: Path, text: str) -> None:
    """Writes the page whole or not at all."""
    partial = target.with_name(f"{target.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(target)
