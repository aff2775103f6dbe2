"""`ringproof mutants`: monitors with one fault each, and the property that notices it."""

from __future__ import annotations

from collections import Counter

import click

from ringproof.exits import Exit

from .common import columns, json_option, print_json

SCHEMA = "ringproof/mutants/1"


@click.command()
@click.argument("names", nargs=-1, metavar="[FAULT]...")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use; all cores by default.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def mutants(names: tuple[str, ...], jobs: int | None, quiet: bool, as_json: bool) -> None:
    """Prove or refute monitors with a seeded FAULT each, all by default.

    Killed: a property is refuted. Equivalent: all properties are proved, so the fault is none.
    Exit code 3 says that a mutant is neither.
    """
    from ringproof.properties.monitors.mutants import mutants as run

    from .progress import SECONDS_BETWEEN_LINES, reporter

    with reporter("mutants", quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        found = run(names, jobs=jobs, progress=progress)
    counts = Counter(mutant.fate for mutant in found)
    if as_json:
        rows = [
            {
                "name": m.name, "system": m.system, "fault": m.text, "fate": m.fate, "properties": m.verdicts,
                "refuted_by": m.by, "witness": m.witness,
            }
            for m in found
        ]  # fmt: skip
        print_json({"schema": SCHEMA, "mutants": rows, "counts": dict(counts)})
    else:
        table: list[tuple[str, ...]] = [("fault", "fate", "noticed by", "what is wrong")]
        table += [(m.name, m.fate, ", ".join(m.by) or "-", m.text) for m in found]
        click.echo(columns(table, indent=""))
        click.echo(f"\n{len(found)} mutants: {', '.join(f'{n} {fate}' for fate, n in sorted(counts.items()))}.")
        click.echo("A mutant in full: `ringproof prove MACHINE/CONSTRUCTION~FAULT`.")
    click.get_current_context().exit(Exit.INCONCLUSIVE if counts["inconclusive"] else Exit.EXPECTED)
