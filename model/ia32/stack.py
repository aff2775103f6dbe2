"""The stack: PUSH, POP, PUSHA, POPA, ENTER, LEAVE. SDM vol. 1, sections 6.2 and 6.6."""

from __future__ import annotations

from ..terms import Term
from .causes import unsupported
from .cpu import IA32
from .forms import Forms
from .operands import REGISTERS, Operand

forms = Forms()


@forms("PUSH r16", "66 50+rw")
@forms("PUSH r32", "50+rd")
@forms("PUSH r/m16", "66 FF /6")
@forms("PUSH r/m32", "FF /6")
@forms("PUSH imm16", "66 68 iw")
@forms("PUSH imm32", "68 id")
def push(cpu: IA32, source: Operand) -> None:
    """Pushes the source; ESP as it was before. SDM vol. 2, PUSH."""
    cpu.push(cpu.read(source))


@forms("PUSH imm8", "66 6A ib")
def push_byte_16(cpu: IA32, source: Operand) -> None:
    """Pushes a byte, sign-extended to 16 bits. SDM vol. 2, PUSH."""
    cpu.push(cpu.read(source).sext(16))


@forms("PUSH imm8", "6A ib", operand_size=32)
def push_byte(cpu: IA32, source: Operand) -> None:
    """Pushes a byte, sign-extended to 32 bits. SDM vol. 2, PUSH."""
    cpu.push(cpu.read(source).sext(32))


@forms("POP r16", "66 58+rw")
@forms("POP r32", "58+rd")
@forms("POP r/m16", "66 8F /0")
@forms("POP r/m32", "8F /0")
def pop(cpu: IA32, destination: Operand) -> None:
    """Pops into the destination, whose address is formed with the new ESP. SDM vol. 2, POP."""
    cpu.write(destination, cpu.pop(destination.size // 8))


for digit in range(1, 8):
    forms.undefined(f"8F /{digit}")


@forms("PUSHA", "66 60")
def pusha(cpu: IA32) -> None:
    """Pushes the eight registers of 16 bits. SDM vol. 2, PUSHA/PUSHAD."""
    for value in [cpu.register(number, 16) for number in range(8)]:
        cpu.push(value)


@forms("PUSHAD", "60", name="PUSHA", operand_size=32)
def pushad(cpu: IA32) -> None:
    """Pushes the eight registers, ESP as it was before. SDM vol. 2, PUSHA/PUSHAD."""
    for value in [cpu.register(number, 32) for number in range(8)]:
        cpu.push(value)


@forms("POPA", "66 61")
def popa(cpu: IA32) -> None:
    """Pops seven registers of 16 bits; SP's place is skipped. SDM vol. 2, POPA/POPAD."""
    _pop_all(cpu, 2)


@forms("POPAD", "61", name="POPA", operand_size=32)
def popad(cpu: IA32) -> None:
    """Pops seven registers; ESP's place is skipped. SDM vol. 2, POPA/POPAD."""
    _pop_all(cpu, 4)


def _pop_all(cpu: IA32, size: int) -> None:
    for number in reversed(range(8)):
        if REGISTERS[32][number] == "ESP":
            cpu.ESP = cpu.ESP + size
        else:
            cpu.set_register(number, 8 * size, cpu.pop(size))


NESTING = unsupported("ENTER with a nesting level above 1")


@forms("ENTER imm16, imm8", "C8 iw ib", operand_size=32)
def enter(cpu: IA32, size: Operand, level: Operand) -> None:
    """Makes a stack frame of `size` bytes; its end must be writable. SDM vol. 2, ENTER."""
    depth = cpu.read(level)[4:0]
    cpu.trap(NESTING, when=depth > 1)
    cpu.push(cpu.EBP)
    frame: Term = cpu.ESP
    with cpu.when(depth == 1):
        cpu.push(frame)
    top = cpu.ESP - cpu.read(size).zext(32)
    cpu.check(cpu.segment("SS"), top, 4, write=True)
    cpu.EBP, cpu.ESP = frame, top


forms.omitted("66 C8 iw ib", "ENTER of 16 bits on a 32-bit stack")


@forms("LEAVE", "66 C9")
def leave_16(cpu: IA32) -> None:
    """Gives the frame back and pops BP. SDM vol. 2, LEAVE."""
    cpu.ESP = cpu.EBP
    cpu.set_register(5, 16, cpu.pop(2))


@forms("LEAVE", "C9", operand_size=32)
def leave(cpu: IA32) -> None:
    """Gives the frame back and pops EBP. SDM vol. 2, LEAVE."""
    cpu.ESP = cpu.EBP
    cpu.EBP = cpu.pop(4)
