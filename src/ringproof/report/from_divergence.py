"""The report of a diverging program: the guest's own machine alone, and the virtual machine under the monitor."""

from __future__ import annotations

import shlex
from pathlib import Path

from ringproof.model.machine import Machine
from ringproof.properties.monitors.divergence import Divergence
from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE
from ringproof.properties.monitors.region import Region
from ringproof.properties.monitors.runs import Taken
from ringproof.properties.monitors.telling import Told, tell
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.interpreter import Step as Attempted
from ringproof.traces.monitored import Monitored, System, Together

from .claims import PAPER, Definition
from .content import Command, Report
from .from_witness import stored, told
from .runs import Executed, Run, Step, changes

DEFINITIONS = {
    EQUIVALENCE: Definition(
        "Not equivalent",
        "A program that runs under the monitor sees what it would see on a machine of its own. This one does not.",
        f"{PAPER}, section 4: equivalence",
    ),
    CONTROL: Definition(
        "Out of the monitor's control",
        "A program cannot change what the monitor decides on, nor reach a cell that is not its own. This one does.",
        f"{PAPER}, section 4: resource control",
    ),
    EFFICIENCY: Definition(
        "Not efficient",
        "Innocuous instructions run on the hardware without the monitor. This one does not.",
        f"{PAPER}, section 4: efficiency",
    ),
}


def of_divergence(system: System, divergence: Divergence, start: Together, run: list[Taken], path: Path) -> Report:
    """The report of a program that starts at `start` and was run both ways, from the file `path`."""
    machine, region = system.construction.guest, Region(system)
    words = tell(system, divergence.property, start, run)

    def own(together: Together) -> State:
        return {**together.guest, system.placement.memory: region.inside(together)}

    alone = _run(machine, "guest alone", own(start), [(_alone(machine, t.step), t.alone) for t in run])
    monitored = _run(
        machine,
        "guest under the monitor",
        own(start),
        [(_monitored(machine, t.step, t.monitored), own(t.together)) for t in run],
    )
    return Report(
        name=divergence.id,
        sentence=words.sentence,
        machine=machine,
        runs=[alone, monitored],
        step=len(run),
        native="the second run is the monitor's work besides, which the page does not have",
        facts=_facts(system, divergence, words),
        commands=_commands(divergence, path),
        definition=DEFINITIONS[divergence.property],
        shown=[(apart.name, apart.index) for apart in run[-1].apart],
    )


def _run(machine: Machine, label: str, initial: State, steps: list[tuple[Step, State]]) -> Run:
    found, before = [], initial
    for step, after in steps:
        found.append(Step(step.executed, changes(machine, before, after), step.reason, step.trap))
        before = after
    return Run(label, initial, tuple(found))


def _alone(machine: Machine, step: Attempted) -> Step:
    trap = None if step.trapped is None else told(step.trapped)
    return Step(_executed(machine, step), {}, "direct" if trap is None else "trapped", trap)


def _monitored(machine: Machine, step: Attempted, monitored: Monitored) -> Step:
    """The step as the guest meets it: a trap that the monitor reflects is the guest's, one that it emulates is not."""
    executed = _executed(machine, monitored.step if monitored.step.word is not None else step)
    trap = None if monitored.trapped is None else told(monitored.trapped)
    if monitored.by == "reflected":
        return Step(executed, {}, "reflected by the monitor", trap)
    if monitored.by == "direct":
        return Step(executed, {}, "direct", None)
    after = "" if trap is None else f" after the host's {trap}"
    return Step(executed, {}, f"{monitored.by} by the monitor{after}", None)


def _executed(machine: Machine, step: Attempted) -> Executed | None:
    if step.word is None:
        return None
    decoded = Interpreter(machine).decode(step.word)
    if decoded is None:
        return Executed("undefined instruction", stored(machine, step.word, None, {}), "undefined")
    instruction, fields = decoded
    return Executed(instruction.render(fields), stored(machine, step.word, instruction, fields), instruction.id)


def _facts(system: System, divergence: Divergence, words: Told) -> list[tuple[str, str]]:
    construction = system.construction
    facts = [
        ("system", f"{divergence.system}: {construction.summary}"),
        ("built for", divergence.instruction),
        ("starts", f"{words.ordinary}, but with {', '.join(words.start)}" if words.start else words.ordinary),
        ("the monitor has", ", ".join(words.kept)),
        *[(f"at {line.address}", f"{line.assembly}: alone it {line.alone}; {line.monitored}") for line in words.lines],
        ("unseen before", "; ".join(words.unseen)),
        ("source", construction.source),
    ]
    return [fact for fact in facts if fact[1]]


def _commands(divergence: Divergence, path: Path) -> list[Command]:
    lines = [
        ("Run this program again, both ways", ["ringproof", "replay", str(path)]),
        ("Prove and refute the whole system", ["ringproof", "prove", divergence.system, "--save", "found"]),
        ("Make this page again", ["ringproof", "report", str(path)]),
    ]
    return [Command(what, shlex.join(words)) for what, words in lines]
