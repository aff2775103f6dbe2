"""The descriptor tables of Linux on x86-64, as far as CPL 3 can tell, and the memory of a case.

The GDT is fixed (the kernel's arch/x86/include/asm/segment.h). What belongs to the kernel alone has DPL 0, so
that a program sees no more of it than that. The LDT is a program's own, set by modify_ldt(2). In the model's
memory, which is flat, all tables lie at `TABLES`, where the program has nothing.
"""

from __future__ import annotations

import struct

from .ia32_descriptors import BUSY_TSS, INTERRUPT_GATE, LDT, PRESENT, Descriptor, Gate
from .unicorn_memory import Image

TABLES = 0xC0000000
GDT_AT, LDT_AT, IDT_AT, TSS_AT, ENTRY_AT, STACK_END, SIZE = 0x0, 0x80, 0x100, 0x180, 0x300, 0x400, 0x400
LDT_ENTRIES, IDT_ENTRIES, GDT_LIMIT = 16, 5, 0x7F
KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA, USER_CODE_64 = 0x08, 0x18, 0x20, 0x28, 0x30
TSS, OWN_LDT, PROCESSOR_NUMBER = 0x40, 0x50, 0x78
FLAT = 0xFFFFFFFF
RING_3 = 0x60

TASK = Descriptor(TABLES + TSS_AT, 0x67, PRESENT | BUSY_TSS, False)
LOCAL = Descriptor(TABLES + LDT_AT, 8 * LDT_ENTRIES - 1, PRESENT | LDT, False)
GLOBAL = {
    KERNEL_CODE: Descriptor(0, FLAT, 0x9B),
    KERNEL_DATA: Descriptor(0, FLAT, 0x93),
    USER_CODE: Descriptor(0, FLAT, 0x9B | RING_3),
    USER_DATA: Descriptor(0, FLAT, 0x93 | RING_3),
    USER_CODE_64: Descriptor(0, FLAT, 0x9B | RING_3, False),
    TSS: TASK,
    OWN_LDT: LOCAL,
    PROCESSOR_NUMBER: Descriptor(0, 0, 0x95 | RING_3),  # the limit is the number
}
LONG_MODE = 0x20  # in the sixth byte, set instead of D: 64-bit code, which the model does not have
# Vectors 3 and 4 are open to programs; beyond the limit the error is the same as for a gate with DPL 0.
PRIVILEGES = (0, 0, 0, 3, 3)


def tables(local: dict[int, Descriptor]) -> bytes:
    """The bytes at `TABLES` with the LDT's descriptors by selector."""
    content = bytearray(SIZE)
    for selector, item in GLOBAL.items():
        content[selector : selector + 8] = item.pack()
    content[USER_CODE_64 + 6] |= LONG_MODE
    for selector, item in local.items():
        at = LDT_AT + (selector & ~7)
        content[at : at + 8] = item.pack()
    for number, level in enumerate(PRIVILEGES):
        gate = Gate(KERNEL_CODE, TABLES + ENTRY_AT, PRESENT | level << 5 | INTERRUPT_GATE)
        content[IDT_AT + 8 * number : IDT_AT + 8 * number + 8] = gate.pack()
    content[TSS_AT + 4 : TSS_AT + 12] = struct.pack("<II", TABLES + STACK_END, KERNEL_DATA)
    content[TSS_AT + 0x66 : TSS_AT + 0x68] = b"\xff\xff"  # there is no I/O bitmap
    return bytes(content)


def descriptor_request(number: int, item: Descriptor) -> bytes:
    """`struct user_desc` of <asm/ldt.h> for entry `number` of the LDT. Of ring 3 and accessed is what it will be."""
    granular = item.limit > 0xFFFFF
    flags = item.big | (item.access >> 2 & 3) << 1 | (not item.access & 2) << 3
    flags |= granular << 4 | (not item.access & PRESENT) << 5
    return struct.pack("<4I", number, item.base, item.limit >> 12 if granular else item.limit, flags)


class Memory(Image):
    """A program's memory, with the kernel's tables beside it."""

    __slots__ = ("local", "tables")

    def __init__(self, image: Image, tables: bytes, local: dict[int, Descriptor]) -> None:
        super().__init__(image.content, image.base, image, image.default)
        self.tables, self.local = tables, local

    def __missing__(self, index: int) -> int:
        place = index - TABLES
        return self.tables[place] if 0 <= place < SIZE else super().__missing__(index)

    def copy(self) -> Memory:
        return Memory(self, self.tables, self.local)
