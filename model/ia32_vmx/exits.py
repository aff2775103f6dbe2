"""Which instructions exit, with which reason and qualification. SDM vol. 3, sections 26.1 and 28.2, appendix C.

Reasons checked against Linux (arch/x86/include/uapi/asm/vmx.h). Faults for privilege, #UD and those for the TSS's
I/O bitmap come before an exit, other faults after it; MOV of a debug register exits before all of them (26.1.3).
"""

from __future__ import annotations

from ..cpu import Kind
from ..ia32.cpu import IA32
from ..ia32.forms import Form, Meaning
from ..ia32.operands import Operand, Register, SystemRegister
from ..ia32_non_root.causes import exit_for
from ..ia32_non_root.events import PRIVILEGED_SOFTWARE, SOFTWARE_EXCEPTION, information
from ..ia32_non_root.exits import (
    STRING_PORTS,
    Around,
    Row,
    control_register_access,
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
from ..terms import Term, bits, concat, ite
from . import fields

EXCEPTION = exit_for("exception", 0)
EXTERNAL_INTERRUPT = exit_for("external interrupt", 1)
INTERRUPT_WINDOW = exit_for("interrupt window", 7)
TASK_SWITCH = exit_for("task switch", 9)
CPUID, HLT, INVD, INVLPG = exit_for("CPUID", 10), exit_for("HLT", 12), exit_for("INVD", 13), exit_for("INVLPG", 14)
RDPMC, RDTSC = exit_for("RDPMC", 15), exit_for("RDTSC", 16)
CR_ACCESS, DR_ACCESS = exit_for("control-register access", 28), exit_for("MOV DR", 29)
IO, RDMSR, WRMSR = exit_for("I/O instruction", 30), exit_for("RDMSR", 31), exit_for("WRMSR", 32)
GDTR_OR_IDTR, LDTR_OR_TR = exit_for("access to GDTR or IDTR", 46), exit_for("access to LDTR or TR", 47)
EPT_VIOLATION = exit_for("EPT violation", 48, Kind.MEMORY)
PREEMPTION_TIMER = exit_for("VMX-preemption timer expired", 52)
WBINVD = exit_for("WBINVD", 54)
VMX_INSTRUCTIONS = {
    name: exit_for(name, reason)
    for name, reason in {
        "VMCALL": 18, "VMCLEAR": 19, "VMLAUNCH": 20, "VMPTRLD": 21, "VMPTRST": 22, "VMREAD": 23,
        "VMRESUME": 24, "VMWRITE": 25, "VMXOFF": 26, "VMXON": 27,
    }.items()
}  # fmt: skip

TO, FROM, CLTS, LMSW = range(4)


def linear_address(cpu: NonRootIA32, form: Form, operand: Operand) -> Term:
    """The linear address of a memory operand, which INVLPG's qualification is."""
    segment, offset = cpu.address(operand)
    return segment.base + offset


# Control registers.


def breakpoint_exits(cpu: NonRootIA32, form: Form) -> Term:
    return cpu.exception_bitmap.bit(3)  # type: ignore[no-any-return]


def debug_exits(cpu: NonRootIA32, form: Form) -> Term:
    return cpu.exception_bitmap.bit(1)  # type: ignore[no-any-return]


def overflow_exits(cpu: NonRootIA32, form: Form) -> Term:
    return cpu.OF & cpu.exception_bitmap.bit(4)  # type: ignore[no-any-return]


def shadow(cpu: IA32, name: str) -> Term:
    """The read shadow of CR0 or CR4."""
    return cpu.VMCS[fields.at({"CR0": fields.CR0_SHADOW, "CR4": fields.CR4_SHADOW}[name])]  # type: ignore[no-any-return]


def owned(cpu: IA32, name: str) -> Term:
    """The bits of CR0 or CR4 that the monitor owns."""
    return cpu.get(f"{name}_mask")


def writes_cr(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
    """CR0 or CR4 would get a value that differs from the read shadow in a bit that the monitor owns."""
    value, number = cpu.read(source), destination.number
    changes = [((value ^ shadow(cpu, name)) & owned(cpu, name)) != 0 for name in ("CR0", "CR4")]
    return ring_0(cpu, form) & (((number == 0) & changes[0]) | ((number == 4) & changes[1]))


def writes_cr3(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
    return ring_0(cpu, form) & (destination.number == 3)


def reads_cr3(cpu: NonRootIA32, form: Form, destination: Register, source: SystemRegister) -> Term:
    return ring_0(cpu, form) & (source.number == 3)


def writes_status_word(cpu: NonRootIA32, form: Form, source: Operand) -> Term:
    """LMSW would change an owned bit of MP, EM and TS, or set an owned PE."""
    with cpu.when((owned(cpu, "CR0")[3:0] != 0) & ring_0(cpu, form)):
        value = cpu.read(source)[3:0]
    old, mask = shadow(cpu, "CR0")[3:0], owned(cpu, "CR0")[3:0]
    changes = (value ^ old) & mask
    return ring_0(cpu, form) & ((changes[3:1] != 0) | (changes.bit(0) & value.bit(0)))


def clears_task_switched(cpu: NonRootIA32, form: Form) -> Term:
    """CLTS exits where the monitor owns TS and the shadow has it set."""
    return ring_0(cpu, form) & owned(cpu, "CR0").bit(3) & shadow(cpu, "CR0").bit(3)


def told_to_cr(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
    return control_register_access(destination.number, TO, source.number)


def told_from_cr(cpu: NonRootIA32, form: Form, destination: Register, source: SystemRegister) -> Term:
    return control_register_access(source.number, FROM, destination.number)


def told_clts(cpu: NonRootIA32, form: Form) -> Term:
    return control_register_access(0, CLTS)


def told_lmsw(cpu: NonRootIA32, form: Form, source: Operand) -> Term:
    with cpu.when((owned(cpu, "CR0")[3:0] != 0) & ring_0(cpu, form)):
        value = cpu.read(source)
    return control_register_access(0, LMSW) | source.is_memory.as_bits(32) << 6 | value.zext(32) << 16


def told_to_dr(cpu: NonRootIA32, form: Form, destination: SystemRegister, source: Register) -> Term:
    """SDM vol. 3, table 28-4."""
    return destination.number.zext(32) | source.number.zext(32) << 8


def told_from_dr(cpu: NonRootIA32, form: Form, destination: Register, source: SystemRegister) -> Term:
    return source.number.zext(32) | bits(1 << 4, 32) | destination.number.zext(32) << 8


def told_port(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """SDM vol. 3, table 28-5: size, direction, string, REP, whether the port is an immediate, the port."""
    reads, string = form.name in ("IN", "INS"), form.name in STRING_PORTS
    repeated, immediate = form.mnemonic.startswith("REP"), "imm8" in form.operands
    flags = (port_size(form) - 1) | reads << 3 | string << 4 | repeated << 5 | immediate << 6
    return concat(port(cpu, form, *operands), bits(flags, 16))


# The table.

EXITS = (
    Row("CPUID", CPUID),
    Row("INVD", INVD, ring_0),
    Row("HLT", HLT, with_control("HLT_exiting", ring_0)),
    Row("WBINVD", WBINVD, with_control("WBINVD_exiting", ring_0)),
    Row("INVLPG", INVLPG, with_control("INVLPG_exiting", ring_0), linear_address),
    Row("RDTSC", RDTSC, with_control("RDTSC_exiting", may_read_clock)),
    Row("RDPMC", RDPMC, with_control("RDPMC_exiting", may_count)),
    Row("RDMSR", RDMSR, with_control("MSR_exiting", ring_0)),
    Row("WRMSR", WRMSR, with_control("MSR_exiting", ring_0)),
    Row("IN|OUT|INS|OUTS", IO, with_control("IO_exiting", permitted_port), told_port),
    Row("MOV (to CR)", CR_ACCESS, writes_cr, told_to_cr),
    Row("MOV (to CR)", CR_ACCESS, with_control("CR3_load_exiting", writes_cr3), told_to_cr),
    Row("MOV (from CR)", CR_ACCESS, with_control("CR3_store_exiting", reads_cr3), told_from_cr),
    Row("LMSW", CR_ACCESS, writes_status_word, told_lmsw),
    Row("CLTS", CR_ACCESS, clears_task_switched, told_clts),
    Row("MOV (to DR)", DR_ACCESS, with_control("MOV_DR_exiting"), told_to_dr),
    Row("MOV (from DR)", DR_ACCESS, with_control("MOV_DR_exiting"), told_from_dr),
    Row("SGDT|SIDT", GDTR_OR_IDTR, with_control("descriptor_table_exiting", not_hidden)),
    Row("LGDT|LIDT", GDTR_OR_IDTR, with_control("descriptor_table_exiting", ring_0)),
    Row("SLDT|STR", LDTR_OR_TR, with_control("descriptor_table_exiting", not_hidden)),
    Row("LLDT|LTR", LDTR_OR_TR, with_control("descriptor_table_exiting", ring_0)),
    Row("INT1", EXCEPTION, debug_exits, information=lambda *_: information(1, PRIVILEGED_SOFTWARE)),
    Row("INT3", EXCEPTION, breakpoint_exits, information=lambda *_: information(3, SOFTWARE_EXCEPTION)),
    Row("INTO", EXCEPTION, overflow_exits, information=lambda *_: information(4, SOFTWARE_EXCEPTION)),
)


# What non-root operation changes where it does not exit: masks and read shadows. SDM vol. 3, section 26.3.


def shows_shadows(body: Meaning) -> Meaning:
    """A form that reads CR0 and CR4, of whose owned bits it sees the read shadow."""

    def meaning(cpu: NonRootIA32, *operands: Operand) -> None:
        real = {name: cpu.get(name) for name in ("CR0", "CR4")}
        shown = {n: (value & ~owned(cpu, n)) | (shadow(cpu, n) & owned(cpu, n)) for n, value in real.items()}
        state = cpu._state
        state.update({name: ite(cpu.non_root, shown[name], value) for name, value in real.items()})
        body(cpu, *operands)
        state.update(real)

    return meaning


def keeps_owned(body: Meaning) -> Meaning:
    """A form that writes CR0 or CR4, whose owned bits keep their value."""

    def meaning(cpu: NonRootIA32, *operands: Operand) -> None:
        old = {name: cpu.get(name) for name in ("CR0", "CR4")}
        body(cpu, *operands)
        with cpu.when(cpu.non_root):
            for name, value in old.items():
                cpu.put(name, (cpu.get(name) & ~owned(cpu, name)) | (value & owned(cpu, name)))

    return meaning


IN_NON_ROOT: dict[str, Around] = {
    "SMSW": shows_shadows,
    "MOV (from CR)": shows_shadows,
    "MOV (to CR)": keeps_owned,
    "LMSW": keeps_owned,
    "CLTS": keeps_owned,
}
