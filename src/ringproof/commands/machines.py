"""`ringproof machines [NAME]`: the machines, or what one of them is made of and leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .common import columns, json_option, print_json

if TYPE_CHECKING:
    from ringproof.model.machine import GuestContext, Machine


@click.command()
@click.argument("name", required=False)
@json_option
def machines(name: str | None, as_json: bool) -> None:
    """List the machines, or show the components, assumptions and omissions of NAME.

    NAME is a machine of the list or a Python file that defines machine().
    """
    from ringproof.model.catalog import CATALOG, load

    if name is None:
        if as_json:
            listed = [{"name": key, "summary": entry.summary} for key, entry in CATALOG.items()]
            print_json({"schema": "ringproof/machines/1", "machines": listed})
        else:
            click.echo(columns([(key, entry.summary) for key, entry in CATALOG.items()], indent=""))
        return
    machine = load(name)
    if as_json:
        print_json(_document(machine))
    else:
        click.echo(_text(machine))


def _rows(machine: Machine) -> list[str]:
    return list(dict.fromkeys(instruction.name for instruction in machine.instructions))


def _document(machine: Machine) -> dict[str, Any]:
    return {
        "schema": "ringproof/machine/1",
        "name": machine.name,
        "summary": machine.summary,
        "source": machine.source,
        "mode": {"component": machine.mode, "levels": dict(machine.levels), "guest": machine.guest},
        "components": [
            {"name": c.name, "sort": str(c.sort), "role": c.role.value, "text": c.text}
            for c in machine.components.values()
        ],
        "assumptions": [
            {"name": a.name, "value": a.value, "scope": a.scope, "text": a.text} for a in machine.assumptions.values()
        ],
        "contexts": [
            {"name": name, "text": c.text, "top": c.top, "guest": c.guest, "assumed": dict(c.assumed)}
            for name, c in machine.contexts.items()
        ],
        "states": [invariant.text for invariant in machine.invariants],
        "instructions": [
            {"name": i.name, "syntax": i.syntax, "encoding": i.encoding.text} for i in machine.instructions
        ],
        "undefined": [encoding.text for encoding in machine.undefined],
        "left_out": {"encodings": [encoding.text for encoding in machine.omitted], "behavior": list(machine.left_out)},
    }


def _assumed(context: GuestContext) -> str:
    """What is assumed in a context, as `--assume` takes it."""
    return ", ".join(f"{name}={value}" for name, value in context.assumed.items())


def _text(machine: Machine) -> str:
    parts = [f"{machine.name}: {machine.summary}", f"source: {machine.source}", ""]
    parts.append(
        f"levels of {machine.mode}, most privileged first: {', '.join(machine.levels)}; guests run at {machine.guest}"
    )
    parts += ["", "components"]
    parts.append(columns([(c.name, str(c.sort), c.role.value, c.text) for c in machine.components.values()]))
    if machine.assumptions:
        parts += ["", "assumptions (change with --assume)"]
        parts.append(columns([(f"{a.name}={a.value}", a.scope, a.text) for a in machine.assumptions.values()]))
    if machine.contexts:
        parts += ["", "contexts (choose with --context)"]
        parts.append(columns([(name, c.text, _assumed(c)) for name, c in machine.contexts.items()]))
    if machine.invariants:
        parts += ["", "states quantified over", *[f"  {invariant.text}" for invariant in machine.invariants]]
    names = _rows(machine)
    parts += ["", f"{len(machine.instructions)} instruction forms in {len(names)} rows", f"  {', '.join(names)}"]
    parts += ["", "left out", *[f"  {text}" for text in machine.left_out]]
    parts += [f"  words {encoding.text}" for encoding in machine.omitted]
    return "\n".join(parts)
