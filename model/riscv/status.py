"""mstatus and sstatus. Privileged manual, version 20240411, sections 3.1.6 and 12.1.1. Each field is a component.

Memory is little-endian at every level (MBE, SBE and UBE are 0), there is no floating-point or vector state (FS, VS, XS
and SD are 0), and SXL and UXL say that every level has XLEN bits.
"""

from __future__ import annotations

from ..machine import RESOURCE, Machine
from ..terms import BitVec, Bool, Term, bits, concat, ite
from .cpu import RiscV, U
from .csr import Csrs
from .fields import assemble

FIELDS = {
    "SIE": 1, "MIE": 3, "SPIE": 5, "MPIE": 7, "SPP": 8, "MPP": 11, "MPRV": 17, "SUM": 18, "MXR": 19,
    "TVM": 20, "TW": 21, "TSR": 22,
}  # fmt: skip
SUPERVISOR_FIELDS = ("SIE", "SPIE", "SPP", "SUM", "MXR")
UXL, SXL = 32, 34

TEXTS = {
    "SIE": "mstatus.SIE: interrupts are enabled in S-mode",
    "MIE": "mstatus.MIE: interrupts are enabled in M-mode",
    "SPIE": "mstatus.SPIE: SIE before the last trap into S-mode",
    "MPIE": "mstatus.MPIE: MIE before the last trap into M-mode",
    "SPP": "mstatus.SPP: the last trap into S-mode came from S-mode",
    "MPP": "mstatus.MPP: the level that the last trap into M-mode came from",
    "MPRV": "mstatus.MPRV: loads and stores have the privilege MPP",
    "SUM": "mstatus.SUM: S-mode may access user pages",
    "MXR": "mstatus.MXR: executable pages may be read",
    "TVM": "mstatus.TVM: satp and SFENCE.VMA trap in S-mode",
    "TW": "mstatus.TW: WFI traps below M-mode",
    "TSR": "mstatus.TSR: SRET traps in S-mode",
}

csrs = Csrs()


def declare(machine: Machine) -> None:
    for name, text in TEXTS.items():
        machine.component(name, BitVec(2) if name == "MPP" else Bool, RESOURCE, text)
    machine.configuration(
        "MPP_reserved", 0, "writing the reserved level 2 to MPP keeps it, instead of making it U", width=1
    )


def _read(cpu: RiscV, names: tuple[str, ...]) -> Term:
    places = {FIELDS[name]: cpu.get(name) for name in names}
    if cpu.xlen == 64:
        places[UXL] = bits(2, 2)
        if "TSR" in names:
            places[SXL] = bits(2, 2)
    return assemble(cpu.xlen, places)


def _write(cpu: RiscV, names: tuple[str, ...], value: Term) -> None:
    for name in names:
        place = FIELDS[name]
        cpu.put(name, _legal_level(cpu, value[place + 1 : place]) if name == "MPP" else value.bit(place))


def _legal_level(cpu: RiscV, level: Term) -> Term:
    return ite(level == 2, cpu.MPP if cpu.MPP_reserved.value else bits(U, 2), level)


def read_mstatus(cpu: RiscV) -> Term:
    return _read(cpu, tuple(FIELDS))


csrs.register(0x300, "mstatus", read=read_mstatus, write=lambda cpu, value: _write(cpu, tuple(FIELDS), value))
csrs.constant(0x310, "mstatush", xlen=32)
csrs.register(
    0x100,
    "sstatus",
    read=lambda cpu: _read(cpu, SUPERVISOR_FIELDS),
    write=lambda cpu, value: _write(cpu, SUPERVISOR_FIELDS, value),
)


def even_address(cpu: RiscV, value: Term) -> Term:
    """What mepc and sepc read as: bit 0 is zero, and so is bit 1 where compressed instructions are off."""
    return concat(value[cpu.xlen - 1 : 2], (value.bit(1) & cpu.C).as_bits(), bits(0, 1))
