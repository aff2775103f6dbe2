"""The three properties once more, over concrete states: what a counterexample must show on the interpreter.

`obligations` writes formulas over all states; this module runs the guest's own machine and the system, and looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ringproof.model.cpu import Kind
from ringproof.model.machine import Role
from ringproof.traces.interpreter import State, Step
from ringproof.traces.monitored import Monitored, System, Together, copied

from ..definitions import unequal
from ..witness import WitnessError
from .obligations import CONTROL, EFFICIENCY, EQUIVALENCE, FETCH, GRANTS, LAW, LENT, MAP, NO_CONTROL
from .witness import SystemWitness, decode, word_of


@dataclass(frozen=True)
class Squared:
    """One step both ways: the guest's own machine alone, and the system; and where a property fails."""

    before: Together
    word: int | None
    alone: State
    alone_step: Step
    after: Together
    monitored: Monitored
    shown: tuple[str, ...]


def squared(system: System, together: Together, word: int | None, what: str) -> Squared:
    """The step of `word` from `together` (None: of the word fetched there), and what shows that `what` fails there."""
    alone = copied(together.guest)
    step = system.guest.attempt(alone) if word is None else system.guest.perform(word, alone)
    declined = step.trapped is not None and step.trapped.cause.kind is Kind.UNSUPPORTED
    delivered = step.trapped is not None and not declined and system.guest.deliver(step.trapped, alone) is None
    after, monitored = system.step(together) if word is None else system.perform(together, word)
    shown: list[str] = []
    if what == CONTROL:
        # Whatever the guest's own machine does, or declines to say.
        shown = _control(system, together, alone, step, after, monitored)
        shown += _regaining(system, together, after, monitored, fetched=word is None)
    elif step.trapped is not None and not declined and not delivered:
        # The delivery itself fails, past what the machine models; that it had to be is a difference nonetheless.
        host_declines = monitored.trapped is not None and monitored.trapped.cause.kind is Kind.UNSUPPORTED
        shown = [GOES_ON] if what == EQUIVALENCE and (monitored.by == "direct" or host_declines) else []
    elif not declined:
        shown = CHECKS[what](system, together, alone, step, after, monitored)
        if word is None and what == EQUIVALENCE and step.word != monitored.step.word:
            shown.append("the word that is fetched")
    if word is None and what == EQUIVALENCE:
        shown += [each for each in _fetching(system, together, monitored) if each not in shown]
    return Squared(together, word, alone, step, after, monitored, tuple(shown))


def replay(system: System, witness: SystemWitness) -> Squared:
    """Runs `witness` again. Raises StateError where it does not fit the system."""
    if witness.property not in CHECKS:
        raise WitnessError(f"a property is one of {', '.join(CHECKS)}, not {witness.property[:40]!r}")
    together = system.together(decode(system.placement, witness))
    permitted = system.law_holds_for(together) if witness.property == MAP else system.permitted(together)
    if not permitted:
        raise WitnessError(f"the state of the witness is none that the monitor of {witness.system[:60]} allows")
    word = None if witness.instruction in (FETCH, LAW) else word_of(system.placement, witness)
    return squared(system, together, word, witness.property)


def _equivalence(
    system: System, before: Together, alone: State, step: Step, after: Together, monitored: Monitored
) -> list[str]:
    """The system's state is not f of the guest's, or the guest's machine takes another case."""
    found = _cases(step, monitored) + [f"the virtual {name}" for name in _differences(after.guest, alone)]
    expected = system.place(alone, before.host, after.kept)
    components, memory = system.construction.host.components, system.placement.memory
    left = {memory, *(name for name, component in components.items() if component.role is Role.CLOCK)}
    host = {name: value for name, value in expected.host.items() if name not in left}
    return found + [
        f"{name} of the host" for name in _differences(after.host, host) if f"the virtual {name}" not in found
    ]


def _cases(step: Step, monitored: Monitored) -> list[str]:
    if monitored.by == "direct" and step.trapped is not None:
        return [f"alone it traps for {step.trapped.cause.name}"]
    if monitored.by != "reflected" or monitored.trapped is None:
        return []
    if step.trapped is not None and step.trapped.cause == monitored.trapped.cause:
        return []
    return [f"alone it does not trap for {monitored.trapped.cause.name}"]


def _control(
    system: System, before: Together, alone: State, step: Step, after: Together, monitored: Monitored
) -> list[str]:
    """Something that the monitor decides on changed, or a cell outside the region, or the monitor has no control."""
    found: list[str] = []
    machine = system.construction.host
    if monitored.by == "direct":
        names = [n for n, c in machine.components.items() if c.role in (Role.MODE, Role.RESOURCE, Role.DEVICE)]
        names = [n for n in names if n != system.placement.memory and n not in system.placement.lent]
        found += [] if system.in_bounds(after) else [LENT]
        found += [f"{n} of the host" for n in names if unequal(before.host[n], after.host[n])]
        found += [] if system.keeps_grants(before, after) else [GRANTS]
    memory = system.placement.memory
    one, two = before.host[memory], after.host[memory]
    written = [a for a in sorted({*one, *two}) if one[a] != two[a]]
    found += [f"{memory}[{a:#x}] outside the region" for a in written if not system.in_region(before, a)]
    if monitored.by == "direct":
        found += [f"{memory}[{a:#x}], which is watched" for a in written if system.is_watched(before, a)]
    if monitored.trapped is not None and not system.enters(before, monitored.trapped):
        found.append(NO_CONTROL)
    return found


def _fetching(system: System, before: Together, monitored: Monitored) -> list[str]:
    """The trap that the monitor reflects is one of the host's fetch, where alone the fetch completes."""
    if monitored.by != "reflected" or monitored.step.word is not None or monitored.trapped is None:
        return []
    word, _ = system.guest.fetch(copied(before.guest))
    return [] if word is None else [f"alone it does not trap for {monitored.trapped.cause.name}"]


def _regaining(system: System, before: Together, after: Together, monitored: Monitored, *, fetched: bool) -> list[str]:
    """What is pending on the host does not lead to the monitor, or an instruction that runs does not count once."""
    pending = fetched and system.is_pending(before) and not system.interprets(before)
    found = [NO_CONTROL] if pending and not system.regains(before) else []
    counter = system.construction.countdown
    if counter is not None and monitored.by == "direct":
        expected = before.host[counter] - (fetched and monitored.step.word is not None)
        found += [f"{counter} of the host"] if after.host[counter] != expected else []
    return found


def _efficiency(
    system: System, before: Together, alone: State, step: Step, after: Together, monitored: Monitored
) -> list[str]:
    """The guest's own machine completes, and the host traps."""
    traced = monitored.trapped is not None and monitored.trapped.cause in system.placement.tracing
    if step.trapped is None and monitored.trapped is not None and not traced:
        return [f"{monitored.trapped.cause.name} on the host"]
    interpreted = monitored.by == "interpreted" and system.promises(before)
    return ["the monitor interprets"] if step.trapped is None and interpreted else []


def _map(
    system: System, before: Together, alone: State, step: Step, after: Together, monitored: Monitored
) -> list[str]:
    """What was placed is not what is read back, or an equation about the map does not hold."""
    found = [f"{name} as it is read back" for name in _differences(system.view(before), before.guest)]
    return found + system.broken_laws(before)


GOES_ON = "the virtual machine goes on"

CHECKS = {EQUIVALENCE: _equivalence, CONTROL: _control, EFFICIENCY: _efficiency, MAP: _map}


def _differences(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[str]:
    return [name for name in two if unequal(one[name], two[name])]
