"""The intercepts, as configuration: with which of them guests are run. APM vol. 2, sections 15.7 to 15.14.

A guest never changes them; VMRUN asks the VMCB for the very intercepts of the configuration.
"""

from __future__ import annotations

from ..cpu import Cpu
from ..machine import Machine
from ..terms import Term, all_of
from . import vmcb
from .vmcb import word

# Name, value, offset of the word, bit, what is intercepted.
INTERCEPTS = (
    ("intercept_INTR", 1, vmcb.INTERCEPT_3, 0, "external interrupts"),
    ("intercept_CR0_SEL_WRITE", 0, vmcb.INTERCEPT_3, 5, "writes of CR0 that change more than TS and MP"),
    ("intercept_IDTR_READ", 0, vmcb.INTERCEPT_3, 6, "SIDT"),
    ("intercept_GDTR_READ", 0, vmcb.INTERCEPT_3, 7, "SGDT"),
    ("intercept_LDTR_READ", 0, vmcb.INTERCEPT_3, 8, "SLDT"),
    ("intercept_TR_READ", 0, vmcb.INTERCEPT_3, 9, "STR"),
    ("intercept_IDTR_WRITE", 0, vmcb.INTERCEPT_3, 10, "LIDT"),
    ("intercept_GDTR_WRITE", 0, vmcb.INTERCEPT_3, 11, "LGDT"),
    ("intercept_LDTR_WRITE", 0, vmcb.INTERCEPT_3, 12, "LLDT"),
    ("intercept_TR_WRITE", 0, vmcb.INTERCEPT_3, 13, "LTR"),
    ("intercept_RDTSC", 1, vmcb.INTERCEPT_3, 14, "RDTSC"),
    ("intercept_RDPMC", 1, vmcb.INTERCEPT_3, 15, "RDPMC"),
    ("intercept_PUSHF", 0, vmcb.INTERCEPT_3, 16, "PUSHF"),
    ("intercept_POPF", 0, vmcb.INTERCEPT_3, 17, "POPF"),
    ("intercept_CPUID", 1, vmcb.INTERCEPT_3, 18, "CPUID"),
    ("intercept_IRET", 0, vmcb.INTERCEPT_3, 20, "IRET"),
    ("intercept_SWINT", 0, vmcb.INTERCEPT_3, 21, "INT n"),
    ("intercept_INVD", 1, vmcb.INTERCEPT_3, 22, "INVD"),
    ("intercept_HLT", 1, vmcb.INTERCEPT_3, 24, "HLT"),
    ("intercept_INVLPG", 0, vmcb.INTERCEPT_3, 25, "INVLPG"),
    ("intercept_INVLPGA", 1, vmcb.INTERCEPT_3, 26, "INVLPGA"),
    ("intercept_IOIO", 1, vmcb.INTERCEPT_3, 27, "IN, OUT, INS and OUTS, by a permission map of ones"),
    ("intercept_MSR", 1, vmcb.INTERCEPT_3, 28, "RDMSR and WRMSR, by a permission map of ones"),
    ("intercept_TASK_SWITCH", 1, vmcb.INTERCEPT_3, 29, "task switches"),
    ("intercept_VMMCALL", 1, vmcb.INTERCEPT_4, 1, "VMMCALL"),
    ("intercept_VMLOAD", 1, vmcb.INTERCEPT_4, 2, "VMLOAD"),
    ("intercept_VMSAVE", 1, vmcb.INTERCEPT_4, 3, "VMSAVE"),
    ("intercept_STGI", 1, vmcb.INTERCEPT_4, 4, "STGI"),
    ("intercept_CLGI", 1, vmcb.INTERCEPT_4, 5, "CLGI"),
    ("intercept_ICEBP", 0, vmcb.INTERCEPT_4, 8, "INT1"),
    ("intercept_WBINVD", 0, vmcb.INTERCEPT_4, 9, "WBINVD"),
    ("nested_paging", 1, vmcb.NESTED_CONTROL, 0, ""),
    ("V_INTR_MASKING", 1, vmcb.INTERRUPT_CONTROL, vmcb.V_INTR_MASKING, ""),
)
TEXTS = {
    "nested_paging": "second-level translation of the guest's memory",
    "V_INTR_MASKING": "the host's IF, not the guest's, says whether external interrupts are taken",
}
MASKS = (
    (
        "intercept_CR",
        0,
        vmcb.INTERCEPT_CR,
        "control registers: reads (bits 15 to 0) and writes that exit",
    ),
    ("intercept_DR", 0x00FF00FF, vmcb.INTERCEPT_DR, "the same for debug registers"),
    ("intercept_exceptions", 0, vmcb.INTERCEPT_EXCEPTIONS, "the exceptions that are intercepted, by vector"),
)
VINTR, VMRUN = 4, 0
"""Bits of the two words that are no configuration: one a monitor sets when it wants to inject, one must be set."""


def declare(machine: Machine) -> None:
    """Adds the configuration."""
    for name, value, offset, bit, what in INTERCEPTS:
        text = TEXTS.get(name, f"exits at {what}")
        machine.configuration(name, value, f"VMCB {offset:#05x} bit {bit}: {text}")
    for name, value, offset, text in MASKS:
        machine.configuration(name, value, f"VMCB {offset:#05x}: {text}", width=32)


def as_configured(cpu: Cpu, memory: Term, block: Term) -> Term:
    """Whether the VMCB holds the intercepts of the configuration, VMRUN's among them, and an ASID.

    A virtual interrupt must be intercepted, since the model does not deliver it.
    """
    read = {offset: word(memory, block, offset) for offset in sorted({row[2] for row in (*INTERCEPTS, *MASKS)})}
    agree = [read[offset].bit(bit) == cpu.get(name) for name, _, offset, bit, _ in INTERCEPTS]
    agree += [read[offset] == cpu.get(name) for name, _, offset, _ in MASKS]
    agree.append(read[vmcb.INTERCEPT_4].bit(VMRUN))
    agree.append(word(memory, block, vmcb.ASID) != 0)
    virtual = read[vmcb.INTERRUPT_CONTROL].bit(vmcb.V_IRQ)
    agree.append(~virtual | read[vmcb.INTERCEPT_3].bit(VINTR))
    return all_of(*agree)


def intercept_words(configuration: dict[str, int]) -> dict[int, int]:
    """The control words by offset, as a monitor that runs guests under this configuration writes them."""
    words = dict.fromkeys((vmcb.INTERCEPT_3, vmcb.INTERCEPT_4, vmcb.NESTED_CONTROL, vmcb.INTERRUPT_CONTROL), 0)
    for name, _, offset, bit, _ in INTERCEPTS:
        words[offset] |= configuration[name] << bit
    words[vmcb.INTERCEPT_4] |= 1 << VMRUN
    words |= {offset: configuration[name] for name, _, offset, _ in MASKS}
    words[vmcb.ASID] = 1
    return words
