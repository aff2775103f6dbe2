"""Far JMP and CALL straight to code: every access byte, CPL and RPL, offsets about the limit, odd selectors."""

from __future__ import annotations

from collections.abc import Iterator

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LANDING, LOCAL, RINGS, Words, descriptors, dwords, memory, placed, product

BASE, LIMIT = 0x1C800, 0x7FF


def probes(words: Words) -> Iterator[Asked]:
    """JMP and CALL take turns over the access bytes; then offsets about the limit, and the odd selectors."""
    forms = words.named("JMP (far)", "CALL (far)")
    for number, (access, rpl, cpl) in enumerate(product(range(256), RINGS, RINGS)):
        selector, table = placed(descriptors(access), local=number % 3 == 2)
        for form in (forms[number % 4], forms[(number + 2) % 4]):
            yield going(words, form, selector | rpl, LANDING, cpl, **table)
    for form, cpl, conforming in product(forms, RINGS, (False, True)):
        access = at.CONFORMING if conforming else at.CODE_EXECUTE_ONLY | cpl << 5
        for offset in (0, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 2, 0xFFFFFFFF):
            code = descriptors(access, base=BASE, limit=LIMIT)
            yield going(words, form, ENTRY << 3 | cpl, offset, cpl, gdt={ENTRY: code})
    for form, cpl in product(forms, RINGS):
        for selector in (0, 3, LOCAL, 0x60 << 3 | LOCAL, at.code_selector(cpl), 0x1008, at.TSS_SELECTOR):
            yield going(words, form, selector, LANDING, cpl)
            yield going(words, form, selector, LANDING, cpl, ldtr=0)
        for missing in (0, 1, 8):
            limit = 8 * ENTRY + 7 - missing
            code = descriptors(at.CODE_READABLE | cpl << 5)
            yield going(words, form, ENTRY << 3 | cpl, LANDING, cpl, gdt={ENTRY: code}, gdt_limit=limit)


def going(words: Words, form: Instruction, selector: int, offset: int, cpl: int, **state: object) -> Asked:
    """A probe of a far transfer to a selector and an offset, in the instruction or in memory."""
    operands = memory(at.SCRATCH) if "mod" in form.encoding.fields else {"imm": selector << 32 | offset}
    return words.ask(form, operands, cpl=cpl, memory={at.SCRATCH: dwords(offset, selector)}, **state)
