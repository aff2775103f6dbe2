"""AND, OR, XOR, NOT, TEST. SDM vol. 1, section 7.3.3."""

from __future__ import annotations

from ..terms import FALSE, Term
from .arithmetic import every_encoding
from .cpu import IA32
from .forms import Forms
from .operands import Operand

forms = Forms()


def logic_flags(cpu: IA32, result: Term) -> Term:
    """The flags of a logical result: OF and CF clear, AF undefined (the model clears it)."""
    cpu.OF = cpu.CF = cpu.AF = FALSE
    cpu.undefined("AF")
    cpu.set_result_flags(result)
    return result


@every_encoding("OR", 1, forms)
def or_(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Bitwise or. SDM vol. 2, OR."""
    a = cpu.read(destination)
    cpu.write(destination, logic_flags(cpu, a | cpu.read(source).sext(a.width)))


@every_encoding("AND", 4, forms)
def and_(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Bitwise and. SDM vol. 2, AND."""
    a = cpu.read(destination)
    cpu.write(destination, logic_flags(cpu, a & cpu.read(source).sext(a.width)))


@every_encoding("XOR", 6, forms)
def xor(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Bitwise exclusive or. SDM vol. 2, XOR."""
    a = cpu.read(destination)
    cpu.write(destination, logic_flags(cpu, a ^ cpu.read(source).sext(a.width)))


@forms("TEST r/m8, r8", "84 /r")
@forms("TEST r/m16, r16", "66 85 /r")
@forms("TEST r/m32, r32", "85 /r")
@forms("TEST AL, imm8", "A8 ib")
@forms("TEST AX, imm16", "66 A9 iw")
@forms("TEST EAX, imm32", "A9 id")
@forms("TEST r/m8, imm8", "F6 /0 ib")
@forms("TEST r/m16, imm16", "66 F7 /0 iw")
@forms("TEST r/m32, imm32", "F7 /0 id")
def test(cpu: IA32, first: Operand, second: Operand) -> None:
    """Sets the flags of a bitwise and. SDM vol. 2, TEST."""
    logic_flags(cpu, cpu.read(first) & cpu.read(second))


@forms("NOT r/m8", "F6 /2", lock=True)
@forms("NOT r/m16", "66 F7 /2", lock=True)
@forms("NOT r/m32", "F7 /2", lock=True)
def not_(cpu: IA32, destination: Operand) -> None:
    """Inverts every bit; no flag changes. SDM vol. 2, NOT."""
    cpu.write(destination, ~cpu.read(destination))
