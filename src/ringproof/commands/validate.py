"""`ringproof validate MACHINE`: the model against an implementation that nobody here wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringproof.exits import Exit

from .common import assume_option, columns, json_option, print_json

if TYPE_CHECKING:
    from ringproof.traces.oracles.validation import Validation

ORACLES = ("unicorn", "bochs", "host")


@click.command()
@click.argument("machine")
@click.option("--against", type=click.Choice(ORACLES), default="unicorn", show_default=True, help="The implementation.")
@click.option("--steps", type=click.IntRange(1), default=20000, show_default=True, help="Single steps to compare.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same steps.")
@click.option("--only", multiple=True, metavar="NAME", help="Only the instructions of this row; repeatable.")
@click.option(
    "--witnesses", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="Instead, run what `ringproof check --save` or `prove --save` left in DIR as machine code.",
)  # fmt: skip
@click.option("--coverage", is_flag=True, help="Also what was compared of each instruction: ring, outcome, steps.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@assume_option
@json_option
def validate(
    machine: str, against: str, steps: int, seed: int, only: tuple[str, ...], witnesses: Path | None, coverage: bool,
    quiet: bool, assume: dict[str, str], as_json: bool,
) -> None:  # fmt: skip
    """Run single steps of MACHINE and of another implementation, and compare everything that both show.

    The steps are random but for Bochs: there they are a sample of an enumeration of some 80000, by instruction,
    ring, IOPL, configuration and descriptor.

    Exit code 0: they agree, or differ only as listed with the manual's section. 3: that implementation cannot
    be used here.
    """
    from ringproof.model.catalog import load
    from ringproof.model.selection import select
    from ringproof.traces.oracles.answers import OracleUnavailable
    from ringproof.traces.oracles.sources import SOURCES, source

    from .progress import reporter

    loaded = load(machine)
    loaded.assuming(assume)
    known = SOURCES.get(loaded.name, {})
    if against not in known:
        there = f"{loaded.name} is compared with {', '.join(known)}" if known else f"there is of {', '.join(SOURCES)}"
        raise click.UsageError(f"there is no {against} of {loaded.name} to compare with; {there}")
    rows = sorted({loaded.instructions[index].name for index in select(loaded, only)}) if only else []
    context = click.get_current_context()
    if witnesses is not None:
        context.exit(run_witnesses(machine, against, witnesses, quiet=quiet, as_json=as_json))
    click.echo(f"seed {seed}", err=True)
    try:
        with reporter(f"{machine} against {against}", quiet=quiet) as progress:
            run = source(against, loaded.name).validate(loaded, steps=steps, seed=seed, only=rows, progress=progress)
    except OracleUnavailable as error:
        click.echo(f"ringproof: {error}", err=True)
        context.exit(Exit.INCONCLUSIVE)
    if as_json:
        print_json(document(run))
    else:
        click.echo(text(run) + ("\n\n" + covered(run) if coverage else ""))
    context.exit(Exit.VIOLATED if run.unexplained else Exit.EXPECTED)


def run_witnesses(machine: str, against: str, folder: Path, *, quiet: bool, as_json: bool) -> Exit:
    """Runs every counterexample of `folder`, prints what came of it, and gives the exit code."""
    from ringproof.traces.oracles.answers import OracleUnavailable
    from ringproof.traces.oracles.sources import source

    from . import validate_witnesses
    from .progress import reporter

    if against != "unicorn":
        raise click.UsageError(f"{against} does not run any state that it is given; --witnesses is for unicorn")
    files = validate_witnesses.files_of(folder)
    if not files:
        click.echo(f"ringproof: there are no counterexamples (cx-*.json, dv-*.json) in {folder}", err=True)
        return Exit.NOTHING_SELECTED
    try:
        chosen = source(against)
        with reporter(f"{machine} against {against}", quiet=quiet) as progress:
            found = validate_witnesses.replays(machine, files, chosen.make(), chosen.deviations, progress)
    except OracleUnavailable as error:
        click.echo(f"ringproof: {error}", err=True)
        return Exit.INCONCLUSIVE
    if as_json:
        print_json(validate_witnesses.document(found))
    else:
        click.echo(validate_witnesses.text(found))
    if found.differ:
        return Exit.VIOLATED
    return Exit.INCONCLUSIVE if found.cannot else Exit.EXPECTED


def document(run: Validation) -> dict[str, Any]:
    """The run as one JSON document."""
    return {
        "schema": "ringproof/validate/1",
        "machine": run.machine,
        "against": {"name": run.oracle, "version": run.version},
        "seed": run.seed,
        "steps": run.steps,
        "agreed": run.agreed,
        "listed": run.explained,
        "disagreed": run.unexplained,
        "declined": dict(run.declined),
        "cannot": dict(run.cannot),
        "rings": {str(ring): count for ring, count in run.rings.items()},
        "outcomes": dict(run.outcomes()),
        "settings": [
            {"name": name, "value": value, "count": count} for (name, value), count in sorted(run.settings.items())
        ],
        "coverage": [
            {"form": form, "ring": ring, "outcome": outcome, "count": count}
            for (form, ring, outcome), count in sorted(run.coverage.items())
        ],
        "uncovered": run.uncovered,
        "exceptions": [
            {
                "name": e.deviation.name,
                "section": e.deviation.section,
                "reason": e.deviation.reason,
                "count": e.count,
                "example": e.example,
            }
            for e in run.exceptions
        ],
        "unused": [d.name for d in run.unused],
        "disagreements": [
            {
                "form": kind[0],
                "kind": list(kind[1:]),
                "count": count,
                "examples": [d.describe() for d in run.disagreements[kind]],
            }
            for kind, count in run.disagreed.most_common()
        ],
    }


def covered(run: Validation) -> str:
    """A line for each row and ring: how many steps had which outcome."""
    lines: list[tuple[str, ...]] = []
    for row, counts in run.rows().items():
        for ring in sorted({ring for ring, _ in counts}):
            outcomes = ", ".join(f"{name} {n}" for (where, name), n in sorted(counts.items()) if where == ring)
            lines.append((row, f"ring {ring}: {outcomes}"))
    return "steps by instruction\n" + columns(lines)


def settings(run: Validation) -> dict[str, str]:
    """For each assumption that took several values, how often it had each."""
    found: dict[str, list[str]] = {}
    for (name, value), count in sorted(run.settings.items()):
        found.setdefault(name, []).append(f"{value}: {count}")
    return {name: ", ".join(counts) for name, counts in found.items() if len(counts) > 1}


def text(run: Validation) -> str:
    """The run for people."""
    compared = run.coverage.total()
    forms = len(run.forms) - len(run.uncovered)
    parts = [
        f"{run.machine} against {run.oracle} {run.version}: {run.steps} steps, seed {run.seed}",
        "",
        columns(
            [
                ("agree", str(run.agreed)),
                ("differ as listed below", str(run.explained)),
                ("differ", str(run.unexplained)),
                ("declined by the model", str(run.declined.total())),
                ("not runnable there", str(run.cannot.total())),
            ]
        ),
        "",
        f"covered: {forms} of {len(run.forms)} forms; {len(run.coverage)} combinations of form, ring and outcome",
        "  steps by ring: " + ", ".join(f"{ring}: {count}" for ring, count in run.rings.items()),
        "  by outcome: " + ", ".join(f"{name} {count}" for name, count in run.outcomes().items()),
        *[f"  steps by {name}: {counts}" for name, counts in settings(run).items()],
    ]
    if run.uncovered and compared:
        parts += ["", "never compared", *[f"  {form}" for form in run.uncovered]]
    if run.exceptions:
        parts += ["", f"known differences (here {run.oracle} departs from the manual)"]
        for e in run.exceptions:
            parts += [f"  {e.deviation.name}, {e.count} steps: {e.deviation.section}", f"    {e.deviation.reason}"]
    if run.unused:
        parts += ["", "listed but not met in this run: " + ", ".join(d.name for d in run.unused)]
    if run.disagreements:
        parts += ["", "differences that nothing listed accounts for"]
        for kind, count in run.disagreed.most_common():
            parts += [f"  {count} x {kind[0]}: {', '.join(kind[1:])}", f"    {run.disagreements[kind][0].describe()}"]
    return "\n".join(parts)
