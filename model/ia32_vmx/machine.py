"""IA-32 with Intel's virtual-machine extensions: its state, its events between instructions, its delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..cpu import Cause, Cpu, Kind
from ..ia32.causes import UD
from ..ia32.interrupts import deliver as deliver_to_idt
from ..ia32_non_root.causes import INTERRUPT, Exit
from ..ia32_non_root.events import begin, exception_information, fetch_mapped, take_interrupt
from ..ia32_non_root.exits import install_with_exits
from ..ia32_non_root.machine import non_root_machine
from ..ia32_non_root.processor import NonRootIA32
from ..machine import CLOCK, DEVICE, RESOURCE, Machine
from ..terms import FALSE, Array, BitVec, Bool, Term, bits
from . import controls, fields, instructions
from .exits import (
    EPT_VIOLATION,
    EXCEPTION,
    EXITS,
    EXTERNAL_INTERRUPT,
    IN_NON_ROOT,
    INTERRUPT_WINDOW,
    PREEMPTION_TIMER,
    TASK_SWITCH,
)
from .switch import vm_exit

NOT_SWITCHED = ("DR0", "DR1", "DR2", "DR3", "DR6")
VMCS_AT = 0x1000


class VMX(NonRootIA32):
    """The processor with VMX while one instruction runs."""

    translation = "EPT"
    violation = EPT_VIOLATION
    task_switch = TASK_SWITCH

    VMCS: Any
    timer: Any

    def told(self, access: int) -> Term:
        """SDM vol. 3, table 28-7: the access, and that it was to the translation of a linear address."""
        return bits(access | 3 << 7, 32)


def ia32_vmx() -> Machine:
    """IA-32 with VMX."""
    machine = non_root_machine(
        name="ia32-vmx",
        summary="IA-32 with VMX: root and non-root operation, VMCS, second-level translation",
        source="Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3, chapters 24 to 31",
        cpu=VMX,
        kept=NOT_SWITCHED,
    )
    machine.component("VMX_on", Bool, RESOURCE, "VMX operation")
    # A device and no resource: an exit saves the guest there, so that its registers show where it arrives.
    machine.component("VMCS", Array(fields.ENCODING, 32), DEVICE, "the virtual-machine control structure, by field")
    machine.component("VMCS_address", BitVec(32), RESOURCE, "where the VMCS's region lies")
    machine.component("VMCS_current", Bool, RESOURCE, "the VMCS is current")
    machine.component("VMCS_launched", Bool, RESOURCE, "the VMCS is launched")
    machine.component("timer", BitVec(32), CLOCK, "the VMX-preemption timer: guest instructions left")
    machine.invariant(
        "non-root operation is VMX operation with a current and launched VMCS",
        lambda s: (s.operation == 0) | (s.VMX_on & s.VMCS_current & s.VMCS_launched),
    )
    machine.invariant("without EPT there is no translation", lambda s: s.EPT | (s.window_base == 0))
    controls.declare(machine)
    machine.begin, machine.fetch = begin, fetch
    install_with_exits(machine, instructions.forms, EXITS, IN_NON_ROOT)
    machine.deliver = deliver
    machine.leave_out(
        "a second VMCS, the VMXON pointer, the revision identifier; CR4.VMXE and CR0.NE, which count as set",
        "I/O and MSR bitmaps other than all ones and all zeros, TSC offsetting, CR3-target values, CR0 fixed bits",
        "NMIs, the APIC, VPIDs, MSR areas, posted interrupts, VM functions, shadow VMCSs, dual-monitor treatment",
        "VM-entry failures after the host's state is checked, event injection by software interrupt, triple faults",
        "exits during the delivery of an event (IDT-vectoring information), the instruction-information field",
        "the qualification of task-switch exits, which is 0",
        "INVEPT, INVVPID, VMFUNC, XSETBV, GETSEC",
    )
    machine.start = {**machine.start, "VMCS_address": VMCS_AT, "window_bound": 1 << 20}
    return machine


def fetch(cpu: Cpu) -> Term:
    """Takes what has priority over the next instruction, then reads it. SDM vol. 3, sections 26.2 and 6.9."""
    processor = cast(VMX, cpu)
    inside, can_interrupt = processor.non_root, processor.IF
    expired = processor.timer == 0
    counts = inside & processor.preemption_timer
    processor.exit(PREEMPTION_TIMER, when=counts & expired)
    with processor.when(counts):
        processor.timer = processor.timer - 1
    window = processor.VMCS[fields.at(fields.PRIMARY_CONTROLS)].bit(controls.INTERRUPT_WINDOW)
    processor.exit(INTERRUPT_WINDOW, when=window & can_interrupt)
    exiting = processor.external_interrupt_exiting
    processor.exit(EXTERNAL_INTERRUPT, when=processor.INTR & exiting)
    processor.trap(INTERRUPT, when=processor.INTR & can_interrupt & ~(inside & exiting))
    return fetch_mapped(processor)


def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """Carries out a trap: an exit, an interrupt or exception through the IDT, or an exception that exits."""
    processor = cast(VMX, cpu)
    before = processor.outcome().state
    if isinstance(cause, Exit):
        vm_exit(processor, before, cause.reason, details)
        return
    if cause is INTERRUPT:
        take_interrupt(processor)
        return
    vector = UD.vector if cause.kind is Kind.UNDEFINED else cause.vector
    if vector is None:
        cpu.trap(cause)
        return
    exits = processor.non_root & (processor.exception_bitmap.bit(vector) if vector < 32 else FALSE)
    with processor.when(~exits):
        deliver_to_idt(processor, cause, details)
    told = {"qualification": bits(0, 32), "address": bits(0, 32), "length": bits(0, 32)}
    told["information"] = bits(exception_information(vector), 32)
    if "error_code" in details:
        told["error_code"] = details["error_code"]
    with processor.when(exits):
        vm_exit(processor, before, EXCEPTION.reason, told)


__all__ = ["VMX", "ia32_vmx"]
