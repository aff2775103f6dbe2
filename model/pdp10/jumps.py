"""JRST with each of its sixteen functions, JFCL and XCT.

The accumulator field of JRST is four function bits: 10 dismisses the interrupt in progress, 4 halts, 2 restores
the flags, and 1 enters user mode (KA10) or is a portal (KI10). Any of them may be combined.
"""

from collections.abc import Mapping
from functools import partial

from ..machine import Machine
from ..terms import Term, bits, concat, ite
from .group import Group, prepare, show
from .machine import ILLEGAL, PDP10
from .word import encode, right

DISMISS, HALT, RESTORE, MODE = 0o10, 0o4, 0o2, 0o1

jumps = Group()


def add_jrst(machine: Machine, mode_function: str) -> None:
    """Adds JRST with every function; `mode_function` is what function 1 is called on this processor."""
    words = {DISMISS: "dismiss", HALT: "halt", RESTORE: "restore flags", MODE: mode_function}
    for functions in range(0o20):
        chosen = ", ".join(word for bit, word in words.items() if functions & bit)
        name = f"JRST ({chosen})" if chosen else "JRST"

        def render(fields: Mapping[str, int], functions: int = functions) -> str:
            return show("JRST", {**fields, "ac": functions})

        meaning = partial(_jrst, functions)
        meaning.__doc__ = f"Jumps to E; functions: {chosen or 'none'}."
        machine.add(name, f"JRST {functions:o},E", encode(0o254, functions), meaning, render)


def _jrst(functions: int, cpu: PDP10, i: Term, x: Term, y: Term) -> None:
    effective = prepare(cpu, concat(bits(0o254, 9), bits(functions, 4), i, x, y))
    if functions & (DISMISS | HALT):
        cpu.trap(ILLEGAL, when=cpu.control_illegal(), uuo=cpu.uuo)
    if functions & DISMISS:
        dismiss_interrupt(cpu)
    if functions & HALT:
        cpu.halted = True
    cpu.jump(right(effective))
    if functions & RESTORE:
        cpu.restore_flags(effective)
    if functions & MODE:
        cpu.change_mode()


def dismiss_interrupt(cpu: PDP10) -> None:
    """The interrupt in progress on the highest level is over; so is the program's request on that level."""
    highest = bits(0, 7)
    for level in range(7):
        highest = ite(cpu.PIH.bit(level), bits(1 << level, 7), highest)
    with cpu.when(cpu.PI_on):
        cpu.PIH = cpu.PIH & ~highest
        cpu.PIR = cpu.PIR & ~highest


@jumps("JFCL", 0o255)
def jump_on_flag_and_clear(cpu: PDP10, ac: Term, e: Term) -> None:
    """Jumps to E if a flag that AC selects (10 OV, 4 CRY0, 2 CRY1, 1 FOV) is set, and clears the selected."""
    flags = concat(*[cpu.get(name).as_bits() for name in ("OV", "CRY0", "CRY1", "FOV")])
    cpu.jump(e, (flags & ac) != 0)
    for place, name in enumerate(("FOV", "CRY1", "CRY0", "OV")):
        with cpu.when(ac.bit(place)):
            cpu.put(name, False)


@jumps("XCT", 0o256)
def execute(cpu: PDP10, ac: Term, e: Term) -> None:
    """Executes the instruction in E as if it stood here."""
    cpu.executive_execute(ac)
    cpu.execute(e)
