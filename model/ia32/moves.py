"""Moves of data: MOV, MOVZX, MOVSX, XCHG, BSWAP, LEA, XLAT, CMOVcc, NOP. SDM vol. 1, section 7.3.1."""

from __future__ import annotations

from ..terms import Term, concat, ite
from .cpu import IA32
from .flags import condition
from .forms import Forms
from .operands import Operand

forms = Forms()


@forms("MOV r/m8, r8", "88 /r")
@forms("MOV r/m16, r16", "66 89 /r")
@forms("MOV r/m32, r32", "89 /r")
@forms("MOV r8, r/m8", "8A /r")
@forms("MOV r16, r/m16", "66 8B /r")
@forms("MOV r32, r/m32", "8B /r")
@forms("MOV AL, moffs8", "A0 moffs")
@forms("MOV AX, moffs16", "66 A1 moffs")
@forms("MOV EAX, moffs32", "A1 moffs")
@forms("MOV moffs8, AL", "A2 moffs")
@forms("MOV moffs16, AX", "66 A3 moffs")
@forms("MOV moffs32, EAX", "A3 moffs")
@forms("MOV r8, imm8", "B0+rb ib")
@forms("MOV r16, imm16", "66 B8+rw iw")
@forms("MOV r32, imm32", "B8+rd id")
@forms("MOV r/m8, imm8", "C6 /0 ib")
@forms("MOV r/m16, imm16", "66 C7 /0 iw")
@forms("MOV r/m32, imm32", "C7 /0 id")
def mov(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Copies the source to the destination. SDM vol. 2, MOV."""
    cpu.write(destination, cpu.read(source))


@forms("MOVZX r16, r/m8", "66 0F B6 /r")
@forms("MOVZX r32, r/m8", "0F B6 /r")
@forms("MOVZX r16, r/m16", "66 0F B7 /r")
@forms("MOVZX r32, r/m16", "0F B7 /r")
def movzx(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Copies the source, zero-extended. SDM vol. 2, MOVZX."""
    cpu.write(destination, cpu.read(source).zext(destination.size))


@forms("MOVSX r16, r/m8", "66 0F BE /r")
@forms("MOVSX r32, r/m8", "0F BE /r")
@forms("MOVSX r16, r/m16", "66 0F BF /r")
@forms("MOVSX r32, r/m16", "0F BF /r")
def movsx(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Copies the source, sign-extended. SDM vol. 2, MOVSX/MOVSXD."""
    cpu.write(destination, cpu.read(source).sext(destination.size))


@forms("LEA r16, m", "66 8D /r")
@forms("LEA r32, m", "8D /r")
def lea(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Stores the offset of a memory operand. SDM vol. 2, LEA."""
    _, offset = cpu.address(source)
    cpu.write(destination, offset[destination.size - 1 : 0])


forms.undefined("8D /r", "LEA of a register", modrm="register")


@forms("XCHG r/m8, r8", "86 /r", lock=True)
@forms("XCHG r/m16, r16", "66 87 /r", lock=True)
@forms("XCHG r/m32, r32", "87 /r", lock=True)
@forms("XCHG AX, r16", "66 90+rw")
@forms("XCHG EAX, r32", "90+rd")
def xchg(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Exchanges two operands; 90 is NOP, and PAUSE after F3. SDM vol. 2, XCHG."""
    first, second = cpu.read(destination), cpu.read(source)
    cpu.write(destination, second)
    cpu.write(source, first)


@forms("BSWAP r32", "0F C8+rd")
def bswap(cpu: IA32, register: Operand) -> None:
    """Reverses the order of four bytes. SDM vol. 2, BSWAP."""
    value = cpu.read(register)
    cpu.write(register, concat(value[7:0], value[15:8], value[23:16], value[31:24]))


forms.omitted("66 0F C8+rd", "BSWAP of 16 bits is undefined")


@forms("XLAT", "D7")
def xlat(cpu: IA32) -> None:
    """Sets AL to the byte at EBX + AL, in DS unless overridden. SDM vol. 2, XLAT/XLATB."""
    cpu.set_register(0, 8, cpu.load(cpu.override(), cpu.EBX + cpu.EAX[7:0].zext(32), 1))


@forms("CMOVcc r16, r/m16", "66 0F 40+cc /r")
@forms("CMOVcc r32, r/m32", "0F 40+cc /r")
def cmov(cpu: IA32, cc: Term, destination: Operand, source: Operand) -> None:
    """Copies the source if the condition holds; the source is read in any case. SDM vol. 2, CMOVcc."""
    value, old = cpu.read(source), cpu.read(destination)
    cpu.write(destination, ite(condition(cpu, cc), value, old))


@forms("NOP r/m16", "66 0F 1F /0")
@forms("NOP r/m32", "0F 1F /0")
def nop(cpu: IA32, operand: Operand) -> None:
    """Does nothing; the operand is not accessed. SDM vol. 2, NOP."""


@forms("ENDBR32", "F3 0F 1E FB")
def endbr32(cpu: IA32) -> None:
    """Does nothing: control-flow enforcement is off. SDM vol. 2, ENDBR32."""
