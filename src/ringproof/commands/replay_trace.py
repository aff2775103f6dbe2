"""`ringproof replay` of a trace file: verify it, look at steps, and ask it questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ringproof.exits import Exit

from .common import machine_of, print_json
from .progress import every_second, reporter
from .replay_trace_text import end_text, program_text, step_document, step_text, watch_text

if TYPE_CHECKING:
    from ringproof.traces.recording.questions import Watched
    from ringproof.traces.recording.trace import Trace
    from ringproof.traces.recording.viewing import StepView

SCHEMA = "ringproof/replay-trace/1"
DEFAULT_LIMIT = 20


@dataclass(frozen=True)
class Asked:
    """What the options ask of a trace."""

    step: int | None
    count: int | None
    next_mode_change: bool
    previous_mode_change: bool
    against: Path | None
    watch: str | None
    limit: int | None
    as_program: bool
    interactive: bool
    machine_file: str | None
    as_json: bool
    quiet: bool

    @property
    def is_plain(self) -> bool:
        """Whether nothing was asked but to replay."""
        looks = self.step is not None or self.next_mode_change or self.previous_mode_change
        return not (
            looks
            or self.count is not None
            or self.limit is not None
            or self.against
            or self.watch is not None
            or self.as_program
            or self.interactive
        )


def replay_trace(file: Path, asked: Asked) -> Exit:
    """Answers what was asked of the trace in `file`."""
    given = [
        asked.against is not None, asked.watch is not None, asked.as_program, asked.interactive,
        asked.next_mode_change, asked.previous_mode_change,
    ]  # fmt: skip
    if sum(given) > 1:
        raise click.UsageError(
            "--against, --watch, --as, --interactive, --next-mode-change and --previous-mode-change go one at a time"
        )
    if asked.step is not None and (asked.against is not None or asked.as_program):
        raise click.UsageError("--step goes with neither --against nor --as, which are about whole runs")
    if asked.count is not None and sum(given[:4]):
        raise click.UsageError("--count says how many steps to show, and none are shown one by one")
    if asked.interactive and asked.as_json:
        raise click.UsageError("--interactive shows steps to a reader; it does not go with --json")
    if asked.limit is not None and asked.watch is None:
        raise click.UsageError("--limit says how many steps --watch lists, and nothing is watched")
    trace = open_trace(file, asked)
    if trace.end is None and not asked.quiet:
        click.echo(f"{file} was cut off after {trace.steps} steps; these are whole.", err=True)
    if asked.step is not None:
        trace.check_step(asked.step)
    if asked.against is not None:
        return _compare(trace, open_trace(asked.against, asked), asked)
    if asked.watch is not None:
        return _watch(trace, asked)
    if asked.as_program:
        return _program(trace, asked)
    if asked.interactive:
        from .replay_interactive import interact

        interact(trace, asked.step or 0)
        return Exit.EXPECTED
    if asked.is_plain:
        return _verify(trace, asked)
    return _show(trace, asked)


def open_trace(file: Path, asked: Asked) -> Trace:
    """The trace in `file`, on its machine."""
    from ringproof.traces.native.recording import producer
    from ringproof.traces.recording.reading import read_trace
    from ringproof.traces.recording.trace import Trace

    found = read_trace(file)
    machine = machine_of(file, found.header.machine, asked.machine_file)
    machine.assuming(found.header.assumptions)
    with reporter("steps", quiet=asked.quiet) as report:
        return Trace(found, machine, producer(machine), every_second(report, found.steps))


def _verify(trace: Trace, asked: Asked) -> Exit:
    if trace.header.kind == "recorded":
        with reporter("steps", quiet=asked.quiet) as report:
            trace.replay(every_second(report, trace.steps))
    end = trace.end
    code = Exit.NOTHING_SELECTED if end is None and not trace.steps else Exit.EXPECTED
    if asked.as_json:
        print_json({
            "schema": SCHEMA, "machine": trace.machine.name, "kind": trace.header.kind, "steps": trace.steps,
            "ended": end.ended if end else None, "digest": end.digest if end else None, "replays": True,
        })  # fmt: skip
        return code
    kept = "every step is in the file" if trace.header.kind == "recorded" else "kept as its start, length and digest"
    click.echo(f"{trace.path}: {trace.steps} steps of {trace.machine.name}, {kept}")
    if end is not None:
        click.echo(f"All were taken again, and are what was recorded (digest {end.digest[:16]}).")
    elif trace.steps:
        click.echo("All of its whole chunks were taken again, and are what was recorded.")
    else:
        click.echo("It was cut off before its first whole chunk, so there was nothing to take again.")
    return code


def _show(trace: Trace, asked: Asked) -> Exit:
    from ringproof.traces.recording.questions import mode_change_before, mode_changes
    from ringproof.traces.recording.viewing import Viewer

    first: int | None = asked.step or 0
    if asked.next_mode_change:
        first = next(mode_changes(trace, asked.step or 0), None)
    elif asked.previous_mode_change:
        first = mode_change_before(trace, trace.steps if asked.step is None else asked.step)
    if first is None:
        return _nothing(asked, "No such step changes the mode.")
    views = list(Viewer(trace).steps(first, asked.count or 1))
    if asked.as_json:
        print_json({"schema": SCHEMA, "machine": trace.machine.name, "steps": [step_document(v) for v in views]})
    else:
        click.echo("\n".join(step_text(trace, view) for view in views) or end_text(trace))
    return Exit.EXPECTED


def _nothing(asked: Asked, text: str) -> Exit:
    if asked.as_json:
        print_json({"schema": SCHEMA, "steps": []})
    else:
        click.echo(text)
    return Exit.NOTHING_SELECTED


def _compare(one: Trace, other: Trace, asked: Asked) -> Exit:
    from ringproof.traces.recording.questions import first_divergence
    from ringproof.traces.recording.viewing import Viewer

    parting = first_divergence(one, other)
    same_length = one.steps == other.steps
    views: list[StepView] = []
    if parting.step is not None:
        views = [next(Viewer(trace).steps(parting.step, 1)) for trace in (one, other)]
    if asked.as_json:
        document: dict[str, Any] = {
            "schema": SCHEMA, "machine": one.machine.name, "start_differs_in": list(parting.start),
            "first_divergence": parting.step, "lengths": [one.steps, other.steps],
            "steps": [step_document(view) for view in views],
        }  # fmt: skip
        print_json(document)
    else:
        if parting.start:
            click.echo(f"The runs start from states that differ in {', '.join(parting.start)}.")
        if parting.step is None:
            told = "The runs take the same steps" if same_length else "The shorter run is the beginning of the other"
            click.echo(f"{told} ({one.steps} and {other.steps}).")
        else:
            click.echo(f"The runs part at step {parting.step}:")
            for trace, view in zip((one, other), views, strict=True):
                click.echo(f"{trace.path}\n{step_text(trace, view)}")
    return Exit.EXPECTED if parting.step is None and same_length and not parting.start else Exit.VIOLATED


def _watch(trace: Trace, asked: Asked) -> Exit:
    from ringproof.traces.recording.expressions import parse
    from ringproof.traces.recording.questions import watch

    shape = trace.shape
    expression = parse(asked.watch or "", shape.scalars, [array.name for array in shape.arrays], shape.sizes)
    found: list[Watched] = []
    more, limit = 0, DEFAULT_LIMIT if asked.limit is None else asked.limit
    for watched in watch(trace, expression, asked.step or 0):
        if len(found) < limit:
            found.append(watched)
        else:
            more += 1
    if asked.as_json:
        print_json({
            "schema": SCHEMA, "machine": trace.machine.name, "expression": expression.text,
            "steps": [{"step": w.step, "before": hex(w.before), "after": hex(w.after)} for w in found], "more": more,
        })  # fmt: skip
    else:
        click.echo(watch_text(expression, found, more))
    return Exit.EXPECTED if found or more else Exit.NOTHING_SELECTED


def _program(trace: Trace, asked: Asked) -> Exit:
    from ringproof.traces.recording.listing import program

    lines = program(trace)
    if asked.as_json:
        print_json({
            "schema": SCHEMA, "machine": trace.machine.name,
            "program": [
                {"counter": hex(x.counter), "word": hex(x.word), "text": x.text, "times": x.times} for x in lines
            ],
        })  # fmt: skip
    else:
        click.echo(program_text(lines))
    return Exit.EXPECTED
