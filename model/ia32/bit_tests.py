"""Bits: BT BTS BTR BTC BSF BSR. SDM vol. 1, section 7.3.6, and vol. 2."""

from __future__ import annotations

from collections.abc import Callable

from ..terms import Term, bits, ite
from .cpu import IA32
from .forms import Forms
from .operands import Either, Operand

forms = Forms()


def every_encoding(mnemonic: str, number: int) -> Callable[[Callable[[Term, Term], Term | None]], None]:
    """The encodings of the bit test `number`; `change(old, mask)` is the new value, None to leave it."""

    def declare(change: Callable[[Term, Term], Term | None]) -> None:
        def meaning(cpu: IA32, base: Either, offset: Operand) -> None:
            test_bit(cpu, base, cpu.read(offset), change)

        meaning.__doc__ = change.__doc__
        locks = number != 4
        for size, prefix in ((16, "66 "), (32, "")):
            opcode = 0x83 + 8 * number
            forms(f"{mnemonic} r/m{size}, r{size}", f"{prefix}0F {opcode:02X} /r", lock=locks)(meaning)
            forms(f"{mnemonic} r/m{size}, imm8", f"{prefix}0F BA /{number} ib", lock=locks)(meaning)

    return declare


def test_bit(cpu: IA32, base: Either, offset: Term, change: Callable[[Term, Term], Term | None]) -> None:
    """CF is the bit; an offset in a register reaches the words around a memory operand.

    SDM vol. 2, section 3.1.1.9 and figure 3-2.
    """
    size = base.size
    shift = {16: 4, 32: 5}[size]
    if offset.width == size:
        words = offset.sext(32).sar(shift) * (size // 8)
        base.memory.displace(cpu, words)
    old = cpu.read(base)
    position = offset[shift - 1 : 0].zext(size)
    cpu.CF = (old >> position).bit(0)
    new = change(old, bits(1, size) << position)
    if new is not None:
        cpu.write(base, new)
    cpu.undefined("OF SF AF PF")


@every_encoding("BT", 4)
def bt(old: Term, mask: Term) -> Term | None:
    """Copies a bit to CF. SDM vol. 2, BT."""
    return None


@every_encoding("BTS", 5)
def bts(old: Term, mask: Term) -> Term | None:
    """Copies a bit to CF and sets it. SDM vol. 2, BTS."""
    return old | mask


@every_encoding("BTR", 6)
def btr(old: Term, mask: Term) -> Term | None:
    """Copies a bit to CF and clears it. SDM vol. 2, BTR."""
    return old & ~mask


@every_encoding("BTC", 7)
def btc(old: Term, mask: Term) -> Term | None:
    """Copies a bit to CF and complements it. SDM vol. 2, BTC."""
    return old ^ mask


for digit in range(4):
    forms.undefined(f"0F BA /{digit} ib")


@forms("BSF r16, r/m16", "66 0F BC /r")
@forms("BSF r32, r/m32", "0F BC /r")
def bsf(cpu: IA32, destination: Operand, source: Operand) -> None:
    """The number of the lowest one; of zero, ZF is set and the destination kept. SDM vol. 2, BSF."""
    _scan(cpu, destination, source, lowest=True)


@forms("BSR r16, r/m16", "66 0F BD /r")
@forms("BSR r32, r/m32", "0F BD /r")
def bsr(cpu: IA32, destination: Operand, source: Operand) -> None:
    """The number of the highest one; of zero, ZF is set and the destination kept. SDM vol. 2, BSR."""
    _scan(cpu, destination, source, lowest=False)


def _scan(cpu: IA32, destination: Operand, source: Operand, *, lowest: bool) -> None:
    value, result = cpu.read(source), cpu.read(destination)
    # The manual leaves the destination undefined for zero; every processor keeps it.
    for number in range(value.width)[:: -1 if lowest else 1]:
        result = ite(value.bit(number), bits(number, value.width), result)
    cpu.write(destination, result)
    cpu.ZF = value == 0
    cpu.undefined("CF OF SF AF PF")
