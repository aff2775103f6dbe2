"""A host with a VMCB for a guest at ring 0. APM vol. 2, appendix B."""

from __future__ import annotations

import struct
from typing import Any

from .worlds import (
    BOUND,
    GUEST_CODE,
    GUEST_CS,
    GUEST_DS,
    GUEST_GDT,
    GUEST_IDT,
    GUEST_STACK,
    PAGES,
    WINDOW,
    NonRootWorld,
)

VMCB = 0x20000
# Offsets, as in APM vol. 2, tables B-1 and B-2.
EXIT_CODE, INFO_1, INFO_2, NEXT, EVENT, GUEST_EIP, GUEST_EFLAGS = 0x70, 0x78, 0x80, 0xC8, 0xA8, 0x578, 0x570
INTERCEPT_3, INTERRUPT_CONTROL = 0x0C, 0x60
WORD_3 = sum(1 << bit for bit in (0, 14, 15, 18, 22, 24, 26, 27, 28, 29))
WORD_4 = sum(1 << bit for bit in (0, 1, 2, 3, 4, 5))


def svm_world(**components: Any) -> NonRootWorld:
    """In the host with interrupts enabled, EAX naming the VMCB, about to run at `CODE`."""
    world = NonRootWorld("ia32-svm", GIF=1, EAX=VMCB, **components)
    words = {0x004: 0x00FF00FF, INTERCEPT_3: WORD_3, 0x010: WORD_4, 0x058: 1, INTERRUPT_CONTROL: 1 << 24, 0x090: 1}
    words |= {0x0B0: PAGES, 0x558: 0x11, 0x560: 0x400, GUEST_EFLAGS: 2, GUEST_EIP: GUEST_CODE, 0x5D8: GUEST_STACK}
    words |= {0x460 + 4: 0x1F, 0x460 + 8: GUEST_GDT, 0x480 + 4: 0x7FF, 0x480 + 8: GUEST_IDT}
    for number, selector, attributes in (
        (0, GUEST_DS, 0xC93), (1, GUEST_CS, 0xC9B), (2, GUEST_DS, 0xC93), (3, GUEST_DS, 0xC93),
    ):  # fmt: skip
        words |= {0x400 + 16 * number: selector | attributes << 16, 0x404 + 16 * number: 0xFFFFFFFF}
    for offset, value in words.items():
        set_word(world, offset, value)
    world.poke(PAGES, struct.pack("<I", PAGES + 0x1000 | 7))
    for page in range(BOUND >> 12):
        world.poke(PAGES + 0x1000 + 4 * page, struct.pack("<I", WINDOW + (page << 12) | 7))
    return world


def set_word(world: NonRootWorld, offset: int, value: int) -> None:
    """Writes four bytes of the VMCB."""
    world.poke(VMCB + offset, struct.pack("<I", value))


def get_word(world: NonRootWorld, offset: int) -> int:
    """Reads four bytes of the VMCB."""
    return world.peek(VMCB + offset)
