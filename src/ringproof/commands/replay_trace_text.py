"""Steps of a trace, watched expressions and programs as text, and steps as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .common import columns

if TYPE_CHECKING:
    from ringproof.traces.recording.expressions import Expression
    from ringproof.traces.recording.listing import Line
    from ringproof.traces.recording.questions import Watched
    from ringproof.traces.recording.trace import Trace
    from ringproof.traces.recording.viewing import StepView


def step_text(trace: Trace, view: StepView) -> str:
    """A step: where, in which mode, what it was, and what changed from what to what."""
    head = f"step {view.number}  {trace.machine.counter} {view.counter:#x}  {view.mode}  {view.text}"
    rows: list[tuple[str, ...]] = [
        (x.place, f"{x.before:#x}", f"-> {x.after:#x}" if x.before != x.after else "written, the same")
        for x in view.changes
    ]
    return "\n".join([f"{head}  {_end(view)}", *([columns(rows, indent="    ")] if rows else [])])


def end_text(trace: Trace) -> str:
    """Where the run has come to after its last step."""
    counter = trace.state(trace.steps)[trace.machine.counter]
    return f"After the last of {trace.steps} steps, {trace.machine.counter} is {counter:#x}."


def _end(view: StepView) -> str:
    if view.taken is not None and view.taken.trapped is not None:
        trapped = view.taken.trapped
        details = ", ".join(f"{name} {value:#x}" for name, value in trapped.details.items())
        return f"traps: {trapped.cause.name}{f' ({details})' if details else ''}"
    return view.reason.word


def step_document(view: StepView) -> dict[str, Any]:
    """A step as plain data."""
    taken = view.taken
    trapped = taken.trapped if taken is not None else None
    return {
        "step": view.number,
        "counter": hex(view.counter),
        "mode": view.mode,
        "word": None if taken is None or taken.word is None else hex(taken.word),
        "instruction": None if taken is None or taken.instruction is None else taken.instruction.id,
        "text": view.text,
        "reason": view.reason.word,
        "trap": None if trapped is None else trapped.cause.name,
        "details": {} if trapped is None else {name: hex(value) for name, value in trapped.details.items()},
        "changes": [
            {
                "component": change.name,
                "index": None if change.index is None else hex(change.index),
                "before": hex(change.before),
                "after": hex(change.after),
            }
            for change in view.changes
        ],
    }


def watch_text(expression: Expression, found: Sequence[Watched], more: int) -> str:
    """The steps at which an expression changed."""
    if not found and more:
        return f"{more} steps {'make' if expression.is_condition else 'change'} {expression.text}{_true(expression)}."
    if not found:
        divided = " A division by 0 counts as 0." if expression.divides else ""
        verb = "makes" if expression.is_condition else "changes"
        return f"No step {verb} {expression.text}{_true(expression)}.{divided}"
    if expression.is_condition:
        lines = [f"step {watched.step} makes {expression.text} true" for watched in found]
    else:
        lines = [f"step {w.step} changes {expression.text} from {w.before:#x} to {w.after:#x}" for w in found]
    if more:
        lines.append(f"and {more} more steps (--limit)")
    return "\n".join(lines)


def _true(expression: Expression) -> str:
    return " true" if expression.is_condition else ""


def program_text(lines: Sequence[Line]) -> str:
    """The instructions that ran, by address."""
    return columns(
        [(f"{x.counter:#x}", x.text, f"{x.times} times" if x.times > 1 else "once") for x in lines], indent=""
    )
