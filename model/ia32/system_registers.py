"""Descriptor-table registers, the task register, control and debug registers. SDM vol. 3, chapters 2 and 17.

Storing them is unprivileged unless CR4.UMIP is set; loading them asks for CPL 0, before anything else.
"""

from __future__ import annotations

from ..machine import Machine
from ..terms import Term, bits, concat, ite
from .causes import GP_MEMORY, GP_PROGRAM, UD, unsupported
from .cpu import IA32
from .descriptors import LDT, TSS, TSS_16, Descriptor, check_present, fetch, is_null, selector_error
from .forms import Forms
from .machine import CR4_BITS
from .operands import Operand, SystemRegister, pick
from .privilege import hidden_by_umip, only_ring_0

forms = Forms()

LEAVES_PROTECTED_MODE = unsupported("real mode: CR0.PE is cleared")
TURNS_PAGING_ON = unsupported("paging: CR0.PG is set")
CHANGES_CONFIGURATION = unsupported("a change of the CR4 bits that the configuration fixes")
SIXTEEN_BIT_TSS = unsupported("16-bit TSS")
GENERAL_DETECT = unsupported("debug registers protected by DR7.GD")

PE, ET, TS, NW, CD, PG = 0, 4, 3, 29, 30, 31
CR0_BITS = 0xE005003F  # the others are reserved, and writing them is ignored
CR4_DEFINED = 0x00000FFF  # VME to OSXMMEXCPT and UMIP; setting another is #GP(0)
DE, GD = 3, 13


# Descriptor tables.


@forms("SGDT m", "0F 01 /0")
def sgdt(cpu: IA32, destination: Operand) -> None:
    """Stores GDTR: the limit, then all 32 bits of the base. SDM vol. 2, SGDT."""
    hidden_by_umip(cpu)
    cpu.store(*cpu.address(destination), concat(cpu.GDTR_base, cpu.GDTR_limit))


@forms("SIDT m", "0F 01 /1")
def sidt(cpu: IA32, destination: Operand) -> None:
    """Stores IDTR: the limit, then all 32 bits of the base. SDM vol. 2, SIDT."""
    hidden_by_umip(cpu)
    cpu.store(*cpu.address(destination), concat(cpu.IDTR_base, cpu.IDTR_limit))


@forms("LGDT m16&32", "0F 01 /2", operand_size="any")
def lgdt(cpu: IA32, source: Operand) -> None:
    """Loads GDTR; with a 16-bit operand size the base has 24 bits. SDM vol. 2, LGDT/LIDT."""
    only_ring_0(cpu)
    cpu.GDTR_base, cpu.GDTR_limit = base_and_limit(cpu, source)


@forms("LIDT m16&32", "0F 01 /3", operand_size="any")
def lidt(cpu: IA32, source: Operand) -> None:
    """Loads IDTR; with a 16-bit operand size the base has 24 bits. SDM vol. 2, LGDT/LIDT."""
    only_ring_0(cpu)
    cpu.IDTR_base, cpu.IDTR_limit = base_and_limit(cpu, source)


def base_and_limit(cpu: IA32, source: Operand) -> tuple[Term, Term]:
    """The two parts of a pseudo-descriptor in memory."""
    image = cpu.read(source)
    top = ite(cpu.prefix.bit(0), bits(0, 8), image[47:40])
    return concat(top, image[39:16]), image[15:0]


@forms("SLDT r32/m16", "0F 00 /0")
@forms("SLDT r/m16", "66 0F 00 /0")
def sldt(cpu: IA32, destination: Operand) -> None:
    """Stores the selector of the LDT. SDM vol. 2, SLDT."""
    hidden_by_umip(cpu)
    cpu.write(destination, cpu.LDTR_selector)


@forms("STR r32/m16", "0F 00 /1")
@forms("STR r/m16", "66 0F 00 /1")
def str_(cpu: IA32, destination: Operand) -> None:
    """Stores the selector of the task's TSS. SDM vol. 2, STR."""
    hidden_by_umip(cpu)
    cpu.write(destination, cpu.TR_selector)


@forms("LLDT r/m16", "0F 00 /2")
def lldt(cpu: IA32, source: Operand) -> None:
    """Loads LDTR from the GDT; a null selector leaves no LDT. SDM vol. 2, LLDT."""
    only_ring_0(cpu)
    selector = cpu.read(source)
    null = is_null(selector)
    with cpu.when(~null):
        table = system_segment(cpu, selector, LDT)
        check_present(cpu, table)
        cpu.LDTR_base, cpu.LDTR_limit = table.base, table.limit
    cpu.LDTR_selector = selector
    cpu.LDTR_access = ite(null, bits(0, 8), table.access)


@forms("LTR r/m16", "0F 00 /3")
def ltr(cpu: IA32, source: Operand) -> None:
    """Loads TR from the GDT and marks the TSS as busy, there and in TR. SDM vol. 2, LTR."""
    only_ring_0(cpu)
    selector = cpu.read(source)
    cpu.trap(GP_MEMORY, when=is_null(selector), error_code=0)
    task = system_segment(cpu, selector, TSS, TSS_16)
    check_present(cpu, task)
    cpu.trap(SIXTEEN_BIT_TSS, when=task.is_type(TSS_16))
    cpu.TR_selector = selector
    cpu.TR_base, cpu.TR_limit = task.base, task.limit
    cpu.TR_access = task.access | 2
    cpu.linear_store(task.address + 5, task.access | 2)


def system_segment(cpu: IA32, selector: Term, *types: int) -> Descriptor:
    """A system descriptor of one of `types` in the GDT, else #GP(selector)."""
    cpu.trap(GP_MEMORY, when=selector.bit(2), error_code=selector_error(selector))
    found = fetch(cpu, selector)
    cpu.trap(GP_MEMORY, when=~found.is_type(*types), error_code=found.error_code)
    return found


# Control registers.


@forms("SMSW r32/m16", "0F 01 /4")
def smsw(cpu: IA32, destination: Operand) -> None:
    """Stores the low half of CR0, the machine status word; a 32-bit register gets all of CR0. SDM vol. 2, SMSW."""
    hidden_by_umip(cpu)
    cpu.write(destination, cpu.CR0)


@forms("SMSW r/m16", "66 0F 01 /4")
def smsw_word(cpu: IA32, destination: Operand) -> None:
    """Stores the low half of CR0, the machine status word. SDM vol. 2, SMSW."""
    hidden_by_umip(cpu)
    cpu.write(destination, cpu.CR0[15:0])


@forms("LMSW r/m16", "0F 01 /6")
def lmsw(cpu: IA32, source: Operand) -> None:
    """Loads TS, EM and MP of CR0; PE, once set, stays. SDM vol. 2, LMSW."""
    only_ring_0(cpu)
    cpu.CR0 = concat(cpu.CR0[31:4], cpu.read(source)[3:1], cpu.CR0[0])


@forms("CLTS", "0F 06")
def clts(cpu: IA32) -> None:
    """Clears CR0.TS. SDM vol. 2, CLTS."""
    only_ring_0(cpu)
    cpu.CR0 = cpu.CR0 & (0xFFFFFFFF ^ 1 << TS)


@forms("MOV rm32, CRn", "0F 20 /r", name="MOV (from CR)")
def mov_from_cr(cpu: IA32, destination: Operand, source: SystemRegister) -> None:
    """Reads CR0, CR2, CR3 or CR4; #UD for other numbers. SDM vol. 2, MOV (control registers)."""
    check_cr(cpu, source.number)
    only_ring_0(cpu)
    cpu.write(destination, pick(source.number, (cpu.CR0, cpu.CR0, cpu.CR2, cpu.CR3, cpu.CR4)))


@forms("MOV CRn, rm32", "0F 22 /r", name="MOV (to CR)")
def mov_to_cr(cpu: IA32, destination: SystemRegister, source: Operand) -> None:
    """Writes CR0, CR2, CR3 or CR4; #UD for other numbers. SDM vol. 2, MOV (control registers).

    #GP(0) for PG without PE, NW without CD, and reserved bits of CR4; reserved bits of CR0 are ignored.
    """
    number, value = destination.number, cpu.read(source)
    check_cr(cpu, number)
    only_ring_0(cpu)
    with cpu.when(number == 0):
        bad = (value.bit(PG) & ~value.bit(PE)) | (value.bit(NW) & ~value.bit(CD))
        cpu.trap(GP_PROGRAM, when=bad, error_code=0)
        cpu.trap(LEAVES_PROTECTED_MODE, when=~value.bit(PE))
        cpu.trap(TURNS_PAGING_ON, when=value.bit(PG))
        cpu.CR0 = (value & CR0_BITS) | 1 << ET
    with cpu.when(number == 2):
        cpu.CR2 = value
    with cpu.when(number == 3):
        cpu.CR3 = value
    with cpu.when(number == 4):
        cpu.trap(GP_PROGRAM, when=(value & (0xFFFFFFFF ^ CR4_DEFINED)) != 0, error_code=0)
        fixed = sum(1 << bit for bit in CR4_BITS.values())
        cpu.trap(CHANGES_CONFIGURATION, when=(value & fixed) != (cpu.CR4 & fixed))
        cpu.CR4 = value


def check_cr(cpu: IA32, number: Term) -> None:
    """#UD for CR1 and CR5 to CR7, at every level."""
    cpu.trap(UD, when=(number == 1) | (number > 4))


# Debug registers.


@forms("MOV rm32, DRn", "0F 21 /r", name="MOV (from DR)")
def mov_from_dr(cpu: IA32, destination: Operand, source: SystemRegister) -> None:
    """Reads a debug register; DR4 and DR5 are DR6 and DR7. SDM vol. 2, MOV (debug registers)."""
    check_dr(cpu, source.number)
    low = (cpu.DR0, cpu.DR1, cpu.DR2, cpu.DR3)
    cpu.write(destination, pick(source.number, (*low, cpu.DR6, cpu.DR7, cpu.DR6, cpu.DR7)))


@forms("MOV DRn, rm32", "0F 23 /r", name="MOV (to DR)")
def mov_to_dr(cpu: IA32, destination: SystemRegister, source: Operand) -> None:
    """Writes a debug register; DR4 and DR5 are DR6 and DR7. SDM vol. 2, MOV (debug registers); vol. 3, 17.2."""
    number, value = destination.number, cpu.read(source)
    check_dr(cpu, number)
    for index in range(4):
        with cpu.when(number == index):
            cpu.put(f"DR{index}", value)
    with cpu.when((number == 4) | (number == 6)):
        cpu.DR6 = (value & 0x0000E00F) | 0xFFFF0FF0
    with cpu.when((number == 5) | (number == 7)):
        cpu.DR7 = (value & 0xFFFF2FFF) | 0x00000400


def check_dr(cpu: IA32, number: Term) -> None:
    """#UD for DR4 and DR5 if CR4.DE is set, then CPL 0."""
    cpu.trap(UD, when=(number[2:1] == 2) & cpu.CR4.bit(DE))
    only_ring_0(cpu)
    cpu.trap(GENERAL_DETECT, when=cpu.DR7.bit(GD))


# Words that name none of these.

forms.undefined("0F 00 /6")
forms.undefined("0F 00 /7")
for digit, what in ((0, "VMX, SGX"), (1, "MONITOR, MWAIT, SMAP, SGX"), (2, "XSAVE, VMX, TSX, SGX"), (3, "SVM")):
    forms.omitted(f"0F 01 /{digit}", what, modrm="register")
forms.omitted("0F 01 /5", "protection keys, SERIALIZE, shadow stacks")
forms.omitted("0F 01 /7", "SWAPGS, RDTSCP and others", modrm="register")


def extend(machine: Machine) -> None:
    """Declares what is left out."""
    machine.leave_out(
        "writes of CR0 that clear PE or set PG, and of CR4 that change what the configuration fixes",
        "the debug exception on access to debug registers (DR7.GD)",
        "RDTSCP, XSAVE, MONITOR and MWAIT, VMX, SVM, SMX, SGX, shadow stacks, protection keys",
    )
