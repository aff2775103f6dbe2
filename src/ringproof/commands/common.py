"""What the commands share: options, JSON on stdout, and how an expected verdict becomes an exit code."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ringproof.exits import Exit

if TYPE_CHECKING:
    from ringproof.model.machine import Machine

Command = TypeVar("Command", bound=Callable[..., Any])

EXPECTATIONS = ("holds", "violated")
CHOSEN = "ringproof.context"


def parse_assumptions(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`--assume NAME=VALUE`, repeated, as a dictionary; `--context NAME` is its `context`."""
    found: dict[str, str] = dict(context.meta.get(CHOSEN, {}))
    for text in values:
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise click.BadParameter(f"an assumption is written NAME=VALUE, not {text!r}")
        found[name] = value
    return found


def choose_context(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Keeps `--context NAME` for `parse_assumptions`."""
    if value is not None:
        context.meta[CHOSEN] = {"context": value}


def assume_option(command: Command) -> Command:
    """The options `--assume` and `--context`, which a command takes as one dictionary, `assume`."""
    assume = click.option(
        "--assume", multiple=True, metavar="NAME=VALUE", callback=parse_assumptions,
        help="Change a configuration bit, a setting of the context, or the guests' level.",
    )  # fmt: skip
    chosen = click.option(
        "--context", metavar="NAME", is_eager=True, expose_value=False, callback=choose_context,
        help="Choose one of the machine's named ways to run guests.",
    )  # fmt: skip
    return assume(chosen(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def check_folder(context: click.Context, parameter: click.Parameter, folder: Path | None) -> Path | None:
    """The folder of `--save`, made and tried before the work that is to be saved there."""
    if folder is None:
        return None
    try:
        if not str(folder).strip("."):
            raise OSError(None, "a folder was expected")
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.BadParameter(f"nothing can be saved in {str(folder)!r}: {error.strerror}") from None
    return folder


def check_output(context: click.Context, parameter: click.Parameter, file: str | None) -> Path | None:
    """A file to be written, as the user named it: `Path` drops the slash that says that a folder was meant."""
    if file is not None and file.endswith(("/", os.sep)):
        raise click.BadParameter(f"{file!r} names a folder; a file was expected")
    return None if file is None else Path(file)


save_option = click.option(
    "--save", type=click.Path(path_type=Path), callback=check_folder, help="Save every counterexample in this folder."
)


def machine_of(what: object, name: str, file: str | None) -> Machine:
    """The machine that `what`, a counterexample or a trace, is of: the catalogue's, or that of the user's own `file`.

    Raises MachineError where there is none of this name.
    """
    from ringproof.model.catalog import CATALOG, load, named
    from ringproof.model.machine import MachineError

    if file is None:
        if name not in CATALOG:
            raise MachineError(
                f"{what} is of machine {name[:60]!r}, which is not in the catalogue; if it is one of your own, name its"
                " file with --machine FILE.py"
            )
        return named(name)
    machine = load(file)
    if machine.name != name:
        raise MachineError(f"{what} is of machine {name[:60]!r}, not of {machine.name!r}")
    return machine


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


def filled(text: str, width: int = 110, *, indent: str = "", later: str = "    ") -> str:
    """`text` in lines, of which all but the first begin with `later`; the name of a counterexample is never broken."""
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=later, break_on_hyphens=False)


def columns(rows: list[tuple[str, ...]], indent: str = "  ") -> str:
    """Rows as left-aligned columns."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [indent + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
