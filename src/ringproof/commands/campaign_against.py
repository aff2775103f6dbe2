"""`ringproof campaign MACHINE --against ORACLE`: the steps of the traces, one by one, on another implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from .common import columns, print_json

if TYPE_CHECKING:
    from ringproof.properties.campaign.differential import Agreement
    from ringproof.properties.campaign.run import Budget


def compare(
    machine: str, assume: dict[str, str], seed: int, against: str, budget: Budget, *, quiet: bool, as_json: bool
) -> Exit:
    """Compares the steps, prints how they agree in each cell, and gives the exit code."""
    from ringproof.properties.campaign.differential import differential
    from ringproof.properties.campaign.run import Job
    from ringproof.traces.oracles.answers import OracleUnavailable

    from .progress import SECONDS_BETWEEN_LINES, reporter

    try:
        with reporter(f"{machine} against {against}", quiet=quiet, every=SECONDS_BETWEEN_LINES) as progress:
            found = differential(Job(machine, tuple(assume.items()), seed), against, budget, progress)
    except OracleUnavailable as error:
        click.echo(f"ringproof: {error}", err=True)
        return Exit.INCONCLUSIVE
    if as_json:
        print_json(document(found))
    else:
        click.echo(text(found))
    return Exit.VIOLATED if found.differ else Exit.EXPECTED


def text(found: Agreement) -> str:
    """The comparison for people."""
    parts = [
        f"{found.machine} against {found.oracle}: {found.traces} traces, {found.compared} steps, seed {found.seed}",
        columns(
            [
                ("agree", str(found.total("agrees"))),
                ("differ as listed with the manual's section", str(found.total("listed"))),
                ("differ", str(found.total("differs"))),
                ("not compared: declined by the model, or not runnable there", str(found.total("not compared"))),
            ]
        ),
        f"cells with a comparison: {len({cell[:3] for cell in found.cells})}",
    ]
    return "\n".join(parts + [f"  {example}" for example in found.examples])


def document(found: Agreement) -> dict[str, object]:
    """The comparison as one JSON document."""
    return {
        "schema": "ringproof/campaign-against/1",
        "machine": found.machine,
        "against": found.oracle,
        "seed": found.seed,
        "traces": found.traces,
        "steps": found.compared,
        "cells": [
            {"instruction": form, "level": level, "outcome": fate, "result": how, "count": count}
            for (form, level, fate, how), count in sorted(found.cells.items())
        ],
        "differences": found.examples,
    }
