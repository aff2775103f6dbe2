"""Replaying what speaks against a monitor: a counterexample of one step, or a program of a few."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ringproof.exits import Exit

from .common import columns, print_json
from .divergence_text import program_document, program_text

if TYPE_CHECKING:
    from ringproof.properties.monitors.comparing import Row
    from ringproof.traces.monitored import System

SCHEMAS = ("ringproof/monitor-witness/1", "ringproof/divergence/1")


def replay_monitored(file: Path, schema: str, *, as_json: bool) -> Exit:
    """Runs the file again, which is of one of `SCHEMAS`, and shows guest alone and under the monitor side by side."""
    return (_witness if schema == SCHEMAS[0] else _program)(file, as_json)


def system_of(file: Path, name: str) -> System:
    """The system that the file names. Raises MachineError where there is none."""
    from ringproof.model.machine import MachineError
    from ringproof.model.monitors.catalog import SYSTEMS, system
    from ringproof.model.monitors.faults import FAULTS
    from ringproof.traces.monitored import System

    base, _, fault = name.partition("~")
    faulty = fault in FAULTS and FAULTS[fault].system == base
    if name not in SYSTEMS and not faulty:
        raise MachineError(f"{file} is of system {name[:60]!r}, which is not in the catalogue")
    return System(system(name))


def _witness(file: Path, as_json: bool) -> Exit:
    from ringproof.properties.monitors.comparing import rows
    from ringproof.properties.monitors.replay import replay
    from ringproof.properties.monitors.sentences import sentence, told
    from ringproof.properties.monitors.telling import did, did_under
    from ringproof.properties.monitors.witness import load

    witness = load(file)
    system = system_of(file, witness.system)
    found = replay(system, witness)
    table = rows(system, found)
    text = sentence(system, witness.property, found) if found.shown else "What it claims is not so."
    alone, monitored = did(found.alone_step), did_under(found.monitored)
    if as_json:
        print_json({"schema": "ringproof/replay/1", "id": witness.id, "system": witness.system,
                    "property": witness.property, "holds": bool(found.shown), "sentence": text,
                    "shown": list(found.shown), "by": found.monitored.by, "alone": alone, "monitored": monitored,
                    "runs": [{"component": r.name, "before": r.before, "alone": r.alone, "virtual": r.virtual,
                              "host": [r.host_before, r.host], "differs": r.differs} for r in table]})  # fmt: skip
    else:
        click.echo(f"{witness.id} of {witness.system}, {witness.property}: {text}")
        click.echo(f"  {told(system, found.word)}\n    alone: it {alone}\n    under the monitor: {monitored}")
        click.echo(_table(table))
        click.echo("It still shows what it claims." if found.shown else "It does not show what it claims.")
    return Exit.EXPECTED if found.shown else Exit.SPURIOUS


def _table(rows: list[Row]) -> str:
    heads: list[tuple[str, ...]] = [
        ("", "", "guest", "its own machine", "virtual machine", "host", ""),
        ("", "", "before", "after", "after", "before", "after"),
    ]
    shown = [("*" if r.differs else "", r.name, r.before, r.alone, r.virtual, r.host_before, r.host) for r in rows]
    return columns([*heads, *shown], indent="    ")


def _program(file: Path, as_json: bool) -> Exit:
    from ringproof.properties.monitors.divergence import load, rerun
    from ringproof.properties.monitors.telling import tell

    program = load(file)
    system = system_of(file, program.system)
    start, run = rerun(system, program)
    told = tell(system, program.property, start, run)
    holds = run[-1].parts and len(run) == program.steps
    if as_json:
        print_json({"schema": "ringproof/replay/1", "id": program.id, "system": program.system,
                    "property": program.property, "instruction": program.instruction, "holds": holds,
                    "sentence": told.sentence, **program_document(told)})  # fmt: skip
    else:
        click.echo(f"{program.id} of {program.system}: a program that shows {program.instruction}")
        click.echo(program_text(told))
        click.echo("The two runs still part." if holds else "The two runs do not part where the file says.")
    return Exit.EXPECTED if holds else Exit.SPURIOUS
