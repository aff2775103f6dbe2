"""Machines derived from others: some instructions trap for privilege below the most privileged level."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass, replace

from .cpu import Cause, Cpu, Kind
from .machine import Instruction, Machine
from .terms import Term


@dataclass(frozen=True, eq=False)
class OwnTrap:
    """A trap for privilege as the machine's own instructions have it, so that it is delivered as theirs."""

    cause: Cause
    details: Mapping[str, Term]


def with_traps(machine: Machine, names: Collection[str], trap: OwnTrap | None = None) -> Machine:
    """`machine` with a privilege trap in front of every form of the rows `names`, below the most privileged level.

    The trap, by default the machine's `own_trap`, comes after those of fetching and before everything that the
    instruction does by itself.
    What the instruction traps for by itself happens then at the most privileged level alone, where nothing lacks
    privilege: its own traps of kind privilege (say, a descriptor's level against a selector's) become program traps.

    >>> from ringproof.model.catalog import load
    >>> machine = with_traps(load("third-generation-read-mode"), ["READ MODE"])
    >>> machine.outcome(machine.instructions[-1]).traps[0].cause.name
    'privilege trap'
    """
    if not names:
        return machine
    derived = copy(machine)
    derived.name = f"{machine.name}, with traps"
    own = trap or own_trap(machine)

    def trapping(instruction: Instruction) -> Callable[..., None]:
        def meaning(cpu: Cpu, **fields: Term) -> None:
            below = cpu.get(machine.mode) != machine.at_level(machine.top)
            cpu.trap(own.cause, when=below, **own.details)
            with cpu.causes(_at_the_top):
                instruction.meaning(cpu, **fields)

        return meaning

    derived.instructions = [
        replace(each, meaning=trapping(each)) if each.name in names else each for each in machine.instructions
    ]
    return derived


def _at_the_top(cause: Cause) -> Cause:
    return replace(cause, kind=Kind.PROGRAM) if cause.kind is Kind.PRIVILEGE else cause


def own_trap(machine: Machine) -> OwnTrap:
    """A trap of kind privilege of one of the instructions, with details that depend on nothing; else a new one."""
    for instruction in machine.instructions:
        for trap in machine.outcome(instruction).traps:
            if trap.cause.kind is Kind.PRIVILEGE and all(detail.is_constant for detail in trap.details.values()):
                return OwnTrap(trap.cause, trap.details)
    return OwnTrap(Cause("privilege trap", Kind.PRIVILEGE), {})
