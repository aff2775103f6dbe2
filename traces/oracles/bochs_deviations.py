"""Where Bochs departs from the manual, or from the choice that the model makes where the manual leaves one.

Each entry is traced to the function of Bochs 2.7 that does it; file names are those of bochs/cpu.
"""

from __future__ import annotations

from .answers import Completed, Raised
from .comparison import Disagreement
from .deviations import Deviation
from .explanations import among, before_the_fault, completes, everything, instead, own_clock
from .ia32_states import State

LATER_CR4_BITS = 0xFFFFF000
PVI = 1 << 1


def _later_bits(disagreement: Disagreement) -> set[str]:
    """Everything, where only bits of CR4 above those of the model's processor are in the value."""
    value = disagreement.case.state["ECX"]
    fourth = disagreement.case.fields["reg"] == 4
    return completes(disagreement) if fourth and value & LATER_CR4_BITS else set()


def _more_counters(disagreement: Disagreement) -> set[str]:
    """Everything, where the model has no counter of that number and Bochs answers."""
    return completes(disagreement) if isinstance(disagreement.answer, Completed) else set()


def _pending(disagreement: Disagreement) -> set[str]:
    """Where Bochs has #GP(0): everything, with VIF and VIP set at CPL 3 under CR4.PVI before; the outcome, after."""
    answer = disagreement.answer
    if not isinstance(answer, Raised) or answer.vector != 13 or answer.error_code:
        return set()
    if _is_pending(disagreement.case.state):
        return set() if answer.written else everything(disagreement)
    return {"outcome"} if _is_pending(disagreement.expected.state) else set()


def _is_pending(state: State) -> bool:
    return bool(state["CR4"] & PVI and state["CPL"] == 3 and state["VIF"] and state["VIP"])


BOCHS: tuple[Deviation, ...] = (
    Deviation(
        "clock",
        "SDM vol. 3, section 17.17",
        "The time-stamp counter runs on with Bochs's own time (proc_ctrl.cc, RDTSC).",
        rows=("RDTSC", "RDMSR"),
        explains=own_clock,
    ),
    Deviation(
        "identification",
        "SDM vol. 2, CPUID",
        "The answers are another processor's; the manual leaves them to the implementation.",
        rows=("CPUID",),
        explains=among("EAX", "EBX", "ECX", "EDX"),
    ),
    Deviation(
        "performance counters",
        "SDM vol. 2, RDPMC",
        "Every number is a counter that reads as 0, where the model's processor has two (proc_ctrl.cc, RDPMC); how"
        " many there are is left to the implementation.",
        rows=("RDPMC",),
        explains=_more_counters,
    ),
    Deviation(
        "later bits of CR4",
        "SDM vol. 3, section 2.5",
        "The processor that Bochs is has bits of CR4 that are reserved on the model's (crregs.cc, check_CR4).",
        rows=("MOV (to CR)",),
        explains=_later_bits,
    ),
    Deviation(
        "stores before a fault",
        "SDM vol. 3, section 6.5",
        "What fitted on the stack has been pushed when a later push, or the target of a call, faults (stack32.cc,"
        " PUSHAD32 and ENTER32_IwIb; ctrl_xfer32.cc, call_near32; call_far.cc, call_protected).",
        rows=("PUSHA", "ENTER", "CALL", "CALL (far)"),
        explains=before_the_fault,
    ),
    Deviation(
        "pending virtual interrupts",
        "SDM vol. 3, section 20.4",
        "At CPL 3 under CR4.PVI, an instruction that starts with VIF and VIP set is #GP(0) (cpu.cc,"
        " prefetch); the model leaves asynchronous interrupts out, and this one with them.",
        explains=_pending,
    ),
    Deviation(
        "absent stack on IRET",
        "SDM vol. 2, IRET/IRETD, Operation",
        "The outer stack not being present is #NP, not #SS, as on a far RET (iret.cc, iret_protected). The manual's"
        " Operation has #SS, as has vol. 3, section 6.15; its list of exceptions has #NP.",
        rows=("IRET",),
        explains=instead(12, 11),
    ),
)
