"""`ringproof run MACHINE`: run a program, and record it if asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringproof.exits import Exit

from .common import assume_option, check_output, columns, json_option, print_json
from .progress import every_second, reporter
from .starting import LAST_STEP, check_reachable, check_runs, inputs_of, parse_number, starting_state

if TYPE_CHECKING:
    from ringproof.model.machine import Machine
    from ringproof.traces.interpreter import State
    from ringproof.traces.recording.form import Header
    from ringproof.traces.recording.producer import Producer
    from ringproof.traces.recording.writing import Recorded

SHOWN_CELLS = 16


@click.command()
@click.argument("machine")
@click.option(
    "--program",
    type=click.Path(path_type=Path),
    metavar="FILE.bin",
    help="Load this file into memory; a cell takes as many bytes as it needs, the lowest first.",
)
@click.option("--at", metavar="ADDRESS", callback=parse_number, help="Where the program lies and starts; 0 by default.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Start from this state instead of the machine's own; what it leaves out is zero.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Start with this component, or cell NAME[INDEX], changed.",
)
@click.option(
    "--inject",
    multiple=True,
    metavar="STEP:NAME=VALUE",
    help="Instead of step STEP, change this component from outside.",
)
@click.option(
    "--steps",
    type=click.IntRange(0, LAST_STEP + 1),
    default=1_000_000,
    show_default=True,
    help="Take at most this many steps.",
)
@click.option("--until", metavar="ADDRESS", callback=parse_number, help="Stop when the program counter is here.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False),
    callback=check_output,
    metavar="OUT",
    help="Keep the run in this trace file.",
)
@click.option("--every-step", is_flag=True, help="Record each step, not only what is needed to take them again.")
@click.option(
    "--engine",
    type=click.Choice(["native", "interpreter"]),
    default="native",
    show_default=True,
    help="What takes the steps; both take the same.",
)
@assume_option
@json_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def run(
    machine: str, program: Path | None, at: int | None, state: Path | None, settings: tuple[str, ...],
    inject: tuple[str, ...], steps: int, until: int | None, record: Path | None, every_step: bool, engine: str,
    assume: dict[str, str], as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run a program on MACHINE and show what it changed.

    Exit code 0 says that the run came to its end, 3 that it did not come to the address of --until or to a step of
    --inject.
    Ctrl-C (130) leaves a usable trace.
    """
    from ringproof.model.catalog import load
    from ringproof.traces.native.recording import producer
    from ringproof.traces.recording.form import header_of
    from ringproof.traces.recording.producer import ReferenceProducer

    if every_step and record is None:
        raise click.UsageError("--every-step says how to --record, and no file was given")
    found = load(machine)
    check_runs(found)
    check_reachable(found, until)
    found.assuming(assume)
    start = starting_state(found, state, program, at, settings)
    header = header_of(found, start, kind="recorded" if every_step else "derived", inputs=inputs_of(found, inject))
    runner = producer(found, native=engine == "native")
    is_native = not isinstance(runner, ReferenceProducer)
    if engine == "native" and not is_native and not quiet:
        click.echo(f"{found.name} is too large for the native engine; the interpreter takes the steps", err=True)
    with reporter("steps", quiet=quiet) as report:
        recorded = _take(runner, header, record, steps, until, every_second(report, steps))
    # What is interrupted may be past the last step that was recorded.
    end = start if recorded.ended == "interrupted" else runner.state()
    missed = [entry.step for entry in header.inputs if entry.step >= recorded.steps]
    if as_json:
        told = {"not_injected": missed, "engine": "native" if is_native else "interpreter"}
        print_json(_document(found, recorded, start, end, record) | told)
    else:
        click.echo(_text(found, recorded, start, end, until, record))
        for step in missed:
            click.echo(f"Step {step}, at which values were to be injected, was not reached.")
    click.get_current_context().exit(_exit(recorded, until, missed))


def _exit(recorded: Recorded, until: int | None, missed: Sequence[int]) -> Exit:
    if recorded.ended == "interrupted":
        return Exit.INTERRUPTED
    arrived = until is None or recorded.ended == "until"
    return Exit.EXPECTED if arrived and not missed else Exit.INCONCLUSIVE


def _take(
    runner: Producer, header: Header, record: Path | None, steps: int, until: int | None,
    progress: Callable[[int], None] | None,
) -> Recorded:  # fmt: skip
    """Takes the steps, and records them where `record` says."""
    from ringproof.traces.recording.running import advance
    from ringproof.traces.recording.writing import Recorded
    from ringproof.traces.recording.writing import record as record_run

    if record is not None:
        return record_run(runner, header, record, steps, until=until, progress=progress)
    done = 0

    def note(steps: int) -> None:
        nonlocal done
        done = steps
        if progress is not None:
            progress(steps)

    try:
        done, ending = advance(runner, header, steps, until=until, progress=note)
    except KeyboardInterrupt:
        return Recorded(done, "interrupted", "", None)
    return Recorded(done, ending.reason if ending is not None else "limit", "", ending)


def _changes(start: State, end: State) -> list[tuple[str, int | None, int, int]]:
    """Components and cells with their values at the start and at the end, where these differ."""
    from ringproof.traces.python_code import Cells

    found: list[tuple[str, int | None, int, int]] = []
    for name, value in start.items():
        if isinstance(value, Cells):
            indices = sorted(value.keys() | end[name].keys())
            found += [(name, i, value[i], end[name][i]) for i in indices if value[i] != end[name][i]]
        elif value != end[name]:
            found.append((name, None, int(value), int(end[name])))
    return found


ENDS = {
    "limit": "as many as were asked for",
    "stuck": "then a trap that the machine does not deliver",
    "memory": "then the memory limit was reached",
    "interrupted": "then it was interrupted",
}


def _text(
    machine: Machine, recorded: Recorded, start: State, end: State, until: int | None, record: Path | None
) -> str:
    told = f"then {machine.counter} was {until:#x}" if recorded.ended == "until" else ENDS[recorded.ended]
    lines = [f"{machine.name}: {recorded.steps} steps, {told}{_trap(recorded)}."]
    changes = _changes(start, end)
    scalars = [c for c in changes if c[1] is None]
    cells = [c for c in changes if c[1] is not None]
    rows: list[tuple[str, ...]] = [
        (n if i is None else f"{n}[{i:#x}]", f"{a:#x}", f"-> {b:#x}") for n, i, a, b in [*scalars, *cells[:SHOWN_CELLS]]
    ]
    if rows:
        lines.append(columns(rows))
    if len(cells) > SHOWN_CELLS:
        lines.append(f"  and {len(cells) - SHOWN_CELLS} more cells")
    if record is not None:
        lines.append(f"Recorded in {record} ({record.stat().st_size} bytes); replay it with: ringproof replay {record}")
    return "\n".join(lines)


def _trap(recorded: Recorded) -> str:
    ending = recorded.ending
    if ending is None or ending.trapped is None:
        return ""
    nested = f", whose delivery meets {ending.nested.cause.name}" if ending.nested else ""
    return f" ({ending.trapped.cause.name}{nested})"


def _document(machine: Machine, recorded: Recorded, start: State, end: State, record: Path | None) -> dict[str, Any]:
    from ringproof.traces.recording.state_text import encode_state

    ending = recorded.ending
    return {
        "schema": "ringproof/run/1",
        "machine": machine.name,
        "steps": recorded.steps,
        "ended": recorded.ended,
        "trap": ending.trapped.cause.name if ending and ending.trapped else None,
        "delivery_met": ending.nested.cause.name if ending and ending.nested else None,
        "digest": recorded.digest or None,
        "recorded": str(record) if record else None,
        "changes": [
            {"component": name, "index": None if index is None else hex(index), "before": hex(a), "after": hex(b)}
            for name, index, a, b in _changes(start, end)
        ],
        "state": encode_state(machine, end),
    }
