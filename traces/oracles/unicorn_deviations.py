"""Where unicorn departs from the manual, each entry traced to the line of QEMU's or unicorn's source that does it.

File names are those of qemu/target/i386 in unicorn 2. Where the manual leaves a choice, the entry says so.
"""

from __future__ import annotations

from typing import Any

from .answers import Completed, Raised
from .comparison import Disagreement, unusable
from .deviations import Deviation
from .explanations import among, before_the_fault, completes, everything, instead, memory, own_clock, raises
from .unicorn_views import privileged_for_io, without_limits, without_null, without_types

MASK = 0xFFFFFFFF
EXTENSION_TYPE = 1 << 4
REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
RETURNS = ("RET (far)", "IRET")
FAR = ("JMP (far)", "CALL (far)", *RETURNS)

# Differences by name.


def _resume_flag(disagreement: Disagreement) -> set[str]:
    ours, _ = disagreement.differences.get("RF", (1, 0))
    returned = disagreement.case.instruction.name == "IRET" and disagreement.case.state["RF"]
    return {"RF"} if not ours or returned else set()


def _signed_release(disagreement: Disagreement) -> set[str]:
    return everything(disagreement) if disagreement.case.fields.get("imm", 0) >= 0x8000 else set()


def _undelivered(disagreement: Disagreement) -> set[str]:
    """Everything, provided that unicorn reported the right vector and changed nothing but EIP.

    Vector 6 ends unicorn with an error, and EIP stays.
    """
    case, answer = disagreement.case, disagreement.answer
    vector = {"INT3": 3, "INTO": 4}.get(case.instruction.name, case.fields.get("imm"))
    asked = case.instruction.name != "INTO" or case.state["OF"]
    if not isinstance(answer, Raised) or not answer.software or answer.vector != vector or not asked or answer.written:
        return set()
    passed = 0 if vector == 6 else len(case.code)
    after = {**case.state, "EIP": case.state["EIP"] + passed & MASK}
    changed = {
        name
        for name, value in answer.state.items()
        if name in after and value != after[name] and not unusable(name, after, answer.state)
    }
    return set() if changed else everything(disagreement)


def _reserved(disagreement: Disagreement) -> set[str]:
    """As `completes`, or a page fault because paging was turned on."""
    return completes(disagreement) or raises(14)(disagreement)


def _own_code(disagreement: Disagreement) -> set[str]:
    """Everything, where the model stores in the instruction's own bytes."""
    case, after = disagreement.case, disagreement.expected.state["memory"]
    start = case.state["CS_base"] + case.state["EIP"]
    changed = any(after[start + n & MASK] != byte for n, byte in enumerate(case.code))
    return everything(disagreement) if changed else set()


def _extension_type(disagreement: Disagreement) -> set[str]:
    """CR0, where only ET differs."""
    ours, theirs = disagreement.differences.get("CR0", (0, 0))
    return {"CR0"} if ours ^ theirs == EXTENSION_TYPE else set()


def _locked(*names: str) -> Any:
    """The differences in `names`, of an instruction with LOCK."""
    return lambda d: set(names) & set(d.differences) if d.case.fields["prefix"] & 4 else set()


def _undefined_rights(disagreement: Disagreement) -> set[str]:
    """A general register that differs in bits 19 to 16 only."""
    found = disagreement.differences.items()
    return {name for name, (ours, theirs) in found if name in REGISTERS and (ours ^ theirs) & ~0xF0000 == 0}


def _null_table(disagreement: Disagreement) -> set[str]:
    """LDTR, with the null selector loaded and no bytes in the table."""
    state = disagreement.expected.state
    null = state["LDTR_selector"] < 4 and disagreement.answer.state["LDTR_limit"] == 0  # type: ignore[union-attr]
    return among("LDTR_access", "LDTR_base", "LDTR_limit")(disagreement) if null else set()


def _pushed_resume_flag(disagreement: Disagreement) -> set[str]:
    """Bit 16 of the doubleword that was pushed."""
    state = disagreement.expected.state
    name = f"[{state['SS_base'] + state['ESP'] + 2 & MASK:#x}]"
    ours, theirs = disagreement.differences.get(name, (0, 0))
    return {name} if theirs == ours | 1 else set()


def _other_error_code(disagreement: Disagreement) -> set[str]:
    """The outcome and memory, where the manual has #GP(0) for EIP beyond the limit and unicorn names the selector."""
    answer, trapped = disagreement.answer, disagreement.expected.trapped
    if not isinstance(answer, Raised) or trapped is None or trapped.cause.vector != 13 or answer.vector != 13:
        return set()
    return {"outcome"} if trapped.details["error_code"] == 0 and answer.error_code else set()


def _local_task(disagreement: Disagreement) -> set[str]:
    """The outcome, where the manual has #GP(selector of the LDT) and unicorn, switching tasks, #TS."""
    answer, trapped = disagreement.answer, disagreement.expected.trapped
    if not isinstance(answer, Raised) or trapped is None:
        return set()
    local = trapped.cause.vector == 13 and trapped.details["error_code"] & 4
    return {"outcome"} if local and answer.vector in (10, 11) else set()


def _beyond_the_limit(disagreement: Disagreement) -> set[str]:
    """Everything, where unicorn went to an offset beyond the limit of the new CS."""
    answer, trapped = disagreement.answer, disagreement.expected.trapped
    if not isinstance(answer, Completed) or trapped is None or trapped.cause.vector != 13:
        return set()
    return everything(disagreement) if answer.state["EIP"] > answer.state["CS_limit"] else set()


def _upper_half(disagreement: Disagreement) -> set[str]:
    """A general register whose low half is right."""
    found = disagreement.differences.items()
    return {name for name, (ours, theirs) in found if name in REGISTERS and ours & 0xFFFF == theirs & 0xFFFF}


def _number_first(disagreement: Disagreement) -> set[str]:
    """#GP(0) where the manual has #UD, outside ring 0."""
    trapped, answer = disagreement.expected.trapped, disagreement.answer
    right = trapped is not None and trapped.cause.vector == 6 and isinstance(answer, Raised) and answer.vector == 13
    return {"outcome"} if right and disagreement.case.state["CPL"] else set()


def _sixth_byte(disagreement: Disagreement) -> set[str]:
    """One byte that unicorn stores as 0, with prefix 66."""
    found = disagreement.differences
    short = disagreement.case.fields["prefix"] & 1
    return {name for name in memory(disagreement) if short and found[name][1] == 0 and len(found) == 1}


def _zero_extension(disagreement: Disagreement) -> set[str]:
    """The upper half of the doubleword that was pushed, which unicorn stores as 0."""
    state = disagreement.expected.state
    top = state["SS_base"] + state["ESP"]
    upper = {f"[{top + n & MASK:#x}]" for n in (2, 3)}
    return {name for name in upper & set(disagreement.differences) if disagreement.differences[name][1] == 0}


def _accessed(disagreement: Disagreement) -> set[str]:
    """Bit 0 of CS's and SS's types, in the register and in the table, that the model sets."""
    state, found = disagreement.expected.state, set()
    for name in ("CS", "SS"):
        index = state[f"{name}_index"]
        table = state["LDTR_base" if index & 1 else "GDTR_base"]
        for key in (f"{name}_access", f"[{table + 8 * (index >> 1) + 5 & MASK:#x}]"):
            ours, theirs = disagreement.differences.get(key, (0, 0))
            if ours == theirs | 1:
                found.add(key)
    return found


def _null_selectors(disagreement: Disagreement) -> set[str]:
    """FS and GS that were null before and after."""
    found, before = disagreement.differences, disagreement.case.state
    names = {f"{name}_selector" for name in ("FS", "GS") if not before[f"{name}_access"]}
    return {name for name in names & set(found) if found[name][0] == 0}


def _virtual_8086(disagreement: Disagreement) -> set[str]:
    """Everything, where the image of EFLAGS has VM set and CPL is not 0."""
    state = disagreement.case.state
    image = state["memory"][state["SS_base"] + state["ESP"] + 10 & MASK]
    return everything(disagreement) if image & 2 and state["CPL"] else set()


CHECKS = "QEMU compares no offset with a segment's hidden part when it accesses memory (translate.c, gen_lea_v_seg)"

UNICORN: tuple[Deviation, ...] = (
    Deviation(
        "segment limits",
        "SDM vol. 3, section 5.3",
        f"Offsets beyond a segment's limit are accessed and executed: {CHECKS}.",
        believes=without_limits,
    ),
    Deviation(
        "segment types",
        "SDM vol. 3, section 5.5",
        f"Read-only data and code segments are written, execute-only ones are read: {CHECKS}.",
        believes=without_types,
    ),
    Deviation(
        "null segments",
        "SDM vol. 3, section 5.4.1",
        f"A null segment register is a segment with base 0: {CHECKS}.",
        believes=without_null,
    ),
    Deviation(
        "resume flag",
        "SDM vol. 3, section 17.3.1.1",
        "RF is cleared at the end of a translated block, not at the start of every instruction (translate.c, gen_eob):"
        " it may stay, and IRET at such an end loses the new one.",
        explains=_resume_flag,
    ),
    Deviation(
        "code that changes itself",
        "SDM vol. 3, section 8.1.3",
        "An instruction that stores in its own bytes is started again; the manual leaves this to the processor.",
        explains=_own_code,
    ),
    Deviation(
        "signed release",
        "SDM vol. 2, RET",
        "The number of bytes that RET imm16 releases is read as signed (translate.c, case 0xc2 and 0xca).",
        rows=("RET", "RET (far)"),
        explains=_signed_release,
    ),
    Deviation(
        "interrupts by instruction",
        "SDM vol. 2, INT n/INTO/INT3/INT1",
        "INT n, INT3 and INTO end at a hook and never go through the IDT (cpu-exec.c, cpu_handle_exception);"
        " the vector, EIP and that nothing else changed are compared.",
        rows=("INT n", "INT3", "INTO"),
        explains=_undelivered,
    ),
    Deviation(
        "INT1",
        "SDM vol. 2, INT n/INTO/INT3/INT1",
        "INT1 is undefined: its case is compiled out (translate.c, case 0xf1).",
        rows=("INT1",),
        explains=raises(6),
    ),
    Deviation(
        "I/O permission",
        "SDM vol. 1, section 19.5",
        "Every port is open at every level (translate.c, gen_check_io returns at once).",
        rows=("IN", "OUT", "INS", "OUTS"),
        believes=privileged_for_io,
    ),
    Deviation(
        "clock",
        "SDM vol. 3, section 17.17",
        "The time-stamp counter is the host's and is not part of the state that is set.",
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
        "RDPMC is not implemented and is undefined (misc_helper.c, helper_rdpmc); at CPL 3 it tests CR4.PCE"
        " the wrong way round.",
        rows=("RDPMC",),
        explains=raises(6),
    ),
    Deviation(
        "SYSENTER",
        "SDM vol. 2, SYSENTER",
        "SYSENTER calls hooks and goes on with the next instruction (seg_helper.c, helper_sysenter).",
        rows=("SYSENTER",),
        explains=everything,
    ),
    Deviation(
        "null SYSENTER selector",
        "SDM vol. 2, SYSEXIT, Operation",
        "All of IA32_SYSENTER_CS is compared with 0, not bits 15 to 2 (seg_helper.c, helper_sysexit).",
        rows=("SYSEXIT",),
        explains=completes,
    ),
    Deviation(
        "unknown model-specific registers",
        "SDM vol. 2, RDMSR and WRMSR",
        "A register that there is not reads as 0 and is written without effect (misc_helper.c, helper_rdmsr).",
        rows=("RDMSR", "WRMSR"),
        explains=completes,
    ),
    Deviation(
        "undefined control registers",
        "SDM vol. 3, table 6-2",
        "CPL is checked before the register's number, though #UD comes from decoding (translate.c, case 0x120).",
        rows=("MOV (from CR)", "MOV (to CR)", "MOV (from DR)", "MOV (to DR)"),
        explains=_number_first,
    ),
    Deviation(
        "reserved bits of control registers",
        "SDM vol. 3, section 2.5",
        "Reserved bits of CR4, and NW without CD in CR0, do not fault (helper.c, cpu_x86_update_cr4 and _cr0).",
        rows=("MOV (to CR)",),
        explains=_reserved,
    ),
    Deviation(
        "reserved bits of CR0",
        "SDM vol. 3, section 2.5",
        "Reserved bits of CR0 keep the value written (helper.c, cpu_x86_update_cr0).",
        rows=("MOV (to CR)",),
        explains=among("CR0"),
    ),
    Deviation(
        "extension type",
        "SDM vol. 3, section 2.5",
        "CR0.ET, which is 1 on every processor since the P6, is set by every load (helper.c, cpu_x86_update_cr0).",
        rows=("MOV (to CR)", "LMSW", "CLTS"),
        explains=_extension_type,
    ),
    Deviation(
        "reserved bits of debug registers",
        "SDM vol. 3, section 17.2",
        "Reserved bits of DR6 and DR7 keep the value written (bpt_helper.c, helper_set_dr).",
        rows=("MOV (to DR)",),
        explains=among("DR6", "DR7"),
    ),
    Deviation(
        "machine status word",
        "SDM vol. 2, SMSW",
        "The upper half of a 32-bit register is kept, as the manual, leaving it undefined, allows (translate.c, smsw).",
        rows=("SMSW",),
        explains=_upper_half,
    ),
    Deviation(
        "24-bit bases",
        "SDM vol. 2, SGDT and SIDT",
        "With a 16-bit operand size the sixth byte is stored as 0 (translate.c, sgdt and sidt).",
        rows=("SGDT", "SIDT"),
        explains=_sixth_byte,
    ),
    Deviation(
        "pushed selectors",
        "SDM vol. 2, PUSH",
        "A selector is pushed zero-extended; the manual allows this and what the model does.",
        rows=("PUSH (segment)",),
        explains=_zero_extension,
    ),
    Deviation(
        "null task register",
        "SDM vol. 2, LTR",
        "A null selector is loaded without a fault (seg_helper.c, helper_ltr).",
        rows=("LTR",),
        explains=completes,
    ),
    Deviation(
        "LOCK NEG",
        "SDM vol. 2, NEG",
        "With LOCK, flags are those of the operand and not of its negative (translate.c, case 3 of group 3).",
        rows=("NEG",),
        explains=_locked("SF", "PF", "OF", "AF"),
    ),
    Deviation(
        "access rights",
        "SDM vol. 2, LAR",
        "Bits 19 to 16, which the manual leaves undefined, are 0 (seg_helper.c, helper_lar).",
        rows=("LAR",),
        explains=_undefined_rights,
    ),
    Deviation(
        "null LDT",
        "SDM vol. 2, LLDT",
        "No LDT is kept as one with limit 0, which is as empty (seg_helper.c, helper_lldt).",
        rows=("LLDT",),
        explains=_null_table,
    ),
    Deviation(
        "pushed resume flag",
        "SDM vol. 2, PUSHF/PUSHFD",
        "RF is not cleared in the image that is pushed (cc_helper.c, helper_read_eflags).",
        rows=("PUSHF",),
        explains=_pushed_resume_flag,
    ),
    Deviation(
        "error code of a far CALL",
        "SDM vol. 2, CALL",
        "EIP beyond the limit of the new segment is reported with its selector, not 0 (seg_helper.c,"
        " helper_lcall_protected).",
        rows=("CALL (far)",),
        explains=_other_error_code,
    ),
    Deviation(
        "far offsets beyond the limit",
        "SDM vol. 2, CALL, RET and IRET",
        "EIP is not compared with the new segment's limit on returns and through call gates (seg_helper.c,"
        " helper_ret_protected and helper_lcall_protected).",
        rows=("CALL (far)", *RETURNS),
        explains=_beyond_the_limit,
    ),
    Deviation(
        "absent code through a gate",
        "SDM vol. 2, JMP",
        "JMP through a call gate to a code segment that is not present is #GP, not #NP (seg_helper.c,"
        " helper_ljmp_protected).",
        rows=("JMP (far)",),
        explains=instead(11, 13),
    ),
    Deviation(
        "absent stacks",
        "SDM vol. 3, section 6.15, #SS",
        "A new stack segment that is not present is #NP on returns and #TS through call gates, not #SS"
        " (seg_helper.c, helper_ret_protected and helper_lcall_protected).",
        rows=("CALL (far)", *RETURNS),
        explains=instead(12, 10, 11),
    ),
    Deviation(
        "task state segments in the LDT",
        "SDM vol. 2, CALL and JMP",
        "They are refused by the task switch with #TS, not before it with #GP (seg_helper.c, switch_tss_ra).",
        rows=("CALL (far)", "JMP (far)"),
        explains=_local_task,
    ),
    Deviation(
        "accessed bit",
        "SDM vol. 3, section 3.4.5.1",
        "Far transfers do not set the accessed bit of CS and SS (seg_helper.c, cpu_x86_load_seg_cache).",
        rows=(*FAR, "INT n"),
        explains=_accessed,
    ),
    Deviation(
        "null FS and GS on return",
        "SDM vol. 2, RET",
        "FS and GS that are null keep their selector on a return to an outer level (seg_helper.c, validate_seg).",
        rows=RETURNS,
        explains=_null_selectors,
    ),
    Deviation(
        "virtual-8086 mode from outer levels",
        "SDM vol. 2, IRET",
        "IRET at any CPL returns to virtual-8086 mode if the image has VM set (seg_helper.c, helper_ret_protected).",
        rows=("IRET",),
        explains=_virtual_8086,
    ),
    Deviation(
        "virtual interrupt flags",
        "SDM vol. 2, IRET",
        "IRET at CPL 0 does not restore VIF and VIP (seg_helper.c, eflags_mask in helper_ret_protected).",
        rows=("IRET",),
        explains=among("VIF", "VIP"),
    ),
    Deviation(
        "stores before a fault",
        "SDM vol. 3, section 6.5",
        "A far CALL that faults has already pushed (seg_helper.c, helper_lcall_protected).",
        rows=FAR,
        explains=before_the_fault,
    ),
)
