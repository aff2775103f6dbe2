"""A counterexample against a monitor in one sentence."""

from __future__ import annotations

from ringproof.traces.interpreter import Step
from ringproof.traces.monitored import System
from ringproof.traces.python_code import Cells

from .obligations import CONTROL, EFFICIENCY, NO_CONTROL
from .replay import GOES_ON, Squared


def sentence(system: System, what: str, found: Squared) -> str:
    """What happens in the one step of `found`, alone and under the monitor, and what is wrong with it."""
    text = told(system, found.word)
    alone = f"alone it {_did(found.alone_step)}"
    if what == EFFICIENCY:
        return f"{text}: {alone}, under the monitor the host traps ({_names(found)})."
    under = _under(found)
    if what == CONTROL:
        changed = [shown for shown in found.shown if shown != NO_CONTROL]
        parts = [f"which changes {_listed(changed)}"] if changed else []
        parts += [NO_CONTROL] if NO_CONTROL in found.shown else []
        return f"{text}: {under}, {', and '.join(parts)}."
    apart = [_shown(system, found, name) for name in found.shown if not name.startswith("alone ")]
    return f"{text}: {alone}; {under}{', and then ' if apart else ''}{_listed(apart)}."


def told(system: System, word: int | None) -> str:
    """The instruction of `word` as the assembly writes it."""
    decoded = None if word is None else system.guest.decode(word)
    if decoded is None:
        return "The fetch" if word is None else f"The word {word:#x}"
    instruction, fields = decoded
    return instruction.render(fields)


def _names(found: Squared) -> str:
    return found.monitored.trapped.cause.name if found.monitored.trapped is not None else "trap"


def _did(step: Step) -> str:
    return "completes" if step.trapped is None else f"traps ({step.trapped.cause.name})"


def _under(found: Squared) -> str:
    by = found.monitored.by
    if by == "direct":
        return "under the monitor it runs directly and completes"
    if by == "interpreted":
        return "the monitor interprets it"
    return f"under the monitor the host traps ({_names(found)}) and it is {by}"


def _shown(system: System, found: Squared, name: str) -> str:
    if name == GOES_ON:
        return name
    kind, _, rest = name.partition("the virtual ")
    if not kind and rest:
        one, two = found.after.guest[rest], found.alone[rest]
        if isinstance(one, Cells):
            cells = [a for a in sorted({*one, *two}) if one[a] != two[a]]
            places = [f"{rest}[{a:#x}] is {one[a]:#x} and not {two[a]:#x}" for a in cells]
            return _listed(places)
        return f"the virtual machine's {rest} is {int(one):#x} and not {int(two):#x}"
    component = name.removesuffix(" of the host")
    return f"the host's {component} is not what the monitor would set" if component != name else name


def _listed(parts: tuple[str, ...] | list[str], most: int = 3) -> str:
    shown = list(parts[:most]) + ([f"{len(parts) - most} more"] if len(parts) > most else [])
    return ", ".join(shown)
