"""MUL, IMUL, DIV, IDIV. SDM vol. 1, section 7.3.2.3, and vol. 2."""

from __future__ import annotations

from ..terms import Term, concat, sdiv, srem, udiv, urem
from .causes import DE
from .cpu import IA32
from .forms import Forms
from .operands import Operand

forms = Forms()


def _double_accumulator(cpu: IA32, width: int) -> Term:
    """AX, DX:AX or EDX:EAX, twice `width` bits."""
    return cpu.register(0, 16) if width == 8 else concat(cpu.register(2, width), cpu.register(0, width))


def _set_double_accumulator(cpu: IA32, high: Term, low: Term) -> None:
    if low.width == 8:
        cpu.set_register(0, 16, concat(high, low))
    else:
        cpu.set_register(0, low.width, low)
        cpu.set_register(2, low.width, high)


@forms("MUL r/m8", "F6 /4")
@forms("MUL r/m16", "66 F7 /4")
@forms("MUL r/m32", "F7 /4")
def mul(cpu: IA32, source: Operand) -> None:
    """Multiplies the accumulator, unsigned; CF and OF: the upper half is not zero. SDM vol. 2, MUL."""
    b = cpu.read(source)
    width = b.width
    product = cpu.register(0, width).zext(2 * width) * b.zext(2 * width)
    high = product[2 * width - 1 : width]
    _set_double_accumulator(cpu, high, product[width - 1 : 0])
    cpu.CF = cpu.OF = high != 0
    cpu.undefined("SF ZF AF PF")


@forms("IMUL r/m8", "F6 /5")
@forms("IMUL r/m16", "66 F7 /5")
@forms("IMUL r/m32", "F7 /5")
def imul(cpu: IA32, source: Operand) -> None:
    """Multiplies the accumulator, signed; CF and OF say that the product does not fit. SDM vol. 2, IMUL."""
    b = cpu.read(source)
    width = b.width
    product = cpu.register(0, width).sext(2 * width) * b.sext(2 * width)
    low = product[width - 1 : 0]
    _set_double_accumulator(cpu, product[2 * width - 1 : width], low)
    cpu.CF = cpu.OF = low.sext(2 * width) != product
    cpu.undefined("SF ZF AF PF")


@forms("IMUL r16, r/m16", "66 0F AF /r")
@forms("IMUL r32, r/m32", "0F AF /r")
def imul_two(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Multiplies, signed and truncated; CF and OF say that the product does not fit. SDM vol. 2, IMUL."""
    b = cpu.read(source)
    _truncated_product(cpu, destination, cpu.read(destination), b)


@forms("IMUL r16, r/m16, imm8", "66 6B /r ib")
@forms("IMUL r32, r/m32, imm8", "6B /r ib")
@forms("IMUL r16, r/m16, imm16", "66 69 /r iw")
@forms("IMUL r32, r/m32, imm32", "69 /r id")
def imul_three(cpu: IA32, destination: Operand, source: Operand, factor: Operand) -> None:
    """Multiplies by an immediate, signed and truncated. SDM vol. 2, IMUL."""
    _truncated_product(cpu, destination, cpu.read(source), cpu.read(factor).sext(destination.size))


def _truncated_product(cpu: IA32, destination: Operand, a: Term, b: Term) -> None:
    width = destination.size
    product = a.sext(2 * width) * b.sext(2 * width)
    low = product[width - 1 : 0]
    cpu.write(destination, low)
    cpu.CF = cpu.OF = low.sext(2 * width) != product
    cpu.undefined("SF ZF AF PF")


@forms("DIV r/m8", "F6 /6")
@forms("DIV r/m16", "66 F7 /6")
@forms("DIV r/m32", "F7 /6")
def div(cpu: IA32, source: Operand) -> None:
    """Divides the double accumulator, unsigned; #DE when the quotient does not fit. SDM vol. 2, DIV."""
    b = cpu.read(source)
    width = b.width
    dividend = _double_accumulator(cpu, width)
    # A divisor of zero is one that the upper half is not below.
    cpu.trap(DE, when=dividend[2 * width - 1 : width] >= b)
    divisor = b.zext(2 * width)
    quotient, remainder = udiv(dividend, divisor), urem(dividend, divisor)
    _set_double_accumulator(cpu, remainder[width - 1 : 0], quotient[width - 1 : 0])
    cpu.undefined("CF OF SF ZF AF PF")


@forms("IDIV r/m8", "F6 /7")
@forms("IDIV r/m16", "66 F7 /7")
@forms("IDIV r/m32", "F7 /7")
def idiv(cpu: IA32, source: Operand) -> None:
    """Divides the double accumulator, signed; #DE when the quotient does not fit. SDM vol. 2, IDIV."""
    b = cpu.read(source)
    width = b.width
    dividend, divisor = _double_accumulator(cpu, width), b.sext(2 * width)
    quotient, remainder = sdiv(dividend, divisor), srem(dividend, divisor)
    low = quotient[width - 1 : 0]
    cpu.trap(DE, when=(b == 0) | (low.sext(2 * width) != quotient))
    _set_double_accumulator(cpu, remainder[width - 1 : 0], low)
    cpu.undefined("CF OF SF ZF AF PF")
