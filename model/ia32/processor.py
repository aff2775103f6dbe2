"""The processor itself: HLT, caches and TLB, CPUID, model-specific registers, counters, fast system calls.

SDM vol. 3, sections 2.8 and 5.8.7. The processor is a P6 with UMIP; its CPUID answers are the same in every state.
"""

from __future__ import annotations

from ..machine import Machine
from ..terms import FALSE, TRUE, Term, bits, concat, ite
from .causes import GP_PRIVILEGE, GP_PROGRAM
from .cpu import IA32
from .descriptors import is_null
from .forms import Forms
from .operands import Operand
from .privilege import only_ring_0

forms = Forms()

# CPUID: EAX, EBX, ECX, EDX by leaf; other leaves answer as the highest. SDM vol. 2, CPUID.
HIGHEST_LEAF = 7
UMIP_FEATURE = 1 << 2
FEATURES = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 11 | 1 << 15  # PSE, TSC, MSR, SEP, CMOV
LEAVES = {
    0: (HIGHEST_LEAF, 0x756E6547, 0x6C65746E, 0x49656E69),  # "Genu" "ntel" "ineI"
    1: (0x00000633, 0, 0, FEATURES),
    HIGHEST_LEAF: (0, 0, UMIP_FEATURE, 0),
}

# Model-specific registers. SDM vol. 4, chapter 2.
IA32_TSC, IA32_SYSENTER_CS, IA32_SYSENTER_ESP, IA32_SYSENTER_EIP = 0x10, 0x174, 0x175, 0x176
COUNTERS = 2  # RDPMC has two counters of 40 bits

FLAT = 0xFFFFFFFF
FLAT_CODE = {0: 0x9B, 3: 0xFB}  # access bytes: present, execute and read, accessed
FLAT_DATA = {0: 0x93, 3: 0xF3}


@forms("HLT", "F4")
def hlt(cpu: IA32) -> None:
    """Stops the processor. SDM vol. 2, HLT."""
    only_ring_0(cpu)
    cpu.halted = TRUE


@forms("INVD", "0F 08")
@forms("WBINVD", "0F 09")
def invalidate_caches(cpu: IA32) -> None:
    """Empties the caches, which the model does not have. SDM vol. 2, INVD and WBINVD."""
    only_ring_0(cpu)


@forms("INVLPG m", "0F 01 /7")
def invlpg(cpu: IA32, address: Operand) -> None:
    """Drops a page's translation, of which there is none without paging; the address is not checked.
    SDM vol. 2, INVLPG."""
    only_ring_0(cpu)


@forms("CPUID", "0F A2")
def cpuid(cpu: IA32) -> None:
    """Identifies the processor. SDM vol. 2, CPUID."""
    leaf = cpu.EAX
    last = LEAVES[HIGHEST_LEAF]
    for number, name in enumerate(("EAX", "EBX", "ECX", "EDX")):
        value = ite(leaf - 2 < HIGHEST_LEAF - 2, bits(0, 32), bits(last[number], 32))
        for known in (1, 0):
            value = ite(leaf == known, bits(LEAVES[known][number], 32), value)
        cpu.put(name, value)


# Model-specific registers and counters.


def known_msr(cpu: IA32) -> None:
    """#GP(0) unless ECX names a register that there is."""
    known = (cpu.ECX == IA32_TSC) | ((cpu.ECX >= IA32_SYSENTER_CS) & (cpu.ECX <= IA32_SYSENTER_EIP))
    cpu.trap(GP_PROGRAM, when=~known, error_code=0)


@forms("RDMSR", "0F 32")
def rdmsr(cpu: IA32) -> None:
    """Reads the model-specific register ECX. SDM vol. 2, RDMSR."""
    only_ring_0(cpu)
    known_msr(cpu)
    set_edx_eax(cpu, ite(cpu.ECX == IA32_TSC, cpu.TSC, cpu.MSR[cpu.ECX]))


@forms("WRMSR", "0F 30")
def wrmsr(cpu: IA32) -> None:
    """Writes the model-specific register ECX. SDM vol. 2, WRMSR."""
    only_ring_0(cpu)
    known_msr(cpu)
    value = concat(cpu.EDX, cpu.EAX)
    with cpu.when(cpu.ECX == IA32_TSC):
        cpu.TSC = value
    with cpu.when(cpu.ECX != IA32_TSC):
        cpu.MSR = cpu.MSR.set(cpu.ECX, value)


@forms("RDTSC", "0F 31")
def rdtsc(cpu: IA32) -> None:
    """Reads the time-stamp counter; with CR4.TSD only at CPL 0. SDM vol. 2, RDTSC."""
    cpu.trap(GP_PRIVILEGE, when=cpu.TSD & (cpu.CPL != 0), error_code=0)
    set_edx_eax(cpu, cpu.TSC)


@forms("RDPMC", "0F 33")
def rdpmc(cpu: IA32) -> None:
    """Reads performance counter ECX; without CR4.PCE only at CPL 0. SDM vol. 2, RDPMC."""
    cpu.trap(GP_PRIVILEGE, when=~cpu.PCE & (cpu.CPL != 0), error_code=0)
    cpu.trap(GP_PROGRAM, when=cpu.ECX >= COUNTERS, error_code=0)
    set_edx_eax(cpu, cpu.PMC[cpu.ECX][39:0].zext(64))


def set_edx_eax(cpu: IA32, value: Term) -> None:
    """A value of 64 bits in EDX and EAX."""
    cpu.EDX, cpu.EAX = value[63:32], value[31:0]


# Fast system calls.


@forms("SYSENTER", "0F 34")
def sysenter(cpu: IA32) -> None:
    """Enters ring 0 in flat segments, at the place that the model-specific registers name. SDM vol. 2, SYSENTER."""
    selector = sysenter_selector(cpu)
    cpu.IF = FALSE
    enter_flat(cpu, 0, selector, selector + 8, msr(cpu, IA32_SYSENTER_EIP), msr(cpu, IA32_SYSENTER_ESP))


@forms("SYSEXIT", "0F 35")
def sysexit(cpu: IA32) -> None:
    """Returns to ring 3 in flat segments, at EDX with the stack at ECX. SDM vol. 2, SYSEXIT."""
    only_ring_0(cpu)
    selector = sysenter_selector(cpu)
    enter_flat(cpu, 3, selector + 16, selector + 24, cpu.EDX, cpu.ECX)


def msr(cpu: IA32, number: int) -> Term:
    """The model-specific register `number`."""
    value: Term = cpu.MSR[bits(number, 32)]
    return value


def sysenter_selector(cpu: IA32) -> Term:
    """The selector in IA32_SYSENTER_CS; #GP(0) if it is null."""
    selector = msr(cpu, IA32_SYSENTER_CS)[15:0]
    cpu.trap(GP_PROGRAM, when=is_null(selector), error_code=0)
    return selector


def enter_flat(cpu: IA32, level: int, code: Term, stack: Term, offset: Term, top: Term) -> None:
    """Loads CS:EIP and SS:ESP of `level` with segments of 4 Gbytes at 0, whatever the tables hold."""
    for name, selector, access in (("CS", code, FLAT_CODE[level]), ("SS", stack, FLAT_DATA[level])):
        cpu.put(f"{name}_index", selector[15:2])
        cpu.put(f"{name}_base", bits(0, 32))
        cpu.put(f"{name}_limit", bits(FLAT, 32))
        cpu.put(f"{name}_access", bits(access, 8))
    cpu.CPL = bits(level, 2)
    cpu.EIP, cpu.ESP = offset[31:0], top[31:0]


def extend(machine: Machine) -> None:
    """Declares what is left out."""
    machine.leave_out(
        "caches and the TLB, which INVD, WBINVD and INVLPG act on",
        "what CPUID shows of CR4 (OSXSAVE) and of the APIC: its answers are the same in every state",
    )
