"""Moves of data: MOV, MOVZX, MOVSX, XCHG, BSWAP, LEA, XLAT, CMOVcc, and the stack. SDM vol. 2."""

from __future__ import annotations

from .cpu import IA32
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
