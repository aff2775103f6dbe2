"""Asking what a selector gives access to: LAR LSL VERR VERW ARPL. SDM vol. 3, section 5.10.

None of them faults on the selector: ZF says whether the descriptor is visible at CPL and at the selector's RPL.
"""

from __future__ import annotations

from ..terms import Term, concat, ite
from .cpu import IA32
from .descriptors import (
    BUSY_TSS,
    BUSY_TSS_16,
    CALL_GATE,
    CALL_GATE_16,
    LDT,
    TASK_GATE,
    TSS,
    TSS_16,
    Descriptor,
    is_null,
    outside_table,
    peek,
)
from .forms import Forms
from .operands import Operand

forms = Forms()

WITH_LIMIT = (TSS_16, LDT, BUSY_TSS_16, TSS, BUSY_TSS)
WITH_RIGHTS = (*WITH_LIMIT, CALL_GATE_16, TASK_GATE, CALL_GATE)


def visible(cpu: IA32, selector: Term) -> tuple[Descriptor, Term]:
    """The descriptor, and whether the selector names one that CPL and RPL may see: conforming code always."""
    there = ~is_null(selector) & ~outside_table(cpu, selector)
    with cpu.when(there):
        named = peek(cpu, selector)
    allowed = named.is_conforming_code | ((named.dpl >= cpu.CPL) & (named.rpl <= named.dpl))
    return named, there & allowed


@forms("LAR r32, r32/m16", "0F 02 /r", operand_size=32)
@forms("LAR r16, r/m16", "66 0F 02 /r")
def lar(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Loads the access rights of a segment or of a system descriptor that has them. SDM vol. 2, LAR.

    Bits 19 to 16, which the manual leaves undefined, are those of the descriptor.
    """
    named, seen = visible(cpu, cpu.read(source))
    found = seen & (~named.is_system | named.is_type(*WITH_RIGHTS))
    rights = named.high & 0x00FFFF00
    with cpu.when(found):
        cpu.write(destination, rights[destination.size - 1 : 0])
    cpu.ZF = found


@forms("LSL r32, r32/m16", "0F 03 /r", operand_size=32)
@forms("LSL r16, r/m16", "66 0F 03 /r")
def lsl(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Loads the limit, in bytes, of a segment, a TSS or an LDT. SDM vol. 2, LSL."""
    named, seen = visible(cpu, cpu.read(source))
    found = seen & (~named.is_system | named.is_type(*WITH_LIMIT))
    with cpu.when(found):
        cpu.write(destination, named.limit[destination.size - 1 : 0])
    cpu.ZF = found


@forms("VERR r/m16", "0F 00 /4")
def verr(cpu: IA32, source: Operand) -> None:
    """Sets ZF if the segment could be read. SDM vol. 2, VERR/VERW."""
    named, seen = visible(cpu, cpu.read(source))
    cpu.ZF = seen & named.is_readable


@forms("VERW r/m16", "0F 00 /5")
def verw(cpu: IA32, source: Operand) -> None:
    """Sets ZF if the segment could be written. SDM vol. 2, VERR/VERW."""
    named, seen = visible(cpu, cpu.read(source))
    cpu.ZF = seen & named.is_writable_data


@forms("ARPL r/m16, r16", "63 /r")
def arpl(cpu: IA32, destination: Operand, source: Operand) -> None:
    """Raises the RPL of a selector to that of another; ZF says whether it was lower. SDM vol. 2, ARPL.

    Memory must be writable even where nothing changes.
    """
    selector, requested = cpu.read(destination), cpu.read(source)[1:0]
    lower = selector[1:0] < requested
    cpu.write(destination, ite(lower, concat(selector[15:2], requested), selector))
    cpu.ZF = lower
