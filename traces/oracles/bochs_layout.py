"""Where everything lies in the machine that `bochs` runs: addresses, selectors, descriptors.

All addresses are linear, and physical too, since paging is off. Every byte of the first 640 KiB that is not
given otherwise is `LANDING` (F1, INT1): wherever control arrives, it traps and the place is reported.

The world, 10000 to 1FFFF, is made anew before each probe:

    10000  GDT, 512 entries      15000  stack of ring 0, 4 KiB, and so on to ring 3
    11000  IDT, interrupt gates  19000  free, to 1FFFF: code of a probe at 1A000,
    11800  LDT, 256 entries             scratch memory from 1C000 on
    12000  TSS with I/O bitmap
    14800  IDT, task gates

The GDT: 0 null, 1 + 2r flat code of ring r, 2 + 2r flat data of ring r, 9 the TSS, 10 the LDT, 11 to 15
reserved, 16 to 255 free for probes, 256 + v the task that captures vector v.
"""

from __future__ import annotations

WORLD, WORLD_SIZE = 0x10000, 0x10000
GDT, GDT_LIMIT = 0x10000, 0xFFF
IDT, IDT_LIMIT = 0x11000, 0x7FF
LDT, LDT_LIMIT = 0x11800, 0x7FF
TSS, TSS_LIMIT = 0x12000, 0x2068
IO_BITMAP = TSS + 0x68
TASK_IDT = 0x14800
STACKS, STACK_SIZE = 0x15000, 0x1000
CODE = 0x1A000
SCRATCH, SCRATCH_SIZE = 0x1C000, 0x4000

TSS_SELECTOR, LDT_SELECTOR = 9 << 3, 10 << 3
FREE_GDT = range(16, 256)
CAPTURE_GDT = 256
LANDING = 0xF1

# Outside the world: the harness's own memory, results, and the read-only image that ends at 4 GiB.
STATE, FRAME, HARNESS_STACK, CAPTURE_TSS = 0x1000, 0x1100, 0x3000, 0x8000
RESULTS, MEMORY_SIZE = 0x200000, 16 << 20
ROM, ROM_SIZE = 0xFFE00000, 0x200000
PRISTINE, HARNESS = 0xFFFE0000, 0xFFFF0000

# Access bytes: P DPL S type. SDM vol. 3, tables 3-1 and 3-2; add `dpl << 5`.
DATA, DATA_READ_ONLY, EXPAND_DOWN = 0x93, 0x91, 0x97
CODE_READABLE, CODE_EXECUTE_ONLY, CONFORMING = 0x9B, 0x99, 0x9F
LDT_TYPE, TASK_GATE, TSS_AVAILABLE, TSS_BUSY = 0x82, 0x85, 0x89, 0x8B
CALL_GATE, INTERRUPT_GATE, TRAP_GATE = 0x8C, 0x8E, 0x8F


def code_selector(ring: int) -> int:
    """The selector of the flat code segment of `ring`, its RPL being the ring.

    >>> [hex(code_selector(ring)) for ring in range(4)]
    ['0x8', '0x19', '0x2a', '0x3b']
    """
    return (1 + 2 * ring) << 3 | ring


def data_selector(ring: int) -> int:
    """The selector of the flat data and stack segment of `ring`, its RPL being the ring.

    >>> [hex(data_selector(ring)) for ring in range(4)]
    ['0x10', '0x21', '0x32', '0x43']
    """
    return (2 + 2 * ring) << 3 | ring


def stack_top(ring: int) -> int:
    """The end of the stack of `ring`, where entries from outer rings begin to push; probes start at its middle."""
    return STACKS + (ring + 1) * STACK_SIZE


def segment(base: int, limit: int, access: int, *, dpl: int = 0, big: bool = True) -> int:
    """A segment, LDT or TSS descriptor as a number of 64 bits; `limit` in bytes, rounded up to pages above 1 MiB.

    >>> hex(segment(0, 0xFFFFFFFF, CODE_READABLE, dpl=3))
    '0xcffb000000ffff'
    """
    granular = limit > 0xFFFFF
    units = limit >> 12 if granular else limit
    access |= dpl << 5
    flags = granular << 3 | (big and bool(access & 0x10)) << 2
    low = (units & 0xFFFF) | (base & 0xFFFFFF) << 16
    return low | access << 40 | (units >> 16) << 48 | flags << 52 | (base >> 24) << 56


def gate(kind: int, selector: int, offset: int = 0, *, dpl: int = 0, count: int = 0) -> int:
    """A call, interrupt, trap or task gate as a number of 64 bits; `count` dwords are copied by a call gate.

    >>> hex(gate(CALL_GATE, 0x08, 0x12345678, dpl=3, count=2))
    '0x1234ec0200085678'
    """
    return offset & 0xFFFF | selector << 16 | count << 32 | (kind | dpl << 5) << 40 | (offset >> 16) << 48


def base_of(descriptor: int) -> int:
    """The base of a segment descriptor."""
    return (descriptor >> 16 & 0xFFFFFF) | (descriptor >> 56) << 24


def default_gdt() -> dict[int, int]:
    """The descriptors of the harness by index."""
    table = {9: segment(TSS, TSS_LIMIT, TSS_AVAILABLE), 10: segment(LDT, LDT_LIMIT, LDT_TYPE)}
    for ring in range(4):
        table[1 + 2 * ring] = segment(0, 0xFFFFFFFF, CODE_READABLE, dpl=ring)
        table[2 + 2 * ring] = segment(0, 0xFFFFFFFF, DATA, dpl=ring)
    for vector in range(256):
        table[CAPTURE_GDT + vector] = segment(CAPTURE_TSS + 104 * vector, 103, TSS_AVAILABLE)
    return table
