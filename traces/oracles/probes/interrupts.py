"""INT n, INT3, INTO and INT1 through the IDT: every type of gate, its privilege, its target, the inner stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from ..bochs_states import RELAY
from .gates import TARGETS, inner_stacks
from .transfers import BASE, LIMIT
from .words import ENTRY, LANDING, LOCAL, RINGS, SECOND, Words, descriptors, product

VECTOR = 0x40
DEBUG = 1
VECTORS = {"INT n": VECTOR, "INT3": 3, "INTO": 4, "INT1": DEBUG}
FLAGS = (0x0002, 0x4A02, 0x0B03, 0x4802)
"""Images of EFLAGS with and without IF, TF, NT, OF and CF. OF clear makes INTO go on."""


def probes(words: Words) -> Iterator[Asked]:
    """Gates of all types; targets; stacks; what lies beyond the IDT."""
    forms = [(words.named(row)[0], vector) for row, vector in VECTORS.items()]
    for number, (kind, dpl, cpl) in enumerate(product(range(64), RINGS, RINGS)):
        access = (kind & 0x1F) | (kind & 0x20) << 2
        gate = at.gate(access, at.code_selector(0), LANDING, dpl=dpl)
        for form, vector in forms:
            yield interrupting(words, form, vector, gate, cpl, flags=FLAGS[number % 4])
    for number, (access, dpl, cpl, rpl) in enumerate(product(TARGETS, RINGS, RINGS, RINGS)):
        kind = (at.INTERRUPT_GATE, at.TRAP_GATE)[number % 2]
        gate = at.gate(kind, SECOND << 3 | rpl, LANDING, dpl=3)
        for form, vector in forms:
            code = {SECOND: descriptors(access | dpl << 5)}
            yield interrupting(words, form, vector, gate, cpl, gdt=code, flags=FLAGS[number // 2 % 4])
    for (form, vector), cpl, target in product(forms, RINGS, (0, 3, LOCAL, 0x1000, ENTRY << 3)):
        gate = at.gate(at.INTERRUPT_GATE, target, LANDING, dpl=3)
        yield interrupting(words, form, vector, gate, cpl)
    for (form, vector), cpl, offset in product(forms, RINGS, (0, LIMIT - 1, LIMIT, LIMIT + 1)):
        if vector == DEBUG and offset == LIMIT:
            continue  # a relay has two bytes
        gate = at.gate(at.TRAP_GATE, SECOND << 3, offset, dpl=3)
        code = {SECOND: descriptors(0x9B, base=BASE, limit=LIMIT)}
        yield interrupting(words, form, vector, gate, cpl, gdt=code)
    gate = at.gate(at.INTERRUPT_GATE, at.code_selector(0), LANDING, dpl=3)
    for cpl, missing in product(RINGS, (0, 1, 7, 8)):
        yield interrupting(words, forms[0][0], VECTOR, gate, cpl, idt_limit=8 * (VECTOR + 3) - 1)
        yield words.ask(
            forms[0][0], {"imm": VECTOR + 2}, cpl=cpl, idt={VECTOR + 2: gate}, idt_limit=8 * (VECTOR + 3) - 1 - missing
        )
    for number, state in enumerate(inner_stacks()):
        form, vector = forms[number % 4]
        ring = state.pop("ring")
        gdt = {SECOND: descriptors(0x9B | ring << 5), **state.pop("gdt")}
        gate = at.gate(at.TRAP_GATE, SECOND << 3 | ring, LANDING, dpl=3)
        yield interrupting(words, form, vector, gate, state.pop("cpl"), gdt=gdt, flags=0x802, **state)


def interrupting(
    words: Words, form: Instruction, vector: int, gate: int, cpl: int, *, flags: int = 0x802, **state: Any
) -> Asked:
    """A probe of an interrupt by instruction. That of vector 1 ends at relays, since F1 would raise vector 1 again."""
    operands = {"imm": vector} if "imm" in form.encoding.fields else {}
    placed = dict(state.pop("memory", {}))
    if vector == DEBUG:
        relay = bytes((0xCD, RELAY))
        placed |= {LANDING: relay, BASE: relay, BASE + LIMIT - 1: relay}
    return words.ask(form, operands, cpl=cpl, idt={vector: gate}, eflags=flags, memory=placed, **state)
