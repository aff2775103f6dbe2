"""`ringproof cost SYSTEM...`: what a monitor costs, in closed form, and when another construction is cheaper."""

from __future__ import annotations

import re
from fractions import Fraction

import click

from .common import json_option, print_json

NUMBER = re.compile(r"\d{1,12}(\.\d{1,12})?(/[1-9]\d{0,11})?")


def parse_numbers(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Fraction]:
    """`--set NAME=NUMBER`, repeated, as a dictionary."""
    found: dict[str, Fraction] = {}
    for text in values:
        name, sign, number = text.partition("=")
        if not (name and sign and NUMBER.fullmatch(number)):
            raise click.BadParameter(f"a number is given as NAME=0.01, NAME=1/100 or NAME=40, not {text[:40]!r}")
        whole, _, below = number.partition("/")
        found[name] = Fraction(whole) / Fraction(below or 1)
    return found


@click.command()
@click.argument("systems", nargs=-1, metavar="[SYSTEM]...")
@click.option(
    "--set", "given", multiple=True, metavar="NAME=NUMBER", callback=parse_numbers,
    help="A number for one of the formulas' quantities, to try crossovers with; repeatable.",
)  # fmt: skip
@click.option("--numbers", metavar="PAPER", help="Published costs as numbers to try crossovers with.")
@click.option("--measure", is_flag=True, help="Run guest programs and fit the costs to the processor time.")
@click.option("--published", is_flag=True, help="Show published costs of events, and where they break even.")
@click.option("--all", "everything", is_flag=True, help="Show also the cost of a trap at which two systems break even.")
@json_option
def cost(
    systems: tuple[str, ...], given: dict[str, Fraction], numbers: str | None, measure: bool, published: bool,
    everything: bool, as_json: bool,
) -> None:  # fmt: skip
    """Derive the slowdown of each SYSTEM in closed form, and solve for where two of them cost the same.

    SYSTEM is MACHINE/CONSTRUCTION, as for `ringproof prove`. Systems of one machine are compared with each other, and
    with binary translation and hardware assistance, which are stated by kind.
    """
    if not systems and not published:
        raise click.UsageError("name a SYSTEM, or ask for --published; `ringproof prove --list` shows the systems")
    if not systems and (given or measure or numbers):
        raise click.UsageError("--set, --numbers and --measure are about a SYSTEM; name one")
    from ringproof.papers.published_costs import PUBLISHED
    from ringproof.properties.cost.document import SCHEMA, document
    from ringproof.properties.cost.report import UnknownQuantity, report

    from .cost_text import published_document, published_text, text

    if numbers is not None and numbers not in PUBLISHED:
        raise click.BadParameter(
            f"costs are known from {', '.join(PUBLISHED)}, not from {numbers[:40]!r}", param_hint="'--numbers'"
        )
    figures = {name: (each.value, f"{numbers}: {each.what}") for name, each in PUBLISHED.get(numbers or "", {}).items()}
    try:
        found = report(systems, given, published=figures, measure=measure) if systems else None
    except UnknownQuantity as error:
        raise click.BadParameter(str(error), param_hint="'--set'") from None
    if as_json:
        whole = {"schema": SCHEMA} if found is None else document(found)
        print_json(whole | ({"published": published_document()} if published else {}))
        return
    parts = [] if found is None else [text(found, everything=everything)]
    click.echo("\n\n".join([*parts, published_text()] if published else parts))
