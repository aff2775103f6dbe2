"""Ports under IOPL and the task's bitmap, and the flags that decide about interrupts, at every CPL and IOPL."""

from __future__ import annotations

from collections.abc import Iterator

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .returns import back
from .words import ENTRY, LANDING, RINGS, Words, dwords, product, stack_middle

PORT = 0x300
IOPL = 12
BITMAPS = (
    (0x00, 0x00),
    (0x01, 0x00),
    (0x02, 0x00),
    (0x08, 0x00),
    (0x10, 0x00),
    (0xFF, 0xFF),
    (0x80, 0x01),
    (0x00, 0xFE),
)
OFFSETS = (0, 3, 7)
IF, VIF, VIP, NT, AC, ID, RF, DF = 1 << 9, 1 << 19, 1 << 20, 1 << 14, 1 << 18, 1 << 21, 1 << 16, 1 << 10
IMAGES = (0x00000002, 0x003C7ED7, 0x00003202, 0x00000202, 0x00001A93, 0x00240C46, 0x00184000)
"""Images of EFLAGS without TF and VM, which would trap at the landing or leave protected mode."""

STARTS = (0x2, IF | 0x8D5, VIF | VIP | IF, NT | AC | ID | DF, RF | VIF)
FLAG_ROWS = ("CLI", "STI", "PUSHF", "POPF", "IRET", "HLT", "LAHF", "SAHF", "CLD", "STD", "CLC", "STC", "CMC")
BITMAP_BASES = (0x68, 0x67, 0x2068, 0x2067, 0x1FFF, 0xFFFF, 0)


def probes(words: Words) -> Iterator[Asked]:
    """Ports, then flags."""
    forms = words.named("IN", "OUT", "INS", "OUTS")
    for number, (form, cpl, iopl, bitmap) in enumerate(product(forms, RINGS, RINGS, BITMAPS)):
        port = PORT + OFFSETS[number % 3]
        yield at_port(words, form.id, cpl, iopl, port, bitmap)
    for form, cpl, base in product(forms, (1, 3), BITMAP_BASES):
        task = at.segment(at.TSS, (0x2068, 0x67, 0x68, 0x66)[base % 4], at.TSS_AVAILABLE)
        where = {at.TSS + 0x66: base.to_bytes(2, "little")}
        yield at_port(words, form.id, cpl, 0, PORT, (0, 0), where, gdt={ENTRY: task}, tr=ENTRY << 3)
    for form, cpl, iopl, start in product(words.named(*FLAG_ROWS), RINGS, RINGS, STARTS):
        for image in IMAGES if form.name in ("POPF", "IRET") else IMAGES[:1]:
            yield with_flags(words, form.id, cpl, start | iopl << IOPL, image)
    for form, cpl, ring, iopl in product(words.named("IRET"), RINGS, RINGS, RINGS):
        for image in IMAGES:
            code = at.code_selector(ring), LANDING
            flags = 2 | iopl << IOPL
            yield back(words, form, cpl, code, at.data_selector(ring), image=image, eflags=flags)


def at_port(
    words: Words, form: str, cpl: int, iopl: int, port: int, bitmap: tuple[int, int],
    where: dict[int, bytes] | None = None, **state: object,
) -> Asked:  # fmt: skip
    """A probe of a form at a port; the two bytes of the bitmap are those of `PORT` and of the next eight ports."""
    instruction = words.forms[form]
    operands = {}
    if "imm" in instruction.encoding.fields:
        port = port - PORT + 0x70 | 0x78  # a port of one byte, without a device
        operands = {"imm": port}
    repeated = instruction.syntax.startswith("REP")
    index = port // 8
    return words.ask(
        instruction, operands, cpl=cpl, eflags=2 | iopl << IOPL,
        registers={
            "eax": 0x55667788, "ecx": 2 if repeated else 7, "edx": 0xABCD0000 | port, "esi": at.SCRATCH,
            "edi": at.SCRATCH + 16,
        },
        io_bitmap={index: bitmap[0], index + 1: bitmap[1]}, memory=where or {}, **state,
    )  # fmt: skip


def with_flags(words: Words, form: str, cpl: int, flags: int, image: int) -> Asked:
    """A probe with flags before, and an image of flags on the stack, or above the frame of a return."""
    if words.forms[form].name == "IRET":
        return back(words, words.forms[form], cpl, (at.code_selector(cpl), LANDING), 0, image=image, eflags=flags)
    return words.ask(
        form, {}, cpl=cpl, eflags=flags, registers={"eax": 0x9900}, memory={stack_middle(cpl): dwords(image)}
    )
