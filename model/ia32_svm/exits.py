"""Which instructions are intercepted, with which exit code and information. APM vol. 2, table 15-7, appendix C.

Codes checked against Linux (arch/x86/include/uapi/asm/svm.h). Exceptions that do not come from memory operands are
taken before an intercept; for PUSHF, POPF, IRET, INT n and VMMCALL the intercept comes first.
"""

from __future__ import annotations

from collections.abc import Callable

from ..cpu import Kind
from ..ia32.forms import Form
from ..ia32.operands import Operand, Register, SystemRegister
from ..ia32.processor import COUNTERS
from ..ia32_non_root.causes import exit_for
from ..ia32_non_root.exits import (
    STRING_PORTS,
    Row,
    may_count,
    may_read_clock,
    not_hidden,
    permitted_port,
    port,
    port_size,
    ring_0,
    with_control,
)
from ..ia32_non_root.processor import NonRootIA32
from ..terms import Term, bits, concat

INTR, VINTR = exit_for("external interrupt", 0x60), exit_for("virtual interrupt", 0x64)
TASK_SWITCH = exit_for("task switch", 0x7D)
NESTED_PAGE_FAULT = exit_for("nested page fault", 0x400, Kind.MEMORY)
EXCEPTIONS = {vector: exit_for(f"exception {vector}", 0x40 + vector) for vector in range(32)}
SVM_INSTRUCTIONS = {
    name: exit_for(name, code)
    for name, code in {
        "INVLPGA": 0x7A, "VMRUN": 0x80, "VMMCALL": 0x81, "VMLOAD": 0x82, "VMSAVE": 0x83, "STGI": 0x84, "CLGI": 0x85,
    }.items()
}  # fmt: skip
READ_CR, WRITE_CR, READ_DR, WRITE_DR = 0x00, 0x10, 0x20, 0x30


def reads(name: str, number: int) -> Callable[..., Term]:
    """A read of control or debug register `number` that the mask `name` intercepts."""

    def condition(cpu: NonRootIA32, form: Form, destination: Operand, source: SystemRegister) -> Term:
        return _masked(cpu, name, number) & (source.number == number)

    return condition


def writes(name: str, number: int) -> Callable[..., Term]:
    """A write of control or debug register `number` that the mask `name` intercepts."""

    def condition(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
        return _masked(cpu, name, 16 + number) & (destination.number == number)

    return condition


def _masked(cpu: NonRootIA32, name: str, bit: int) -> Term:
    result: Term = cpu.get(name).bit(bit) & (cpu.CPL == 0)
    return result


def reads_cr0(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """SMSW reads CR0."""
    return cpu.get("intercept_CR").bit(0) & not_hidden(cpu, form)


def writes_cr0(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """LMSW and CLTS write CR0."""
    return _masked(cpu, "intercept_CR", 16)


def changes_more(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
    """A write of CR0 that changes bits other than TS and MP."""
    changed = (cpu.read(source) ^ cpu.CR0) & (0xFFFFFFFF ^ 0b1010)
    result: Term = ring_0(cpu, form) & (destination.number == 0) & (changed != 0)
    return result


def valid_counter(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Unless RDPMC is #GP(0)."""
    result: Term = may_count(cpu, form) & (cpu.ECX < COUNTERS)
    return result


def overflow(cpu: NonRootIA32, form: Form) -> Term:
    """INTO with OF set, intercepted as the exception that it raises."""
    result: Term = cpu.OF & cpu.get("intercept_exceptions").bit(4)
    return result


def breakpoint_(cpu: NonRootIA32, form: Form) -> Term:
    """INT3, intercepted as the exception that it raises."""
    return cpu.get("intercept_exceptions").bit(3)


def told_port(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """APM vol. 2, section 15.10.2: direction, string, REP, operand size, 32-bit addresses, the port."""
    flags = (form.name in ("IN", "INS")) | (form.name in STRING_PORTS) << 2 | form.mnemonic.startswith("REP") << 3
    return concat(port(cpu, form, *operands), bits(flags | port_size(form) << 4 | 1 << 8, 16))


def next_instruction(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """The EIP of the next instruction."""
    result: Term = cpu.EIP
    return result


def told_vector(cpu: NonRootIA32, form: Form, vector: Operand) -> Term:
    return cpu.read(vector).zext(32)


def linear_address(cpu: NonRootIA32, form: Form, operand: Operand) -> Term:
    segment, offset = cpu.address(operand)
    return segment.base + offset


EXITS = (
    *[Row("MOV (from CR)", exit_for(f"read of CR{n}", READ_CR + n), reads("intercept_CR", n)) for n in (0, 2, 3, 4)],
    *[Row("MOV (to CR)", exit_for(f"write of CR{n}", WRITE_CR + n), writes("intercept_CR", n)) for n in (0, 2, 3, 4)],
    *[Row("MOV (from DR)", exit_for(f"read of DR{n}", READ_DR + n), reads("intercept_DR", n)) for n in range(8)],
    *[Row("MOV (to DR)", exit_for(f"write of DR{n}", WRITE_DR + n), writes("intercept_DR", n)) for n in range(8)],
    Row("SMSW", exit_for("read of CR0", READ_CR), reads_cr0),
    Row("LMSW|CLTS", exit_for("write of CR0", WRITE_CR), writes_cr0),
    Row("MOV (to CR)", exit_for("selective write of CR0", 0x65), with_control("intercept_CR0_SEL_WRITE", changes_more)),
    Row("SIDT", exit_for("SIDT", 0x66), with_control("intercept_IDTR_READ", not_hidden)),
    Row("SGDT", exit_for("SGDT", 0x67), with_control("intercept_GDTR_READ", not_hidden)),
    Row("SLDT", exit_for("SLDT", 0x68), with_control("intercept_LDTR_READ", not_hidden)),
    Row("STR", exit_for("STR", 0x69), with_control("intercept_TR_READ", not_hidden)),
    Row("LIDT", exit_for("LIDT", 0x6A), with_control("intercept_IDTR_WRITE", ring_0)),
    Row("LGDT", exit_for("LGDT", 0x6B), with_control("intercept_GDTR_WRITE", ring_0)),
    Row("LLDT", exit_for("LLDT", 0x6C), with_control("intercept_LDTR_WRITE", ring_0)),
    Row("LTR", exit_for("LTR", 0x6D), with_control("intercept_TR_WRITE", ring_0)),
    Row("RDTSC", exit_for("RDTSC", 0x6E), with_control("intercept_RDTSC", may_read_clock)),
    Row("RDPMC", exit_for("RDPMC", 0x6F), with_control("intercept_RDPMC", valid_counter)),
    Row("PUSHF", exit_for("PUSHF", 0x70), with_control("intercept_PUSHF")),
    Row("POPF", exit_for("POPF", 0x71), with_control("intercept_POPF")),
    Row("CPUID", exit_for("CPUID", 0x72), with_control("intercept_CPUID")),
    Row("IRET", exit_for("IRET", 0x74), with_control("intercept_IRET")),
    Row("INT n", exit_for("INT n", 0x75), with_control("intercept_SWINT"), told_vector),
    Row("INVD", exit_for("INVD", 0x76), with_control("intercept_INVD", ring_0)),
    Row("HLT", exit_for("HLT", 0x78), with_control("intercept_HLT", ring_0)),
    Row("INVLPG", exit_for("INVLPG", 0x79), with_control("intercept_INVLPG", ring_0), linear_address),
    Row("IN|OUT|INS|OUTS", exit_for("I/O instruction", 0x7B), with_control("intercept_IOIO", permitted_port), told_port,
        next_instruction),
    Row("RDMSR", exit_for("MSR access", 0x7C), with_control("intercept_MSR", ring_0)),
    Row("WRMSR", exit_for("MSR access", 0x7C), with_control("intercept_MSR", ring_0), lambda *_: 1),
    Row("INT1", exit_for("INT1", 0x88), with_control("intercept_ICEBP")),
    Row("WBINVD", exit_for("WBINVD", 0x89), with_control("intercept_WBINVD", ring_0)),
    Row("INT3", EXCEPTIONS[3], breakpoint_),
    Row("INTO", EXCEPTIONS[4], overflow),
)  # fmt: skip

__all__ = ["EXCEPTIONS", "EXITS", "INTR", "NESTED_PAGE_FAULT", "SVM_INSTRUCTIONS", "TASK_SWITCH", "VINTR"]
