"""Decoded instructions in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ringproof.model.machine import Instruction
from ringproof.model.terms import Term, var

from .layout import ENTRY, Layout, Slot


def operand_slots(instruction: Instruction, first: int, base: int | None) -> tuple[dict[str, Slot], int]:
    """Where an entry that starts at 0 has the operands of `instruction`, and its size."""
    layout = Layout(first)
    encoding = instruction.encoding
    layout.place({node.name: node.sort for node in _operands(encoding.variables, encoding.length)})
    return {name: Slot(slot.offset, base) for name, slot in layout.slots.items()}, layout.top


def _operands(variables: dict[str, Term], length: Term) -> list[Term]:
    every = list(variables.values())
    return every if length.is_constant else [*every, var("$length", length.sort)]


@dataclass(frozen=True)
class Entry:
    """A decoded instruction in memory: the fetched cells (8 bytes each) from 0 on, then what executes it (4 bytes), the
    instruction's number (4 bytes), and its operands from `first_operand` on."""

    cells: int

    @property
    def handler(self) -> int:
        return 8 * self.cells

    @property
    def number(self) -> int:
        return self.handler + 4

    @property
    def first_operand(self) -> int:
        return self.handler + 8

    def size(self, instructions: Iterable[Instruction]) -> int:
        """The bytes of an entry, a power of two, so that any of the instructions fits."""
        sizes = [operand_slots(instruction, self.first_operand, 0)[1] for instruction in instructions]
        return 1 << (max(sizes, default=self.first_operand) - 1).bit_length()

    def slots(self, instruction: Instruction) -> dict[str, Slot]:
        """Where an entry has the variables of an instruction's operands."""
        slots, _ = operand_slots(instruction, self.first_operand, ENTRY)
        return {f"${name}" if not name.startswith("$") else name: slot for name, slot in slots.items()}
