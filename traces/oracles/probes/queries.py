"""LAR, LSL, VERR, VERW and ARPL: every access byte, CPL and RPL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LOCAL, RINGS, Words, descriptors, dwords, memory, placed, product, register, stack_middle

LIMITS = (0xFFFFFFFF, 0x1234, 0x345FFF)


def probes(words: Words) -> Iterator[Asked]:
    """The forms take turns over the access bytes, so that each sees all of them, though not with every RPL and CPL."""
    forms = words.named("LAR", "LSL", "VERR", "VERW")
    for number, (access, rpl, cpl, form) in enumerate(product(range(256), RINGS, RINGS, forms)):
        if (number // 7 + access + rpl) % 2:
            continue
        selector, table = placed(descriptors(access, limit=LIMITS[number % 3]), local=number % 5 == 4)
        yield asking(words, form.id, selector | rpl, cpl, in_memory=number % 4 == 1, **table)
    for form, cpl in product(forms, RINGS):
        for selector in (0, 1, 2, 3, LOCAL, LOCAL | 3, 0x60 << 3 | LOCAL, at.code_selector(cpl), 0xFFFF, 0x1000):
            yield asking(words, form.id, selector, cpl)
            yield asking(words, form.id, selector, cpl, in_memory=True, ldtr=0)
        short: dict[str, Any] = {"gdt": {ENTRY: descriptors(0x93 | cpl << 5)}}
        for missing in (0, 1, 8):
            yield asking(words, form.id, ENTRY << 3 | cpl, cpl, gdt_limit=8 * ENTRY + 7 - missing, **short)
    for form, ours, theirs, cpl in product(words.named("ARPL"), RINGS, RINGS, RINGS):
        for place in (register(1), memory(at.SCRATCH)):
            yield words.ask(
                form, {"reg": 2, **place}, cpl=cpl, registers={"ecx": 0xABCD0050 | ours, "edx": 0x20 | theirs},
                memory={at.SCRATCH: dwords(0x12340030 | ours)},
            )  # fmt: skip


def asking(words: Words, form: str, selector: int, cpl: int, *, in_memory: bool = False, **state: object) -> Asked:
    """A probe of a form about a selector."""
    operands = {"reg": 2, **(memory(at.SCRATCH) if in_memory else register(1))}
    if "/r" not in form:
        del operands["reg"]
    return words.ask(
        form, operands, cpl=cpl, registers={"ecx": 0xFFFF0000 | selector, "edx": 0xABCDABCD},
        memory={at.SCRATCH: dwords(selector), stack_middle(cpl): dwords(0)}, **state,
    )  # fmt: skip
