"""The M extension: multiplication and division. Unprivileged ISA manual, version 20240411, chapter 13.

Division by zero gives all ones, and the dividend as remainder; the one signed overflow gives the dividend and 0.
"""

from __future__ import annotations

from collections.abc import Callable

from ..terms import Term, ite, sdiv, srem, udiv, urem
from ..terms import bits as constant
from .cpu import RiscV
from .group import Group

multiplication = Group()

Binary = Callable[[Term, Term], Term]


def _high(first_signed: bool, second_signed: bool) -> Binary:
    """The upper half of the product."""

    def compute(a: Term, b: Term) -> Term:
        width = a.width
        wide_a = a.sext(2 * width) if first_signed else a.zext(2 * width)
        wide_b = b.sext(2 * width) if second_signed else b.zext(2 * width)
        return (wide_a * wide_b)[2 * width - 1 : width]

    return compute


def _divide(a: Term, b: Term) -> Term:
    return ite(b == 0, constant(-1, a.width), sdiv(a, b))


OPERATIONS: dict[str, tuple[str, Binary, str]] = {
    "MUL": ("000", lambda a, b: a * b, "the lower half of x[rs1] * x[rs2]"),
    "MULH": ("001", _high(True, True), "the upper half of the product, both signed"),
    "MULHSU": ("010", _high(True, False), "the upper half of the product, x[rs1] signed"),
    "MULHU": ("011", _high(False, False), "the upper half of the product, both unsigned"),
    "DIV": ("100", _divide, "x[rs1] / x[rs2], signed"),
    "DIVU": ("101", udiv, "x[rs1] / x[rs2], unsigned"),
    "REM": ("110", srem, "the remainder, signed"),
    "REMU": ("111", urem, "the remainder, unsigned"),
}


def _on_registers(operation: Binary) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, rs2: Term) -> None:
        cpu.set_x(rd, operation(cpu.x(rs1), cpu.x(rs2)))

    return meaning


def _on_words(operation: Binary) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, rs2: Term) -> None:
        cpu.set_word(rd, operation(cpu.word(rs1), cpu.word(rs2)))

    return meaning


for _name, (_funct3, _operation, _words) in OPERATIONS.items():
    _encoding = f"0000001 rs2 rs1 {_funct3} rd"
    multiplication.add(
        _name, "rd, rs1, rs2", f"{_encoding} 0110011", _on_registers(_operation), text=f"x[rd] := {_words}."
    )  # fmt: skip
    if not _name.startswith("MULH"):
        multiplication.add(
            f"{_name}W", "rd, rs1, rs2", f"{_encoding} 0111011", _on_words(_operation), xlen=64,
            text=f"x[rd] := {_words}, on the lower 32 bits, sign-extended.",
        )  # fmt: skip
