"""Groups of instructions: name, operands, encoding and meaning together, a row each, as the manual's tables.

base = Group()

@base("ADD", "rd, rs1, rs2", "0000000 rs2 rs1 000 rd 0110011")
def add(cpu: RiscV, rd: Term, rs1: Term, rs2: Term) -> None:
    cpu.set_x(rd, cpu.x(rs1) + cpu.x(rs2))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..encoding import Encoding
from ..machine import Machine
from .encoding import encode

SIGNED = {"imm"}
NAME = re.compile(r"[a-z]\w*")


@dataclass(frozen=True)
class Row:
    name: str
    syntax: str
    encoding: Encoding
    meaning: Callable[..., None]
    xlen: int | None


class Group:
    """Instructions to be added to machines. `wrap` is put around every meaning of the group."""

    def __init__(self, wrap: Callable[[Callable[..., None]], Callable[..., None]] | None = None) -> None:
        self.rows: list[Row] = []
        self._wrap = wrap or (lambda meaning: meaning)

    def __call__(
        self, name: str, operands: str, encoding: str, *, xlen: int | None = None
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Declares an instruction, as a decorator of its meaning; `xlen` where it exists at one XLEN alone."""

        def declare(meaning: Callable[..., None]) -> Callable[..., None]:
            self.add(name, operands, encoding, meaning, xlen=xlen)
            return meaning

        return declare

    def add(
        self, name: str, operands: str, encoding: str, meaning: Callable[..., None], *, xlen: int | None = None,
        text: str = "",
    ) -> None:  # fmt: skip
        """Declares an instruction of a regular family, described by `text` if it is given."""
        wrapped = self._wrap(meaning)
        if text:
            wrapped.__doc__ = text
        syntax = f"{name.lower()} {operands}".strip()
        self.rows.append(Row(name, syntax, encode(encoding), wrapped, xlen))

    def add_to(self, machine: Machine, xlen: int) -> None:
        for row in self.rows:
            if row.xlen in (None, xlen):
                machine.add(row.name, row.syntax, row.encoding, row.meaning, _render(row))


def _render(row: Row) -> Callable[[Mapping[str, int]], str]:
    def render(fields: Mapping[str, int]) -> str:
        """`addi x1, x2, -3`."""

        def value(match: re.Match[str]) -> str:
            name: Any = match[0]
            if name not in row.encoding.fields:
                return str(name)
            number = fields[name]
            if name in ("rd", "rs1", "rs2"):
                return f"x{number}"
            width = row.encoding.fields[name].width
            return str(number - (1 << width) if name in SIGNED and number >> (width - 1) else number)

        mnemonic, _, operands = row.syntax.partition(" ")
        return f"{mnemonic} {NAME.sub(value, operands)}".strip()

    return render
