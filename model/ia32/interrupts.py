"""Interrupts by instruction, their return, and the delivery of exceptions through the IDT.

SDM vol. 2, INT n/INTO/INT3/INT1 and IRET; vol. 3, sections 6.10 to 6.13. An interrupt by instruction that goes
through a gate is execution, however the level changes; only a failure on the way is a trap. A fault while an
exception is delivered (a double fault, or a second exception in series) is left out, as are task gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from ..cpu import Cause, Cpu, Kind
from ..machine import Machine
from ..terms import FALSE, Term, bits, concat, ite
from .causes import GP_MEMORY, GP_PRIVILEGE, NP_MEMORY, UD, WITH_ERROR_CODE, unsupported
from .cpu import IA32
from .descriptors import (
    INTERRUPT_GATE,
    INTERRUPT_GATE_16,
    TASK_GATE,
    TRAP_GATE,
    TRAP_GATE_16,
    Descriptor,
    check_present,
    fetch,
    is_null,
    load_code,
)
from .far_transfers import FAR_16, GATE_16, TASK_SWITCH
from .forms import Forms
from .operands import Operand
from .privilege import may_change_if
from .returns import return_to
from .stack_switch import Frame

forms = Forms()

VIRTUAL_8086 = unsupported("return to virtual-8086 mode")
NESTED_FAULT = unsupported("fault during the delivery of an exception")
IN_IDT = 2  # the IDT bit of an error code
RF = 1 << 16


def gate_of(cpu: IA32, vector: Term, external: int) -> Descriptor:
    """The gate of `vector` (8 bits) in the IDT; its error code is vector * 8 + 2, plus EXT."""
    error = concat(bits(0, 21), vector, bits(IN_IDT | external, 3))
    place = concat(bits(0, 21), vector, bits(0, 3))
    cpu.trap(GP_MEMORY, when=place + 7 > cpu.IDTR_limit.zext(32), error_code=error)
    raw = cpu.linear_load(cpu.IDTR_base + place, 8)
    return Descriptor(bits(0, 16), cpu.IDTR_base + place, raw[31:0], raw[63:32], error)


def interrupt(
    cpu: IA32, vector: Term, *, software: bool, external: int = 0, image: Term, error_code: Term | None = None
) -> None:
    """Goes through the gate of `vector`, pushing `image` of EFLAGS and, for an exception, its error code.

    `software` interrupts (INT n, INT3, INTO) must have the privilege that the gate asks for.
    """
    gate = gate_of(cpu, vector, external)
    known = gate.is_type(TASK_GATE, INTERRUPT_GATE_16, TRAP_GATE_16, INTERRUPT_GATE, TRAP_GATE)
    cpu.trap(GP_MEMORY, when=~known, error_code=gate.error_code)
    if software:
        cpu.trap(GP_PRIVILEGE, when=gate.dpl < cpu.CPL, error_code=gate.error_code)
    cpu.trap(NP_MEMORY, when=~gate.present, error_code=gate.error_code)
    cpu.trap(TASK_SWITCH, when=gate.is_type(TASK_GATE))
    cpu.trap(GATE_16, when=~gate.high.bit(11))

    cpu.trap(GP_MEMORY, when=is_null(gate.target_selector), error_code=external)
    code = fetch(cpu, gate.target_selector, external=external)
    cpu.trap(GP_MEMORY, when=~code.is_code, error_code=code.error_code)
    cpu.trap(GP_PRIVILEGE, when=code.dpl > cpu.CPL, error_code=code.error_code)
    check_present(cpu, code)

    inner = ~code.is_conforming_code & (code.dpl != cpu.CPL)
    frame = Frame(cpu, inner, code.dpl, external=external)
    frame.push(image)
    frame.push(cpu.selector(1).zext(32))
    frame.push(cpu.EIP)
    if error_code is not None:
        frame.push(error_code)
    frame.check_room()
    frame.enter()
    load_code(cpu, code, ite(inner, code.dpl, cpu.CPL), gate.target_offset)
    cpu.IF = cpu.IF & gate.high.bit(8)
    cpu.TF = FALSE
    cpu.NT = FALSE
    cpu.RF = FALSE


@forms("INT imm8", "CD ib", name="INT n")
def int_n(cpu: IA32, vector: Operand) -> None:
    """Interrupts with any vector. SDM vol. 2, INT n."""
    interrupt(cpu, cpu.read(vector), software=True, image=cpu.eflags)


@forms("INT3", "CC")
def int3(cpu: IA32) -> None:
    """Interrupts with vector 3, the breakpoint. SDM vol. 2, INT n."""
    interrupt(cpu, bits(3, 8), software=True, image=cpu.eflags)


@forms("INTO", "CE")
def into(cpu: IA32) -> None:
    """Interrupts with vector 4 if OF is set. SDM vol. 2, INT n."""
    with cpu.when(cpu.OF):
        interrupt(cpu, bits(4, 8), software=True, image=cpu.eflags)


@forms("INT1", "F1")
def int1(cpu: IA32) -> None:
    """Interrupts with vector 1; the gate's DPL does not matter. SDM vol. 2, INT n."""
    interrupt(cpu, bits(1, 8), software=False, external=1, image=cpu.eflags)


@forms("IRETD", "CF", name="IRET", operand_size=32)
def iret(cpu: IA32) -> None:
    """Returns from an interrupt to the same level or an outer one, restoring EFLAGS. SDM vol. 2, IRET.

    IF is restored only if CPL is at most IOPL; IOPL, VIF and VIP only at CPL 0; all as before the return.
    """
    cpu.trap(TASK_SWITCH, when=cpu.NT)
    offset = cpu.load("SS", cpu.ESP, 4)
    selector = cpu.load("SS", cpu.ESP + 4, 4)[15:0]
    image = cpu.load("SS", cpu.ESP + 8, 4)
    cpu.trap(VIRTUAL_8086, when=image.bit(17) & (cpu.CPL == 0))
    may_change = may_change_if(cpu)
    with cpu.when(cpu.CPL == 0):
        cpu.load_eflags(image, "IOPL VIF VIP")
    with cpu.when(may_change):
        cpu.load_eflags(image, "IF")
    cpu.load_eflags(image, "CF PF AF ZF SF TF DF OF NT RF AC ID")
    return_to(cpu, offset, selector, 12, bits(0, 32))


forms.omitted("66 CF", FAR_16)


# Exceptions.


class Delivery(IA32):
    """The processor while it delivers an exception: a further fault is one that the model leaves out."""

    def trap(self, cause: Cause, *, when: Term | bool = True, **details: Term | int) -> None:
        super().trap(cause if cause.kind is Kind.UNSUPPORTED else NESTED_FAULT, when=when)


def _delivery_by(processor: type[IA32]) -> type[Delivery]:
    """`processor` while it delivers."""
    return Delivery if processor is IA32 else type("Delivery", (Delivery, processor), {})


def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """Delivers a fault through the IDT, from the state before the instruction. SDM vol. 3, sections 6.5 and 6.12.

    The pushed EFLAGS have RF set, so that the instruction runs again without a breakpoint. A cause without a
    vector, by which the model declines to go on, stays a trap.
    """
    vector = UD.vector if cause.kind is Kind.UNDEFINED else cause.vector
    if vector is None:
        cpu.trap(cause)
        return
    processor = cast(IA32, cpu)
    error_code = details["error_code"] if vector in WITH_ERROR_CODE else None
    deliver_vector(processor, bits(vector, 8), image=processor.eflags | RF, error_code=error_code)


def deliver_vector(cpu: IA32, vector: Term, *, image: Term, error_code: Term | None = None) -> None:
    """Goes through the gate of `vector` (8 bits) for an event that no instruction asked for."""
    before = cpu.outcome().state
    inside = _delivery_by(type(cpu))(before, cpu._constants)
    interrupt(inside, vector, software=False, external=1, image=image, error_code=error_code)
    outcome = inside.outcome()
    for trap in outcome.traps:
        cpu.trap(trap.cause, when=trap.guard)
    for name, value in outcome.state.items():
        if value is not before[name]:
            cpu.put(name, value)


def extend(machine: Machine) -> None:
    """Gives the machine its delivery of traps, and declares what is left out."""
    machine.deliver = deliver
    machine.leave_out("double faults: a fault while an exception is delivered", "the return to virtual-8086 mode")
