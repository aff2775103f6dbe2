"""Interrupts: mip, mie, mideleg, sip and sie, and which interrupt is taken.

Privileged manual, version 20240411, sections 3.1.9 and 12.1.3. The timer's and the software interrupt of M-mode come
from the CLINT, external ones from lines; the supervisor's three are also set by M-mode.
"""

from __future__ import annotations

from ..cpu import Cause, Kind
from ..machine import DEVICE, RESOURCE, Machine
from ..terms import FALSE, BitVec, Bool, Term, all_of, any_of
from .causes import INTERRUPT, WAITING
from .cpu import M, RiscV, S, U
from .csr import Csrs
from .fields import Bits, assemble

SSI, MSI, STI, MTI, SEI, MEI = 1, 3, 5, 7, 9, 11
NAMES = {
    MEI: "machine external interrupt", MSI: "machine software interrupt", MTI: "machine timer interrupt",
    SEI: "supervisor external interrupt", SSI: "supervisor software interrupt", STI: "supervisor timer interrupt",
}  # fmt: skip
CAUSES = {number: Cause(name, Kind.PROGRAM, INTERRUPT | number) for number, name in NAMES.items()}
"""In the order of priority, the highest first."""

ALL = Bits((SSI, MSI, STI, MTI, SEI, MEI))
SUPERVISOR = Bits((SSI, STI, SEI))

csrs = Csrs()


def declare(machine: Machine) -> None:
    machine.component("mideleg", BitVec(SUPERVISOR.width), RESOURCE, "interrupts delegated to S-mode: SSI, STI, SEI")
    machine.component("mie", BitVec(ALL.width), RESOURCE, "interrupts enabled: SSI, MSI, STI, MTI, SEI, MEI")
    machine.component("mip", BitVec(SUPERVISOR.width), RESOURCE, "interrupts that M-mode has made pending")
    machine.component("MEI_line", Bool, DEVICE, "an external interrupt for M-mode is requested")
    machine.component("SEI_line", Bool, DEVICE, "an external interrupt for S-mode is requested")
    machine.component("waiting", Bool, RESOURCE, "WFI has stopped the hart until an interrupt is pending")


def pending(cpu: RiscV) -> dict[int, Term]:
    """By number, whether an interrupt is pending: what mip shows."""
    found = {number: SUPERVISOR.has(cpu.mip, number) for number in (SSI, STI, SEI)}
    found[SEI] = found[SEI] | cpu.SEI_line
    return found | {MSI: cpu.msip, MTI: cpu.before["mtime"] >= cpu.mtimecmp, MEI: cpu.MEI_line}


def any_enabled(cpu: RiscV) -> Term:
    """An interrupt is pending and enabled in mie, whatever mstatus says: what WFI waits for."""
    return any_of(*[is_pending & ALL.has(cpu.mie, number) for number, is_pending in pending(cpu).items()])


def take(cpu: RiscV) -> None:
    """Traps where an interrupt is to be taken before the next instruction; M-mode's go first."""
    wanted = pending(cpu)
    to_machine = ~cpu.is_at(M) | cpu.MIE
    to_supervisor = cpu.is_at(U) | (cpu.is_at(S) & cpu.SIE)
    for supervisor, allowed in ((False, to_machine), (True, to_supervisor)):
        for number, cause in CAUSES.items():
            delegated = SUPERVISOR.has(cpu.mideleg, number)
            here = delegated if supervisor else ~delegated
            cpu.trap(cause, when=all_of(allowed, here, wanted[number], ALL.has(cpu.mie, number)))


def wake(cpu: RiscV) -> None:
    """A hart that waits goes on when an interrupt is pending."""
    cpu.trap(WAITING, when=cpu.waiting & ~any_enabled(cpu))
    cpu.waiting = FALSE


# The registers.


def _read_mip(cpu: RiscV) -> Term:
    return assemble(cpu.xlen, pending(cpu))


def _software_mip(cpu: RiscV) -> Term:
    """What CSRRS and CSRRC change bits of: a pending external interrupt is not made one that software set."""
    return SUPERVISOR.spread(cpu.mip, cpu.xlen)


def _write_mip(cpu: RiscV, value: Term) -> None:
    cpu.mip = SUPERVISOR.pack(value)


def _write_mie(cpu: RiscV, value: Term) -> None:
    cpu.mie = ALL.pack(value)


def _write_mideleg(cpu: RiscV, value: Term) -> None:
    cpu.mideleg = SUPERVISOR.pack(value)


def _delegated(cpu: RiscV) -> Term:
    return SUPERVISOR.spread(cpu.mideleg, cpu.xlen)


def _read_sip(cpu: RiscV) -> Term:
    return _read_mip(cpu) & _delegated(cpu)


def _write_sip(cpu: RiscV, value: Term) -> None:
    """Of the supervisor's interrupts only the software interrupt is made pending in S-mode, where it is delegated."""
    with cpu.when(SUPERVISOR.has(cpu.mideleg, SSI)):
        kept = SUPERVISOR.spread(cpu.mip, cpu.xlen)
        cpu.mip = SUPERVISOR.pack((kept & ~(1 << SSI)) | (value & 1 << SSI))


def _read_sie(cpu: RiscV) -> Term:
    return ALL.spread(cpu.mie, cpu.xlen) & _delegated(cpu)


def _write_sie(cpu: RiscV, value: Term) -> None:
    mask, old = _delegated(cpu), ALL.spread(cpu.mie, cpu.xlen)
    cpu.mie = ALL.pack((old & ~mask) | (value & mask))


csrs.register(0x303, "mideleg", read=_delegated, write=_write_mideleg)
csrs.register(0x304, "mie", read=lambda cpu: ALL.spread(cpu.mie, cpu.xlen), write=_write_mie)
csrs.register(0x344, "mip", read=_read_mip, write=_write_mip, modified=_software_mip)
csrs.register(0x104, "sie", read=_read_sie, write=_write_sie)
csrs.register(0x144, "sip", read=_read_sip, write=_write_sip, modified=lambda cpu: _software_mip(cpu) & _delegated(cpu))
