"""Far JMP and CALL through call gates: privilege of gate and target, parameters, and the stack of the inner ring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .transfers import BASE, LIMIT, going
from .words import ENTRY, LANDING, LOCAL, RINGS, SECOND, Words, descriptors, dwords, product, stack_middle

TARGETS = (0x9B, 0x98, 0x9F, 0x1B, 0x93, 0x82)
"""Access bytes of what a gate leads to: code of three kinds, code that is absent, data, an LDT."""

THIRD = 18
ROOM = (4, 8, 12, 15, 16, 19, 20, 24, 28, 31, 32)


def probes(words: Words) -> Iterator[Asked]:
    """Gates over DPL, RPL and target; what they name; the stacks that the task state gives."""
    calls, jumps = words.named("CALL (far)"), words.named("JMP (far)")
    for number, (gate_dpl, rpl, cpl, access, dpl) in enumerate(product(RINGS, RINGS, RINGS, TARGETS, RINGS)):
        target = SECOND << 3 | (number + cpl) % 4
        table = tables(at.gate(at.CALL_GATE, target, LANDING, dpl=gate_dpl, count=(0, 2, 4)[number % 3]), access, dpl)
        for form in (calls[number % 2], jumps[number // 2 % 2]):
            yield through(words, form, rpl, cpl, **table)
    for form, cpl in product((*calls, *jumps), RINGS):
        for target in (0, 3, LOCAL, 0x60 << 3, ENTRY << 3, 0x1000):
            yield through(words, form, 0, cpl, gdt={ENTRY: at.gate(at.CALL_GATE, target, LANDING, dpl=3)})
        for dpl, count in product(range(cpl + 1), (0, 1, 3, 4, 5, 31)):
            gate = at.gate(at.CALL_GATE, SECOND << 3, LANDING, dpl=3, count=count)
            yield through(words, form, 0, cpl, **tables(gate, 0x9B, dpl))
        absent = at.gate(at.CALL_GATE & ~0x80, SECOND << 3, LANDING, dpl=3)
        yield through(words, form, 0, cpl, **tables(absent, 0x9B, 0))
        for offset in (0, LIMIT, LIMIT + 1):
            gate = at.gate(at.CALL_GATE, SECOND << 3, offset, dpl=3)
            code = {ENTRY: gate, SECOND: descriptors(0x9B, base=BASE, limit=LIMIT)}
            yield through(words, form, 0, cpl, gdt=code)
    for form in calls:
        for state in inner_stacks():
            cpl, ring = state.pop("cpl"), state.pop("ring")
            gate = at.gate(at.CALL_GATE, SECOND << 3 | ring, LANDING, dpl=3, count=2)
            found = tables(gate, 0x9B, ring)
            found["gdt"] |= state.pop("gdt")
            found["memory"] = state.pop("memory")
            yield through(words, form, 0, cpl, **found, **state)


def tables(gate: int, access: int, dpl: int) -> dict[str, Any]:
    """A gate, and the descriptor that it leads to."""
    return {"gdt": {ENTRY: gate, SECOND: descriptors(access | dpl << 5)}}


def through(words: Words, form: Instruction, rpl: int, cpl: int, **state: Any) -> Asked:
    """A probe of a far transfer through the gate."""
    memory = {stack_middle(cpl): dwords(*range(0x1111, 0x9999, 0x1111)), **state.pop("memory", {})}
    asked, probe = going(words, form, ENTRY << 3 | rpl, 0xDEAD, cpl, **state)
    return asked, type(probe)(**{**vars(probe), "memory": {**probe.memory, **memory}})


def inner_stacks() -> Iterator[dict[str, Any]]:
    """States whose task has an odd stack for ring 1 or 2; that of ring 0 is needed to see the end of a probe."""
    for (ring, cpl), access, rpl in product(((1, 2), (1, 3), (2, 3)), range(256), RINGS):
        if (access + rpl + cpl) % 4 == 0 or access & 0x9F == 0x93:
            yield inner(ring, cpl, at.stack_top(ring), THIRD << 3 | rpl, descriptors(access))
    for (ring, cpl), selector in product(((1, 2), (2, 3)), (0, ring_null := 1, 3, LOCAL, 0x1001, 0x60 << 3 | LOCAL)):
        yield inner(ring, cpl, at.stack_top(ring), selector | (ring if selector > ring_null else 0), 0)
    for (ring, cpl), top in product(((1, 2), (1, 3), (2, 3)), ROOM):
        small = descriptors(0x93 | ring << 5, base=at.stack_top(ring) - 256, limit=255)
        yield inner(ring, cpl, top, THIRD << 3 | ring, small)
        down = descriptors(0x97 | ring << 5, base=at.stack_top(ring) - 256, limit=63)
        yield inner(ring, cpl, 64 + top, THIRD << 3 | ring, down)
    for (ring, cpl), limit in product(((1, 2), (2, 3), (1, 3)), (0x0B, 0x12, 0x13, 0x1A, 0x1B, 0x66)):
        task = at.segment(at.TSS, limit, at.TSS_AVAILABLE)
        state = inner(ring, cpl, at.stack_top(ring), at.data_selector(ring), 0)
        yield {**state, "gdt": {**state["gdt"], THIRD + 1: task}, "tr": THIRD + 1 << 3}


def inner(ring: int, cpl: int, top: int, selector: int, descriptor: int) -> dict[str, Any]:
    """A state in `cpl` whose task names the stack `selector`:`top` for `ring`."""
    place: Mapping[int, bytes] = {at.TSS + 4 + 8 * ring: dwords(top, selector)}
    return {"ring": ring, "cpl": cpl, "gdt": {THIRD: descriptor}, "memory": place}
