"""`ringproof check MACHINE`: the classification, the theorems' conditions, and the counterexamples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from .common import EXPECTATIONS, assume_option, json_option, print_json, save_option, verdict_exit

if TYPE_CHECKING:
    from ringproof.properties.run import Report


@click.command()
@click.argument("machine")
@assume_option
@click.option("--only", multiple=True, metavar="NAME", help="Only rows of this name (* and ? match any); repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use; all cores by default.")
@click.option("--budget", type=click.IntRange(1), help="The solver's resource units for one question.")
@save_option
@click.option("--expect", type=click.Choice(EXPECTATIONS), help="Exit 0 if Theorem 1's condition is as expected.")
@click.option("--all", "everything", is_flag=True, help="Show every instruction, not only the violations.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def check(
    machine: str, assume: dict[str, str], only: tuple[str, ...], jobs: int | None, save: Path | None,
    budget: int | None, expect: str | None, everything: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Classify every instruction of MACHINE and decide the conditions of the three theorems.

    MACHINE is a name that `ringproof machines` lists, or a Python file that defines machine().
    Exit code 1 says that the condition of Theorem 1 fails.
    """
    from ringproof.properties.discharge import BUDGET
    from ringproof.properties.document import document
    from ringproof.properties.run import check as run

    from .progress import reporter

    with reporter(machine, quiet=quiet) as progress:
        report = run(machine, assumptions=assume, only=only, jobs=jobs, budget=budget or BUDGET, progress=progress)
    if save is not None:
        from ringproof.properties.told import told

        for witness in told(report):
            witness.save(save)
    if as_json:
        print_json(document(report))
    else:
        from .check_text import text

        click.echo(text(report, machine, assume, everything=everything))
        if save is not None:
            click.echo(
                f"\n{len(report.witnesses)} counterexamples saved in {save}; `ringproof replay FILE` runs one again."
            )
    click.get_current_context().exit(_exit(report, expect))


def _exit(report: Report, expect: str | None) -> Exit:
    from ringproof.properties.classification import no_state
    from ringproof.properties.run import Stopped

    if report.stopped is not None:
        return Exit.INTERRUPTED if report.stopped is Stopped.INTERRUPTED else Exit.INCONCLUSIVE
    if not report.rows:
        return Exit.NOTHING_SELECTED
    if no_state(report.rows):
        return Exit.VACUOUS
    found = report.decoding
    if found is not None and (found.disjoint is False or found.total is False):
        return Exit.VIOLATED
    holds = report.theorems[0].holds
    return verdict_exit(None if holds is None else not holds, expect)
