"""Shifts and rotates: SHL SHR SAR ROL ROR RCL RCR SHLD SHRD. SDM vol. 1, section 7.3.4, and vol. 2.

A count is taken modulo 32. A count of 0 changes no flag; OF is defined for counts of 1 only.
"""

from __future__ import annotations

from collections.abc import Callable

from ..cpu import Cause, Kind
from ..terms import FALSE, Term, bits, concat, urem
from .cpu import IA32
from .forms import Forms, Meaning
from .operands import Operand

forms = Forms()

OVERLONG = Cause("double shift by more than the operand's size", Kind.UNPREDICTABLE)


def every_encoding(mnemonic: str, number: int) -> Callable[[Meaning], Meaning]:
    """The nine encodings of the group whose ModRM digit is `number`. SDM vol. 2, table A-6, group 2."""

    def declare(meaning: Meaning) -> Meaning:
        for count, byte, wide in (("1", "D0", "D1"), ("CL", "D2", "D3"), ("imm8", "C0", "C1")):
            immediate = " ib" if count == "imm8" else ""
            forms(f"{mnemonic} r/m8, {count}", f"{byte} /{number}{immediate}")(meaning)
            forms(f"{mnemonic} r/m16, {count}", f"66 {wide} /{number}{immediate}")(meaning)
            forms(f"{mnemonic} r/m32, {count}", f"{wide} /{number}{immediate}")(meaning)
        return meaning

    return declare


def shift_flags(cpu: IA32, count: Term, result: Term, carry: Term, overflow: Term, *, overlong: Term | bool) -> None:
    """The flags of a shift by `count`, where it is not 0; CF is undefined where `overlong`."""
    with cpu.when(count != 0):
        cpu.CF, cpu.OF = carry, overflow
        cpu.set_result_flags(result)
        cpu.undefined("AF")
        cpu.undefined("OF", when=count != 1)
        cpu.undefined("CF", when=overlong)


def rotate_flags(cpu: IA32, count: Term, carry: Term, overflow: Term) -> None:
    """The flags of a rotate by `count`, where it is not 0."""
    with cpu.when(count != 0):
        cpu.CF, cpu.OF = carry, overflow
        cpu.undefined("OF", when=count != 1)


@every_encoding("SHL", 4)
def shl(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Shifts left. SDM vol. 2, SAL/SAR/SHL/SHR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    width = a.width
    wide = a.zext(width + 1) << count.zext(width + 1)
    result, carry = wide[width - 1 : 0], wide.bit(width)
    cpu.write(destination, result)
    shift_flags(cpu, count, result, carry, result.bit(width - 1) ^ carry, overlong=_overlong(count, width))


@every_encoding("SHR", 5)
def shr(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Shifts right, zeros coming in. SDM vol. 2, SAL/SAR/SHL/SHR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    wide = concat(a, bits(0, 1)) >> count.zext(a.width + 1)
    result = wide[a.width : 1]
    cpu.write(destination, result)
    shift_flags(cpu, count, result, wide.bit(0), a.bit(a.width - 1), overlong=_overlong(count, a.width))


@every_encoding("SAR", 7)
def sar(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Shifts right, copies of the sign coming in. SDM vol. 2, SAL/SAR/SHL/SHR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    wide = concat(a, bits(0, 1)).sar(count.zext(a.width + 1))
    result = wide[a.width : 1]
    cpu.write(destination, result)
    shift_flags(cpu, count, result, wide.bit(0), FALSE, overlong=False)


def _overlong(count: Term, width: int) -> Term | bool:
    return count >= width if width < 32 else False


@every_encoding("ROL", 0)
def rol(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Rotates left. SDM vol. 2, RCL/RCR/ROL/ROR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    result = _rotate_left(a, _modulo(count, a.width))
    cpu.write(destination, result)
    rotate_flags(cpu, count, result.bit(0), result.bit(a.width - 1) ^ result.bit(0))


@every_encoding("ROR", 1)
def ror(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Rotates right. SDM vol. 2, RCL/RCR/ROL/ROR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    result = _rotate_right(a, _modulo(count, a.width))
    cpu.write(destination, result)
    rotate_flags(cpu, count, result.bit(a.width - 1), result.bit(a.width - 1) ^ result.bit(a.width - 2))


@every_encoding("RCL", 2)
def rcl(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Rotates left through CF. SDM vol. 2, RCL/RCR/ROL/ROR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    width = a.width
    wide = _rotate_left(concat(cpu.CF.as_bits(), a), _modulo(count, width + 1))
    cpu.write(destination, wide[width - 1 : 0])
    rotate_flags(cpu, count, wide.bit(width), wide.bit(width) ^ wide.bit(width - 1))


@every_encoding("RCR", 3)
def rcr(cpu: IA32, destination: Operand, amount: Operand) -> None:
    """Rotates right through CF. SDM vol. 2, RCL/RCR/ROL/ROR."""
    a, count = cpu.read(destination), cpu.read(amount)[4:0]
    width = a.width
    wide = _rotate_right(concat(cpu.CF.as_bits(), a), _modulo(count, width + 1))
    cpu.write(destination, wide[width - 1 : 0])
    rotate_flags(cpu, count, wide.bit(width), wide.bit(width - 1) ^ wide.bit(width - 2))


def _modulo(count: Term, size: int) -> Term:
    """The count of 5 bits modulo the number of bits that rotate, as wide as they are."""
    rest = count if size > 31 else urem(count, bits(size, 5))
    return rest.zext(size)


def _rotate_left(a: Term, count: Term) -> Term:
    return (a << count) | (a >> (a.width - count))


def _rotate_right(a: Term, count: Term) -> Term:
    return (a >> count) | (a << (a.width - count))


@forms("SHLD r/m16, r16, imm8", "66 0F A4 /r ib")
@forms("SHLD r/m32, r32, imm8", "0F A4 /r ib")
@forms("SHLD r/m16, r16, CL", "66 0F A5 /r")
@forms("SHLD r/m32, r32, CL", "0F A5 /r")
def shld(cpu: IA32, destination: Operand, source: Operand, amount: Operand) -> None:
    """Shifts left, the source's high bits coming in. SDM vol. 2, SHLD."""
    a, b, count = cpu.read(destination), cpu.read(source), cpu.read(amount)[4:0]
    width = a.width
    cpu.trap(OVERLONG, when=count > 16 if width == 16 else False)
    wide = concat(bits(0, 1), a, b) << count.zext(2 * width + 1)
    _double(cpu, destination, a, count, wide[2 * width - 1 : width], wide.bit(2 * width))


@forms("SHRD r/m16, r16, imm8", "66 0F AC /r ib")
@forms("SHRD r/m32, r32, imm8", "0F AC /r ib")
@forms("SHRD r/m16, r16, CL", "66 0F AD /r")
@forms("SHRD r/m32, r32, CL", "0F AD /r")
def shrd(cpu: IA32, destination: Operand, source: Operand, amount: Operand) -> None:
    """Shifts right, the source's low bits coming in. SDM vol. 2, SHRD."""
    a, b, count = cpu.read(destination), cpu.read(source), cpu.read(amount)[4:0]
    cpu.trap(OVERLONG, when=count > 16 if a.width == 16 else False)
    wide = concat(b, a, bits(0, 1)) >> count.zext(2 * a.width + 1)
    _double(cpu, destination, a, count, wide[a.width : 1], wide.bit(0))


def _double(cpu: IA32, destination: Operand, a: Term, count: Term, result: Term, carry: Term) -> None:
    cpu.write(destination, result)
    sign = a.width - 1
    shift_flags(cpu, count, result, carry, result.bit(sign) ^ a.bit(sign), overlong=False)
