"""Trap entry, the returns from traps, and the other privileged instructions.

Privileged manual, version 20240411, sections 3.1.6.1, 3.1.7, 3.1.8 (entry), 3.3.2 (MRET, SRET), 3.3.3 (WFI) and 12.2.1
(SFENCE.VMA).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..cpu import Cause, Cpu, Kind
from ..machine import Machine
from ..terms import FALSE, TRUE, Term, all_of, bits, concat, ite
from .causes import INTERRUPT, RESERVED
from .cpu import M, RiscV, S, U
from .fetching import code_at
from .group import Group
from .interrupts import ALL, MTI, SUPERVISOR, any_enabled
from .machine_level import DELEGABLE
from .status import even_address

privileged = Group()


def declare(machine: Machine) -> None:
    machine.configuration(
        "mtval_instruction", 1, "mtval and stval show an illegal instruction, instead of zero", width=1
    )
    machine.configuration("WFI_completes", 0, "WFI that may trap completes if an enabled interrupt is pending")


# Returns.


@privileged("MRET", "", "0011000 00010 00000 000 00000 1110011")
def mret(cpu: RiscV) -> None:
    """Returns from a trap into M-mode: MIE := MPIE, the level := MPP, PC := mepc; MPIE := 1, MPP := U."""
    cpu.require(cpu.is_at(M))
    level = cpu.MPP
    cpu.MIE = cpu.MPIE
    cpu.MPIE = TRUE
    cpu.MPRV = cpu.MPRV & (level == M)
    cpu.MPP = bits(U, 2)
    cpu.priv = level
    cpu.PC = even_address(cpu, cpu.mepc)


@privileged("SRET", "", "0001000 00010 00000 000 00000 1110011")
def sret(cpu: RiscV) -> None:
    """Returns from a trap into S-mode: SIE := SPIE, the level := SPP, PC := sepc; SPIE := 1, SPP := U."""
    cpu.require(cpu.is_at(M) | (cpu.is_at(S) & ~cpu.TSR))
    level = ite(cpu.SPP, bits(S, 2), bits(U, 2))
    cpu.SIE = cpu.SPIE
    cpu.SPIE = TRUE
    cpu.MPRV = FALSE
    cpu.SPP = FALSE
    cpu.priv = level
    cpu.PC = even_address(cpu, cpu.sepc)


# Waiting and fences.


@privileged("WFI", "", "0001000 00101 00000 000 00000 1110011")
def wfi(cpu: RiscV) -> None:
    """Waits until an enabled interrupt is pending; it takes as long as the timer needs, if the timer can end it.

    In U-mode, and below M-mode where TW is set, it traps, unless it completes in a bounded time: here, at once.
    """
    done = any_enabled(cpu)
    refused = cpu.is_at(U) | (cpu.is_at(S) & cpu.TW)
    cpu.require(~refused | (done & cpu.WFI_completes))
    timer = ALL.has(cpu.mie, MTI)
    cpu.waiting = ~done & ~timer
    with cpu.when(~done & timer):
        cpu.mtime = cpu.mtimecmp


@privileged("SFENCE.VMA", "rs1, rs2", "0001001 rs2 rs1 000 00000 1110011")
def sfence_vma(cpu: RiscV, rs1: Term, rs2: Term) -> None:
    """Orders stores to page tables before translations, which always read memory."""
    cpu.require(cpu.is_at(M) | (cpu.is_at(S) & ~cpu.TVM))


# Trap entry.


def deliver(cause_cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """Enters S-mode for what is delegated to it from S-mode or U-mode, M-mode for everything else.

    A cause by which the model declines to go on stays a trap.
    """
    cpu = cast(RiscV, cause_cpu)
    number = RESERVED.vector if cause.kind is Kind.UNDEFINED else cause.vector
    if number is None:
        cpu.trap(cause)
        return
    interrupt, code = bool(number & INTERRUPT), number & ~INTERRUPT
    kept = SUPERVISOR.has(cpu.mideleg, code) if interrupt else DELEGABLE.has(cpu.medeleg, code)
    to_supervisor = all_of(~cpu.is_at(M), kept)
    value = _trap_value(cpu, code, interrupt, details)
    name = concat(bits(int(interrupt), 1), bits(code, cpu.xlen - 1))
    address, level = cpu.PC, cpu.priv
    with cpu.when(to_supervisor):
        cpu.scause, cpu.sepc, cpu.stval = name, address, value
        cpu.SPIE = cpu.SIE
        cpu.SIE = FALSE
        cpu.SPP = level == S
    with cpu.when(~to_supervisor):
        cpu.mcause, cpu.mepc, cpu.mtval = name, address, value
        cpu.MPIE = cpu.MIE
        cpu.MIE = FALSE
        cpu.MPP = level
    cpu.priv = ite(to_supervisor, bits(S, 2), bits(M, 2))
    cpu.PC = _handler(cpu, ite(to_supervisor, cpu.stvec, cpu.mtvec), code, interrupt)


def _trap_value(cpu: RiscV, code: int, interrupt: bool, details: Mapping[str, Term]) -> Term:
    """What mtval or stval shows: an address that came with the trap, or the illegal instruction."""
    if "tval" in details:
        return details["tval"]
    if not interrupt and code == RESERVED.vector and cpu.mtval_instruction.value:
        return code_at(cpu, cpu.PC).zext(cpu.xlen)
    return bits(0, cpu.xlen)


def _handler(cpu: RiscV, vector: Term, code: int, interrupt: bool) -> Term:
    """The address that a trap goes to: the base, or where vectored an interrupt's own entry. Section 3.1.7."""
    start = concat(vector[cpu.xlen - 1 : 2], bits(0, 2))
    return ite(vector.bit(0), start + 4 * code, start) if interrupt else start
