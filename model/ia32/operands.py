"""Operands, by the names that the manual gives them, for all operand values at once.

A form's syntax ("ADD r/m32, r32") names its operands; `operand` makes each from the encoding's fields.
`read` gives a bit-vector of the operand's size and `write` takes one. SDM vol. 2, section 3.1.1.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..terms import FALSE, TRUE, Term, TermError, bits, ite

if TYPE_CHECKING:
    from .cpu import IA32

REGISTERS = {
    32: ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"),
    16: ("AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI"),
    8: ("AL", "CL", "DL", "BL", "AH", "CH", "DH", "BH"),
}
SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS")
Fields = Mapping[str, Term]


def pick(number: Term, values: tuple[Term, ...]) -> Term:
    """`values[number]`, as a tree of choices over the number's bits; missing last values repeat the last."""
    level = list(values) + [values[-1]] * ((1 << number.width) - len(values))
    for position in range(number.width):
        bit = number.bit(position)
        level = [ite(bit, level[i + 1], level[i]) for i in range(0, len(level), 2)]
    return level[0]


class Operand:
    """What an instruction reads or writes. `size` is in bits; `is_memory` says whether it lies in memory."""

    size: int
    is_memory: Term = FALSE

    def read(self, cpu: IA32) -> Term:
        raise TermError(f"a {type(self).__name__} operand is not read as a value")

    def write(self, cpu: IA32, value: Term) -> None:
        raise TermError(f"a {type(self).__name__} operand is not written as a value")

    def address(self, cpu: IA32) -> tuple[Segment, Term]:
        """The segment and the offset. Raises TermError for an operand that has none."""
        raise TermError(f"a {type(self).__name__} operand has no address")


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment register's cache, fixed or chosen by an override. `is_stack`: it is SS, so faults are #SS."""

    base: Term
    limit: Term
    access: Term
    big: Term
    is_stack: Term


@dataclass(eq=False)
class Register(Operand):
    """A general register by its number, 3 bits."""

    number: Term
    size: int

    def read(self, cpu: IA32) -> Term:
        return cpu.register(self.number, self.size)

    def write(self, cpu: IA32, value: Term) -> None:
        cpu.set_register(self.number, self.size, value)


@dataclass(eq=False)
class Memory(Operand):
    """A memory operand by ModRM; the address is formed once, when it is first used."""

    fields: Fields
    size: int
    is_memory: Term = TRUE
    _address: tuple[Segment, Term] | None = None

    def read(self, cpu: IA32) -> Term:
        return cpu.load(*self.address(cpu), self.size // 8)

    def write(self, cpu: IA32, value: Term) -> None:
        cpu.store(*self.address(cpu), value)

    def address(self, cpu: IA32) -> tuple[Segment, Term]:
        if self._address is None:
            self._address = self._form(cpu)
        return self._address

    def displace(self, cpu: IA32, amount: Term) -> None:
        """Moves the operand by `amount` bytes, as a bit test does by its bit offset."""
        segment, offset = self.address(cpu)
        self._address = segment, offset + amount

    def _form(self, cpu: IA32) -> tuple[Segment, Term]:
        """Base + index * scale + displacement, in SS where the base is ESP or EBP. SDM vol. 2, 2.1.5."""
        mod, base, index, scale = (self.fields[name] for name in ("mod", "rm", "index", "scale"))
        no_base = (base == 5) & (mod == 0)
        shifted = cpu.register(index, 32)
        scaled = pick(scale, tuple(shifted << n for n in range(4)))
        offset = (
            ite(no_base, bits(0, 32), cpu.register(base, 32))
            + ite(index == 4, bits(0, 32), scaled)
            + self.fields["disp"]
        )
        return cpu.override(default_is_stack=(base[2:1] == 2) & ~no_base), offset


@dataclass(eq=False)
class Offset(Memory):
    """A memory operand by a 32-bit offset in the instruction (moffs), in DS unless overridden."""

    def _form(self, cpu: IA32) -> tuple[Segment, Term]:
        return cpu.override(), self.fields["imm"]


@dataclass(eq=False)
class Either(Operand):
    """r/m: a register or memory, by ModRM's mod field.

    Where the two sizes differ ("r32/m16"), reading gives memory's; a register is written whole, a shorter
    value zero-extended.
    """

    register: Register
    memory: Memory
    is_memory: Term

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.memory.size

    def read(self, cpu: IA32) -> Term:
        with cpu.when(self.is_memory):
            loaded = self.memory.read(cpu)
        return ite(self.is_memory, loaded, self.register.read(cpu)[self.size - 1 : 0])

    def write(self, cpu: IA32, value: Term) -> None:
        with cpu.when(self.is_memory):
            self.memory.write(cpu, value[self.size - 1 : 0])
        with cpu.when(~self.is_memory):
            self.register.write(cpu, value.zext(self.register.size))

    def address(self, cpu: IA32) -> tuple[Segment, Term]:
        return self.memory.address(cpu)


@dataclass(eq=False)
class Immediate(Operand):
    """An immediate, a branch displacement, or a number that the syntax fixes."""

    value: Term

    @property
    def size(self) -> int:  # type: ignore[override]
        return self.value.width

    def read(self, cpu: IA32) -> Term:
        return self.value


@dataclass(eq=False)
class FarPointer(Operand):
    """ptr16:32: an offset and a selector in the instruction."""

    selector: Term
    offset: Term
    size: int = 48


@dataclass(eq=False)
class SegmentRegister(Operand):
    """A segment register by its number (0 ES to 5 GS; 6 and 7 are none); reading gives the selector."""

    number: Term
    size: int = 16

    def read(self, cpu: IA32) -> Term:
        return cpu.selector(self.number)


@dataclass(eq=False)
class SystemRegister(Operand):
    """A control or debug register by its number, 3 bits; `kind` is "CR" or "DR"."""

    number: Term
    kind: str
    size: int = 32


MEMORY_SIZES = {"m": 0, "m8": 8, "m16": 16, "m32": 32, "m64": 64, "m16:16": 32, "m16:32": 48, "m16&32": 48}
MEMORY_SIZES |= {"m16&16": 32, "m32&32": 64}
FIXED = {name: (number, size) for size, names in REGISTERS.items() for number, name in enumerate(names)}


def operand(text: str, fields: Fields) -> Operand:
    """The operand that the manual calls `text`. Raises TermError for a name that the manual does not have."""
    if text in FIXED:
        number, size = FIXED[text]
        return Register(bits(number, 3), size)
    if text in SEGMENTS:
        return SegmentRegister(bits(SEGMENTS.index(text), 3))
    if text.isdigit():
        return Immediate(bits(int(text), 8))
    if match := re.fullmatch(r"r(\d+)", text):
        return Register(fields["reg"], int(match[1]))
    if match := re.fullmatch(r"rm(\d+)", text):
        return Register(fields["rm"], int(match[1]))
    if match := re.fullmatch(r"r(\d*)/m(\d+)", text):
        size = int(match[2])
        is_memory = fields["mod"] != 3
        register = Register(fields["rm"], int(match[1] or size))
        return Either(register, Memory(fields, size, is_memory), is_memory)
    if text in MEMORY_SIZES:
        return Memory(fields, MEMORY_SIZES[text])
    if match := re.fullmatch(r"moffs(\d+)", text):
        return Offset(fields, int(match[1]))
    if text.startswith(("imm", "rel")):
        second = "imm2" in fields and fields["imm2"].width == int(text[3:])
        return Immediate(fields["imm2" if second else "imm"])
    if text == "ptr16:32":
        return FarPointer(fields["imm"][47:32], fields["imm"][31:0])
    if text == "ptr16:16":
        return FarPointer(fields["imm"][31:16], fields["imm"][15:0].zext(32))
    if text == "Sreg":
        return SegmentRegister(fields["reg"])
    if text in ("CRn", "DRn"):
        return SystemRegister(fields["reg"], text[:2])
    raise TermError(f"the manual has no operand named {text!r}")


def may_be_memory(text: str) -> bool:
    """Whether the operand that the manual calls `text` is given by ModRM and may lie in memory."""
    return "/m" in text or text in MEMORY_SIZES
