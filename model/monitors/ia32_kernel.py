"""An ordinary state of an IA-32 guest: a kernel at ring 0 with its own GDT, IDT and TSS, before its first instruction.

Its segments are flat, up to where the guest's memory ends. Each vector leads to a place of its own, so that what
follows shows which one it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ia32.machine import SEGMENT_NAMES
from ..ia32.privilege import TSS_SIZE

GDT, IDT, TSS, PROGRAM, HANDLERS, STACK = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x8000
CODE, DATA, TASK = 0x08, 0x10, 0x28
VECTORS = 32

TEXT = (
    f"as a kernel at ring 0 with flat segments (CS {CODE:#x}, the others {DATA:#x}; ring 3 has {CODE + 16:#x} and"
    f" {DATA + 16:#x}), its GDT at {GDT:#x}, its IDT at {IDT:#x} with vector n leading to {HANDLERS:#x} + 16 n,"
    f" its TSS ({TASK:#x}) at {TSS:#x}, its stack below {STACK:#x}, general registers and flags 0"
)


def kernel(top: int) -> Mapping[str, int | Mapping[int, int]]:
    """The guest's components, where they are not as the machine starts, and its memory, which ends at `top`."""
    last = (top >> 12) - 1
    descriptors = [
        0,
        _descriptor(0, last, 0x9B, 0xC),
        _descriptor(0, last, 0x93, 0xC),
        _descriptor(0, last, 0xFB, 0xC),
        _descriptor(0, last, 0xF3, 0xC),
        _descriptor(TSS, TSS_SIZE, 0x8B, 0),
    ]
    gates = [_gate(HANDLERS + 16 * vector) for vector in range(VECTORS)]
    memory = {**_bytes(GDT, descriptors), **_bytes(IDT, gates), **_bytes(TSS + 4, [DATA << 32 | STACK])}
    memory[TSS + 0x66] = TSS_SIZE + 1
    segments = {f"{name}_selector": DATA for name in SEGMENT_NAMES if name not in ("CS", "SS")}
    tables = {"GDTR_base": GDT, "GDTR_limit": 8 * len(descriptors) - 1, "IDTR_base": IDT, "IDTR_limit": 8 * VECTORS - 1}
    task = {"TR_selector": TASK, "TR_base": TSS, "CS_index": CODE >> 2, "SS_index": DATA >> 2}
    return {**segments, **tables, **task, "EIP": PROGRAM, "ESP": STACK, "memory": memory}


def _descriptor(base: int, limit: int, access: int, flags: int) -> int:
    """A segment descriptor. SDM vol. 3, figure 3-8."""
    low = (base & 0xFFFF) << 16 | limit & 0xFFFF
    high = (base >> 24) << 24 | flags << 20 | (limit >> 16) << 16 | access << 8 | base >> 16 & 0xFF
    return high << 32 | low


def _gate(offset: int) -> int:
    """A present 32-bit interrupt gate of ring 0. SDM vol. 3, figure 6-2."""
    return (offset >> 16) << 48 | 0x8E00 << 32 | CODE << 16 | offset & 0xFFFF


def _bytes(address: int, quads: list[int]) -> dict[int, int]:
    content = b"".join(quad.to_bytes(8, "little") for quad in quads)
    return {address + n: byte for n, byte in enumerate(content) if byte}
