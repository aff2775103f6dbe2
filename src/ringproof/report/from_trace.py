"""The report of one recorded run, or of two of one machine side by side."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.questions import first_divergence, mode_changes
from ringproof.traces.recording.running import decoded_inputs
from ringproof.traces.recording.shape import Shape, TraceError
from ringproof.traces.recording.stream import Change, Reason, apply_change
from ringproof.traces.recording.trace import Trace

from .content import Command, Report
from .from_witness import assumed, module, stored, told
from .runs import Executed, Place, Run, Step, get

LONGEST = 1_000_000
"""A page holds runs of at most this many steps."""

ENDINGS = {
    "limit": "as many as were asked for",
    "until": "to the place to stop",
    "stuck": "then a trap that could not be delivered",
    "memory": "then the memory limit",
    "interrupted": "then it was interrupted",
}


def of_traces(
    traces: Sequence[Trace], usual: Mapping[str, str] = MappingProxyType({}), machine_file: str | None = None
) -> Report:
    """The report of one or two traces of one machine.

    `usual` are the assumptions that need not be named, `machine_file` is the file of a machine of the user's own.
    Raises DoesNotReplayError where the machine does otherwise, TraceError where they are too long or do not belong
    together.
    """
    machine = traces[0].machine
    for trace in traces:
        if trace.steps > LONGEST:
            raise TraceError(f"{trace.path} has {trace.steps} steps; a report holds at most {LONGEST}")
        if trace.header.kind == "recorded":
            trace.replay()
    parting = first_divergence(*traces) if len(traces) > 1 else None
    labels = ["the run"] if parting is None else ["first run", "second run"]
    runs = [Run(label, trace.state(0), tuple(_steps(trace))) for label, trace in zip(labels, traces, strict=True)]
    parted = None if parting is None else parting.step
    step = 1 if parted is None else parted + 1
    return Report(
        name=", ".join(trace.path.name for trace in traces),
        sentence=_sentence(machine, traces, runs, parting is not None, parted),
        machine=machine,
        runs=runs,
        step=min(step, max(trace.steps for trace in traces)),
        native=module(machine),
        facts=_facts(machine, traces),
        commands=_commands(traces, machine_file),
        run_command=_run_command(traces[0], usual, machine_file),
        inputs=[_inputs(machine, trace) for trace in traces],
    )


def _steps(trace: Trace) -> Iterator[Step]:
    """Each step, taken again by the reference interpreter for its instruction and its trap."""
    machine, shape = trace.machine, trace.shape
    interpreter = Interpreter(machine)
    known: dict[int, Executed] = {}
    state = trace.state(0)
    for change in trace.changes():
        reason = Reason(change[0])
        executed = trap = None
        places = _places(shape, change)
        if reason in (Reason.DIRECT, Reason.TRAPPED):
            taken = interpreter.step(state)
            if taken.word is not None:
                if taken.word not in known:
                    known[taken.word] = _executed(machine, interpreter, taken.word)
                executed = known[taken.word]
            trap = None if taken.trapped is None else told(taken.trapped)
        else:
            apply_change(shape, state, change)
        yield Step(executed, {place: get(state, place) for place in places}, reason.word, trap)


def _places(shape: Shape, change: Change) -> list[Place]:
    """Where a step writes: the program counter, then flags and numbers in the machine's order, then cells."""
    _, move, mask, numbers, runs = change
    found: list[Place] = [(shape.counter, None)] if move else []
    while mask:
        found.append((shape.flags[(mask & -mask).bit_length() - 1], None))
        mask &= mask - 1
    found += [(shape.numbers[number], None) for number, _ in numbers]
    for array, first, values in runs:
        name, last = shape.arrays[array].name, (1 << shape.arrays[array].index_width) - 1
        found += [(name, first + offset & last) for offset in range(len(values))]
    return list(dict.fromkeys(found))


def _executed(machine: Machine, interpreter: Interpreter, word: int) -> Executed:
    decoded = interpreter.decode(word)
    if decoded is None:
        return Executed("undefined instruction", stored(machine, word, None, {}), "undefined")
    instruction, fields = decoded
    return Executed(instruction.render(fields), stored(machine, word, instruction, fields), instruction.id)


def _sentence(machine: Machine, traces: Sequence[Trace], runs: Sequence[Run], two: bool, parted: int | None) -> str:
    if not two:
        trapped = sum(step.trap is not None for step in runs[0].steps)
        changed = sum(1 for _ in mode_changes(traces[0]))
        traps = f"{_count(trapped, 'of them traps', 'of them trap')}" if trapped else "none of them traps"
        return (
            f"{machine.name} takes {_count(traces[0].steps, 'step', 'steps')}: {traps}, and the mode changes"
            f" {'once' if changed == 1 else f'{changed:,} times' if changed else 'never'}."
        )
    if parted is not None:
        step = runs[0].steps[parted]
        what = f" at `{step.executed.assembly}`" if step.executed else ""
        return f"Two runs of {machine.name} part at step {parted:,}{what}."
    counts = [trace.steps for trace in traces]
    if counts[0] != counts[1]:
        return f"Two runs of {machine.name} do the same for {min(counts):,} steps; then one of them ends."
    return f"Two runs of {machine.name} do the same in all {_count(counts[0], 'step', 'steps')}."


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _facts(machine: Machine, traces: Sequence[Trace]) -> list[tuple[str, str]]:
    facts = [("machine", f"{machine.name}: {machine.summary}")]
    under = ", ".join(f"{name}={value}" for name, value in traces[0].header.assumptions.items())
    if under:
        facts.append(("under", under))
    for number, trace in enumerate(traces, 1):
        end = trace.end
        ended = "where the recording was cut off" if end is None else ENDINGS[end.ended]
        name = f"run {number}" if len(traces) > 1 else "run"
        facts.append((name, f"{trace.path.name}: {_count(trace.steps, 'step', 'steps')}, {ended}"))
    return [*facts, ("source", machine.source)]


def _commands(traces: Sequence[Trace], machine_file: str | None) -> list[Command]:
    own = ["--machine", machine_file] if machine_file else []
    paths = [str(trace.path) for trace in traces]
    if len(paths) > 1:
        lines = [("Say where the runs part", ["replay", *paths])]
    else:
        lines = [
            ("Take every step again", ["replay", *paths]),
            ("Move about in it", ["replay", *paths, "--interactive"]),
        ]
    lines.append(("Make this page again", ["report", *paths]))
    return [Command(what, shlex.join(["ringproof", *words, *own])) for what, words in lines]


def _run_command(trace: Trace, usual: Mapping[str, str], machine_file: str | None) -> str:
    machine = machine_file or trace.machine.name
    return shlex.join(["ringproof", "run", machine, *assumed(trace.header.assumptions, usual)])


def _inputs(machine: Machine, trace: Trace) -> list[tuple[int, list[tuple[Place, int]]]]:
    """The steps before which something reaches the machine from outside, and what."""
    found: list[tuple[int, list[tuple[Place, int]]]] = []
    for step, values in decoded_inputs(machine, trace.header.inputs):
        places: list[tuple[Place, int]] = []
        for name, value in values.items():
            if isinstance(value, Cells):
                places += [((name, index), cell) for index, cell in sorted(value.items())]
            else:
                places.append(((name, None), int(value)))
        found.append((step, places))
    return found


__all__ = ["of_traces"]
