"""IA-32 with AMD's Secure Virtual Machine: its state, its events between instructions, its delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..cpu import Cause, Cpu, Kind
from ..ia32.causes import UD
from ..ia32.cpu import FLAG_BITS
from ..ia32.interrupts import deliver as deliver_to_idt
from ..ia32_non_root.causes import INTERRUPT, Exit
from ..ia32_non_root.events import begin, fetch_mapped, take_interrupt
from ..ia32_non_root.exits import install_with_exits
from ..ia32_non_root.machine import non_root_machine
from ..ia32_non_root.processor import EXECUTE, WRITE, NonRootIA32
from ..machine import RESOURCE, Machine
from ..terms import Array, BitVec, Bool, Term, bits, ite
from . import instructions, intercepts, vmcb
from .exits import EXCEPTIONS, EXITS, INTR, NESTED_PAGE_FAULT, TASK_SWITCH, VINTR
from .switch import vm_exit

NOT_SWITCHED = ("DR0", "DR1", "DR2", "DR3")


class SVM(NonRootIA32):
    """The processor with SVM while one instruction runs."""

    translation = "nested_paging"
    violation = NESTED_PAGE_FAULT
    task_switch = TASK_SWITCH
    task_switches = "intercept_TASK_SWITCH"

    VMCB: Any

    def told(self, access: int) -> Term:
        """A page fault's error code: not present, by a user; written, executed. APM vol. 2, section 15.25.6."""
        return bits(4 | 2 * bool(access & WRITE) | 16 * bool(access & EXECUTE), 32)


def ia32_svm() -> Machine:
    """IA-32 with SVM."""
    machine = non_root_machine(
        name="ia32-svm",
        summary="IA-32 with SVM: host and guest mode, VMCB, intercepts, nested paging",
        source="AMD64 Architecture Programmer's Manual, volume 2, chapter 15 and appendices B and C",
        cpu=SVM,
        kept=NOT_SWITCHED,
    )
    machine.component("VMCB", BitVec(32), RESOURCE, "where the guest's VMCB lies")
    machine.component("HSAVE", Array(12, 32), RESOURCE, "the host while a guest runs, by the VMCB's offsets")
    machine.component("GIF", Bool, RESOURCE, "the global interrupt flag")
    machine.invariant(
        "a guest runs from a VMCB in a page outside its window",
        lambda s: (s.operation == 0) | ((s.VMCB[11:0] == 0) & (~s.nested_paging | _outside(s.VMCB, s))),
    )
    machine.invariant("without nested paging there is no translation", lambda s: s.nested_paging | (s.window_base == 0))
    intercepts.declare(machine)
    machine.begin, machine.fetch = begin, fetch
    install_with_exits(machine, instructions.forms, EXITS, {})
    machine.deliver = deliver
    machine.leave_out(
        "EFER and VM_CR: SVME counts as set; SKINIT, RDTSCP, RDPRU, MONITOR, MWAIT, XSETBV, PAUSE and RSM",
        "permission maps other than all ones, TSC offset and ratio, ASIDs, AVIC, SEV, LBR virtualization",
        "virtual interrupts but for their intercept, V_TPR; NMIs, SMIs, INIT, machine checks, FERR",
        "VMRUN that the processor refuses (VMEXIT_INVALID), injection by software interrupt, shutdown",
        "exits during the delivery of an event (EXITINTINFO)",
        "the information with exits at task switches and MOV of control and debug registers, which is 0",
    )
    machine.start = {**machine.start, "window_bound": 1 << 20, "GIF": 1}
    return machine


def _outside(page: Term, state: Any) -> Term:
    result: Term = page - state.window_base >= state.window_bound
    return result


def fetch(cpu: Cpu) -> Term:
    """Takes what has priority over the next instruction, then reads it. APM vol. 2, sections 15.13 and 15.21."""
    processor = cast(SVM, cpu)
    inside = processor.non_root
    host_if = processor.get("HSAVE")[bits(vmcb.EFLAGS, 12)].bit(FLAG_BITS["IF"])
    enabled = ite(inside & processor.get("V_INTR_MASKING"), host_if, processor.IF) & processor.get("GIF")
    pending, exits = processor.INTR & enabled, inside & processor.get("intercept_INTR")
    processor.exit(INTR, when=pending & exits)
    processor.trap(INTERRUPT, when=pending & ~exits)
    control = vmcb.word(processor.memory, processor.VMCB, vmcb.INTERRUPT_CONTROL)
    wanted = vmcb.word(processor.memory, processor.VMCB, vmcb.INTERCEPT_3).bit(intercepts.VINTR)
    processor.exit(VINTR, when=control.bit(vmcb.V_IRQ) & wanted & processor.IF)
    return fetch_mapped(processor)


def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """Carries out a trap: an exit, an interrupt or exception through the IDT, or an exception that exits."""
    processor = cast(SVM, cpu)
    before = processor.outcome().state
    if isinstance(cause, Exit):
        vm_exit(processor, before, cause, details)
        return
    if cause is INTERRUPT:
        take_interrupt(processor)
        return
    vector = UD.vector if cause.kind is Kind.UNDEFINED else cause.vector
    if vector is None:
        cpu.trap(cause)
        return
    exits = processor.non_root & processor.get("intercept_exceptions").bit(vector)
    with processor.when(~exits):
        deliver_to_idt(processor, cause, details)
    told = {"qualification": details.get("error_code", bits(0, 32)), "address": bits(0, 32), "length": bits(0, 32)}
    with processor.when(exits):
        vm_exit(processor, before, EXCEPTIONS[vector], told)


__all__ = ["SVM", "ia32_svm"]
