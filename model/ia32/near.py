"""Transfers of control in a segment: JMP CALL RET Jcc LOOP JECXZ, BOUND, UD2. SDM vol. 1, section 7.3.8."""

from __future__ import annotations

from ..terms import TRUE, Term, slt
from .causes import BR, UD
from .cpu import IA32
from .flags import condition
from .forms import Forms
from .operands import Operand

forms = Forms()

NARROW = "near branches of 16 bits"


@forms("JMP rel8", "EB cb", operand_size=32)
@forms("JMP rel32", "E9 cd")
def jmp(cpu: IA32, displacement: Operand) -> None:
    """Jumps, relative to the next instruction. SDM vol. 2, JMP."""
    cpu.jump(cpu.EIP + cpu.read(displacement).sext(32))


@forms("JMP r/m32", "FF /4")
def jmp_indirect(cpu: IA32, target: Operand) -> None:
    """Jumps to an offset in CS. SDM vol. 2, JMP."""
    cpu.jump(cpu.read(target))


@forms("CALL rel32", "E8 cd")
def call(cpu: IA32, displacement: Operand) -> None:
    """Pushes the offset of the next instruction and jumps. SDM vol. 2, CALL."""
    _call(cpu, cpu.EIP + cpu.read(displacement).sext(32))


@forms("CALL r/m32", "FF /2")
def call_indirect(cpu: IA32, target: Operand) -> None:
    """Pushes the offset of the next instruction and jumps to an offset in CS. SDM vol. 2, CALL."""
    _call(cpu, cpu.read(target))


def _call(cpu: IA32, target: Term) -> None:
    back = cpu.EIP
    cpu.jump(target)
    cpu.push(back)


@forms("RET", "C3", operand_size=32)
def ret(cpu: IA32) -> None:
    """Pops EIP. SDM vol. 2, RET."""
    cpu.jump(cpu.pop(4))


@forms("RET imm16", "C2 iw", operand_size=32)
def ret_immediate(cpu: IA32, size: Operand) -> None:
    """Pops EIP and `size` bytes more. SDM vol. 2, RET."""
    cpu.jump(cpu.pop(4))
    cpu.ESP = cpu.ESP + cpu.read(size).zext(32)


@forms("Jcc rel8", "70+cc cb", operand_size=32)
@forms("Jcc rel32", "0F 80+cc cd")
def jcc(cpu: IA32, cc: Term, displacement: Operand) -> None:
    """Jumps if the condition holds. SDM vol. 2, Jcc."""
    with cpu.when(condition(cpu, cc)):
        cpu.jump(cpu.EIP + cpu.read(displacement).sext(32))


@forms("JECXZ rel8", "E3 cb", operand_size=32, name="Jcc")
def jecxz(cpu: IA32, displacement: Operand) -> None:
    """Jumps if ECX is 0. SDM vol. 2, Jcc."""
    with cpu.when(cpu.ECX == 0):
        cpu.jump(cpu.EIP + cpu.read(displacement).sext(32))


@forms("LOOP rel8", "E2 cb", operand_size=32)
def loop(cpu: IA32, displacement: Operand) -> None:
    """Counts ECX down and jumps unless it is 0. SDM vol. 2, LOOP/LOOPcc."""
    _loop(cpu, displacement, TRUE)


@forms("LOOPE rel8", "E1 cb", operand_size=32, name="LOOP")
def loope(cpu: IA32, displacement: Operand) -> None:
    """Counts ECX down and jumps unless it is 0, if ZF is set. SDM vol. 2, LOOP/LOOPcc."""
    _loop(cpu, displacement, cpu.ZF)


@forms("LOOPNE rel8", "E0 cb", operand_size=32, name="LOOP")
def loopne(cpu: IA32, displacement: Operand) -> None:
    """Counts ECX down and jumps unless it is 0, if ZF is clear. SDM vol. 2, LOOP/LOOPcc."""
    _loop(cpu, displacement, ~cpu.ZF)


def _loop(cpu: IA32, displacement: Operand, holds: Term) -> None:
    left = cpu.ECX - 1
    cpu.ECX = left
    with cpu.when((left != 0) & holds):
        cpu.jump(cpu.EIP + cpu.read(displacement).sext(32))


for text in ("EB cb", "E9 cw", "FF /4", "E8 cw", "FF /2", "C3", "C2 iw", "70+cc cb", "0F 80+cc cw"):
    forms.omitted(f"66 {text}", NARROW)
for text in ("E0 cb", "E1 cb", "E2 cb", "E3 cb"):
    forms.omitted(f"66 {text}", NARROW)


@forms("BOUND r16, m16&16", "66 62 /r")
@forms("BOUND r32, m32&32", "62 /r")
def bound(cpu: IA32, index: Operand, limits: Operand) -> None:
    """Traps (#BR) unless the index lies within the two bounds in memory, signed. SDM vol. 2, BOUND."""
    value, both = cpu.read(index), cpu.read(limits)
    width = value.width
    cpu.trap(BR, when=slt(value, both[width - 1 : 0]) | slt(both[2 * width - 1 : width], value))


@forms("UD2", "0F 0B")
def ud2(cpu: IA32) -> None:
    """Traps (#UD). SDM vol. 2, UD."""
    cpu.trap(UD)
