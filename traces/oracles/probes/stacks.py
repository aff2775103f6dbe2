"""Pushes and pops about the limit of a small stack, growing up and down, in rings 1 to 3.

The end of a probe in ring 0 is pushed on the probe's own stack, so small stacks are left to the outer rings.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LANDING, Words, descriptors, dwords, memory, product

ROWS = ("PUSH", "POP", "PUSHA", "POPA", "ENTER", "LEAVE", "PUSH (segment)", "POP (segment)", "PUSHF", "POPF", "CALL",
        "RET", "RET (far)", "CALL (far)", "IRET")  # fmt: skip
SIZE, PLACE = 0x40, at.SCRATCH + 0x2000
TOPS = (0, 1, 2, 3, 4, 8, SIZE - 8, SIZE - 4, SIZE - 3, SIZE - 2, SIZE - 1, SIZE, SIZE + 4, 0xFFFFFFFC, 0xFFFFFFFF)
GROWING_UP, GROWING_DOWN = 0x93, 0x97


def probes(words: Words) -> Iterator[Asked]:
    """Each form that uses the stack, with ESP about the ends of the stack."""
    number = 0
    for form, top, access in product(words.named(*ROWS), TOPS, (GROWING_UP, GROWING_DOWN)):
        if form.name == "RET" and top % 4:
            continue  # it would go to where the harness is
        number += 1
        cpl = 1 + number % 3
        yield small(words, form, cpl, top if access == GROWING_UP else top + SIZE & 0xFFFFFFFF, access)


def small(words: Words, form: Instruction, cpl: int, top: int, access: int) -> Asked:
    """A probe with ESP at `top` in a stack of `SIZE` bytes, or in all of memory but those."""
    place = {"mod": 3, "rm": 1, "index": 4}
    if "Sreg" not in form.syntax and "m16:" in form.syntax:
        place = memory(at.SCRATCH)
    code, data = at.code_selector(cpl), at.data_selector(cpl)
    far = code << 32 | LANDING
    width = getattr(form.encoding.fields["imm"].sort, "width", 0) if "imm" in form.encoding.fields else 0
    operands = {"imm": far if width == 48 else 8, "imm2": 1, **place}
    fields = {name: value for name, value in operands.items() if name in form.encoding.fields}
    # Enough below the stack's ends to hold what lies there; all of it is data selectors, which may be popped.
    around = {PLACE - 0x20: dwords(*[data] * 0x30)}
    return words.ask(
        form,
        fields,
        cpl=cpl,
        gdt={ENTRY: descriptors(access | cpl << 5, base=PLACE, limit=SIZE - 1)},
        selectors={"ss": ENTRY << 3 | cpl},
        registers={"esp": top, "ebp": top, "ecx": LANDING},
        memory={at.SCRATCH: dwords(LANDING, code), **around},
    )
