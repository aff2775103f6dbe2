"""Where the host's processor shows something else than the manual's machine, and why.

Three parties can be the cause: the processor, where the manual leaves a choice; the kernel, which single-steps,
receives the exceptions and answers for UMIP; and a monitor beneath the kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ringproof.model.ia32.causes import AC
from ringproof.model.ia32.operands import Segment
from ringproof.model.machine import Machine
from ringproof.model.terms import Term

from . import host_differences as differ
from .deviations import Deviation

IN_PARTS = ("LDS", "LES", "LFS", "LGS", "LSS", "JMP (far)", "CALL (far)", "BOUND")
UMIP = ("SGDT", "SIDT", "SLDT", "STR", "SMSW")

# The machine as the host has it.


def _with_alignment_checks(machine: Machine) -> Machine:
    """Data of 2, 4 or 8 bytes must lie on an address that is a multiple of their size, if AC is set at CPL 3."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
            super().check(segment, offset, size, write=write)
            alignment = {2: 1, 4: 3, 6: 3, 8: 7}.get(size, 0)
            if alignment:
                misaligned = (segment.base + offset) & alignment != 0
                self.trap(AC, when=self.AC & (self.CPL == 3) & misaligned, error_code=0)

    return replace(machine, cpu=Seen)


def _with_whole_pushes(machine: Machine) -> Machine:
    """A selector for which ESP moves by 4 is pushed as a doubleword."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def store(self, segment: Segment | str, offset: Term, value: Term) -> None:
            half = segment == "SS" and value.width == 16 and offset is self.ESP - 4
            super().store(segment, offset, value.zext(32) if half else value)

    return replace(machine, cpu=Seen)


HOST: tuple[Deviation, ...] = (
    Deviation(
        "alignment checks",
        "SDM vol. 3, section 6.15, #AC",
        "The model has none; Linux sets CR0.AM, so that AC asks for them at CPL 3. The machine with them is compared.",
        believes=_with_alignment_checks,
    ),
    Deviation(
        "interrupts by instruction",
        "SDM vol. 2, INT n/INTO/INT3/INT1",
        "The kernel receives them and reports the vector; the vector, EIP and that nothing else changed are compared.",
        rows=("INT n", "INT3", "INTO"),
        explains=differ.delivered,
    ),
    Deviation(
        "INT1",
        "SDM vol. 2, INT n/INTO/INT3/INT1",
        "The kernel receives vector 1, as seen under a hypervisor on an AMD processor with EIP still at INT1. That"
        " nothing else changed is compared.",
        rows=("INT1",),
        explains=differ.trapped_to_itself,
    ),
    Deviation(
        "emulation under UMIP",
        "SDM vol. 3, section 2.5",
        "CR4.UMIP is set. The kernel answers with values of its own, without regard to limits, and where it cannot"
        " lets #GP(0) through (arch/x86/kernel/umip.c).",
        rows=UMIP,
        explains=differ.emulated,
    ),
    Deviation(
        "ARPL without effect",
        "SDM vol. 2, ARPL",
        "Where the RPL is not lower nothing is stored, and the operand need not be writable; the manual has #GP(0) for"
        " every operand that is not.",
        rows=("ARPL",),
        explains=differ.unwritten,
    ),
    Deviation(
        "stores before a fault",
        "SDM vol. 3, section 6.5",
        "A far CALL to an offset beyond the limit has pushed CS and EIP when it faults, PUSHA what had room, and ENTER"
        " EBP before it looks at the frame's end; ESP is as before.",
        rows=("CALL (far)", "PUSHA", "ENTER"),
        explains=differ.pushed_before,
    ),
    Deviation(
        "loads before a fault",
        "SDM vol. 3, section 6.5",
        "POPA that runs out of the stack segment has loaded the registers before, all but ESP, so that it can run"
        " again.",
        rows=("POPA",),
        explains=differ.popped_before,
    ),
    Deviation(
        "order of accesses",
        "SDM vol. 3, section 6.9",
        "Of two operands in memory, or two parts of a far pointer or of bounds, that both fault, the manual does not"
        " say which is accessed first.",
        rows=("CMPS", "MOVS", *IN_PARTS),
        explains=differ.other_access_first,
    ),
    Deviation(
        "operands in two parts",
        "SDM vol. 3, section 5.3",
        "The two parts of a far pointer or of bounds are checked apart, so that the second may lie at offset 0 where"
        " the first ends at 4 Gbytes; the manual leaves open whether that wraps.",
        rows=IN_PARTS,
        explains=differ.wraps_between_parts,
    ),
    Deviation(
        "the place that POPA skips",
        "SDM vol. 2, POPA",
        "It must lie in the stack segment, though nothing is loaded from it.",
        rows=("POPA",),
        explains=differ.skipped_place,
    ),
    Deviation(
        "alignment of far pointers on the stack",
        "SDM vol. 3, section 6.15, #AC",
        "Far transfers at one level push and pop by accesses of the processor's own, which are checked too, if AC is"
        " set.",
        rows=("CALL (far)", "RET (far)", "IRET"),
        explains=differ.misaligned_stack,
    ),
    Deviation(
        "popped selectors",
        "SDM vol. 2, POP",
        "Of a selector the whole doubleword is read; the manual leaves it open, and the model reads a word.",
        rows=("POP (segment)",),
        explains=differ.whole_doubleword,
    ),
    Deviation(
        "order of checks",
        "SDM vol. 2, CALL and RET",
        "A near CALL beyond the limit looks at the stack before the target, and a far RET that releases parameters at"
        " what lies above them before the selector; the manual has the other order.",
        rows=("CALL", "RET (far)"),
        explains=differ.stack_first,
    ),
    Deviation(
        "reserved repeat prefixes",
        "SDM vol. 2, section 2.1.1",
        "F2 before LOOPE and F3 before LOOPNE choose the condition in place of the opcode; the manual reserves them.",
        rows=("LOOP",),
        explains=differ.other_condition,
    ),
    Deviation(
        "single-stepping",
        "SDM vol. 3, section 17.3.1.4",
        "TF is set while the instruction is stepped, and PUSHF pushes it.",
        rows=("PUSHF",),
        explains=differ.pushed_trap_flag,
    ),
    Deviation(
        "pushed selectors",
        "SDM vol. 2, PUSH",
        "A selector is pushed zero-extended, as a doubleword; the manual allows this and what the model does.",
        rows=("PUSH (segment)",),
        believes=_with_whole_pushes,
    ),
    Deviation(
        "number of the processor",
        "SDM vol. 2, LSL",
        "The limit of selector 78 is the number of the processor that the program is on, which Linux keeps there.",
        rows=("LSL",),
        explains=differ.processor_number,
    ),
    Deviation(
        "clock",
        "SDM vol. 3, section 17.17",
        "The time-stamp counter is the host's and is not part of the state that is set.",
        rows=("RDTSC",),
        explains=differ.among("EAX", "EDX"),
    ),
    Deviation(
        "identification",
        "SDM vol. 2, CPUID",
        "The answers are another processor's; the manual leaves them to the implementation.",
        rows=("CPUID",),
        explains=differ.among("EAX", "EBX", "ECX", "EDX"),
    ),
)
