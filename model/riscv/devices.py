"""Devices at physical addresses: a core-local interruptor (CLINT) and a console, as configuration `devices`.

The CLINT is laid out as SiFive's (FU540-C000 manual, chapter 9): msip at 0200_0000, mtimecmp at 0200_4000, mtime at
0200_BFF8; the privileged manual, section 3.2, says what they do. The console is a byte at 1000_0000 that is written
to be printed; reading it gives 0. Devices take aligned accesses of 4 or 8 bytes, the console one byte.
"""

from __future__ import annotations

from collections.abc import Callable

from ..machine import CLOCK, DEVICE, Machine
from ..terms import Array, BitVec, Bool, Term, any_of, bits, concat, ite
from .causes import Access
from .cpu import RiscV

CLINT, CONSOLE = 0x0200_0000, 0x1000_0000
MSIP, MTIMECMP, MTIME = CLINT, CLINT + 0x4000, CLINT + 0xBFF8
CLINT_BITS = 16


def declare(machine: Machine) -> None:
    machine.component("msip", Bool, DEVICE, "CLINT: the software interrupt")
    machine.component("mtime", BitVec(64), CLOCK, "CLINT: the time, in instructions completed")
    machine.component("mtimecmp", BitVec(64), DEVICE, "CLINT: when the timer interrupts")
    machine.component("printed", Array(32, 8), DEVICE, "what the console was given")
    machine.component("printed_count", BitVec(32), DEVICE, "how many bytes the console was given")
    machine.configuration("devices", 1, "the CLINT and the console are at their physical addresses", width=1)


def in_clint(place: Term) -> Term:
    return place[place.width - 1 : CLINT_BITS] == CLINT >> CLINT_BITS


def load(cpu: RiscV, place: Term, size: int, address: Term, memory: Callable[[], Term]) -> Term:
    """The value at a physical address: a device's, or what `memory` gives."""
    if not cpu.devices.value:
        return memory()
    clint, console = in_clint(place), place == CONSOLE
    _refuse(cpu, clint, console, place, size, Access.LOAD, address)
    value = memory()
    if size >= 4:
        register = ite(place[CLINT_BITS - 1 : 3] == (MTIME - CLINT) >> 3, cpu.before["mtime"], bits(0, 64))
        register = ite(place[CLINT_BITS - 1 : 3] == (MTIMECMP - CLINT) >> 3, cpu.mtimecmp, register)
        register = ite(place[CLINT_BITS - 1 : 3] == 0, cpu.msip.as_bits(64), register)
        if size == 4:
            register = ite(place.bit(2), register[63:32], register[31:0])
        value = ite(clint, register, value)
    return ite(console, bits(0, 8), value) if size == 1 else value


def store(cpu: RiscV, place: Term, value: Term, address: Term, memory: Callable[[], None]) -> None:
    """Writes to a device, or does what `memory` does."""
    if not cpu.devices.value:
        memory()
        return
    size = value.width // 8
    clint, console = in_clint(place), place == CONSOLE
    _refuse(cpu, clint, console, place, size, Access.STORE, address)
    with cpu.when(~any_of(clint, console)):
        memory()
    if size >= 4:
        for name, where in (("msip", MSIP), ("mtimecmp", MTIMECMP), ("mtime", MTIME)):
            old = cpu.get(name).as_bits(64) if name == "msip" else cpu.get(name)
            new = value
            if size == 4:
                new = ite(place.bit(2), concat(value, old[31:0]), concat(old[63:32], value))
            with cpu.when(clint & (place[CLINT_BITS - 1 : 3] == (where - CLINT) >> 3)):
                cpu.put(name, new.bit(0) if name == "msip" else new)
    if size == 1:
        with cpu.when(console):
            cpu.printed = cpu.printed.set(cpu.printed_count, value)
            cpu.printed_count = cpu.printed_count + 1


def refuse_atomic(cpu: RiscV, place: Term, access: Access, address: Term) -> None:
    """Atomic instructions and devices do not go together."""
    if cpu.devices.value:
        cpu.trap(access.access_fault, when=in_clint(place) | (place == CONSOLE), tval=address)


def _refuse(cpu: RiscV, clint: Term, console: Term, place: Term, size: int, access: Access, address: Term) -> None:
    wrong = console if size > 1 else clint
    if size == 2:
        wrong = wrong | clint
    elif size >= 4:
        wrong = wrong | (clint & (place[size.bit_length() - 2 : 0] != 0))
    cpu.trap(access.access_fault, when=wrong, tval=address)
