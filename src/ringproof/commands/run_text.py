"""What is told of a run: how it ended and what it changed, as text and as a JSON document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common import columns

if TYPE_CHECKING:
    from ringproof.model.machine import Machine
    from ringproof.traces.interpreter import State
    from ringproof.traces.recording.writing import Recorded

SHOWN_CELLS = 16


def changes(start: State, end: State) -> list[tuple[str, int | None, int, int]]:
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


def text(machine: Machine, recorded: Recorded, start: State, end: State, until: int | None, record: Path | None) -> str:
    """How a run ended, and the components and cells that it changed."""
    told = f"then {machine.counter} was {until:#x}" if recorded.ended == "until" else ENDS[recorded.ended]
    lines = [f"{machine.name}: {recorded.steps} steps, {told}{_trap(recorded)}."]
    found = changes(start, end)
    scalars = [c for c in found if c[1] is None]
    cells = [c for c in found if c[1] is not None]
    rows: list[tuple[str, ...]] = [
        (n if i is None else f"{n}[{i:#x}]", f"{a:#x}", f"-> {b:#x}") for n, i, a, b in [*scalars, *cells[:SHOWN_CELLS]]
    ]
    if rows:
        lines.append(columns(rows))
    if len(cells) > SHOWN_CELLS:
        lines.append(f"  and {len(cells) - SHOWN_CELLS} more cells")
    if record is not None:
        lines.append(recorded_in(record))
    return "\n".join(lines)


def recorded_in(record: Path) -> str:
    """Where the trace is, in one sentence."""
    return f"Recorded in {record} ({record.stat().st_size} bytes); replay it with: ringproof replay {record}"


def _trap(recorded: Recorded) -> str:
    ending = recorded.ending
    if ending is None or ending.trapped is None:
        return ""
    nested = f", whose delivery meets {ending.nested.cause.name}" if ending.nested else ""
    return f" ({ending.trapped.cause.name}{nested})"


def document(machine: Machine, recorded: Recorded, start: State, end: State, record: Path | None) -> dict[str, Any]:
    """The JSON document of a run."""
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
            for name, index, a, b in changes(start, end)
        ],
        "state": encode_state(machine, end),
    }
