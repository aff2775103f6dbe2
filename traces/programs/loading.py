"""Putting a program into a machine's state."""

from __future__ import annotations

from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, BitVecSort
from ringproof.traces.interpreter import State

from .elf import Program, ProgramError

HOST_BYTES = 8
"""The size of `tohost` and of `fromhost`."""


def memory_of(machine: Machine) -> str:
    """The name of the one memory. Raises ProgramError where `machine` has another number of them, or no bytes there."""
    found = [
        c.name for c in machine.components.values()
        if c.role is Role.MEMORY and isinstance(c.sort, ArraySort) and c.sort.value.width == 8
    ]  # fmt: skip
    if len(found) != 1:
        raise ProgramError(f"{machine.name} has {len(found)} memories of bytes; a program is loaded into the only one")
    return found[0]


def check_fits(machine: Machine, program: Program, name: str) -> None:
    """Raises ProgramError where the program, which the user calls `name`, is for another machine."""
    if machine.programs is None:
        raise ProgramError(f"{machine.name} has no conventions for ELF files; load the program's bytes with --program")
    if machine.programs.elf != program.form:
        wanted, given = (f"e_machine {number} of {bits} bits" for number, bits in (machine.programs.elf, program.form))
        raise ProgramError(f"{name} is for {given}; {machine.name} runs {wanted}")
    sort = machine.components[memory_of(machine)].sort
    counter = machine.components[machine.counter].sort
    assert isinstance(sort, ArraySort) and isinstance(counter, BitVecSort)
    top = 1 << sort.index.width
    for segment in program.segments:
        if segment.start + segment.size > top:
            raise ProgramError(
                f"{name} has a segment of {segment.size:#x} bytes at {segment.start:#x}; memory ends at {top:#x}"
            )
    for what, place in (("tohost", program.tohost), ("fromhost", program.fromhost)):
        if place is not None and place + HOST_BYTES > top:
            raise ProgramError(f"{name} has {what} at {place:#x}; memory ends at {top:#x}")
    if program.entry >> counter.width:
        raise ProgramError(f"{name} starts at {program.entry:#x}, which is no address of {machine.name}")


def load(machine: Machine, state: State, program: Program) -> None:
    """Puts the program into the memory of `state` and its entry point into the program counter."""
    memory = state[memory_of(machine)]
    for segment in program.segments:
        memory.update((segment.start + n, byte) for n, byte in enumerate(segment.content) if byte)
    state[machine.counter] = program.entry
