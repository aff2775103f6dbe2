"""Machine-level CSRs. Privileged manual, version 20240411, section 3.1, and section 3.7 for the PMP registers."""

from __future__ import annotations

from ..machine import RESOURCE, Machine
from ..terms import Array, BitVec, Bool, Term, bits, concat, ite
from . import pmp
from .cpu import RiscV
from .csr import Csrs
from .fields import Bits
from .status import even_address

EXTENSIONS = "IMASU"
DELEGABLE = Bits((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15))
"""Exceptions that medeleg can delegate: all but the call from M-mode. Section 3.1.8."""

csrs = Csrs()


def declare(machine: Machine, xlen: int) -> None:
    machine.component("C", Bool, RESOURCE, "misa.C: compressed instructions are on")
    machine.component("medeleg", BitVec(DELEGABLE.width), RESOURCE, "exceptions delegated to S-mode, packed")
    machine.component("mtvec", BitVec(xlen), RESOURCE, "M-mode trap vector; bit 1 does not exist")
    machine.component("mscratch", BitVec(xlen), RESOURCE, "M-mode scratch register")
    machine.component("mepc", BitVec(xlen), RESOURCE, "where the last trap into M-mode came from")
    machine.component("mcause", BitVec(xlen), RESOURCE, "its cause")
    machine.component("mtval", BitVec(xlen), RESOURCE, "its address or instruction")
    machine.component("menvcfg_FIOM", Bool, RESOURCE, "menvcfg.FIOM: fences order devices too, below M-mode")
    machine.component("pmpcfg", Array(6, 8), RESOURCE, "PMP configurations, by entry")
    machine.component("pmpaddr", Array(6, 54 if xlen == 64 else 32), RESOURCE, "PMP addresses, by entry")
    machine.configuration("pmp_entries", 4, "PMP entries that the hart has, 0 to 64", width=7)
    machine.configuration("C_writable", 1, "software can turn compressed instructions off (misa.C)", width=1)
    machine.configuration("mhartid", 0, "the hart's number", width=32)


# Identification and misa, sections 3.1.1 to 3.1.5.

csrs.constant(0xF11, "mvendorid")
csrs.constant(0xF12, "marchid")
csrs.constant(0xF13, "mimpid")
csrs.register(0xF14, "mhartid", read=lambda cpu: cpu.mhartid.zext(cpu.xlen), write=None)
csrs.constant(0xF15, "mconfigptr")


def read_misa(cpu: RiscV) -> Term:
    letters = sum(1 << (ord(letter) - ord("A")) for letter in EXTENSIONS)
    width = bits(1 if cpu.xlen == 32 else 2, 2)
    return concat(width, bits(letters >> 3, cpu.xlen - 5), cpu.C.as_bits(), bits(letters & 3, 2))


def write_misa(cpu: RiscV, value: Term) -> None:
    """Only C can change; it stays on where the next instruction is not at a multiple of four."""
    if cpu.C_writable.value:
        cpu.C = value.bit(2) | cpu.PC.bit(1)


csrs.register(0x301, "misa", read=read_misa, write=write_misa)


# Traps, sections 3.1.7, 3.1.8 and 3.1.13 to 3.1.16.


def legal_vector(cpu: RiscV, old: Term, new: Term) -> Term:
    """Modes 2 and 3 are reserved: what is written with one of them keeps the mode that was."""
    return concat(new[cpu.xlen - 1 : 2], bits(0, 1), ite(new.bit(1), old[0], new[0]))


def seen_vector(cpu: RiscV, value: Term) -> Term:
    return concat(value[cpu.xlen - 1 : 2], bits(0, 1), value[0])


def _write_medeleg(cpu: RiscV, value: Term) -> None:
    cpu.medeleg = DELEGABLE.pack(value)


csrs.register(0x302, "medeleg", read=lambda cpu: DELEGABLE.spread(cpu.medeleg, cpu.xlen), write=_write_medeleg)
csrs.kept(0x305, "mtvec", "mtvec", legal=legal_vector, seen=seen_vector)
csrs.kept(0x340, "mscratch", "mscratch")
csrs.kept(0x341, "mepc", "mepc", seen=even_address)
csrs.kept(0x342, "mcause", "mcause")
csrs.kept(0x343, "mtval", "mtval")


# Environment configuration, section 3.1.18: of its fields only FIOM exists.


def _read_menvcfg(cpu: RiscV) -> Term:
    return cpu.menvcfg_FIOM.as_bits(cpu.xlen)  # type: ignore[no-any-return]


def _write_menvcfg(cpu: RiscV, value: Term) -> None:
    cpu.menvcfg_FIOM = value.bit(0)


csrs.register(0x30A, "menvcfg", read=_read_menvcfg, write=_write_menvcfg)
csrs.constant(0x31A, "menvcfgh", xlen=32)


# Physical memory protection, section 3.7.1. Registers of entries that the hart does not have are zero.


def _read_pmpcfg(cpu: RiscV, number: Term) -> Term:
    first = _first_entry(cpu, number)
    values = [cpu.pmpcfg[first + n] for n in range(cpu.xlen // 8)]
    exists = [
        first + n < pmp.entry_count(cpu) if pmp.entry_count(cpu) < pmp.MOST_ENTRIES else True
        for n in range(len(values))
    ]
    return concat(*[ite(there, value, bits(0, 8)) for there, value in reversed(list(zip(exists, values, strict=True)))])


def _first_entry(cpu: RiscV, number: Term) -> Term:
    """The first of the entries whose configurations a register holds; `number` counts the registers that exist."""
    shift = 3 if cpu.xlen == 64 else 2
    return concat(number[5 - shift : 0], bits(0, shift))


def _write_pmpcfg(cpu: RiscV, number: Term, value: Term) -> None:
    first = _first_entry(cpu, number)
    before = cpu.pmpcfg
    for entry in range(pmp.entry_count(cpu)):
        byte = entry % (cpu.xlen // 8)
        config = before[bits(entry, 6)]
        with cpu.when((first == entry - byte) & ~config.bit(pmp.L)):
            cpu.pmpcfg = cpu.pmpcfg.set(bits(entry, 6), pmp.legal(value[8 * byte + 7 : 8 * byte]))


def _read_pmpaddr(cpu: RiscV, number: Term) -> Term:
    value = cpu.pmpaddr[number[5:0]]
    return ite(_exists(cpu, number), value.zext(cpu.xlen), bits(0, cpu.xlen))


def _exists(cpu: RiscV, number: Term) -> Term:
    return number < pmp.entry_count(cpu)


def _write_pmpaddr(cpu: RiscV, number: Term, value: Term) -> None:
    width = cpu.pmpaddr.sort.value.width
    for entry in range(pmp.entry_count(cpu)):
        with cpu.when((number == entry) & ~pmp.address_locked(cpu, entry)):
            cpu.pmpaddr = cpu.pmpaddr.set(bits(entry, 6), value[width - 1 : 0])


csrs.register(0x3A0, "pmpcfg#", read=_read_pmpcfg, write=_write_pmpcfg, count=8, step=2, xlen=64)
csrs.register(0x3A0, "pmpcfg#", read=_read_pmpcfg, write=_write_pmpcfg, count=16, xlen=32)
csrs.register(0x3B0, "pmpaddr#", read=_read_pmpaddr, write=_write_pmpaddr, count=64)

# The trigger module of the debug specification has no triggers: a type of 0 in tdata1 says so.

csrs.constant(0x7A0, "tselect")
csrs.constant(0x7A1, "tdata#", count=3, first=1)
