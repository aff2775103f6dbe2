"""`ringproof repair MACHINE`: what would have to trap, or which bits to set, for each theorem's condition to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from .common import assume_option, json_option, print_json

if TYPE_CHECKING:
    from ringproof.properties.repair.run import Report


@click.command()
@click.argument("machine")
@assume_option
@click.option("--only", multiple=True, metavar="NAME", help="Only rows of this name (* and ? match any); repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use; all cores by default.")
@click.option("--budget", type=click.IntRange(1), help="The solver's resource units for one question.")
@click.option("--whole", is_flag=True, help="Check every instruction of each repaired machine, also what is the same.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def repair(
    machine: str, assume: dict[str, str], only: tuple[str, ...], jobs: int | None, budget: int | None, whole: bool,
    quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Find the smallest repairs of MACHINE: instructions that would have to trap, and configuration bits to change.

    Each is proved by checking the repaired machine. MACHINE is as for `ringproof check`.
    Exit code 1 says that some theorem's condition has no such repair.
    """
    from ringproof.properties.discharge import BUDGET
    from ringproof.properties.repair.document import document
    from ringproof.properties.repair.run import repair as search
    from ringproof.properties.workers import WorkerKilled

    from .progress import SECONDS_BETWEEN_LINES, reporter

    try:
        with reporter(machine, quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
            report = search(
                machine, assumptions=assume, only=only, jobs=jobs, budget=budget or BUDGET, whole=whole,
                progress=progress,
            )  # fmt: skip
    except WorkerKilled as error:
        click.echo(f"ringproof: {error}; nothing was decided", err=True)
        click.get_current_context().exit(Exit.INCONCLUSIVE)
    if as_json:
        print_json(document(report))
    else:
        from .repair_text import text

        click.echo(text(report))
    click.get_current_context().exit(_exit(report))


def _exit(report: Report) -> Exit:
    from ringproof.properties.classification import no_state

    if not report.rows:
        return Exit.NOTHING_SELECTED
    if no_state(report.rows):
        return Exit.VACUOUS
    found = [repairs.found for repairs in report.repairs]
    if False in found:
        return Exit.VIOLATED
    return Exit.INCONCLUSIVE if None in found else Exit.EXPECTED
