"""Random worlds for IA-32: an arena of memory with real descriptor tables, a task state, stacks, code and data.

A world is made from a seed and serves many states. Its tables hold, for every ring, at least one flat code and
one flat data segment, and beside them segments, gates and system descriptors of every type, privilege and
limit, some not present, some malformed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random

from .ia32_descriptors import (
    BUSY_TSS,
    CALL_GATE,
    CALL_GATE_16,
    INTERRUPT_GATE,
    LDT,
    PRESENT,
    TASK_GATE,
    TRAP_GATE,
    TSS,
    Descriptor,
    Gate,
    segment,
    segment_limit,
)

SIZE = 0x8000
GDT_AT, LDT_AT, IDT_AT, TSS_AT, STACKS_AT, CODE_AT, DATA_AT = 0x10, 0x400, 0x600, 0x800, 0x1000, 0x2000, 0x4000
GDT_ENTRIES, LDT_ENTRIES, IDT_ENTRIES = 48, 16, 40
IO_MAP = 0x68
BASES = (0x00200000, 0x00200000, 0x00010000, 0x7FFFC000, 0xFFFF0000)
HALT = 0xF4


@dataclass(frozen=True, eq=False)
class World:
    """An arena and what lies in it. Selectors are given with RPL 0."""

    base: int
    content: bytes
    descriptors: dict[int, Descriptor]
    gates: dict[int, Gate]
    gdt_limit: int
    idt_limit: int
    tr: tuple[int, Descriptor]
    ldtr: tuple[int, Descriptor]

    @cached_property
    def kinds(self) -> list[list[int]]:
        """The selectors of code, data, gates, and system segments."""
        items = self.descriptors.items()
        code = [s for s, d in items if d.is_code]
        data = [s for s, d in items if d.is_data]
        tasks = [s for s, d in items if s not in code and s not in data]
        return [code, data, list(self.gates), tasks]

    def callable_gates(self, cpl: int) -> list[int]:
        """Selectors of the call gates that ring `cpl` may use."""
        return [s for s, g in self.gates.items() if g.access & 0x9F == PRESENT | CALL_GATE and g.access >> 5 & 3 >= cpl]

    def code_address(self, rng: Random) -> int:
        return self.base + CODE_AT + rng.randrange(0x20, DATA_AT - CODE_AT - 0x20)

    def data_address(self, rng: Random) -> int:
        return self.base + rng.randrange(DATA_AT + 0x40, SIZE - 0x100)

    def code_segments(self, cpl: int) -> list[int]:
        """Selectors of the code segments that ring `cpl` can run in, over the code area."""
        return self._segments[cpl][0]

    def stack_segments(self, cpl: int) -> list[int]:
        return self._segments[cpl][1]

    def data_segments(self, cpl: int) -> list[int]:
        return self._segments[cpl][2]

    @cached_property
    def _segments(self) -> list[tuple[list[int], list[int], list[int]]]:
        """Selectors of code, stack and data segments, by ring."""
        first, size = self.base + CODE_AT, DATA_AT - CODE_AT
        present = [(selector, d) for selector, d in self.descriptors.items() if d.access & PRESENT]
        code = [(selector, d) for selector, d in present if d.is_code and d.big and d.covers(first, size)]
        stack = [(selector, d) for selector, d in present if d.writable and d.big]
        data = [(selector, d) for selector, d in present if d.readable]
        return [
            (
                [selector for selector, d in code if (d.dpl <= cpl if d.conforming else d.dpl == cpl)],
                [selector for selector, d in stack if d.dpl == cpl],
                [selector for selector, d in data if d.conforming or d.dpl >= cpl],
            )
            for cpl in range(4)
        ]


class _Tables:
    """The descriptors of one table under construction."""

    def __init__(self, rng: Random, base: int, entries: int, local: bool) -> None:
        self.rng, self.base, self.entries, self.local = rng, base, entries, local
        self.descriptors: dict[int, Descriptor] = {}
        self.gates: dict[int, Gate] = {}
        self._next = 0 if local else 1

    def add(self, item: Descriptor | Gate) -> int:
        selector = self._next << 3 | self.local << 2
        self._next += 1
        if isinstance(item, Gate):
            self.gates[selector] = item
        else:
            self.descriptors[selector] = item
        return selector

    @property
    def full(self) -> bool:
        return self._next >= self.entries

    def add_random(self) -> None:
        rng, base = self.rng, self.base
        dpl, kind = rng.choice((0, 0, 1, 2, 3, 3)), rng.random()
        present = PRESENT if rng.random() < 0.93 else 0
        if kind < 0.3:
            self.add(segment(rng, base, SIZE, code=True, dpl=dpl))
        elif kind < 0.65:
            self.add(segment(rng, base, SIZE, code=False, dpl=dpl))
        elif kind < 0.72:
            access = present | dpl << 5 | rng.choice((TSS, TSS, TSS, BUSY_TSS, 1, 3))
            limit = rng.choice((0x67, 0x67, 0x66, 0x67 + 0x101, 0xFFFFF, segment_limit(rng, SIZE)))
            self.add(Descriptor(base + TSS_AT, limit, access, False))
        elif kind < 0.76:
            limit = rng.choice((8 * LDT_ENTRIES - 1, 8 * LDT_ENTRIES - 1, 0, 7, 0x20))
            self.add(Descriptor(base + LDT_AT, limit, present | dpl << 5 | LDT, False))
        elif kind < 0.97 and self.descriptors:
            self.add(self.gate(rng.choice((CALL_GATE,) * 10 + (CALL_GATE_16, TASK_GATE)), present, dpl))
        else:
            self.add(
                Descriptor(rng.getrandbits(32), rng.getrandbits(20), present | dpl << 5 | rng.getrandbits(5), False)
            )

    def gate(self, kind: int, present: int, dpl: int) -> Gate:
        rng = self.rng
        code = [s for s, d in self.descriptors.items() if d.is_code]
        target = rng.choice(code if code and rng.random() < 0.9 else list(self.descriptors)) | rng.randrange(4)
        if rng.random() < 0.02:
            target = rng.randrange(4)
        descriptor = self.descriptors.get(target & ~3)
        start = descriptor.base if descriptor else 0
        offset = self.base + CODE_AT + rng.randrange(DATA_AT - CODE_AT) - start & 0xFFFFFFFF
        count = rng.choice((0, 1, 2, 3, 31)) if kind in (CALL_GATE, CALL_GATE_16) else 0
        return Gate(target, offset, present | dpl << 5 | kind, count)


def world(seed: int) -> World:
    """The world of a seed."""
    rng = Random(seed)
    base = rng.choice(BASES)
    table, local = _Tables(rng, base, GDT_ENTRIES, False), _Tables(rng, base, LDT_ENTRIES, True)
    for dpl in range(4):
        table.add(Descriptor(0, 0xFFFFFFFF, PRESENT | dpl << 5 | 0x1A | rng.getrandbits(1)))
        table.add(Descriptor(0, 0xFFFFFFFF, PRESENT | dpl << 5 | 0x12 | rng.getrandbits(1)))
    limit = rng.choice((0x67, 0x67 + 0x101, 0x67 + 0x101, 0xFFF))
    task = Descriptor(base + TSS_AT, limit, PRESENT | BUSY_TSS, False)
    tr = table.add(task), task
    own_table = Descriptor(base + LDT_AT, 8 * LDT_ENTRIES - 1 - rng.choice((0, 0, 8, 3)), PRESENT | LDT, False)
    ldtr = table.add(own_table), own_table
    while not table.full:
        table.add_random()
    while not local.full:
        local.add_random()
    content = bytearray(rng.randbytes(SIZE))
    for at, tables in ((GDT_AT, table), (LDT_AT, local)):
        entries: dict[int, Descriptor | Gate] = {**tables.descriptors, **tables.gates}
        for selector, item in entries.items():
            place = at + (selector & ~7)
            content[place : place + 8] = item.pack()
    for number in range(IDT_ENTRIES):
        present = PRESENT if rng.random() < 0.9 else 0
        kind = rng.choice((INTERRUPT_GATE,) * 6 + (TRAP_GATE,) * 6 + (TASK_GATE, CALL_GATE, 0x6, 0x10))
        gate = table.gate(kind, present, rng.choice((0, 3, 3)))
        content[IDT_AT + 8 * number : IDT_AT + 8 * number + 8] = gate.pack()
    content[CODE_AT:DATA_AT] = bytes([HALT]) * (DATA_AT - CODE_AT)
    _task_state(rng, base, content, table)
    descriptors = {**table.descriptors, **local.descriptors}
    gdt_limit = 8 * GDT_ENTRIES - 1 - rng.choice((0, 0, 0, 8, 5))
    idt_limit = 8 * IDT_ENTRIES - 1 - rng.choice((0, 0, 0, 8, 5))
    gates = {**table.gates, **local.gates}
    return World(base, bytes(content), descriptors, gates, gdt_limit, idt_limit, tr, ldtr)


def _task_state(rng: Random, base: int, content: bytearray, table: _Tables) -> None:
    """The stacks of rings 0 to 2 and the I/O permission bitmap. SDM vol. 3, section 7.2.1; vol. 1, 19.5.2."""
    for ring in range(3):
        stacks = [s for s, d in table.descriptors.items() if d.writable and d.dpl == ring and d.access & PRESENT]
        selector = rng.choice(stacks) | ring
        if rng.random() < 0.08:
            selector = rng.choice(list(table.descriptors)) | rng.randrange(4)
        descriptor = table.descriptors[selector & ~3]
        top = base + STACKS_AT + 0x500 * (ring + 1) - descriptor.base & 0xFFFFFFFF
        if rng.random() < 0.05:
            top = rng.choice((0, 3, 4, 0x13, 0xFFFFFFFF))
        at = TSS_AT + 4 + 8 * ring
        content[at : at + 8] = top.to_bytes(4, "little") + selector.to_bytes(4, "little")
    start = rng.choice((IO_MAP, IO_MAP, IO_MAP, 0x60, 0x1000, 0xFFFF))
    content[TSS_AT + 0x66 : TSS_AT + 0x68] = start.to_bytes(2, "little")
    bitmap = bytes(rng.choice((0, 0, 0xFF, rng.getrandbits(8))) for _ in range(0x100))
    content[TSS_AT + IO_MAP : TSS_AT + IO_MAP + 0x101] = bitmap + b"\xff"
