"""Small machines of a user's own, as files."""

from __future__ import annotations

from pathlib import Path

SMALL = '''
"""An accumulator and two modes."""

from ringproof.model.cpu import Cause, Kind
from ringproof.model.encoding import pattern, units
from ringproof.model.machine import MODE, PROGRAM, RESOURCE, Machine
from ringproof.model.terms import BitVec

PRIVILEGE = Cause("privilege trap", Kind.PRIVILEGE)


def machine():
    m = Machine(
        name="small", summary="an accumulator and two modes", source="a test",
        word=BitVec(8), mode="mode", levels={{"supervisor": 0, "user": 1}}, guest="user", counter="pc",
        begin=lambda cpu, length: setattr(cpu, "pc", cpu.pc + length),
    )
    m.component("pc", BitVec(8), PROGRAM, "program counter")
    m.component("acc", BitVec(8), PROGRAM, "accumulator")
    m.component("mode", BitVec(1), MODE, "0 supervisor, 1 user")
    m.component("timer", BitVec(8), RESOURCE, "interrupt timer")

    def form(text):
        return pattern(text, word=m.word, length=units(1, 8))

    @m.instruction("ADD", "ADD {{n}}", form("00 n:6"))
    def add(cpu, n):
        """acc := acc + n."""
        cpu.acc = cpu.acc + n.zext(8)

    @m.instruction("SET TIMER", "SET TIMER", form("01 -:6"))
    def set_timer(cpu):
        """timer := acc. Privileged."""
        cpu.trap(PRIVILEGE, when=cpu.mode == 1)
        cpu.timer = cpu.acc
    {more}
    m.undefined.append(form("{rest} -:6"))
    return m
'''

READ_MODE = '''
    @m.instruction("READ MODE", "READ MODE", form("10 -:6"))
    def read_mode(cpu):
        """acc := mode."""
        cpu.acc = cpu.mode.zext(8)
'''


def sound(folder: Path) -> Path:
    """A machine whose sensitive instructions are all privileged."""
    return _write(folder, 'm.undefined.append(form("10 -:6"))', "11")


def leaking(folder: Path) -> Path:
    """A machine with an unprivileged instruction that reads the mode."""
    return _write(folder, READ_MODE, "11")


def overlapping(folder: Path) -> Path:
    """A machine two of whose encodings have words in common."""
    return _write(folder, 'm.undefined.append(form("-- -:6"))', "11")


def impossible(folder: Path) -> Path:
    """A machine whose invariant no state keeps."""
    more = 'm.undefined.append(form("10 -:6")); m.invariant("acc is 1 and 2", lambda s: (s.acc == 1) & (s.acc == 2))'
    return _write(folder, more, "11")


def empty(folder: Path) -> Path:
    """A machine without instructions."""
    path = folder / "empty.py"
    text = sound(folder).read_text()
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if "@m.instruction" in line)
    end = next(i for i, line in enumerate(lines) if 'm.undefined.append(form("10' in line)
    undefined = ["    for code in ('00', '01'):", "        m.undefined.append(form(code + ' -:6'))"]
    path.write_text("\n".join(lines[:start] + undefined + lines[end:]) + "\n")
    return path


def _write(folder: Path, more: str, rest: str) -> Path:
    path = folder / "my_machine.py"
    path.write_text(SMALL.format(more=more, rest=rest))
    return path
