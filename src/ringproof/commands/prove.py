"""`ringproof prove SYSTEM`: does this monitor keep equivalence, resource control and efficiency."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringproof.exits import Exit

from .common import EXPECTATIONS, json_option, print_json, save_option, verdict_exit

if TYPE_CHECKING:
    from ringproof.properties.monitors.demonstrating import Demonstration
    from ringproof.properties.monitors.prove import Report


@click.command()
@click.argument("systems", metavar="[SYSTEM]...", nargs=-1)
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
    systems: tuple[str, ...], listing: bool, only: tuple[str, ...], jobs: int | None, budget: int | None,
    save: Path | None, expect: str | None, everything: bool, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Prove or refute the three properties of SYSTEM, a machine with a monitor: MACHINE/CONSTRUCTION.

    SYSTEM may go on with a property and an instruction: MACHINE/CONSTRUCTION/PROPERTY/INSTRUCTION. Several systems are
    proved in one run, which is quicker where their machine is the same; * and ? match any, as in 'ia32/*'. Exit code 1
    says that a property is refuted.
    """
    from .prove_text import text

    if not systems:
        if not listing:
            raise click.UsageError("a system is named MACHINE/CONSTRUCTION; `ringproof prove --list` shows them")
        _print_systems(as_json)
        return
    names, properties, rows = chosen(systems)
    rows = (*only, *rows)
    if listing:
        _print_obligations(names, properties, rows, as_json)
        return
    from ringproof.properties.discharge import BUDGET
    from ringproof.properties.monitors.demonstrating import programs
    from ringproof.properties.monitors.demonstrating import rows as rows_of
    from ringproof.properties.monitors.document import document
    from ringproof.properties.monitors.prove import prove_all

    from .progress import SECONDS_BETWEEN_LINES, reporter

    with reporter(" ".join(systems), quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        reports = prove_all(
            names, properties=properties, only=rows, jobs=jobs, budget=budget or BUDGET, progress=progress
        )
    documents: list[dict[str, Any]] = []
    for number, report in enumerate(reports):
        with reporter(f"programs for {report.name}", quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
            shown = {} if report.stopped else programs(report.name, rows_of(report), jobs=jobs, progress=progress)
        found = [each for each in shown.values() if each is not None]
        if save is not None:
            for witness in report.witnesses:
                witness.save(save)
            for each in found:
                each.program.save(save)
        if as_json:
            documents.append({**document(report), "programs": [_program(row, each) for row, each in shown.items()]})
            continue
        click.echo(("\n" if number else "") + text(report, shown, everything=everything))
        if save is not None:
            click.echo(
                f"\n{len(report.witnesses)} counterexamples and {len(found)} programs saved in {save};"
                " `ringproof replay FILE` runs one, `ringproof report FILE` makes a page of a program."
            )
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"schema": "ringproof/proofs/1", "systems": documents})
    click.get_current_context().exit(min((_exit(report, expect) for report in reports), key=SEVERITY.index))


def _program(row: str, shown: Demonstration | None) -> dict[str, Any]:
    from .divergence_text import program_document

    if shown is None:
        return {"instruction": row, "program": None}
    return {"instruction": row, "program": shown.program.id, **program_document(shown.told)}


SEVERITY = (Exit.INTERRUPTED, Exit.VIOLATED, Exit.INCONCLUSIVE, Exit.VACUOUS, Exit.NOTHING_SELECTED, Exit.EXPECTED)
"""Of several systems, the exit code that comes first."""


def chosen(systems: Sequence[str]) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """The names of the systems that are meant, and for a single one the properties and rows that it goes on with.

    Raises click.BadParameter for a pattern that no system matches, and for more than a name of several.
    """
    from ringproof.model.monitors.catalog import SYSTEMS

    found: dict[str, None] = {}
    for each in systems:
        name, properties, rows = parse(each)
        if properties and len(systems) > 1:
            raise click.BadParameter(f"of several systems, names were expected, not {each[:80]!r}")
        matching = [name] if not set(name) & set("*?") else fnmatch.filter(SYSTEMS, name)
        if not matching:
            raise click.BadParameter(f"no system matches {name[:80]!r}; `ringproof prove --list` shows them")
        found |= dict.fromkeys(matching)
    return list(found), properties, rows


def _print_obligations(names: Sequence[str], properties: Sequence[str], rows: Sequence[str], as_json: bool) -> None:
    from ringproof.properties.monitors.prove import listed

    from .prove_text import systems_text

    each = {
        name: [(identity, what) for identity, what in listed(name, rows) if not properties or what in properties]
        for name in names
    }
    if as_json:
        documents = [{"system": name, "obligations": [identity for identity, _ in own]} for name, own in each.items()]
        print_json(documents[0] if len(documents) == 1 else {"systems": documents})
    else:
        click.echo(systems_text([pair for own in each.values() for pair in own]))


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
