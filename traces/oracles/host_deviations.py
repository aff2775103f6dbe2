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

from .answers import Completed, Raised
from .comparison import Disagreement
from .deviations import Deviation

MASK = 0xFFFFFFFF
REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
POINTERS = ("LDS", "LES", "LFS", "LGS", "LSS", "JMP (far)", "CALL (far)")
UMIP = ("SGDT", "SIDT", "SLDT", "STR", "SMSW")
SS_VECTOR, GP_VECTOR, AC_VECTOR = 12, 13, 17
EXPAND_DOWN = 4
REPNE, REPE = 2, 3

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


# Differences by name.


def _all(disagreement: Disagreement) -> set[str]:
    return set(disagreement.differences)


def _among(*names: str) -> Any:
    """The differences in the components `names`."""
    return lambda disagreement: set(names) & set(disagreement.differences)


def _faults(disagreement: Disagreement, ours: int, theirs: int) -> bool:
    """Whether the model raises vector `ours` and the host `theirs`."""
    trapped, answer = disagreement.expected.trapped, disagreement.answer
    raised = isinstance(answer, Raised) and answer.vector == theirs
    return trapped is not None and trapped.cause.vector == ours and raised


def _next(disagreement: Disagreement) -> int:
    case = disagreement.case
    return int(case.state["EIP"] + len(case.code) & MASK)


def _delivered(disagreement: Disagreement) -> set[str]:
    """Everything, provided that the kernel received the right vector and EIP, and nothing else changed."""
    case, answer = disagreement.case, disagreement.answer
    vector = {"INT3": 3, "INTO": 4}.get(case.instruction.name, case.fields.get("imm"))
    asked = case.instruction.name != "INTO" or case.state["OF"]
    if not isinstance(answer, Raised) or not answer.software or answer.vector != vector or not asked or answer.written:
        return set()
    after = {**case.state, "EIP": _next(disagreement)}
    changed = {name for name in answer.state if answer.state[name] != after[name]}
    return set() if changed else _all(disagreement)


def _trapped_to_itself(disagreement: Disagreement) -> set[str]:
    """Everything, provided that the kernel received vector 1 and nothing changed, EIP being the next or its own."""
    case, answer = disagreement.case, disagreement.answer
    if not isinstance(answer, Raised) or answer.vector != 1 or answer.written:
        return set()
    changed = {name for name in answer.state if answer.state[name] != case.state[name]}
    moved = answer.state["EIP"] == _next(disagreement)
    return set() if changed - ({"EIP"} if moved else set()) else _all(disagreement)


def _emulated(disagreement: Disagreement) -> set[str]:
    """Everything, where #GP(0) came as UMIP asks, or the kernel stored a value of its own and went on."""
    answer, state = disagreement.answer, disagreement.case.state
    if isinstance(answer, Raised):
        return _all(disagreement) if (answer.vector, answer.error_code) == (GP_VECTOR, 0) else set()
    assert isinstance(answer, Completed)
    changed = {name for name in answer.state if answer.state[name] != state[name]}
    one_register = len(changed - {"EIP"}) <= 1 and changed <= {"EIP", *REGISTERS}
    return _all(disagreement) if answer.state["EIP"] == _next(disagreement) and one_register else set()


def _unwritten(disagreement: Disagreement) -> set[str]:
    """Everything, where the model stores the same selector again and the host does not store."""
    answer, trapped = disagreement.answer, disagreement.expected.trapped
    if not isinstance(answer, Completed) or trapped is None or trapped.cause.vector not in (GP_VECTOR, AC_VECTOR):
        return set()
    changed = {name for name in answer.state if answer.state[name] != disagreement.case.state[name]}
    return _all(disagreement) if changed <= {"EIP", "ZF"} and not answer.state["ZF"] and not answer.written else set()


def _pushed_before(disagreement: Disagreement) -> set[str]:
    """What lies below the top of the stack, as far as a PUSHA goes, where both raise the same exception."""
    if "outcome" in disagreement.differences or not isinstance(disagreement.answer, Raised):
        return set()
    state = disagreement.case.state
    below = {f"[{state['SS_base'] + state['ESP'] - n & MASK:#x}]" for n in range(1, 33)}
    return below & set(disagreement.differences)


def _popped_before(disagreement: Disagreement) -> set[str]:
    """General registers but ESP, where both raise the same exception."""
    if "outcome" in disagreement.differences or not isinstance(disagreement.answer, Raised):
        return set()
    return {name for name in REGISTERS if name != "ESP"} & set(disagreement.differences)


def _other_access_first(disagreement: Disagreement) -> set[str]:
    """The outcome, where both raise an exception of memory."""
    trapped, answer = disagreement.expected.trapped, disagreement.answer
    if trapped is None or not isinstance(answer, Raised):
        return set()
    return {"outcome"} if {trapped.cause.vector, answer.vector} <= {SS_VECTOR, GP_VECTOR, AC_VECTOR} else set()


def _misaligned_stack(disagreement: Disagreement) -> set[str]:
    """Everything, where the host has #AC and the top of the stack is not aligned to doublewords."""
    state, answer = disagreement.case.state, disagreement.answer
    misaligned = state["AC"] and (state["SS_base"] + state["ESP"]) & 3
    return _all(disagreement) if misaligned and isinstance(answer, Raised) and answer.vector == AC_VECTOR else set()


def _whole_doubleword(disagreement: Disagreement) -> set[str]:
    """Everything, where the selector's doubleword on the stack is misaligned or leaves the limit, and the host says so.

    With prefix 66 only a word is popped.
    """
    case, answer = disagreement.case, disagreement.answer
    state, found = case.state, _misaligned_stack(disagreement)
    if case.fields["prefix"] & 1 or found:
        return found
    highest = MASK if state["SS_access"] & 0xC == EXPAND_DOWN else state["SS_limit"]
    beyond = state["ESP"] + 3 > highest
    return _all(disagreement) if beyond and isinstance(answer, Raised) and answer.vector == SS_VECTOR else set()


def _stack_first(disagreement: Disagreement) -> set[str]:
    """The outcome, where the model has #GP and the host an exception of the stack."""
    found = _faults(disagreement, GP_VECTOR, SS_VECTOR) or _faults(disagreement, GP_VECTOR, AC_VECTOR)
    return {"outcome"} if found else set()


def _other_condition(disagreement: Disagreement) -> set[str]:
    """Everything, where LOOPE has F2 or LOOPNE F3, and the host went the other way."""
    case, answer = disagreement.case, disagreement.answer
    repeat = case.fields["prefix"] >> 3 & 3
    if repeat != {"LOOPE rel8": REPNE, "LOOPNE rel8": REPE}.get(case.instruction.syntax):
        return set()
    if "outcome" in disagreement.differences:
        return _all(disagreement)
    ways = {_next(disagreement), _next(disagreement) + _signed(case.fields["imm"]) & MASK}
    return {"EIP"} if answer.state["EIP"] in ways else set()  # type: ignore[union-attr]


def _signed(byte: int) -> int:
    return byte - ((byte & 0x80) << 1)


def _pushed_trap_flag(disagreement: Disagreement) -> set[str]:
    """Bit 8 of the image that was pushed."""
    state = disagreement.expected.state
    name = f"[{state['SS_base'] + state['ESP'] + 1 & MASK:#x}]"
    ours, theirs = disagreement.differences.get(name, (0, 0))
    return {name} if theirs == ours | 1 else set()


def _processor_number(disagreement: Disagreement) -> set[str]:
    """One general register, which the model gives the limit 0."""
    found = disagreement.differences
    return {name for name in REGISTERS if name in found and found[name][0] & 0xFFFF == 0 and len(found) == 1}


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
        explains=_delivered,
    ),
    Deviation(
        "INT1",
        "SDM vol. 2, INT n/INTO/INT3/INT1",
        "The kernel receives vector 1, as seen under a hypervisor on an AMD processor with EIP still at INT1. That"
        " nothing else changed is compared.",
        rows=("INT1",),
        explains=_trapped_to_itself,
    ),
    Deviation(
        "emulation under UMIP",
        "SDM vol. 3, section 2.5",
        "CR4.UMIP is set. The kernel answers with values of its own, without regard to limits, and where it cannot"
        " lets #GP(0) through (arch/x86/kernel/umip.c).",
        rows=UMIP,
        explains=_emulated,
    ),
    Deviation(
        "ARPL without effect",
        "SDM vol. 2, ARPL",
        "Where the RPL is not lower nothing is stored, so that the operand need not be writable; the manual leaves it"
        " open.",
        rows=("ARPL",),
        explains=_unwritten,
    ),
    Deviation(
        "stores before a fault",
        "SDM vol. 3, section 6.5",
        "A far CALL to an offset beyond the limit has pushed CS and EIP when it faults, and PUSHA what had room; ESP is"
        " as before.",
        rows=("CALL (far)", "PUSHA"),
        explains=_pushed_before,
    ),
    Deviation(
        "loads before a fault",
        "SDM vol. 3, section 6.5",
        "POPA that runs out of the stack segment has loaded the registers before, all but ESP, so that it can run"
        " again.",
        rows=("POPA",),
        explains=_popped_before,
    ),
    Deviation(
        "order of accesses",
        "SDM vol. 3, section 6.9",
        "Of two operands in memory, or two parts of a far pointer, that both fault, the manual does not say which is"
        " accessed first.",
        rows=("CMPS", "MOVS", *POINTERS),
        explains=_other_access_first,
    ),
    Deviation(
        "alignment of far pointers on the stack",
        "SDM vol. 3, section 6.15, #AC",
        "Far transfers at one level push and pop by accesses of the processor's own, which are checked too, if AC is"
        " set.",
        rows=("CALL (far)", "RET (far)", "IRET"),
        explains=_misaligned_stack,
    ),
    Deviation(
        "popped selectors",
        "SDM vol. 2, POP",
        "Of a selector the whole doubleword is read; the manual leaves it open, and the model reads a word.",
        rows=("POP (segment)",),
        explains=_whole_doubleword,
    ),
    Deviation(
        "order of checks",
        "SDM vol. 2, CALL and RET",
        "A near CALL beyond the limit looks at the stack before the target, and a far RET that releases parameters at"
        " what lies above them before the selector; the manual has the other order.",
        rows=("CALL", "RET (far)"),
        explains=_stack_first,
    ),
    Deviation(
        "reserved repeat prefixes",
        "SDM vol. 2, section 2.1.1",
        "F2 before LOOPE and F3 before LOOPNE choose the condition in place of the opcode; the manual reserves them.",
        rows=("LOOP",),
        explains=_other_condition,
    ),
    Deviation(
        "single-stepping",
        "SDM vol. 3, section 17.3.1.4",
        "TF is set while the instruction is stepped, and PUSHF pushes it.",
        rows=("PUSHF",),
        explains=_pushed_trap_flag,
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
        explains=_processor_number,
    ),
    Deviation(
        "clock",
        "SDM vol. 3, section 17.17",
        "The time-stamp counter is the host's and is not part of the state that is set.",
        rows=("RDTSC",),
        explains=_among("EAX", "EDX"),
    ),
    Deviation(
        "identification",
        "SDM vol. 2, CPUID",
        "The answers are another processor's; the manual leaves them to the implementation.",
        rows=("CPUID",),
        explains=_among("EAX", "EBX", "ECX", "EDX"),
    ),
)
