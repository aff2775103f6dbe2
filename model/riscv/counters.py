"""Counters: mcycle, minstret and their shadows, and the bits that allow or stop them.

Unprivileged ISA manual, version 20240411, chapter 7; privileged manual, sections 3.1.10 to 3.1.12 and 12.1.5. Every
instruction that completes takes one cycle and counts as one; what it reads is the count before it. The event
counters read as zero.
"""

from __future__ import annotations

from ..machine import CLOCK, RESOURCE, Machine
from ..terms import BitVec, Term, concat, ite
from .cpu import M, RiscV, S
from .csr import Csrs
from .fields import Bits

CY, TM, IR = 0, 1, 2
INHIBITABLE = Bits((CY, IR))

csrs = Csrs()


def declare(machine: Machine) -> None:
    machine.component("mcycle", BitVec(64), CLOCK, "cycles")
    machine.component("minstret", BitVec(64), CLOCK, "instructions completed")
    machine.component("mcounteren", BitVec(32), RESOURCE, "counters that can be read below M-mode")
    machine.component("scounteren", BitVec(32), RESOURCE, "of these, those that can be read in U-mode")
    machine.component("mcountinhibit", BitVec(INHIBITABLE.width), RESOURCE, "counters that stand still: CY, IR")


def count(cpu: RiscV) -> None:
    """An instruction completes."""
    for name, position in (("mcycle", CY), ("minstret", IR)):
        old = cpu.get(name)
        cpu.put(name, ite(INHIBITABLE.has(cpu.mcountinhibit, position), old, old + 1))
    cpu.mtime = cpu.mtime + 1


def allowed(cpu: RiscV, number: int | Term) -> Term:
    """The counter `number` can be read at the hart's level."""
    below = _bit(cpu.mcounteren, number) & (cpu.is_at(S) | _bit(cpu.scounteren, number))
    return cpu.is_at(M) | below


def _bit(register: Term, number: int | Term) -> Term:
    if isinstance(number, int):
        return register.bit(number)
    return (register >> number[4:0].zext(32)).bit(0)


def _shadow(address: int, name: str, component: str, number: int) -> None:
    """A read-only view of a counter for the lower levels, in two halves where XLEN is 32."""

    def permitted(cpu: RiscV) -> Term:
        return allowed(cpu, number)

    csrs.register(
        address, name, read=lambda cpu: cpu.before[component][cpu.xlen - 1 : 0], write=None, allowed=permitted
    )
    csrs.register(
        address + 0x80,
        f"{name}h",
        read=lambda cpu: cpu.before[component][63:32],
        write=None,
        allowed=permitted,
        xlen=32,
    )


def _counter(address: int, name: str) -> None:
    def write(cpu: RiscV, value: Term) -> None:
        """The instruction that writes a counter, or half of it, does not count."""
        cpu.put(name, value if cpu.xlen == 64 else concat(cpu.before[name][63:32], value))

    def write_high(cpu: RiscV, value: Term) -> None:
        cpu.put(name, concat(value, cpu.before[name][31:0]))

    def read(cpu: RiscV) -> Term:
        """What it was when the instruction began."""
        return cpu.before[name][cpu.xlen - 1 : 0]

    def read_high(cpu: RiscV) -> Term:
        return cpu.before[name][63:32]

    csrs.register(address, name, read=read, write=write)
    csrs.register(address + 0x80, f"{name}h", read=read_high, write=write_high, xlen=32)


_counter(0xB00, "mcycle")
_counter(0xB02, "minstret")
_shadow(0xC00, "cycle", "mcycle", CY)
_shadow(0xC01, "time", "mtime", TM)
_shadow(0xC02, "instret", "minstret", IR)


# Event counters: all read as zero.

csrs.constant(0xC03, "hpmcounter#", count=29, first=3, allowed=lambda cpu, index: allowed(cpu, index + 3))
csrs.constant(0xC83, "hpmcounter#h", count=29, first=3, allowed=lambda cpu, index: allowed(cpu, index + 3), xlen=32)
csrs.constant(0xB03, "mhpmcounter#", count=29, first=3)
csrs.constant(0xB83, "mhpmcounter#h", count=29, first=3, xlen=32)
csrs.constant(0x323, "mhpmevent#", count=29, first=3)


# What allows and stops them. Sections 3.1.11, 12.1.5 and 3.1.12.


def _read_enable(component: str, cpu: RiscV) -> Term:
    return cpu.get(component).zext(cpu.xlen)


def _write_mcounteren(cpu: RiscV, value: Term) -> None:
    cpu.mcounteren = value[31:0]


def _write_scounteren(cpu: RiscV, value: Term) -> None:
    cpu.scounteren = value[31:0]


def _write_mcountinhibit(cpu: RiscV, value: Term) -> None:
    cpu.mcountinhibit = INHIBITABLE.pack(value)


csrs.register(0x306, "mcounteren", read=lambda cpu: _read_enable("mcounteren", cpu), write=_write_mcounteren)
csrs.register(0x106, "scounteren", read=lambda cpu: _read_enable("scounteren", cpu), write=_write_scounteren)
csrs.register(
    0x320,
    "mcountinhibit",
    read=lambda cpu: INHIBITABLE.spread(cpu.mcountinhibit, cpu.xlen),
    write=_write_mcountinhibit,
)
