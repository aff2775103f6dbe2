"""Every form of a system instruction, in every ring, with every IOPL, with its operands in registers and in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringproof.model.ia32 import SYSTEM
from ringproof.model.ia32.forms import Form
from ringproof.model.machine import Instruction

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LANDING, RINGS, Words, dwords, memory, product, register, stack_middle

PORT, COUNT, VECTOR = 0x300, 2, 0x78
IOPL = 12
REPEATED = ("REP",)


def probes(words: Words) -> Iterator[Asked]:
    """Each form with each kind of operand, at each ring and IOPL."""
    for form in words.forms.values():
        if not is_system(form):
            continue
        for operands, cpl, iopl in product(operand_choices(form), RINGS, RINGS):
            yield words.ask(form, operands, **surroundings(form, cpl, iopl))


def is_system(form: Instruction) -> bool:
    """Whether the form is declared in one of the model's files of system instructions."""
    meaning = form.meaning
    assert isinstance(meaning, Form)
    return meaning.body.__module__.rpartition(".")[2] in SYSTEM


def operand_choices(form: Instruction) -> list[dict[str, int]]:
    """The operands to try: registers and memory; each number of a system register; a far pointer, a vector, a port."""
    terms = form.encoding.fields
    choices: list[dict[str, int]] = [{}]
    if "mod" in terms:
        either = [place for place in (register(1), memory(at.SCRATCH)) if _fits(form, place)]
        choices = either if "index" in terms else [register(1)]
    if "Sreg" in form.syntax or "CRn" in form.syntax or "DRn" in form.syntax:
        choices = [{**choice, "reg": number} for choice in choices for number in range(8)]
    elif "reg" in terms:
        choices = [{**choice, "reg": 0} for choice in choices]
    if "imm" in terms:
        width = getattr(terms["imm"].sort, "width", 0)
        value = {48: at.code_selector(3) << 32 | LANDING, 16: 8}.get(width, VECTOR)
        choices = [{**choice, "imm": value} for choice in choices]
    return choices


def _fits(form: Instruction, place: Mapping[str, int]) -> bool:
    """Whether an operand may be a register, or memory, in this form."""
    return "m" in form.syntax.partition(" ")[2] if place["mod"] != 3 else "r/m" in form.syntax or "/m" in form.syntax


def surroundings(form: Instruction, cpl: int, iopl: int) -> dict[str, Any]:
    """A state in which a form finds a selector in ECX and on the stack, a gate, a port, and what it reads in memory."""
    top = stack_middle(cpl)
    data, code = at.data_selector(cpl), at.code_selector(cpl)
    syntax = form.syntax
    if "m16&32" in syntax:
        operand = (0x1FF).to_bytes(2, "little") + dwords(0xAA000000 | at.GDT if "LGDT" in syntax else at.IDT)
        operand = operand if "LGDT" not in syntax else (0xFFF).to_bytes(2, "little") + dwords(at.GDT)
    elif "m16:16" in syntax:
        operand = (0x1234).to_bytes(2, "little") + data.to_bytes(2, "little")
    elif "m16:32" in syntax:
        operand = dwords(LANDING, data if "," in syntax else code)
    else:
        operand = dwords(data)
    repeated = syntax.startswith(REPEATED)
    handler = at.gate(at.INTERRUPT_GATE, at.code_selector(0), LANDING, dpl=3)
    gates = {VECTOR: handler, 3: handler, 4: handler}
    relayed = {}
    if "INT1" in syntax:
        gates[1] = handler
        relayed = {LANDING: b"\xcd\x41"}
    return {
        "cpl": cpl,
        "eflags": 2 | iopl << IOPL | 0x801,
        "registers": {
            "eax": 0x11223344, "ecx": COUNT if repeated else data, "edx": PORT, "esi": at.SCRATCH + 16,
            "edi": at.SCRATCH + 32,
        },
        "gdt": {ENTRY: at.segment(at.SCRATCH, 0x67, at.TSS_AVAILABLE)},
        "idt": gates,
        "memory": {
            top: dwords(data, code, 0x3207, stack_middle(3), at.data_selector(3)), at.SCRATCH: operand, **relayed,
        },
        "msrs": {0x174: at.code_selector(0), 0x175: at.stack_top(0) - 64, 0x176: LANDING},
    }  # fmt: skip
