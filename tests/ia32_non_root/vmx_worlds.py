"""A host that has made a VMCS current, with a guest at ring 0. SDM vol. 3, appendix B and section 25.4."""

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
    HOST_RETURN,
    HOST_STACK,
    PAGES,
    WINDOW,
    NonRootWorld,
)

VMCS_AT = 0x20000
# By name, as in SDM vol. 3, appendix B.
REASON, QUALIFICATION, INFORMATION, LENGTH, GUEST_PHYSICAL = 0x4402, 0x6400, 0x4404, 0x440C, 0x2400
GUEST_EIP, GUEST_EFLAGS, GUEST_ESP, ENTRY_EVENT, PRIMARY, ERROR = 0x681E, 0x6820, 0x681C, 0x4016, 0x4002, 0x4400
PIN_BITS = 1 | 1 << 6
PRIMARY_BITS = 1 << 7 | 1 << 11 | 1 << 12 | 1 << 23 | 1 << 24 | 1 << 31
SECONDARY_BITS = 1 << 1 | 1 << 7
CODE_RIGHTS, DATA_RIGHTS, UNUSABLE, TASK_RIGHTS = 0xC09B, 0xC093, 0x10000, 0x8B


def vmx_world(**components: Any) -> NonRootWorld:
    """In root operation with the VMCS current and clear, about to run at `CODE`."""
    world = NonRootWorld("ia32-vmx", VMX_on=1, VMCS_address=VMCS_AT, VMCS_current=1, **components)
    fields = {0x4000: PIN_BITS, PRIMARY: PRIMARY_BITS, 0x401E: SECONDARY_BITS, 0x201A: PAGES | 0x1E, 0x482E: 1000}
    # The host-state area: selectors, CR0, TR, GDTR and IDTR as the world has them, ESP and EIP.
    fields |= {0x0C02: 0x08, 0x0C04: 0x10, 0x0C06: 0x10, 0x0C0C: 0x50, 0x6C00: 0x11, 0x6C0A: 0x4000}
    fields |= {0x6C0C: 0x1000, 0x6C0E: 0x3000, 0x6C14: HOST_STACK, 0x6C16: HOST_RETURN}
    # The guest-state area: flat segments, no LDT, a TSS, its own tables.
    for number in range(8):
        fields |= {0x4800 + 2 * number: 0xFFFFFFFF, 0x4814 + 2 * number: DATA_RIGHTS, 0x0800 + 2 * number: GUEST_DS}
    fields |= {0x0802: GUEST_CS, 0x4816: CODE_RIGHTS, 0x4820: UNUSABLE, 0x080C: 0}
    fields |= {0x4822: TASK_RIGHTS, 0x480E: 0x67, 0x6814: 0x3000, 0x080E: 0x18}
    fields |= {0x6816: GUEST_GDT, 0x4810: 0x1F, 0x6818: GUEST_IDT, 0x4812: 0x7FF}
    fields |= {0x6800: 0x11, GUEST_ESP: GUEST_STACK, GUEST_EIP: GUEST_CODE, GUEST_EFLAGS: 2, 0x681A: 0x400}
    for field, value in fields.items():
        world.state["VMCS"][field] = value
    tables(world)
    return world


def tables(world: NonRootWorld) -> None:
    """Four levels of tables, the last of which maps each page of the window. SDM vol. 3, tables 29-1 to 29-6."""
    for level in range(3):
        world.long(PAGES + 0x1000 * level, PAGES + 0x1000 * (level + 1) | 7)
    for page in range(BOUND >> 12):
        world.long(PAGES + 0x3000 + 8 * page, WINDOW + (page << 12) | 7)


def gate(offset: int) -> bytes:
    """An interrupt gate to the guest's code segment."""
    return struct.pack("<HHBBH", offset & 0xFFFF, GUEST_CS, 0, 0x8E, offset >> 16)
