"""`ringproof prove SYSTEM`: does this monitor keep equivalence, resource control and efficiency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from .common import EXPECTATIONS, json_option, print_json, save_option, verdict_exit

if TYPE_CHECKING:
    from ringproof.properties.monitors.prove import Report


@click.command()
@click.argument("system", required=False)
@click.option("--list", "listing", is_flag=True, help="List the systems, or the obligations of SYSTEM.")
@click.option("--only", multiple=True, metavar="NAME", help="Only rows of this name (* and ? match any); repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use; all cores by default.")
@click.option("--budget", type=click.IntRange(1), help="The solver's resource units for one question.")
@save_option
@click.option("--expect", type=click.Choice(EXPECTATIONS), help="Exit 0 if the three properties are as expected.")
@click.option("--all", "everything", is_flag=True, help="Show every obligation.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def prove(
    system: str | None, listing: bool, only: tuple[str, ...], jobs: int | None, budget: int | None, save: Path | None,
    expect: str | None, everything: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Prove or refute the three properties of SYSTEM, a machine with a monitor: MACHINE/CONSTRUCTION.

    SYSTEM may go on with a property and an instruction: MACHINE/CONSTRUCTION/PROPERTY/INSTRUCTION.
    Exit code 1 says that a property is refuted.
    """
    from .prove_text import systems_text, text

    if system is None:
        if not listing:
            raise click.UsageError("a system is named MACHINE/CONSTRUCTION; `ringproof prove --list` shows them")
        _print_systems(as_json)
        return
    name, properties, rows = parse(system)
    chosen = (*only, *rows)
    if listing:
        from ringproof.properties.monitors.prove import listed

        found = [(identity, what) for identity, what in listed(name, chosen) if not properties or what in properties]
        if as_json:
            print_json({"system": name, "obligations": [identity for identity, _ in found]})
        else:
            click.echo(systems_text([(identity, what) for identity, what in found]))
        return
    from ringproof.properties.discharge import BUDGET
    from ringproof.properties.monitors.demonstrating import programs
    from ringproof.properties.monitors.demonstrating import rows as rows_of
    from ringproof.properties.monitors.document import document
    from ringproof.properties.monitors.prove import prove as run

    from .divergence_text import program_document
    from .progress import SECONDS_BETWEEN_LINES, reporter

    with reporter(name, quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        report = run(name, properties=properties, only=chosen, jobs=jobs, budget=budget or BUDGET, progress=progress)
    with reporter("programs", quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        shown = {} if report.stopped else programs(name, rows_of(report), jobs=jobs, progress=progress)
    demonstrations = [each for each in shown.values() if each is not None]
    if save is not None:
        for witness in report.witnesses:
            witness.save(save)
        for each in demonstrations:
            each.program.save(save)
    if as_json:
        listed_programs = [
            {"instruction": row, "program": each and each.program.id, **(program_document(each.told) if each else {})}
            for row, each in shown.items()
        ]
        print_json({**document(report), "programs": listed_programs})
    else:
        click.echo(text(report, shown, everything=everything))
        if save is not None:
            click.echo(
                f"\n{len(report.witnesses)} counterexamples and {len(demonstrations)} programs saved in {save};"
                " `ringproof replay FILE` runs one, `ringproof report FILE` makes a page of a program."
            )
    click.get_current_context().exit(_exit(report, expect))


def parse(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The system, the properties and the rows that `MACHINE/CONSTRUCTION[/PROPERTY[/INSTRUCTION[/CASE]]]` names.

    Raises click.BadParameter for a property that there is not.
    """
    from ringproof.properties.monitors.obligations import PROPERTIES

    machine, _, rest = text.partition("/")
    construction, _, rest = rest.partition("/")
    what, _, row = rest.partition("/")
    if what and what not in PROPERTIES:
        raise click.BadParameter(f"a property is one of {', '.join(PROPERTIES)}, not {what[:40]!r}")
    return f"{machine}/{construction}", (what,) if what else (), (row,) if row else ()


def _print_systems(as_json: bool) -> None:
    from ringproof.model.monitors.catalog import SYSTEMS, system

    from .prove_text import systems_text

    found: list[tuple[str, ...]] = [(name, system(name).summary) for name in SYSTEMS]
    if as_json:
        print_json({"systems": [{"name": name, "summary": summary} for name, summary in found]})
    else:
        click.echo(systems_text(found))


def _exit(report: Report, expect: str | None) -> Exit:
    from ringproof.properties.run import Stopped

    verdicts = report.properties.values()
    if report.stopped is Stopped.INTERRUPTED:
        return Exit.INTERRUPTED
    if not report.obligations:
        return Exit.NOTHING_SELECTED
    if "refuted" in verdicts:
        return verdict_exit(True, expect)
    if report.stopped is not None or "unknown" in verdicts:
        return Exit.INCONCLUSIVE
    return Exit.VACUOUS if "vacuous" in verdicts else verdict_exit(False, expect)
