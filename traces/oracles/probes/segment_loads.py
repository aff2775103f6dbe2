"""Loads of every segment register: all access bytes, DPL against CPL and RPL, null selectors, tables too short."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LOCAL, RINGS, Words, descriptors, dwords, memory, placed, product, register, stack_middle

SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS")
STACK = 2
Load = tuple[Instruction, dict[str, int]]


def probes(words: Words) -> Iterator[Asked]:
    """Every access byte for SS and for a data segment register, by forms that take turns; then the odd selectors."""
    for loads in (loads_of(words, (STACK,)), loads_of(words, (0, 3, 4, 5))):
        turn = cycle(loads)
        for number, (access, rpl, cpl) in enumerate(product(range(256), RINGS, RINGS)):
            selector, table = placed(descriptors(access), local=number % 3 == 2)
            form, operands = next(turn)
            yield loading(words, form, operands, selector | rpl, cpl, **table)
    for (form, operands), cpl in product(loads_of(words, (0, 2, 3, 4, 5)), RINGS):
        for selector in (0, 1, 2, 3, LOCAL, 0x60 << 3 | LOCAL, at.data_selector(cpl), at.GDT_LIMIT & ~7 | 3):
            yield loading(words, form, operands, selector, cpl)
            yield loading(words, form, operands, selector, cpl, ldtr=0)
        short = {"gdt_limit": 8 * ENTRY + 7, "gdt": {ENTRY: descriptors(0x93 | cpl << 5)}}
        for missing in (0, 1, 8):
            short["gdt_limit"] = 8 * ENTRY + 7 - missing
            yield loading(words, form, operands, ENTRY << 3 | cpl, cpl, **short)


def loads_of(words: Words, numbers: tuple[int, ...]) -> list[Load]:
    """The forms that load the segment registers `numbers`, with their operands."""
    found: list[Load] = []
    for form in words.named("MOV (to segment)"):
        found += [(form, {"reg": n, **place}) for n in numbers for place in (register(1), memory(at.SCRATCH))]
    found += [(form, {}) for form in words.named("POP (segment)") if form.syntax[4:6] in _names(numbers)]
    for form in words.named(*[f"L{name}" for name in _names(numbers)]):
        found.append((form, {"reg": 2, **memory(at.SCRATCH)}))
    return found


def _names(numbers: tuple[int, ...]) -> list[str]:
    return [SEGMENTS[number] for number in numbers]


def loading(
    words: Words, form: Instruction, operands: dict[str, int], selector: int, cpl: int, **state: object
) -> Asked:
    """A probe of a form that finds the selector wherever it may look for it."""
    size = 2 if "m16:16" in form.syntax else 4 if "m16:32" in form.syntax else 0
    pointer = (0x89ABCDEF).to_bytes(4, "little")[:size] + dwords(selector)
    return words.ask(
        form,
        operands,
        cpl=cpl,
        registers={"ecx": 0xFFFF0000 | selector},
        memory={stack_middle(cpl): dwords(0x77770000 | selector), at.SCRATCH: pointer},
        **state,
    )
