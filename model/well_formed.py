"""Whether a machine is declared as it must be: what can be said before any question is asked of it.

Each rule is one sentence that names what was found and what was expected. Running everything once on variables,
as `check_well_formed` does, finds the mistakes that are inside meanings.
"""

from __future__ import annotations

from collections.abc import Iterator

from .cpu import Cause, Kind
from .machine import Component, Machine, MachineError, Role
from .terms import ArraySort, BitVecSort, BoolSort, var


def check_well_formed(machine: Machine) -> None:
    """Raises MachineError for a declaration that cannot be meant, and whatever a meaning raises."""
    for problem in _problems(machine):
        raise MachineError(problem)
    machine.valid(machine.variables)
    machine.in_context(machine.variables)
    relocation = machine.relocation
    if relocation is not None:
        x = var("$x", relocation.amount)
        relocation.offset(x)
        relocation.bases(machine.view(machine.variables), x)
    for instruction in machine.instructions:
        try:
            outcome = machine.outcome(instruction)
        except Exception as error:
            error.add_note(f"the meaning of {instruction.name}")
            raise
        for trap in outcome.traps:
            if not isinstance(trap.cause, Cause) or not isinstance(trap.cause.kind, Kind):
                raise MachineError(
                    f"{instruction.name} traps with {trap.cause!r}; a Cause with a name and a Kind was expected"
                )


def _problems(machine: Machine) -> Iterator[str]:
    for component in machine.components.values():
        yield from _of_component(component)
    mode = machine.components.get(machine.mode)
    if mode is None:
        names = ", ".join(machine.components) or "none"
        yield f"the mode is the component {machine.mode!r}, but the machine has {names}"
        return
    if mode.role is not Role.MODE:
        yield f"the mode {mode.name} has the role {mode.role.value}; MODE was expected"
    others = [c.name for c in machine.components.values() if c.role is Role.MODE and c is not mode]
    if others:
        yield f"{others[0]} has the role MODE as well as {mode.name}; a machine has one mode"
    yield from _of_levels(machine, mode)
    if machine.counter and machine.counter not in machine.components:
        yield f"the counter is the component {machine.counter!r}, which the machine does not have"
    if machine.relocation is not None:
        memory = machine.components.get(machine.relocation.memory)
        if memory is None or not isinstance(memory.sort, ArraySort):
            yield f"the relocation moves {machine.relocation.memory!r}, which is no array of the machine"


def _of_component(component: Component) -> Iterator[str]:
    if not isinstance(component.role, Role):
        yield f"{component.name} has the role {component.role!r}; one of {', '.join(r.name for r in Role)} was expected"
    if not isinstance(component.sort, ArraySort | BitVecSort | BoolSort):
        yield f"{component.name} has the sort {component.sort!r}; Bool, BitVec(n) or Array(n, m) was expected"


def _of_levels(machine: Machine, mode: Component) -> Iterator[str]:
    levels, width = machine.levels, mode.sort.width if isinstance(mode.sort, BitVecSort) else 1
    if len(levels) < 2:
        yield f"there is only the level {', '.join(levels) or 'none'}; at least two were expected"
    if len(set(levels.values())) < len(levels):
        yield f"two of the levels {', '.join(levels)} have the same value"
    for name, value in levels.items():
        if not 0 <= value < 1 << width:
            yield f"the level {name} is {value}, but {mode.name} holds 0 to {(1 << width) - 1}"
    if machine.guest not in levels:
        yield f"guests run at {machine.guest!r}, which is none of the levels {', '.join(levels)}"
    elif len(levels) > 1 and machine.guest == next(iter(levels)):
        yield f"guests run at {machine.guest!r}, the most privileged level; a lower one was expected"


__all__ = ["check_well_formed"]
