"""The state of IA-32 in 32-bit protected mode without paging, its configuration, and how it fetches.

SDM vol. 1, chapter 3; vol. 3, chapters 2, 3 and 5. What the model leaves out is listed by `leave_out`.
CPL is a component of its own and the low bits of the CS and SS selectors are CPL, as on every processor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from ..cpu import Cpu, View
from ..machine import CLOCK, DEVICE, MEMORY, MODE, PROGRAM, RESOURCE, Machine, Relocation
from ..terms import FALSE, Array, BitVec, Bool, Term, bits, concat, ite
from .causes import GP_MEMORY, HALTED, REPEATED_PREFIX
from .encoding import BYTES, SEGMENT_BYTES, to_bytes
from .operands import REGISTERS

if TYPE_CHECKING:
    from .cpu import IA32

SEGMENT_NAMES = ("ES", "CS", "SS", "DS", "FS", "GS")
DATA_SEGMENTS = ("ES", "DS", "FS", "GS")
CR4_BITS = {"VME": 0, "PVI": 1, "TSD": 2, "PCE": 8, "UMIP": 11}
IO_MAP_BASE = 0x66


def base_machine() -> Machine:
    """IA-32 without its instructions."""
    from .cpu import IA32

    machine = Machine(
        name="ia32",
        summary="IA-32, 32-bit protected mode without paging, four rings",
        source="Intel 64 and IA-32 Architectures Software Developer's Manual",
        word=BitVec(96),
        mode="CPL",
        levels={f"ring {n}": n for n in range(4)},
        guest="ring 3",
        counter="EIP",
        cpu=IA32,
        begin=begin,
        fetch=fetch,
        stored=to_bytes,
        relocation=Relocation(amount=BitVec(32), memory="memory", offset=lambda x: x, bases=_moved_bases, visible=None),
    )
    _program_components(machine)
    _system_components(machine)
    _configuration(machine)
    _invariants(machine)
    machine.leave_out(
        "virtual-8086 mode (VM is 0), real mode, paging, 64-bit mode, system management mode",
        "16-bit code and stack segments, 16-bit addressing (prefix 67), 16-bit near branches",
        "floating point, MMX and SSE",
        "asynchronous interrupts, single-step traps (TF), hardware breakpoints (DR7)",
        "alignment checks (AM and AC)",
        "repeated prefixes of one group; F2 and F3 are ignored where the manual reserves them",
        "prefetching: code that an instruction changes is seen by the next one",
    )
    machine.start = _flat_segments()
    return machine


def _flat_segments() -> dict[str, int]:
    """Ring 0 in segments of 4 GiB from address 0, as a boot loader leaves them."""
    start = {"CR0": 1, "CS_access": 0x9B, "TR_access": 0x8B, "TR_limit": 0x67}
    start |= {f"{name}_limit": 0xFFFFFFFF for name in SEGMENT_NAMES}
    return start | {f"{name}_access": 0x93 for name in SEGMENT_NAMES if name != "CS"} | {"DS_big": 1, "ES_big": 1}


def _program_components(machine: Machine) -> None:
    for name in REGISTERS[32]:
        machine.component(name, BitVec(32), PROGRAM, "general register")
    machine.component("EIP", BitVec(32), PROGRAM, "instruction pointer")
    texts = {
        "CF": "carry", "PF": "parity", "AF": "auxiliary carry", "ZF": "zero", "SF": "sign", "TF": "trap",
        "DF": "direction", "OF": "overflow", "NT": "nested task", "AC": "alignment check",
        "ID": "identification", "RF": "resume",
    }  # fmt: skip
    for name, text in texts.items():
        machine.component(name, Bool, PROGRAM, f"{text} flag")


def _system_components(machine: Machine) -> None:
    machine.component("CPL", BitVec(2), MODE, "current privilege level")
    machine.component("IF", Bool, RESOURCE, "interrupts are enabled")
    machine.component("IOPL", BitVec(2), RESOURCE, "I/O privilege level")
    machine.component("VIF", Bool, RESOURCE, "virtual interrupt flag")
    machine.component("VIP", Bool, RESOURCE, "virtual interrupt pending")
    for name in SEGMENT_NAMES:
        if name in DATA_SEGMENTS:
            machine.component(f"{name}_selector", BitVec(16), RESOURCE, f"{name}, visible part")
            machine.component(f"{name}_big", Bool, RESOURCE, f"{name}, descriptor's D/B")
        else:
            machine.component(f"{name}_index", BitVec(14), RESOURCE, f"{name}, selector without RPL (CPL)")
        machine.component(f"{name}_base", BitVec(32), RESOURCE, f"{name}, base")
        machine.component(f"{name}_limit", BitVec(32), RESOURCE, f"{name}, limit in bytes")
        machine.component(f"{name}_access", BitVec(8), RESOURCE, f"{name}, P, DPL, S and type; 0 when null")
    for name in ("GDTR", "IDTR"):
        machine.component(f"{name}_base", BitVec(32), RESOURCE, f"{name}, base")
        machine.component(f"{name}_limit", BitVec(16), RESOURCE, f"{name}, limit")
    for name in ("LDTR", "TR"):
        machine.component(f"{name}_selector", BitVec(16), RESOURCE, f"{name}, selector")
        machine.component(f"{name}_base", BitVec(32), RESOURCE, f"{name}, base")
        machine.component(f"{name}_limit", BitVec(32), RESOURCE, f"{name}, limit in bytes")
        machine.component(f"{name}_access", BitVec(8), RESOURCE, f"{name}, P, DPL, S and type; 0 when null")
    for name in ("CR0", "CR2", "CR3", "CR4"):
        machine.component(name, BitVec(32), RESOURCE, "control register")
    for name in ("DR0", "DR1", "DR2", "DR3", "DR6", "DR7"):
        machine.component(name, BitVec(32), RESOURCE, "debug register")
    machine.component("MSR", Array(32, 64), RESOURCE, "model-specific registers")
    machine.component("TSC", BitVec(64), CLOCK, "time-stamp counter")
    machine.component("PMC", Array(32, 64), CLOCK, "performance counters")
    machine.component("IO", Array(16, 8), DEVICE, "I/O ports, a byte each")
    machine.component("halted", Bool, RESOURCE, "the processor has stopped")
    machine.component("memory", Array(32, 8), MEMORY, "memory by linear address")


def _configuration(machine: Machine) -> None:
    texts = {
        "UMIP": "SGDT, SIDT, SLDT, SMSW and STR trap outside ring 0",
        "TSD": "RDTSC traps outside ring 0",
        "PCE": "RDPMC is allowed outside ring 0",
        "PVI": "protected-mode virtual interrupts",
        "VME": "virtual-8086 mode extensions",
    }

    def tied(number: int) -> Callable[[View, Term], Term]:
        return lambda state, value: state.CR4.bit(number) == value

    for name, text in texts.items():
        machine.configuration(name, 0, f"CR4.{name}: {text}", holds=tied(CR4_BITS[name]))
    machine.context("IOPL", 0, "the I/O privilege level", width=2, holds=lambda state, value: value == state.IOPL)
    machine.context("io_bitmap", 1, "the TSS has no I/O bitmap: every port is denied below IOPL", holds=_io_denied)


def _io_denied(state: View, value: Term) -> Term:
    too_small = state.TR_limit < IO_MAP_BASE + 1
    address = state.TR_base + IO_MAP_BASE
    map_base = concat(state.memory[address + 1], state.memory[address])
    return ~value | too_small | (map_base.zext(32) >= state.TR_limit)


def _invariants(machine: Machine) -> None:
    machine.invariant("CR0.PE is 1 and CR0.PG is 0", lambda s: s.CR0.bit(0) & ~s.CR0.bit(31))
    machine.invariant("CS holds a present code segment", lambda s: (s.CS_access[7] == 1) & (s.CS_access[4:3] == 3))
    machine.invariant(
        "SS holds a present writable data segment",
        lambda s: (s.SS_access[7] == 1) & (s.SS_access[4:3] == 2) & s.SS_access.bit(1),
    )
    for name in DATA_SEGMENTS:

        def usable(state: View, name: str = name) -> Term:
            access: Term = getattr(state, f"{name}_access")
            readable = (access[7] == 1) & (access[4] == 1) & (~access.bit(3) | access.bit(1))
            return (access == 0) | readable

        machine.invariant(f"{name} is null (access 0) or holds a present readable segment", usable)
    for name in (*SEGMENT_NAMES, "LDTR", "TR"):

        def granular(state: View, name: str = name) -> Term:
            limit: Term = getattr(state, f"{name}_limit")
            return (limit[31:20] == 0) | (limit[11:0] == 0xFFF)

        machine.invariant(f"{name}'s limit is one that a descriptor can hold", granular)
    machine.invariant(
        "LDTR is null (access 0) or holds a present LDT",
        lambda s: (s.LDTR_access == 0) | _present(s.LDTR_access, 0x02),
    )
    machine.invariant("TR holds a present busy 32-bit TSS", lambda s: _present(s.TR_access, 0x0B))


def _present(access: Term, kind: int) -> Term:
    return (access[7] == 1) & (access[4:0] == kind)


def _moved_bases(state: View, x: Term) -> Mapping[str, Term]:
    names = [f"{name}_base" for name in (*SEGMENT_NAMES, "GDTR", "IDTR", "LDTR", "TR")]
    return {name: getattr(state, name) + x for name in names}


# Fetching.


def begin(cpu: Cpu, length: Term) -> None:
    """EIP moves past the instruction, all of which must lie within CS's limit; RF is cleared."""
    start = cpu.EIP
    last = start.zext(33) + length.zext(33) - 1
    cpu.trap(GP_MEMORY, when=last > cpu.CS_limit.zext(33), error_code=0)
    object.__setattr__(cpu, "start", start)
    cpu.EIP = start + length
    cpu.RF = FALSE


def fetch(cpu: Cpu) -> Term:
    """The instruction word at CS:EIP: prefixes summarized, then eleven bytes.

    Only the first byte's place is checked here; `begin` checks all of them once the length is known.
    """
    cpu.trap(HALTED, when=cpu.halted)
    cpu.trap(GP_MEMORY, when=cpu.CS_limit < cpu.EIP, error_code=0)
    address = cast("IA32", cpu).place(cpu.CS_base + cpu.EIP, 1, write=False)
    code = [cpu.memory[address + n] for n in range(BYTES + 5)]
    summary = bits(0, 8)
    still = ~FALSE
    repeated = FALSE
    count = bits(0, 3)
    for byte in code[:6]:
        mask, value = _prefix(byte)
        still = still & (mask != 0)
        repeated = repeated | (still & ((summary & mask) != 0))
        summary = ite(still, summary | value, summary)
        count = count + still.as_bits(3)
    cpu.trap(REPEATED_PREFIX, when=repeated)
    body = concat(*reversed(code))
    body = ite(count.bit(2), body.zext(128) >> 32, body)
    body = ite(count.bit(1), body >> 16, body)
    body = ite(count.bit(0), body >> 8, body)
    return concat(summary, body[8 * BYTES - 1 : 0])


def _prefix(byte: Term) -> tuple[Term, Term]:
    """The bits of the summary that a prefix byte occupies (none for other bytes), and those that it sets."""
    table = [(code, 0xE0, (n + 1) << 5) for n, code in enumerate(SEGMENT_BYTES)]
    table += [(0x66, 1, 1), (0x67, 2, 2), (0xF0, 4, 4), (0xF2, 0x18, 0x10), (0xF3, 0x18, 0x18)]
    mask = value = bits(0, 8)
    for code, occupies, sets in table:
        hit = byte == code
        mask, value = ite(hit, bits(occupies, 8), mask), ite(hit, bits(sets, 8), value)
    return mask, value


__all__ = ["CR4_BITS", "DATA_SEGMENTS", "IO_MAP_BASE", "SEGMENT_NAMES", "base_machine", "begin", "fetch"]
