"""Fetching: the interrupts that come first, then the instruction at PC, 16 or 32 bits.

Unprivileged ISA manual, version 20240411, section 1.5: an instruction whose two low bits are 11 has 32 bits, and is
fetched in two parts, each translated and checked.
"""

from __future__ import annotations

from typing import cast

from ..cpu import Cpu
from ..terms import Term, bits, concat, ite
from . import interrupts
from .counters import count
from .cpu import RiscV
from .memory import fetch_half


def begin(cpu: Cpu, length: Term) -> None:
    """PC moves past the instruction, and the counters count it."""
    hart = cast(RiscV, cpu)
    hart.PC = hart.PC + length.zext(hart.xlen)
    count(hart)


def fetch(cpu: Cpu) -> Term:
    """The instruction at PC; traps where an interrupt is to be taken, or where it may not be fetched."""
    hart = cast(RiscV, cpu)
    interrupts.take(hart)
    interrupts.wake(hart)
    return code_at(hart, hart.PC)


def code_at(cpu: RiscV, address: Term) -> Term:
    """The 32 bits of an instruction, the upper half zero where it has 16."""
    low = fetch_half(cpu, address)
    whole = low[1:0] == 3
    with cpu.when(whole):
        high = fetch_half(cpu, address + 2)
    return concat(ite(whole, high, bits(0, 16)), low)
