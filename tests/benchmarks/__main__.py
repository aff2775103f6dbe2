"""Prints the benchmarks' tables, or one JSON document: python -m tests.benchmarks [--only TOPIC] [--json]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import msgspec

from ringproof.commands.common import columns

from .measuring import Row, computer
from .topics import TOPICS


def table(rows: Sequence[Row]) -> str:
    """The rows of one topic: a figure for each contender, and how many times the compared one it is."""
    contenders = list(dict.fromkeys(name for row in rows for name in row.figures))
    head = ("", *contenders)
    lines = [(f"{row.name}", *[_cell(row, name) for name in contenders]) for row in rows]
    return columns([head, *lines])


def _cell(row: Row, contender: str) -> str:
    figure, ratio = row.figures.get(contender, ""), None
    if isinstance(figure, str):
        return figure
    ratio = row.ratio(contender)
    return f"{figure:.3g}" if ratio is None else f"{figure:.3g} ({ratio:.3g}x)"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(TOPICS), help="measure this topic; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    about, results = computer(), {}
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in about.items()))
    for topic in options.only or TOPICS:
        rows = []
        for row in import_module(f".topics.{topic}", __package__).rows():
            print(f"{topic}: {row.name}", file=sys.stderr, flush=True)
            rows.append(row)
        results[topic] = rows
        if not options.json:
            print(f"\n{topic}: {TOPICS[topic]}, in {rows[0].unit}\n{table(rows)}", flush=True)
    if options.json:
        document = {"format": 1, "computer": about, "topics": results}
        print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


if __name__ == "__main__":
    main()
