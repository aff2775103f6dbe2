"""What the commands share: options, JSON on stdout, and how an expected verdict becomes an exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ringproof.exits import Exit

Command = TypeVar("Command", bound=Callable[..., Any])

EXPECTATIONS = ("holds", "violated")


def parse_assumptions(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`--assume NAME=VALUE`, repeated, as a dictionary."""
    found: dict[str, str] = {}
    for text in values:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"an assumption is written NAME=VALUE, not {text!r}")
        found[name] = value
    return found


assume_option = click.option(
    "--assume", multiple=True, metavar="NAME=VALUE", callback=parse_assumptions,
    help="Change a configuration bit, a setting of the context, or the guests' level.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def print_json(document: Any) -> None:
    """Writes `document` to stdout, indented."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def verdict_exit(violated: bool | None, expect: str | None) -> Exit:
    """The exit code of a verdict (None: undecided) when `expect` was asked for."""
    if violated is None:
        return Exit.INCONCLUSIVE
    if expect is None:
        return Exit.VIOLATED if violated else Exit.EXPECTED
    return Exit.EXPECTED if violated == (expect == "violated") else Exit.VIOLATED


def columns(rows: list[tuple[str, ...]], indent: str = "  ") -> str:
    """Rows as left-aligned columns."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [indent + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
