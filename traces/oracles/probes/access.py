"""Reads and writes through every segment register: types, limits, expand-down, and code that ends at its limit."""

from __future__ import annotations

from collections.abc import Iterator

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, RINGS, Words, descriptors, memory, override, product

NAMES = ("es", "cs", "ss", "ds", "fs", "gs")
CODE, STACK = 1, 2
FORMS = (
    "MOV r8, r/m8 [8A /r]", "MOV r/m8, r8 [88 /r]", "MOV r16, r/m16 [66 8B /r]", "MOV r/m16, r16 [66 89 /r]",
    "MOV r32, r/m32 [8B /r]", "MOV r/m32, r32 [89 /r]", "ADD r/m32, r32 [01 /r]", "CMP r/m8, r8 [38 /r]",
    "XCHG r/m16, r16 [66 87 /r]", "NOT r/m32 [F7 /2]", "SETcc r/m8 [0F 90+cc /r]", "MOV r/m32, imm32 [C7 /0 id]",
)  # fmt: skip
"""Reading, writing and both, of one, two and four bytes."""

LIMIT, NEAR = 0x7F, 0xFFF
TYPES = (0x91, 0x93, 0x95, 0x97, 0x99, 0x9B, 0x9D, 0x9F)


def probes(words: Words) -> Iterator[Asked]:
    """Offsets about the limit of a segment of each type in each register that can hold it."""
    forms = [words.forms[form] for form in FORMS]
    offsets = (0, LIMIT - 4, LIMIT - 3, LIMIT - 2, LIMIT - 1, LIMIT, LIMIT + 1, 0xFFFE, 0xFFFF, 0xFFFFFFFC, 0xFFFFFFFF)
    number = 0
    for form, access, offset, big in product(forms, TYPES, offsets, (True, False)):
        number += 1
        cpl = number % 4
        for register in (number % 6, (number + 3) % 6):
            if not _holds(register, access) or (not big and register in (CODE, STACK)):
                continue
            privilege = cpl if register in (CODE, STACK) and access & 0x1C != 0x1C else number // 4 % (4 - cpl) + cpl
            base = at.CODE - 0x10 if register == CODE else at.SCRATCH
            if offset > NEAR and register != CODE:
                base = at.SCRATCH + 0x40 - offset & 0xFFFFFFFF
            segment = descriptors(access | privilege << 5, base=base, limit=LIMIT, big=big)
            selectors = {NAMES[register]: ENTRY << 3 | (cpl if register in (CODE, STACK) else 0)}
            if register == STACK and cpl == 0:
                continue  # the end of a probe in ring 0 is pushed there
            operands = {"prefix": override(register), "reg": 3, "cc": 4, "imm": 0x1357, **memory(offset)}
            fields = {name: value for name, value in operands.items() if name in form.encoding.fields}
            yield words.ask(
                form, fields, cpl=cpl, gdt={ENTRY: segment}, selectors=selectors, registers={"ebx": 0x11223344}
            )
    for form, register, cpl in product(forms, (0, 3, 4, 5), RINGS):
        for selector in (0, 3):
            operands = {"prefix": override(register), "reg": 3, **memory(at.SCRATCH)}
            fields = {name: value for name, value in operands.items() if name in form.encoding.fields}
            yield words.ask(form, fields, cpl=cpl, selectors={NAMES[register]: selector})
    yield from beyond_the_code(words)


def _holds(register: int, access: int) -> bool:
    """Whether a segment register can hold a segment with this access byte."""
    code = bool(access & 8)
    if register == CODE:
        return code
    return access & 0xA == 2 if register == STACK else not code or bool(access & 2)


BRANCHES = {
    "JMP rel8 [EB cb]": 1, "JMP rel32 [E9 cd]": 1, "CALL rel32 [E8 cd]": 1, "Jcc rel8 [70+cc cb]": 1,
    "Jcc rel32 [0F 80+cc cd]": 1, "LOOP rel8 [E2 cb]": 1, "JECXZ rel8 [E3 cb]": 1, "JMP r/m32 [FF /4]": 0,
    "CALL r/m32 [FF /2]": 0, "RET [C3]": 0, "RET imm16 [C2 iw]": 0,
}  # fmt: skip
"""Near transfers, and whether their operand is relative."""


def beyond_the_code(words: Words) -> Iterator[Asked]:
    """Near transfers to offsets about the limit of CS, and instructions of which a part lies beyond it."""
    limit = 0x5F
    for form, target, cpl, ecx in product(BRANCHES, (0, limit - 1, limit, limit + 1, limit + 9), RINGS, (0, 2)):
        code = descriptors(0x9B | cpl << 5, base=at.CODE, limit=limit)
        instruction, plain = words.code(form, **({"mod": 3} if not BRANCHES[form] and "/" in form else {}))
        start = 0x20
        displacement = target - start - len(plain)
        fields = {"imm": displacement if BRANCHES[form] else 8, "cc": 5, "mod": 3, "rm": 0}
        fields = {name: value for name, value in fields.items() if name in instruction.encoding.fields}
        if BRANCHES[form] and "8" in form.partition("[")[0]:
            fields["imm"] = displacement & 0xFF
        stack = at.stack_top(cpl) - at.STACK_SIZE // 2
        yield words.ask(
            instruction, fields, cpl=cpl, gdt={ENTRY: code}, selectors={"cs": ENTRY << 3 | cpl},
            registers={"eax": target, "ecx": ecx}, memory={stack: target.to_bytes(4, "little")},
            address=at.CODE + start,
        )  # fmt: skip
    for cpl, size in product(RINGS, (*range(9), 10, 11)):
        code = descriptors(0x9B | cpl << 5, base=at.CODE, limit=0x20 + size)
        operands = {"imm": 0x11223344, **memory(at.SCRATCH)}
        yield words.ask(
            "MOV r/m32, imm32 [C7 /0 id]", operands, cpl=cpl, gdt={ENTRY: code}, selectors={"cs": ENTRY << 3 | cpl},
            address=at.CODE + 0x20,
        )  # fmt: skip
