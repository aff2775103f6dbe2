"""Segment, gate and table descriptors as the processor reads them. SDM vol. 3, sections 3.4.5, 3.5, 5.8.3, 6.11."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from random import Random

PRESENT = 0x80
SEGMENT = 0x10
LDT, TASK_GATE, TSS, BUSY_TSS = 0x2, 0x5, 0x9, 0xB
CALL_GATE, CALL_GATE_16, INTERRUPT_GATE, TRAP_GATE = 0xC, 0x4, 0xE, 0xF


@dataclass(frozen=True)
class Descriptor:
    """A segment's or a system table's descriptor. `limit` is in bytes; above 1 MiB it must end in FFF."""

    base: int
    limit: int
    access: int
    big: bool = True

    def pack(self) -> bytes:
        granular = self.limit > 0xFFFFF
        limit = self.limit >> 12 if granular else self.limit
        high = limit >> 16 & 0xF | self.big << 6 | granular << 7
        middle = self.base >> 16 & 0xFF
        return struct.pack("<HHBBBB", limit & 0xFFFF, self.base & 0xFFFF, middle, self.access, high, self.base >> 24)

    @property
    def dpl(self) -> int:
        return self.access >> 5 & 3

    @property
    def is_code(self) -> bool:
        return self.access & 0x18 == 0x18

    @property
    def is_data(self) -> bool:
        return self.access & 0x18 == 0x10

    @property
    def conforming(self) -> bool:
        return self.access & 0x1C == 0x1C

    @property
    def readable(self) -> bool:
        return self.is_data or (self.is_code and bool(self.access & 2))

    @property
    def writable(self) -> bool:
        return self.is_data and bool(self.access & 2)

    @property
    def expand_down(self) -> bool:
        return self.access & 0x1C == 0x14

    def covers(self, address: int, size: int = 1) -> bool:
        """Whether the `size` bytes at the linear address `address` are all inside the segment."""
        offset = address - self.base & 0xFFFFFFFF
        last = offset + size - 1
        if self.expand_down:
            return offset > self.limit and last <= (0xFFFFFFFF if self.big else 0xFFFF)
        return last <= self.limit

    def accessed(self) -> Descriptor:
        """As it is in a segment register after it was loaded."""
        return replace(self, access=self.access | 1)


@dataclass(frozen=True)
class Gate:
    """A call, interrupt, trap or task gate."""

    selector: int
    offset: int
    access: int
    count: int = 0

    def pack(self) -> bytes:
        return struct.pack("<HHBBH", self.offset & 0xFFFF, self.selector, self.count, self.access, self.offset >> 16)


def segment_limit(rng: Random, size: int) -> int:
    """A limit that a descriptor can hold: everything, the arena's size, or a small or odd one."""
    kind = rng.random()
    if kind < 0.45:
        return 0xFFFFFFFF
    if kind < 0.8:
        return size - 1
    if kind < 0.9:
        return rng.randrange(size)
    if kind < 0.95:
        return rng.randrange(0x100000)
    return rng.randrange(0x100, 0x100000) << 12 | 0xFFF


def segment(rng: Random, base: int, size: int, *, code: bool, dpl: int) -> Descriptor:
    """A random code or data segment, most often over the arena of `size` bytes at `base`."""
    kind = 8 | rng.choice((2, 2, 2, 0, 6, 6, 4)) if code else rng.choice((2, 2, 2, 2, 0, 0, 6, 4))
    access = (PRESENT if rng.random() < 0.93 else 0) | dpl << 5 | SEGMENT | kind | rng.getrandbits(1)
    where = rng.random()
    start = 0 if where < 0.4 else base if where < 0.7 else base + rng.randrange(0, size, 4)
    if where > 0.96:
        start = rng.getrandbits(32)
    limit = segment_limit(rng, size) if start else 0xFFFFFFFF
    if not code and kind & 4:
        # An expand-down segment holds what lies above its limit.
        limit = rng.choice((0, 0xFFF, 0x100FFF, 0xFFFFF, rng.randrange(size)))
    return Descriptor(start & 0xFFFFFFFF, limit, access, rng.random() < 0.93)
