"""The fields of the VMCS by encoding, as VMREAD and VMWRITE name them. SDM vol. 3, section 25.11 and appendix B.

Checked against the encodings of Linux (arch/x86/include/asm/vmx.h). Every field is 32 bits wide here: those of 64
bits are two, the second by the odd encoding, and those of natural width have 32 bits on a 32-bit processor.
"""

from __future__ import annotations

from ..terms import Term, any_of, bits

ENCODING = 16

PIN_CONTROLS, PRIMARY_CONTROLS, SECONDARY_CONTROLS = 0x4000, 0x4002, 0x401E
EXCEPTION_BITMAP, EXIT_CONTROLS, ENTRY_CONTROLS = 0x4004, 0x400C, 0x4012
ENTRY_EVENT, ENTRY_ERROR_CODE, ENTRY_LENGTH = 0x4016, 0x4018, 0x401A
CR0_MASK, CR4_MASK, CR0_SHADOW, CR4_SHADOW = 0x6000, 0x6002, 0x6004, 0x6006
EPT_POINTER = 0x201A

INSTRUCTION_ERROR, EXIT_REASON = 0x4400, 0x4402
EXIT_INFORMATION, EXIT_ERROR_CODE = 0x4404, 0x4406
EXIT_LENGTH, INSTRUCTION_INFORMATION = 0x440C, 0x440E
EXIT_QUALIFICATION, GUEST_PHYSICAL_ADDRESS = 0x6400, 0x2400

SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR")
"""The segment registers in the order of their fields."""

GUEST_SELECTOR = {name: 0x0800 + 2 * n for n, name in enumerate(SEGMENTS)}
GUEST_LIMIT = {name: 0x4800 + 2 * n for n, name in enumerate((*SEGMENTS, "GDTR", "IDTR"))}
GUEST_ACCESS = {name: 0x4814 + 2 * n for n, name in enumerate(SEGMENTS)}
GUEST_BASE = {name: 0x6806 + 2 * n for n, name in enumerate((*SEGMENTS, "GDTR", "IDTR"))}
GUEST_CR = {"CR0": 0x6800, "CR3": 0x6802, "CR4": 0x6804}
GUEST_DR7, GUEST_ESP, GUEST_EIP, GUEST_EFLAGS = 0x681A, 0x681C, 0x681E, 0x6820
GUEST_ACTIVITY, GUEST_TIMER = 0x4826, 0x482E
GUEST_SYSENTER = {0x174: 0x482A, 0x175: 0x6824, 0x176: 0x6826}

HOST_SELECTOR = {name: 0x0C00 + 2 * n for n, name in enumerate(("ES", "CS", "SS", "DS", "FS", "GS", "TR"))}
HOST_CR = {"CR0": 0x6C00, "CR3": 0x6C02, "CR4": 0x6C04}
HOST_BASE = {name: 0x6C06 + 2 * n for n, name in enumerate(("FS", "GS", "TR", "GDTR", "IDTR"))}
HOST_ESP, HOST_EIP = 0x6C14, 0x6C16
HOST_SYSENTER = {0x174: 0x4C00, 0x175: 0x6C10, 0x176: 0x6C12}

ALL: tuple[int, ...] = tuple(
    sorted(
        {
            *(PIN_CONTROLS, PRIMARY_CONTROLS, SECONDARY_CONTROLS, EXCEPTION_BITMAP, EXIT_CONTROLS, ENTRY_CONTROLS),
            *(ENTRY_EVENT, ENTRY_ERROR_CODE, ENTRY_LENGTH, CR0_MASK, CR4_MASK, CR0_SHADOW, CR4_SHADOW),
            *(EPT_POINTER, EPT_POINTER + 1, INSTRUCTION_ERROR, EXIT_REASON, EXIT_INFORMATION, EXIT_ERROR_CODE),
            *(EXIT_LENGTH, INSTRUCTION_INFORMATION, EXIT_QUALIFICATION),
            *(GUEST_PHYSICAL_ADDRESS, GUEST_PHYSICAL_ADDRESS + 1),
            *GUEST_SELECTOR.values(), *GUEST_LIMIT.values(), *GUEST_ACCESS.values(), *GUEST_BASE.values(),
            *GUEST_CR.values(), GUEST_DR7, GUEST_ESP, GUEST_EIP, GUEST_EFLAGS, GUEST_ACTIVITY, GUEST_TIMER,
            *GUEST_SYSENTER.values(), *HOST_SELECTOR.values(), *HOST_CR.values(), *HOST_BASE.values(),
            *(HOST_ESP, HOST_EIP), *HOST_SYSENTER.values(),
        }
    )
)  # fmt: skip
"""Every field that the model has."""


def is_known(encoding: Term) -> Term:
    """Whether an encoding of 32 bits is one of the model's fields."""
    return (encoding[31:ENCODING] == 0) & any_of(*[encoding[ENCODING - 1 : 0] == number for number in ALL])


def is_read_only(encoding: Term) -> Term:
    """Whether the field is one of the exit information: bits 11 and 10 are 1. SDM vol. 3, table 25-21."""
    return encoding[11:10] == 1


def at(number: int) -> Term:
    """The index of a field in the component VMCS."""
    return bits(number, ENCODING)
