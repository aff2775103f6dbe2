"""The machines rv64 and rv32: RV64IMAC or RV32IMAC with Zicsr and Zifencei, and M-, S- and U-mode.

RISC-V Instruction Set Manual, volumes I (unprivileged) and II (privileged), versions 20240411. The files of this
folder follow its chapters; each names its sections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..cpu import View
from ..machine import MEMORY, MODE, PROGRAM, RESOURCE, GuestContext, Machine, Relocation
from ..programs import Programs
from ..terms import Array, BitVec, Term, any_of
from . import atomic, counters, devices, interrupts, machine_level, privileged, status, supervisor_level
from .compressed import compressed
from .cpu import M, RiscV, S, U
from .csr import add_reserved
from .encoding import WIDTH, region
from .extensions import handlers, left_out
from .fetching import begin, fetch
from .integer import base
from .multiply import multiplication
from .physical import MEMORY_BITS, PAGE_BITS

CSRS = (
    status.csrs, machine_level.csrs, interrupts.csrs, counters.csrs, supervisor_level.csrs,
)  # fmt: skip
GROUPS = (base, multiplication, atomic.atomics, compressed, privileged.privileged)
COUNTERS = ("CY", "TM", "IR")
RESET = 0x8000_0000
"""Where PC is after a reset, by the custom of the public test programs."""


def rv64() -> Machine:
    """A hart with XLEN 64 and Sv39."""
    return _machine(64)


def rv32() -> Machine:
    """A hart with XLEN 32 and Sv32."""
    return _machine(32)


def _machine(xlen: int) -> Machine:
    machine = Machine(
        name=f"rv{xlen}",
        summary=f"RISC-V RV{xlen}IMAC with M-, S- and U-mode, PMP and Sv{39 if xlen == 64 else 32}",
        source="The RISC-V Instruction Set Manual, volumes I and II, versions 20240411",
        word=BitVec(WIDTH),
        mode="priv",
        levels={"M": M, "S": S, "U": U},
        guest="U",
        counter="PC",
        cpu=RiscV,
        begin=begin,
        fetch=fetch,
        deliver=privileged.deliver,
        stored=lambda word, length: word.to_bytes(4, "little")[:length],
        relocation=Relocation(
            amount=BitVec(MEMORY_BITS - PAGE_BITS),
            memory="memory",
            offset=_pages,
            bases=_moved,
        ),
        saved=frozenset({"mepc", "mcause", "mtval", "sepc", "scause", "stval"}),
        programs=Programs(
            elf=(243, xlen),
            console="printed",
            printed="printed_count",
            left_out=lambda state: left_out(state, xlen),
            handlers=handlers,
        ),
        start={"PC": RESET, "priv": M, "C": 1, "mtimecmp": (1 << 64) - 1},
    )
    _declare_state(machine, xlen)
    for group in GROUPS:
        group.add_to(machine, xlen)
    for csrs in CSRS:
        csrs.add_to(machine, xlen)
    add_reserved(machine, [r for csrs in CSRS for r in csrs.registers if r.xlen in (None, xlen)])
    known = any_of(*[instruction.encoding.matches for instruction in machine.instructions])
    machine.undefined.append(region("every other word", ~known))
    _declare_contexts(machine)
    machine.leave_out(
        "floating point, vectors, and every extension but M, A, C, Zicsr, Zifencei, Zicntr and Zihpm",
        "the hypervisor extension, Smepmp, Svadu, Svpbmt, Svnapot, Sstc, debug triggers and non-maskable interrupts",
        "physical memory at 2**32 and above: an access to it is an access fault",
        "caches of translations: SFENCE.VMA has nothing to do, and satp.ASID only keeps its value",
        "PMP grains larger than four bytes; big-endian memory; XLEN that changes (MXL, SXL and UXL are fixed)",
        "other harts: a reservation lasts until SC",
        "event counters: they and their events read as zero",
    )
    return machine


def _declare_state(machine: Machine, xlen: int) -> None:
    machine.component("memory", Array(MEMORY_BITS, 8), MEMORY, "physical memory")
    machine.component("priv", BitVec(2), MODE, "privilege level: 3 M, 1 S, 0 U")
    machine.component("X", Array(5, xlen), PROGRAM, "the integer registers; cell 0 is never read")
    machine.component("PC", BitVec(xlen), PROGRAM, "program counter")
    atomic.declare(machine, xlen)
    status.declare(machine)
    machine_level.declare(machine, xlen)
    interrupts.declare(machine)
    supervisor_level.declare(machine, xlen)
    counters.declare(machine)
    devices.declare(machine)
    privileged.declare(machine)
    machine.component(
        "frame",
        BitVec(MEMORY_BITS),
        RESOURCE,
        "added to every physical address; 0 on a real hart",
    )
    machine.configuration("misaligned", 1, "misaligned loads and stores are performed, instead of trapping", width=1)
    machine.configuration(
        "translation", 1, "satp can turn translation on; else it is always Bare", width=1,
        holds=lambda s, v: (v == 1) | ~s.satp_on,
    )  # fmt: skip
    machine.configuration(
        "machine_mode", 1, "M-mode is looked at; else the hart is never in it", width=1,
        holds=lambda s, v: (v == 1) | (s.priv != M),
    )  # fmt: skip
    machine.configuration(
        "update_accessed", 0, "the hart sets A and D of page-table entries, instead of trapping", width=1
    )
    machine.configuration("reserved_csrs_trap", 1, "a CSR that is not defined is an illegal instruction")
    machine.invariant("frame is a multiple of the page size", lambda s: s.frame[PAGE_BITS - 1 : 0] == 0)
    machine.invariant("PC is even", lambda s: s.PC[0] == 0)
    machine.invariant("MPP is a level", lambda s: s.MPP != 2)
    machine.invariant("MPRV is clear below M-mode", lambda s: ~s.MPRV | (s.priv == M))


def _pages(x: Term) -> Term:
    return x.zext(MEMORY_BITS) << PAGE_BITS


def _moved(state: View, x: Term) -> Mapping[str, Term]:
    """Every physical page moves by x pages, by way of `frame`; satp and the page tables are otherwise the same."""
    return {"frame": state.frame + _pages(x), "satp_on": state.satp_on, "satp_PPN": state.satp_PPN}


def _declare_contexts(machine: Machine) -> None:
    for name, component, text in (
        ("mstatus.TVM", "TVM", "satp and SFENCE.VMA trap in S-mode"),
        ("mstatus.TW", "TW", "WFI traps below M-mode"),
        ("mstatus.TSR", "TSR", "SRET traps in S-mode"),
    ):
        machine.context(name, 0, text, holds=_is(component))
    for number, name in enumerate(COUNTERS):
        counter = ("cycle", "time", "instret")[number]
        text = f"{counter} can be read below M-mode, and in U-mode if scounteren allows it"
        machine.context(f"mcounteren.{name}", 0, text, holds=_has("mcounteren", number))
        text = f"{counter} can be read in U-mode, if mcounteren allows it"
        machine.context(f"scounteren.{name}", 0, text, holds=_has("scounteren", number))
    machine.contexts["m-in-u"] = GuestContext(
        "firmware written for M-mode runs in U-mode, under a monitor in M-mode", "M", "U",
        {"translation": "0", "devices": "0"},
    )  # fmt: skip
    machine.contexts["s-in-u"] = GuestContext(
        "an operating system written for S-mode runs in U-mode, under a monitor in S-mode or M-mode", "S", "U",
        {"devices": "0", "machine_mode": "0", **{f"mcounteren.{name}": "1" for name in COUNTERS}},
    )  # fmt: skip


def _is(component: str) -> Callable[[View, Term], Term]:
    return lambda state, value: getattr(state, component) == value


def _has(component: str, number: int) -> Callable[[View, Term], Term]:
    return lambda state, value: getattr(state, component).bit(number) == value
