"""Moving about in a trace on a terminal, a letter at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .replay_trace_text import end_text, step_text

if TYPE_CHECKING:
    from ringproof.traces.recording.trace import Trace
    from ringproof.traces.recording.viewing import Viewer

HELP = """n next step, p previous step, g N to step N, m next mode change, M previous mode change,
w EXPRESSION to the next step that changes it or makes it true, ? these words again, q quit"""


def interact(trace: Trace, first: int) -> None:
    """Reads commands until `q` or the end of input; what is wrong with one is told in a sentence."""
    from ringproof.traces.recording.shape import TraceError
    from ringproof.traces.recording.viewing import Viewer

    viewer, step = Viewer(trace), first
    click.echo(HELP)
    _show(viewer, step)
    while True:
        try:
            line = input("> ").strip()
        except EOFError:
            return
        if line in ("q", "quit", "exit"):
            return
        if line in ("?", "h", "help"):
            click.echo(HELP)
            continue
        try:
            step = _moved(trace, step, line)
            _show(viewer, step)
        except TraceError as error:
            click.echo(str(error))


def _show(viewer: Viewer, step: int) -> None:
    click.echo("".join(step_text(viewer.trace, view) for view in viewer.steps(step, 1)) or end_text(viewer.trace))


def _moved(trace: Trace, step: int, line: str) -> int:
    """The step that a command leads to. Raises TraceError where there is none, or no such command."""
    from ringproof.traces.recording.expressions import parse
    from ringproof.traces.recording.questions import mode_change_before, mode_changes, watch
    from ringproof.traces.recording.shape import TraceError

    command, _, rest = line.partition(" ")
    found: int | None
    if command in ("", "n"):
        found = step + 1
    elif command == "p":
        found = step - 1
    elif command == "g" and rest.strip().isdigit():
        found = int(rest)
    elif command == "m":
        found = next(mode_changes(trace, step + 1), None)
    elif command == "M":
        found = mode_change_before(trace, step)
    elif command == "w" and rest.strip():
        expression = parse(rest, trace.shape.scalars, [array.name for array in trace.shape.arrays], trace.shape.sizes)
        watched = next(watch(trace, expression, step + 1), None) if step + 1 < trace.steps else None
        found = None if watched is None else watched.step
    else:
        raise TraceError(f"{line[:40]!r} is no command here; there are n, p, g N, m, M, w EXPRESSION, ? and q")
    if found is None:
        raise TraceError("There is no such step.")
    trace.check_step(found)
    return found
