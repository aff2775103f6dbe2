"""Supervisor-level CSRs. Privileged manual, version 20240411, section 12.1."""

from __future__ import annotations

from ..machine import RESOURCE, Machine
from ..terms import FALSE, BitVec, Bool, Term, bits, concat
from .cpu import RiscV, S
from .csr import Csrs
from .machine_level import legal_vector, seen_vector
from .physical import MEMORY_BITS, PAGE_BITS
from .status import even_address

SATP = {32: (31, 22, 9, 22), 64: (60, 44, 16, 44)}
"""By XLEN: where satp.MODE begins, where satp.ASID begins, the bits of ASID and of PPN. Section 12.1.11."""

SV32, SV39 = 1, 8
"""Values of satp.MODE; 0 is Bare."""

csrs = Csrs()


def declare(machine: Machine, xlen: int) -> None:
    machine.component("stvec", BitVec(xlen), RESOURCE, "S-mode trap vector; bit 1 does not exist")
    machine.component("sscratch", BitVec(xlen), RESOURCE, "S-mode scratch register")
    machine.component("sepc", BitVec(xlen), RESOURCE, "where the last trap into S-mode came from")
    machine.component("scause", BitVec(xlen), RESOURCE, "its cause")
    machine.component("stval", BitVec(xlen), RESOURCE, "its address or instruction")
    machine.component("senvcfg_FIOM", Bool, RESOURCE, "senvcfg.FIOM: fences order devices too, in U-mode")
    _, _, asid, ppn = SATP[xlen]
    machine.component("satp_on", Bool, RESOURCE, f"satp.MODE: Sv{39 if xlen == 64 else 32} instead of Bare")
    machine.component("satp_ASID", BitVec(asid), RESOURCE, "satp.ASID")
    machine.component("satp_PPN", BitVec(ppn), RESOURCE, "satp.PPN: the page of the root page table, less `frame`")


csrs.kept(0x105, "stvec", "stvec", legal=legal_vector, seen=seen_vector)
csrs.kept(0x140, "sscratch", "sscratch")
csrs.kept(0x141, "sepc", "sepc", seen=even_address)
csrs.kept(0x142, "scause", "scause")
csrs.kept(0x143, "stval", "stval")


def _read_senvcfg(cpu: RiscV) -> Term:
    return cpu.senvcfg_FIOM.as_bits(cpu.xlen)  # type: ignore[no-any-return]


def _write_senvcfg(cpu: RiscV, value: Term) -> None:
    cpu.senvcfg_FIOM = value.bit(0)


csrs.register(0x10A, "senvcfg", read=_read_senvcfg, write=_write_senvcfg)


# Address translation, section 12.1.11.


def _mode(cpu: RiscV) -> int:
    return SV32 if cpu.xlen == 32 else SV39


def _frame_page(cpu: RiscV) -> Term:
    _, _, _, ppn = SATP[cpu.xlen]
    return cpu.frame[MEMORY_BITS - 1 : PAGE_BITS].zext(ppn)  # type: ignore[no-any-return]


def _read_satp(cpu: RiscV) -> Term:
    mode = SATP[cpu.xlen][0]
    on = bits(_mode(cpu), cpu.xlen - mode)
    kept = [on & cpu.satp_on.as_bits(1).sext(on.width), cpu.satp_ASID]
    return concat(*kept, cpu.satp_PPN + _frame_page(cpu))


def _write_satp(cpu: RiscV, value: Term) -> None:
    """A write with a mode that does not exist has no effect at all."""
    mode, asid, _, ppn = SATP[cpu.xlen]
    chosen = value[cpu.xlen - 1 : mode]
    with cpu.when((chosen == 0) | (chosen == _mode(cpu) if cpu.translation.value else FALSE)):
        cpu.satp_on = chosen != 0
        cpu.satp_ASID = value[mode - 1 : asid]
        cpu.satp_PPN = value[ppn - 1 : 0] - _frame_page(cpu)


csrs.register(
    0x180, "satp", read=_read_satp, write=_write_satp, allowed=lambda cpu: ~(cpu.is_at(S) & cpu.TVM)
)  # fmt: skip
