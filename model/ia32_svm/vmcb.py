"""The virtual-machine control block: offsets, and its fields in memory. APM vol. 2, appendix B.

Checked against Linux (arch/x86/include/asm/svm.h). A field of 64 bits is used by its low half.
"""

from __future__ import annotations

from ..terms import Term, concat

INTERCEPT_CR, INTERCEPT_DR, INTERCEPT_EXCEPTIONS, INTERCEPT_3, INTERCEPT_4 = 0x000, 0x004, 0x008, 0x00C, 0x010
ASID, INTERRUPT_CONTROL = 0x058, 0x060
EXIT_CODE, EXIT_INFO_1, EXIT_INFO_2, EXIT_EVENT = 0x070, 0x078, 0x080, 0x088
NESTED_CONTROL, EVENT, EVENT_ERROR_CODE, NESTED_CR3, NEXT_EIP = 0x090, 0x0A8, 0x0AC, 0x0B0, 0x0C8

SEGMENTS = {name: 0x400 + 16 * n for n, name in enumerate(("ES", "CS", "SS", "DS", "FS", "GS"))}
SEGMENTS |= {"LDTR": 0x470, "TR": 0x490}
TABLES = {"GDTR": 0x460, "IDTR": 0x480}
ATTRIBUTES, LIMIT, BASE = 2, 4, 8
"""Where, from a segment's offset on, its parts lie; the selector is first."""
CPL = 0x4CB
REGISTERS = {"CR4": 0x548, "CR3": 0x550, "CR0": 0x558, "DR7": 0x560, "DR6": 0x568, "CR2": 0x640}
EFLAGS, EIP, ESP, EAX = 0x570, 0x578, 0x5D8, 0x5F8
SYSENTER = {0x174: 0x628, 0x175: 0x630, 0x176: 0x638}

V_IRQ, V_INTR_MASKING = 8, 24


def word(memory: Term, block: Term, offset: int, size: int = 4) -> Term:
    """`size` bytes of the block at the physical address `block`."""
    return concat(*[memory[block + offset + n] for n in reversed(range(size))])


def with_word(memory: Term, block: Term, offset: int, value: Term) -> Term:
    """The memory with a whole number of bytes written to the block."""
    for n in range(value.width // 8):
        memory = memory.set(block + offset + n, value[8 * n + 7 : 8 * n])
    return memory
