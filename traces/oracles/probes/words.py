"""The code of instruction forms, with operands where probes want them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from ringproof.model.ia32.encoding import to_bytes
from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import Interpreter

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from ..bochs_probe import REGISTERS, Probe
from ..ia32_steps import length_of

RINGS = range(4)
ENTRY, SECOND = 16, 17
"""The free entries of the GDT in which a probe's own descriptors lie."""

LOCAL = 4
LANDING = 0x1D000
"""Where far transfers lead, in the middle of memory that ends a probe."""


def register(number: int) -> dict[str, int]:
    """The operand fields of general register `number`."""
    return {"mod": 3, "rm": number}


def memory(address: int) -> dict[str, int]:
    """The operand fields of memory at an offset, without registers."""
    return {"mod": 0, "rm": 5, "index": 4, "disp": address & 0xFFFFFFFF}


def override(segment: int) -> int:
    """The prefix byte that names segment register `segment` (0 ES to 5 GS)."""
    return segment + 1 << 5


def dwords(*values: int) -> bytes:
    """Doublewords as they lie in memory."""
    return b"".join((value & 0xFFFFFFFF).to_bytes(4, "little") for value in values)


def stack_middle(ring: int) -> int:
    """Where the stack pointer of a probe starts in `ring`."""
    return at.stack_top(ring) - at.STACK_SIZE // 2


def descriptors(access: int, *, base: int = 0, limit: int | None = None, big: bool = True) -> int:
    """A descriptor with any access byte, of a segment or as a gate; by default it holds (nearly) all of memory."""
    if limit is None:
        limit = 0 if access & 0x1C == 0x14 else 0xFFFFFFFF
    flat = at.segment(base, limit, access & 0xFF, big=True)
    return flat if big else flat & ~(1 << 54)


def placed(descriptor: int, local: bool, entry: int = ENTRY) -> tuple[int, dict[str, Any]]:
    """A descriptor in the GDT or the LDT: its selector with RPL 0, and the probe's argument that puts it there."""
    if local:
        return entry << 3 | LOCAL, {"ldt": {entry: descriptor}}
    return entry << 3, {"gdt": {entry: descriptor}}


class Words:
    """The forms of a machine by their id, and the code of each with given operands."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter
        self.forms = {i.id: i for i in interpreter.machine.instructions}

    def named(self, *rows: str) -> list[Instruction]:
        """The forms of the classification's `rows`."""
        found = [i for i in self.forms.values() if i.name in rows]
        missing = set(rows) - {i.name for i in found}
        if missing:
            raise KeyError(f"no instruction is named {', '.join(sorted(missing))}")
        return found

    def code(self, form: Instruction | str, **operands: int) -> tuple[Instruction, bytes]:
        """A form and its code; operands that are not given are 0."""
        instruction = self.forms[form] if isinstance(form, str) else form
        terms = instruction.encoding.fields
        fields = {"index": 4} | {name: operands.get(name, 0) for name in terms if name != "index"}
        word = instruction.encoding.assemble(fields | operands)
        matches, found = self.interpreter.operands(instruction, word)
        if not matches:
            raise ValueError(f"{operands} are no operands of {instruction.id}")
        return instruction, to_bytes(word, length_of(instruction, found))

    def ask(self, form: Instruction | str, operands: Mapping[str, int], **state: Any) -> Asked:
        """One probe of a form."""
        instruction, code = self.code(form, **operands)
        return instruction, Probe(code=code, **state)


__all__ = [
    "ENTRY", "LANDING", "LOCAL", "REGISTERS", "RINGS", "SECOND", "Words", "descriptors", "dwords", "memory",
    "override", "placed", "product", "register", "stack_middle",
]  # fmt: skip
