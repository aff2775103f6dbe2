"""`ringproof reproduce [PAPER]`: what a paper claims, our result, and whether they agree."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from ringproof.exits import Exit

from .common import columns, filled, json_option, print_json

if TYPE_CHECKING:
    from ringproof.papers.experiment import Experiment, Outcome, Paper

SCHEMA = "ringproof/reproduce/1"


@click.command()
@click.argument("paper", required=False)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Only the claims of this name (* and ? match any); repeatable."
)
@click.option("--list", "listing", is_flag=True, help="List the claims without running anything.")
@click.option("--jobs", type=click.IntRange(1), help="Processes to use; all cores by default.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@json_option
def reproduce(
    paper: str | None, only: tuple[str, ...], listing: bool, jobs: int | None, quiet: bool, as_json: bool
) -> None:
    """Run the experiments of PAPER: for each claim, our result and whether they agree. Without PAPER, list the papers.

    A slip agrees if running it finds the slip. Exit code 0 says that all agree.
    """
    from ringproof.papers.catalog import PAPERS, load
    from ringproof.properties.workers import WorkerKilled

    if paper is None:
        if as_json:
            listed = [{"name": name, "title": title} for name, title in PAPERS.items()]
            print_json({"schema": "ringproof/papers/1", "papers": listed})
        else:
            click.echo(columns(list(PAPERS.items()), indent=""))
        return
    found = load(paper)
    chosen = _select(found, only)
    if listing:
        click.echo(columns([(each.name, each.kind.value, each.section, each.claim) for each in chosen], indent=""))
        return
    started = time.monotonic()
    if not as_json:
        click.echo(filled(f"{found.name}: {found.reference}"))
    try:
        outcomes = _run(chosen, jobs, quiet=quiet, as_json=as_json)
    except WorkerKilled as error:
        click.echo(f"ringproof: {error}; the claims after it were not asked", err=True)
        click.get_current_context().exit(Exit.INCONCLUSIVE)
    if as_json:
        print_json(_document(found, outcomes, time.monotonic() - started))
    else:
        click.echo("\n" + _summary(outcomes, time.monotonic() - started))
    click.get_current_context().exit(_exit(outcomes))


def _select(paper: Paper, only: tuple[str, ...]) -> list[Experiment]:
    """The experiments whose name matches a pattern, of all if there are none. Exit 5 where one matches nothing."""
    from fnmatch import fnmatchcase

    names = [experiment.name for experiment in paper.experiments]
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in names):
            click.echo(f"ringproof: {paper.name} has no claim named {pattern!r}; it has {', '.join(names)}", err=True)
            click.get_current_context().exit(Exit.NOTHING_SELECTED)
    return [e for e in paper.experiments if not only or any(fnmatchcase(e.name, pattern) for pattern in only)]


def _run(chosen: list[Experiment], jobs: int | None, *, quiet: bool, as_json: bool) -> list[Outcome]:
    """What each experiment found, printed as it is known."""
    from ringproof.papers.experiment import Laboratory, perform

    from .progress import SECONDS_BETWEEN_LINES, reporter

    outcomes = []
    with reporter("experiments", quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
        for outcome in perform(chosen, Laboratory(jobs=jobs, progress=progress)):
            outcomes.append(outcome)
            if not as_json:
                click.echo("\n" + _text(outcome))
    return outcomes


def _word(outcome: Outcome) -> str:
    from ringproof.papers.experiment import Kind

    words = {True: "agrees", False: "DIFFERS", None: "undecided"}
    if outcome.experiment.kind is Kind.SLIP:
        words = {True: "slip found", False: "SLIP NOT FOUND", None: "undecided"}
    return words[outcome.finding.agrees]


def _text(outcome: Outcome) -> str:
    experiment, finding = outcome.experiment, outcome.finding
    where = f"section {experiment.section}" if experiment.section[0].isdigit() else experiment.section
    lines = [
        filled(f"{experiment.name} ({where}): {_word(outcome)}"),
        filled(f"claim: {experiment.claim}.", indent="  ", later="         "),
        filled(f"ours:  {finding.result}.", indent="  ", later="         "),
    ]
    return "\n".join([*lines, *[filled(line, indent="    ", later="      ") for line in finding.shown]])


def _summary(outcomes: list[Outcome], seconds: float) -> str:
    answers = [outcome.finding.agrees for outcome in outcomes]
    parts = [f"{answers.count(True)} of {len(answers)} agree"]
    parts += [
        f"{count} {word}"
        for word, count in (("differ", answers.count(False)), ("undecided", answers.count(None)))
        if count
    ]
    return f"{', '.join(parts)}; {seconds:.1f} s."


def _exit(outcomes: list[Outcome]) -> Exit:
    answers = [outcome.finding.agrees for outcome in outcomes]
    return Exit.VIOLATED if False in answers else Exit.INCONCLUSIVE if None in answers else Exit.EXPECTED


def _document(paper: Paper, outcomes: list[Outcome], seconds: float) -> dict[str, Any]:
    claims = [
        {
            "name": outcome.experiment.name,
            "section": outcome.experiment.section,
            "kind": outcome.experiment.kind.value,
            "claim": outcome.experiment.claim,
            "result": outcome.finding.result,
            "agrees": "undecided" if outcome.finding.agrees is None else outcome.finding.agrees,
            "shown": list(outcome.finding.shown),
            "seconds": round(outcome.seconds, 3),
        }
        for outcome in outcomes
    ]
    return {
        "schema": SCHEMA,
        "paper": paper.name,
        "reference": paper.reference,
        "claims": claims,
        "agree": all(claim["agrees"] is True for claim in claims),
        "seconds": round(seconds, 3),
    }
