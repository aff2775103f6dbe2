"""Binary and decimal arithmetic: ADD ADC SUB SBB CMP INC DEC NEG XADD CMPXCHG and the adjustments.

SDM vol. 1, section 7.3.2, and vol. 2. Undefined flags are named where they are left undefined.
"""

from __future__ import annotations

from collections.abc import Callable

from ..terms import FALSE, Term, bits, concat, ite, udiv, urem
from .causes import DE
from .cpu import IA32
from .forms import Forms, Meaning
from .operands import Operand

forms = Forms()


def every_encoding(mnemonic: str, number: int, forms: Forms, *, compares: bool = False) -> Callable[[Meaning], Meaning]:
    """The fifteen encodings of the group whose ModRM digit is `number`. SDM vol. 2, table A-2 and group 1."""
    low = 8 * number
    lines = [
        ("r/m8, r8", f"{low:02X} /r"),
        ("r/m16, r16", f"66 {low + 1:02X} /r"),
        ("r/m32, r32", f"{low + 1:02X} /r"),
        ("r8, r/m8", f"{low + 2:02X} /r"),
        ("r16, r/m16", f"66 {low + 3:02X} /r"),
        ("r32, r/m32", f"{low + 3:02X} /r"),
        ("AL, imm8", f"{low + 4:02X} ib"),
        ("AX, imm16", f"66 {low + 5:02X} iw"),
        ("EAX, imm32", f"{low + 5:02X} id"),
        ("r/m8, imm8", f"80 /{number} ib"),
        ("r/m8, imm8", f"82 /{number} ib"),
        ("r/m16, imm16", f"66 81 /{number} iw"),
        ("r/m32, imm32", f"81 /{number} id"),
        ("r/m16, imm8", f"66 83 /{number} ib"),
        ("r/m32, imm8", f"83 /{number} ib"),
    ]

    def declare(meaning: Meaning) -> Meaning:
        for operands, text in lines:
            locks = operands.startswith("r/m") and not compares
            forms(f"{mnemonic} {operands}", text, lock=locks)(meaning)
        return meaning

    return declare


def add_with_flags(cpu: IA32, a: Term, b: Term, carry: Term = FALSE) -> Term:
    """a + b + carry, with all six status flags."""
    result = a + b + carry.as_bits(a.width)
    sign = a.width - 1
    wide = a.zext(a.width + 1) + b.zext(a.width + 1) + carry.as_bits(a.width + 1)
    cpu.CF = wide.bit(a.width)
    cpu.OF = (a[sign] == b[sign]) & (result[sign] != a[sign])
    cpu.AF = (a[4] ^ b[4] ^ result[4]) == 1
    cpu.set_result_flags(result)
    return result


def subtract_with_flags(cpu: IA32, a: Term, b: Term, borrow: Term = FALSE) -> Term:
    """a - b - borrow, with all six status flags."""
    result = a - b - borrow.as_bits(a.width)
    sign = a.width - 1
    cpu.CF = a.zext(a.width + 1) < b.zext(a.width + 1) + borrow.as_bits(a.width + 1)
    cpu.OF = (a[sign] != b[sign]) & (result[sign] != a[sign])
    cpu.AF = (a[4] ^ b[4] ^ result[4]) == 1
    cpu.set_result_flags(result)
    return result


@every_encoding("ADD", 0, forms)
def add(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Adds. SDM vol. 2, ADD."""
    a = cpu.read(destination)
    cpu.write(destination, add_with_flags(cpu, a, cpu.read(source).sext(a.width)))


@every_encoding("ADC", 2, forms)
def adc(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Adds with CF. SDM vol. 2, ADC."""
    a = cpu.read(destination)
    cpu.write(destination, add_with_flags(cpu, a, cpu.read(source).sext(a.width), cpu.CF))


@every_encoding("SBB", 3, forms)
def sbb(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Subtracts with borrow in CF. SDM vol. 2, SBB."""
    a = cpu.read(destination)
    cpu.write(destination, subtract_with_flags(cpu, a, cpu.read(source).sext(a.width), cpu.CF))


@every_encoding("SUB", 5, forms)
def sub(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Subtracts. SDM vol. 2, SUB."""
    a = cpu.read(destination)
    cpu.write(destination, subtract_with_flags(cpu, a, cpu.read(source).sext(a.width)))


@every_encoding("CMP", 7, forms, compares=True)
def cmp(cpu: IA32, first: Operand, second: Operand) -> None:
    """Sets the flags of a subtraction. SDM vol. 2, CMP."""
    a = cpu.read(first)
    subtract_with_flags(cpu, a, cpu.read(second).sext(a.width))


@forms("INC r/m8", "FE /0", lock=True)
@forms("INC r/m16", "66 FF /0", lock=True)
@forms("INC r/m32", "FF /0", lock=True)
@forms("INC r16", "66 40+rw")
@forms("INC r32", "40+rd")
def inc(cpu: IA32, destination: Operand) -> None:
    """Adds 1; CF keeps its value. SDM vol. 2, INC."""
    carry, a = cpu.CF, cpu.read(destination)
    cpu.write(destination, add_with_flags(cpu, a, bits(1, a.width)))
    cpu.CF = carry


@forms("DEC r/m8", "FE /1", lock=True)
@forms("DEC r/m16", "66 FF /1", lock=True)
@forms("DEC r/m32", "FF /1", lock=True)
@forms("DEC r16", "66 48+rw")
@forms("DEC r32", "48+rd")
def dec(cpu: IA32, destination: Operand) -> None:
    """Subtracts 1; CF keeps its value. SDM vol. 2, DEC."""
    carry, a = cpu.CF, cpu.read(destination)
    cpu.write(destination, subtract_with_flags(cpu, a, bits(1, a.width)))
    cpu.CF = carry


@forms("NEG r/m8", "F6 /3", lock=True)
@forms("NEG r/m16", "66 F7 /3", lock=True)
@forms("NEG r/m32", "F7 /3", lock=True)
def neg(cpu: IA32, destination: Operand) -> None:
    """Subtracts from 0. SDM vol. 2, NEG."""
    a = cpu.read(destination)
    cpu.write(destination, subtract_with_flags(cpu, bits(0, a.width), a))


@forms("XADD r/m8, r8", "0F C0 /r", lock=True)
@forms("XADD r/m16, r16", "66 0F C1 /r", lock=True)
@forms("XADD r/m32, r32", "0F C1 /r", lock=True)
def xadd(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Exchanges the operands, then adds; the sum goes to the destination. SDM vol. 2, XADD."""
    a, b = cpu.read(destination), cpu.read(source)
    total = add_with_flags(cpu, a, b)
    cpu.write(source, a)
    cpu.write(destination, total)


@forms("CMPXCHG r/m8, r8", "0F B0 /r", lock=True)
@forms("CMPXCHG r/m16, r16", "66 0F B1 /r", lock=True)
@forms("CMPXCHG r/m32, r32", "0F B1 /r", lock=True)
def cmpxchg(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Stores the source if the destination equals the accumulator, else loads it; it is written in any case.

    SDM vol. 2, CMPXCHG.
    """
    old, new = cpu.read(destination), cpu.read(source)
    accumulator = cpu.register(0, old.width)
    subtract_with_flags(cpu, accumulator, old)
    equal = accumulator == old
    with cpu.when(~equal):
        cpu.set_register(0, old.width, old)
    # In this order a destination that is the accumulator keeps the value that it was given.
    cpu.write(destination, ite(equal, new, old))


@forms("CMPXCHG8B m64", "0F C7 /1", lock=True)
def cmpxchg8b(cpu: IA32, destination: Operand) -> None:
    """Stores ECX:EBX if the destination equals EDX:EAX, else loads it. SDM vol. 2, CMPXCHG8B/CMPXCHG16B."""
    old = cpu.read(destination)
    equal = concat(cpu.EDX, cpu.EAX) == old
    cpu.write(destination, ite(equal, concat(cpu.ECX, cpu.EBX), old))
    cpu.ZF = equal
    with cpu.when(~equal):
        cpu.EDX, cpu.EAX = old[63:32], old[31:0]


@forms("CBW", "66 98")
def cbw(cpu: IA32) -> None:
    """Sign-extends AL to AX. SDM vol. 2, CBW/CWDE/CDQE."""
    cpu.set_register(0, 16, cpu.EAX[7:0].sext(16))


@forms("CWDE", "98", name="CBW", operand_size=32)
def cwde(cpu: IA32) -> None:
    """Sign-extends AX to EAX. SDM vol. 2, CBW/CWDE/CDQE."""
    cpu.EAX = cpu.EAX[15:0].sext(32)


@forms("CWD", "66 99")
def cwd(cpu: IA32) -> None:
    """Sign-extends AX to DX:AX. SDM vol. 2, CWD/CDQ/CQO."""
    cpu.set_register(2, 16, cpu.EAX[15].sext(16))


@forms("CDQ", "99", name="CWD", operand_size=32)
def cdq(cpu: IA32) -> None:
    """Sign-extends EAX to EDX:EAX. SDM vol. 2, CWD/CDQ/CQO."""
    cpu.EDX = cpu.EAX[31].sext(32)


# Decimal.


@forms("DAA", "27")
def daa(cpu: IA32) -> None:
    """Adjusts AL after the addition of packed decimals. SDM vol. 2, DAA."""
    _adjust_packed(cpu, add=True)


@forms("DAS", "2F")
def das(cpu: IA32) -> None:
    """Adjusts AL after the subtraction of packed decimals. SDM vol. 2, DAS."""
    _adjust_packed(cpu, add=False)


def _adjust_packed(cpu: IA32, *, add: bool) -> None:
    old = cpu.EAX[7:0]
    low = (old[3:0] > 9) | cpu.AF
    high = (old > 0x99) | cpu.CF
    amount = ite(low, bits(6, 8), 0) + ite(high, bits(0x60, 8), 0)
    result = old + amount if add else old - amount
    # DAS leaves CF set by the borrow of its first step; DAA's second step overwrites it.
    cpu.CF = high if add else high | (low & (old < 6))
    cpu.AF = low
    cpu.set_register(0, 8, result)
    cpu.set_result_flags(result)
    cpu.undefined("OF")


@forms("AAA", "37")
def aaa(cpu: IA32) -> None:
    """Adjusts AX after the addition of unpacked decimals. SDM vol. 2, AAA."""
    _adjust_unpacked(cpu, bits(0x106, 16))


@forms("AAS", "3F")
def aas(cpu: IA32) -> None:
    """Adjusts AX after the subtraction of unpacked decimals. SDM vol. 2, AAS."""
    _adjust_unpacked(cpu, bits(-0x106, 16))


def _adjust_unpacked(cpu: IA32, amount: Term) -> None:
    old = cpu.EAX[15:0]
    adjust = (old[3:0] > 9) | cpu.AF
    result = ite(adjust, old + amount, old)
    cpu.AF = cpu.CF = adjust
    cpu.set_register(0, 16, concat(result[15:8], bits(0, 4), result[3:0]))
    cpu.undefined("OF SF ZF PF")


@forms("AAM imm8", "D4 ib")
def aam(cpu: IA32, base: Operand) -> None:
    """Splits AL into digits: AH = AL / base, AL = AL mod base. SDM vol. 2, AAM."""
    divisor, value = cpu.read(base), cpu.EAX[7:0]
    cpu.trap(DE, when=divisor == 0)
    remainder = urem(value, divisor)
    cpu.set_register(0, 16, concat(udiv(value, divisor), remainder))
    cpu.set_result_flags(remainder)
    cpu.undefined("OF AF CF")


@forms("AAD imm8", "D5 ib")
def aad(cpu: IA32, base: Operand) -> None:
    """Joins two digits: AL = AL + AH * base, AH = 0. SDM vol. 2, AAD."""
    result = cpu.EAX[7:0] + cpu.EAX[15:8] * cpu.read(base)
    cpu.set_register(0, 16, result.zext(16))
    cpu.set_result_flags(result)
    cpu.undefined("OF AF CF")
