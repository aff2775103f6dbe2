"""The two processors that hardware assistance runs on: what the monitor sets on each, and which exits are its own."""

from __future__ import annotations

from collections.abc import Mapping

from ..cpu import Cause, View
from ..ia32.cpu import FLAG_BITS
from ..ia32_svm import exits as svm_exits
from ..ia32_svm import ia32_svm, intercepts, vmcb
from ..ia32_vmx import exits as vmx_exits
from ..ia32_vmx import fields, ia32_vmx
from ..ia32_vmx.controls import INTERRUPT_WINDOW
from ..terms import FALSE, Term, bits
from .construction import Served
from .ia32_hardware import Hardware

TICKS = 1000
VMCB_AT = 0x20000


def intel() -> Hardware:
    """VMX. SDM vol. 3, chapters 24 to 31."""
    return Hardware(
        host=ia32_vmx(),
        source="Intel SDM vol. 3, chapters 24 to 31",
        running=lambda guest, own: [own.VMX_on, own.VMCS_current, own.VMCS_launched],
        asked=lambda guest, own: _field(own, fields.PRIMARY_CONTROLS).bit(INTERRUPT_WINDOW) == guest.INTR,
        pending=lambda own: {"external interrupt": own.INTR, "preemption timer": own.timer == 0},
        serves=_vmx_serves,
        countdown="timer",
        ordinary={"VMX_on": 1, "VMCS_current": 1, "VMCS_launched": 1, "timer": TICKS},
    )


def _field(own: View, number: int) -> Term:
    return own.VMCS[fields.at(number)]


def _vmx_serves(cause: Cause, own: View) -> Served:
    """Acknowledges an interrupt; enters again with what the timer is to count."""
    served: Mapping[Cause, Mapping[str, Term]] = {
        vmx_exits.EXTERNAL_INTERRUPT: {"INTR": FALSE},
        vmx_exits.PREEMPTION_TIMER: {"timer": _field(own, fields.GUEST_TIMER)},
    }
    return served.get(cause)


def amd() -> Hardware:
    """SVM, without the intercept of CPUID, which shows the same to both. AMD64 APM vol. 2, chapter 15."""
    host = ia32_svm()
    host.assuming({"intercept_CPUID": "0"})
    return Hardware(
        host=host,
        source="AMD64 APM vol. 2, chapter 15",
        running=lambda guest, own: [
            own.VMCB[11:0] == 0,
            own.VMCB - guest.start >= guest.size,
            own.GIF,
            own.HSAVE[bits(vmcb.EFLAGS, 12)].bit(FLAG_BITS["IF"]),
        ],
        asked=_svm_asked,
        pending=lambda own: {"external interrupt": own.INTR},
        serves=lambda cause, own: {"INTR": FALSE} if cause is svm_exits.INTR else None,
        countdown=None,
        ordinary={"VMCB": VMCB_AT, "GIF": 1, "HSAVE": {vmcb.EFLAGS: 1 << FLAG_BITS["IF"]}},
    )


def _svm_asked(guest: View, own: View) -> Term:
    """A virtual interrupt stands in the VMCB where the guest has one, and is intercepted."""
    control = vmcb.word(own.memory, own.VMCB, vmcb.INTERRUPT_CONTROL)
    intercepted = vmcb.word(own.memory, own.VMCB, vmcb.INTERCEPT_3).bit(intercepts.VINTR)
    return (control.bit(vmcb.V_IRQ) == guest.INTR) & intercepted
