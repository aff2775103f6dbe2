"""Paravirtual IA-32: a kernel whose offending instructions were replaced by hypercalls runs at ring 1.

As on 32-bit Xen (Barham et al. 2003). What the patched guest sees is a machine of its own, `ia32-paravirtual`: without
the instructions that behave otherwise at ring 1 (`PATCHED`), with software interrupts that do on the virtual machine
what those did. Their gates are of ring 0, so that a hypercall reaches the monitor as the trap of its vector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..encoding import Encoding
from ..ia32.access_checks import lar, lsl, verr, verw
from ..ia32.causes import UD
from ..ia32.cpu import IA32
from ..ia32.far_transfers import call_far, jmp_far, ret_far
from ..ia32.forms import Forms, install
from ..ia32.interrupts import interrupt, iret
from ..ia32.operands import FarPointer, Register, SegmentRegister
from ..ia32.segments import mov_to_segment
from ..ia32.system_flags import popfd, pushfd
from ..machine import Machine
from ..terms import FALSE, Term, any_of, bits
from .construction import Construction
from .ia32_guest import guest_machine
from .ia32_host import host_machine, placement, whatever_traps

PATCHED = frozenset({
    "MOV (to segment)", "MOV (from segment)", "PUSH (segment)", "POP (segment)", "LES", "LDS", "LSS", "LFS", "LGS",
    "JMP (far)", "CALL (far)", "RET (far)", "IRET", "PUSHF", "POPF", "SGDT", "SIDT", "SLDT", "STR", "SMSW",
    "LAR", "LSL", "VERR", "VERW",
})  # fmt: skip
"""The rows of the classification that a port to ring 1 removes from the kernel and its programs."""

FIRST_VECTOR = 0x90
CX, EDX = Register(bits(1, 3), 16), Register(bits(2, 3), 32)

Hypercall = Callable[[IA32], None]


def far_target(cpu: IA32) -> FarPointer:
    return FarPointer(cpu.EDX[15:0], cpu.ECX)


def load_segment(cpu: IA32) -> None:
    """Segment register EBX is loaded with the selector in CX."""
    mov_to_segment(cpu, SegmentRegister(cpu.EBX[2:0]), CX)


def read_segment(cpu: IA32) -> None:
    """ECX gets the selector in segment register EBX."""
    number = cpu.EBX[2:0]
    cpu.trap(UD, when=number > 5)
    cpu.ECX = cpu.selector(number).zext(32)


def read_tables(cpu: IA32) -> None:
    """ECX and EDX get base and limit of the GDT, ESI and EDI of the IDT; EAX and EBX the selectors of LDT and TSS."""
    cpu.ECX, cpu.EDX = cpu.GDTR_base, cpu.GDTR_limit.zext(32)
    cpu.ESI, cpu.EDI = cpu.IDTR_base, cpu.IDTR_limit.zext(32)
    cpu.EAX, cpu.EBX = cpu.LDTR_selector.zext(32), cpu.TR_selector.zext(32)


def read_status(cpu: IA32) -> None:
    """EAX gets CR0."""
    cpu.EAX = cpu.CR0


HYPERCALLS: dict[str, Hypercall] = {
    "PUSHF": pushfd,
    "POPF": popfd,
    "IRET": iret,
    "RETF": ret_far,
    "JMPF": lambda cpu: jmp_far(cpu, far_target(cpu)),
    "CALLF": lambda cpu: call_far(cpu, far_target(cpu)),
    "LOAD-SEGMENT": load_segment,
    "READ-SEGMENT": read_segment,
    "READ-TABLES": read_tables,
    "READ-STATUS": read_status,
    "LAR": lambda cpu: lar(cpu, EDX, CX),
    "LSL": lambda cpu: lsl(cpu, EDX, CX),
    "VERR": lambda cpu: verr(cpu, CX),
    "VERW": lambda cpu: verw(cpu, CX),
}
"""What each hypercall does; the first has vector `FIRST_VECTOR`, the next ones those after it."""


def paravirtual() -> Construction:
    """The patched guest's kernel at ring 1."""
    map_of_ring_1 = placement(1)
    guest, host = patched_machine(), hypercalling_host()
    return Construction(
        "paravirtual",
        "runs a patched guest directly, its kernel at ring 1, and interprets its hypercalls and whatever else traps",
        "Barham et al. 2003",
        replace(map_of_ring_1, guest=guest, host=host),
        interprets=lambda guest: FALSE,
        emulates=whatever_traps,
    )


def patched_machine() -> Machine:
    """`ia32-paravirtual`: the guest's machine without `PATCHED`, with `HYPERCALLS`."""
    machine = guest_machine(lambda machine: _extend(machine, HYPERCALLS))
    machine.name = "ia32-paravirtual"
    machine.summary = "IA-32 as a kernel sees it that was ported to a monitor"
    gone = [i for i in machine.instructions if i.name in PATCHED]
    machine.instructions = [i for i in machine.instructions if i.name not in PATCHED]
    machine.omitted += [replace(i.encoding, text=f"{i.encoding.text} (patched)") for i in gone]
    machine.leave_out(f"what a port replaces by hypercalls: {', '.join(sorted(PATCHED))}")
    return machine


def hypercalling_host() -> Machine:
    """The host, on which the words of hypercalls are the software interrupts that they are."""

    def software_interrupt(vector: int) -> Hypercall:
        return lambda cpu: interrupt(cpu, bits(vector, 8), software=True, image=cpu.eflags)

    vectors = enumerate(HYPERCALLS, FIRST_VECTOR)
    return host_machine(lambda machine: _extend(machine, {name: software_interrupt(v) for v, name in vectors}))


def _extend(machine: Machine, meanings: dict[str, Hypercall]) -> None:
    """Gives the words of hypercalls the `meanings`, and takes them from INT n."""
    forms = Forms()
    for vector, (name, meaning) in enumerate(meanings.items(), FIRST_VECTOR):
        forms(f"HYPERCALL-{name}", f"CD {vector:02X}")(meaning)
    known = len(machine.instructions)
    install(machine, [forms])
    taken = any_of(*[i.encoding.matches for i in machine.instructions[known:]])
    machine.instructions = [
        replace(i, encoding=_narrowed(i.encoding, taken)) if i.encoding.text == "CD ib" else i
        for i in machine.instructions
    ]


def _narrowed(encoding: Encoding, taken: Term) -> Encoding:
    return replace(encoding, matches=encoding.matches & ~taken)
