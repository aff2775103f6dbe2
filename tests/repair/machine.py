"""A machine with configuration bits, as a file of a user's own."""

from __future__ import annotations

from pathlib import Path

TEXT = '''
"""A mode, a timer, and bits by which reading them traps."""

from ringproof.model.cpu import Cause, Kind
from ringproof.model.encoding import pattern, units
from ringproof.model.machine import MODE, PROGRAM, RESOURCE, Machine
from ringproof.model.terms import TRUE, BitVec

PRIVILEGE = Cause("privilege trap", Kind.PRIVILEGE)
OTHER = Cause("other trap", Kind.PRIVILEGE)


def machine():
    m = Machine(
        name="bits", summary="reading the mode traps by one of two bits", source="a test",
        word=BitVec(8), mode="mode", levels={"supervisor": 0, "user": 1}, guest="user", counter="pc",
        begin=lambda cpu, length: setattr(cpu, "pc", cpu.pc + length),
    )
    m.component("pc", BitVec(8), PROGRAM, "program counter")
    m.component("acc", BitVec(8), PROGRAM, "accumulator")
    m.component("mode", BitVec(1), MODE, "0 supervisor, 1 user")
    m.component("timer", BitVec(8), RESOURCE, "interrupt timer")
    m.component("control", BitVec(8), RESOURCE, "bit 0 is FIRST")
    m.configuration("FIRST", 0, "READ MODE traps", holds=lambda state, value: state.control.bit(0) == value)
    m.configuration("SECOND", 0, "READ MODE traps too")
    m.configuration("OPEN", 0, "SET TIMER does not trap")
    m.configuration("UNUSED", 0, "nothing")

    def form(text):
        return pattern(text, word=m.word, length=units(1, 8))

    @m.instruction("ADD", "ADD {n}", form("000 n:5"))
    def add(cpu, n):
        """acc := acc + n."""
        cpu.acc = cpu.acc + n.zext(8)

    @m.instruction("SET TIMER", "SET TIMER", form("001 -:5"))
    def set_timer(cpu):
        """timer := acc."""
        cpu.trap(PRIVILEGE, when=(cpu.mode == 1) & ~cpu.OPEN)
        cpu.timer = cpu.acc

    @m.instruction("READ MODE", "READ MODE", form("010 -:5"))
    def read_mode(cpu):
        """acc := mode."""
        cpu.trap(PRIVILEGE, when=(cpu.mode == 1) & (cpu.FIRST | cpu.SECOND))
        cpu.acc = cpu.mode.zext(8)

    @m.instruction("READ CONTROL", "READ CONTROL", form("011 -:5"))
    def read_control(cpu):
        """acc := control."""
        cpu.trap(PRIVILEGE, when=cpu.mode == 1)
        cpu.acc = cpu.control
    MORE
    m.undefined.append(form("1-- -:5") if len(m.instructions) == 4 else form("11- -:5"))
    if len(m.instructions) == 5:
        m.undefined.append(form("101 -:5"))
    return m
'''

STOP_TIMER = '''
    @m.instruction("STOP TIMER", "STOP TIMER", form("100 -:5"))
    def stop_timer(cpu):
        """timer := 0, unless acc is 0, in either mode."""
        cpu.trap(OTHER, when=cpu.acc == 0)
        cpu.timer = cpu.timer & 0
'''


ASKING = '''
    @m.instruction("STOP TIMER", "STOP TIMER", form("100 -:5"))
    def stop_timer(cpu):
        """timer := 0; traps in user mode where the bit UNUSED is set."""
        if cpu.UNUSED is TRUE:
            cpu.trap(OTHER, when=cpu.mode == 1)
        cpu.timer = cpu.timer & 0
'''


def asking(folder: Path) -> str:
    """The same, with an instruction whose Python asks for a bit."""
    return _write(folder, ASKING)


def repairable(folder: Path) -> str:
    """A machine that either of two bits repairs."""
    return _write(folder, "")


def stubborn(folder: Path) -> str:
    """The same, with an instruction that no bit has to do with."""
    return _write(folder, STOP_TIMER)


def _write(folder: Path, more: str) -> str:
    path = folder / "bits.py"
    path.write_text(TEXT.replace("    MORE\n", more), encoding="utf-8")
    return str(path)
