"""`ringproof campaign MACHINE`: Theorem 1's condition on random traces."""

from __future__ import annotations

from collections.abc import Set
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ringproof.exits import Exit

from .common import EXPECTATIONS, assume_option, json_option, print_json, save_option, verdict_exit

if TYPE_CHECKING:
    from ringproof.properties.campaign.run import Campaign

TRACES = 2000
ORACLES = ("unicorn",)


def _a_number(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """The value of an option, which the range of its type does not keep from being nan."""
    if value is not None and isnan(value):
        raise click.BadParameter("nan is no number of seconds")
    return value


@click.command()
@click.argument("machine")
@assume_option
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), default=1, show_default=True,
              help="The same seed gives the same traces.")  # fmt: skip
@click.option("--traces", type=click.IntRange(1), help=f"How many traces; {TRACES} where nothing else is a bound.")
@click.option("--steps", type=click.IntRange(1), help="End after the round in which so many steps are reached.")
@click.option(
    "--time",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    callback=_a_number,
    help="End after so long; a violation met as it ends is replayed, but not made small. --explain comes after it.",
)
@click.option("--workers", type=click.IntRange(1, 256), help="Processes to use; all cores by default.")
@click.option(
    "--native",
    is_flag=True,
    help="Run in the native engine, in whole rounds: blocks of up to 4096 traces for each form and level.",
)
@click.option("--explain", is_flag=True, help="Ask the solver about every cell of the coverage that was not met.")
@click.option("--coverage", is_flag=True, help="Print the whole table of the coverage.")
@click.option("--trace", type=click.IntRange(0), metavar="N", help="Show trace N alone.")
@click.option("--against", type=click.Choice(ORACLES), help="Instead, compare the traces' steps with this program's.")
@save_option
@click.option("--expect", type=click.Choice(EXPECTATIONS), help="Exit 0 if violations are found (or not) as expected.")
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@json_option
def campaign(
    machine: str, assume: dict[str, str], seed: int, traces: int | None, steps: int | None, seconds: float | None,
    workers: int | None, native: bool, explain: bool, coverage: bool, trace: int | None, against: str | None,
    save: Path | None, expect: str | None, quiet: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run random traces of MACHINE in pairs of states that a program cannot tell apart, and watch what each sees.

    A violation is an instruction that shows or changes mode, resources or devices at the guests' level without a
    trap. It is made small, replayed, compared with the solver, and saved as `ringproof check` saves counterexamples.

    Exit code 1 says that a violation was found, 0 that none was, which proves nothing.
    """
    from ringproof.properties.campaign.run import Budget
    from ringproof.properties.campaign.run import campaign as run

    from . import campaign_text
    from .progress import SECONDS_BETWEEN_LINES, reporter

    context = click.get_current_context()
    if trace is not None:
        _alone(context, "--trace", TRACE_TAKES)
    elif against is not None:
        _alone(context, "--against", AGAINST_TAKES)
    click.echo(f"seed {seed}", err=True)
    if trace is not None:
        context.exit(_trace(machine, assume, seed, trace, save, expect, as_json=as_json))
    if traces is None and steps is None and seconds is None:
        traces = TRACES
    budget = Budget(traces, steps, seconds)
    if against is not None:
        from .campaign_against import compare

        context.exit(compare(machine, assume, seed, against, budget, quiet=quiet, as_json=as_json))
    with reporter(machine, quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        found = run(
            machine,
            seed=seed,
            budget=budget,
            assumptions=assume,
            jobs=workers,
            explain=explain,
            native=native,
            progress=progress,
        )
    if save is not None:
        for violation in found.violations.values():
            for witness in (violation.witness, violation.privilege):
                if witness is not None:
                    witness.save(save)
    if as_json:
        print_json(campaign_text.document(found))
    else:
        click.echo(campaign_text.text(found, machine, assume, coverage=coverage))
        if save is not None and found.violations:
            click.echo(f"\nThe counterexamples are saved in {save}; `ringproof replay FILE` runs one again.")
    context.exit(_exit(found, expect))


TRACE_TAKES = {"machine", "assume", "seed", "trace", "save", "expect", "as_json", "quiet"}
AGAINST_TAKES = {"machine", "assume", "seed", "traces", "steps", "seconds", "against", "as_json", "quiet"}


def _alone(context: click.Context, option: str, takes: Set[str]) -> None:
    """Raises click.UsageError where an option was given that `option` would ignore."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in takes
        and context.get_parameter_source(parameter.name or "") is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"{option} goes without {' and '.join(given)}")


def _exit(found: Campaign, expect: str | None) -> Exit:
    from ringproof.properties.run import Stopped

    if found.stopped is Stopped.INTERRUPTED:
        return Exit.INTERRUPTED
    if found.stopped is not None and not found.violations:
        return Exit.INCONCLUSIVE
    return verdict_exit(bool(found.violations), expect)


def _trace(
    machine: str,
    assume: dict[str, str],
    seed: int,
    number: int,
    save: Path | None,
    expect: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Shows one trace, and saves what it violates."""
    from ringproof.properties.campaign.run import Job, Worker

    from . import campaign_text

    worker = Worker(Job(machine, tuple(assume.items()), seed))
    watched = worker.trace(number, listed=True)
    violations = [v for v in map(worker.confirmer.confirm, watched.suspects) if v is not None]
    if save is not None:
        for violation in violations:
            violation.witness.save(save)
    if as_json:
        print_json(campaign_text.trace_document(worker, seed, number, watched, violations))
    else:
        click.echo(campaign_text.trace_text(worker, seed, number, watched, violations))
    return verdict_exit(bool(violations), expect)
