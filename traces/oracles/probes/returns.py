"""Far RET and IRET: code and stack to return to, at the same level and outer ones, and the data segments dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .transfers import BASE, LIMIT
from .words import ENTRY, LANDING, LOCAL, RINGS, SECOND, Words, descriptors, dwords, placed, product, stack_middle

IMAGE = 0x3247
RELEASED = 8
DATA = (0x93, 0x91, 0x9B, 0x9F, 0x97)


def probes(words: Words) -> Iterator[Asked]:
    """Every access byte of the code, and of the stack; offsets about the limit; odd selectors; segments dropped."""
    forms = words.named("RET (far)", "IRET")
    for number, (access, rpl, cpl) in enumerate(product(range(256), RINGS, RINGS)):
        selector, table = placed(descriptors(access), local=number % 3 == 2)
        yield back(words, forms[number % 3], cpl, (selector | rpl, LANDING), at.data_selector(rpl), **table)
        yield back(words, forms[(number + 1) % 3], cpl, (selector | rpl, LANDING), at.data_selector(rpl), **table)
    outer = [(cpl, ring) for cpl, ring in product(RINGS, RINGS) if ring > cpl]
    for number, (access, rpl, (cpl, ring)) in enumerate(product(range(256), RINGS, outer)):
        selector, table = placed(descriptors(access), local=number % 5 == 4)
        if (number + access) % 2 == 0 or rpl == ring:
            code = at.code_selector(ring), LANDING
            yield back(words, forms[number % 3], cpl, code, selector | rpl, **table)
    for form, cpl in product(forms, RINGS):
        for selector in (0, 3, LOCAL | 3, 0x60 << 3 | LOCAL | 3, 0x1003, at.TSS_SELECTOR | 3):
            yield back(words, form, cpl, (selector, LANDING), at.data_selector(3))
            yield back(words, form, cpl, (at.code_selector(3), LANDING), selector)
        for ring, offset in product(range(cpl, 4), (0, LIMIT, LIMIT + 1, 0xFFFFFFFF)):
            small = descriptors(0x9B | ring << 5, base=BASE, limit=LIMIT)
            yield back(words, form, cpl, (ENTRY << 3 | ring, offset), at.data_selector(ring), gdt={ENTRY: small})
    for form, (cpl, ring), access, dpl in product(forms, outer, DATA, RINGS):
        if dpl < cpl and access != 0x9F:
            continue
        segments = {ENTRY: descriptors(access | dpl << 5), SECOND: descriptors(0x93 | 3 << 5)}
        held = {"ds": ENTRY << 3, "es": SECOND << 3 | 1, "fs": 3, "gs": ENTRY << 3}
        yield back(
            words, form, cpl, (at.code_selector(ring), LANDING), at.data_selector(ring), gdt=segments, selectors=held
        )


def back(
    words: Words, form: Instruction, cpl: int, code: tuple[int, int], stack: int, *, image: int = IMAGE, **state: Any
) -> Asked:
    """A probe of a return to a selector and an offset, with an outer stack above them."""
    operands = {"imm": RELEASED} if "imm" in form.encoding.fields else {}
    selector, offset = code
    ring = selector & 3
    frame = [offset, 0x55550000 | selector]
    if form.name == "IRET":
        frame.append(image)
    frame += [0xAAAA] * (operands.get("imm", 0) // 4)
    frame += [stack_middle(ring) - 16, 0x66660000 | stack]
    return words.ask(form, operands, cpl=cpl, memory={stack_middle(cpl): dwords(*frame)}, **state)
