"""Fixed-point arithmetic: ADD, SUB, IMUL, MUL, IDIV, DIV, each with the modes I, M and B.

A double-length number has its sign and 35 high-order bits in AC, and 35 low-order bits in AC+1 (modulo 20),
whose bit 0 repeats the sign of a product and is ignored in a dividend.
"""

from collections.abc import Callable

from ..terms import Term, concat, ite, sdiv, srem
from .group import Group
from .machine import PDP10
from .modes import binary_modes
from .word import in_right, is_negative

arithmetic = Group()


def add(cpu: PDP10, a: Term, b: Term) -> Term:
    total = a + b
    cpu.carries(total < a, (a[34:0] + b[34:0]) < a[34:0])
    return total


def subtract(cpu: PDP10, a: Term, b: Term) -> Term:
    """a - b as a plus the complement of b plus 1, which decides the carries."""
    cpu.carries(a >= b, a[34:0] >= b[34:0])
    return a - b


def integer_multiply(cpu: PDP10, a: Term, b: Term) -> Term:
    """The sign and the 35 low-order bits of the product; Overflow if it is below -2**35 or not below 2**35."""
    product = cpu.multiplier(a) * b.sext(72)
    cpu.overflow(product[71:35] != product[71:71].sext(37))
    return concat(product[71], product[34:0])


binary_modes(arithmetic, "ADD", 0o270, add, "C(AC) + C(E)")
binary_modes(arithmetic, "SUB", 0o274, subtract, "C(AC) - C(E)")
binary_modes(arithmetic, "IMUL", 0o220, integer_multiply, "C(AC) x C(E), the low-order word")

Pair = tuple[Term, Term]
DoubleBinary = Callable[[PDP10, Term, Term], tuple[Pair, Term | bool]]
"""`function(cpu, ac, operand)` is the pair of results, and whether they are stored."""


def multiply(cpu: PDP10, ac: Term, operand: Term) -> tuple[Pair, Term | bool]:
    a = cpu.ac(ac)
    product = cpu.multiplier(a) * operand.sext(72)
    cpu.overflow(cpu.product_overflows(a, product))
    return (product[70:35], concat(product[70], product[34:0])), True


def integer_divide(cpu: PDP10, ac: Term, operand: Term) -> tuple[Pair, Term | bool]:
    """No Divide for a zero divisor, and for -2**35 divided by 1 or -1."""
    dividend = cpu.ac(ac)
    least = is_negative(dividend) & (dividend[34:0] == 0)
    refused = (operand == 0) | (least & ((operand == 1) | (operand == -1)))
    cpu.no_divide(refused)
    return (sdiv(dividend, operand), srem(dividend, operand)), ~refused


def divide(cpu: PDP10, ac: Term, operand: Term) -> tuple[Pair, Term | bool]:
    """No Divide where the magnitude of the high-order word is not below that of the divisor."""
    dividend = concat(cpu.ac(ac), cpu.ac(ac + 1)[34:0])
    refused = _magnitude(dividend)[70:35] >= _magnitude(operand)
    cpu.no_divide(refused)
    divisor = operand.sext(71)
    return (sdiv(dividend, divisor)[35:0], srem(dividend, divisor)[35:0]), ~refused


def _magnitude(number: Term) -> Term:
    return ite(is_negative(number), -number, number)


def double_modes(mnemonic: str, operation: int, function: DoubleBinary, formula: str) -> None:
    """X, XI, XM and XB: both words to AC and AC+1; to memory goes the first alone."""

    def to_accumulators(cpu: PDP10, ac: Term, pair: Pair) -> None:
        cpu.set_ac(ac, pair[0])
        cpu.set_ac(ac + 1, pair[1])

    def basic(cpu: PDP10, ac: Term, e: Term) -> None:
        pair, stored = function(cpu, ac, cpu.read(e))
        with cpu.when(stored):
            to_accumulators(cpu, ac, pair)

    def immediate(cpu: PDP10, ac: Term, e: Term) -> None:
        pair, stored = function(cpu, ac, in_right(e))
        with cpu.when(stored):
            to_accumulators(cpu, ac, pair)

    def to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
        pair, stored = function(cpu, ac, cpu.read(e, rewrite=True))
        with cpu.when(stored):
            cpu.write(e, pair[0])

    def to_both(cpu: PDP10, ac: Term, e: Term) -> None:
        pair, stored = function(cpu, ac, cpu.read(e, rewrite=True))
        with cpu.when(stored):
            cpu.write(e, pair[0])
            to_accumulators(cpu, ac, pair)

    arithmetic.add(mnemonic, operation, basic, f"C(AC), C(AC+1) := {formula}.")
    arithmetic.add(mnemonic + "I", operation + 1, immediate, f"C(AC), C(AC+1) := {formula}, with 0,,E for C(E).")
    arithmetic.add(mnemonic + "M", operation + 2, to_memory, f"C(E) := the first word of {formula}.")
    arithmetic.add(mnemonic + "B", operation + 3, to_both, f"C(AC), C(AC+1) := {formula}; C(E) := the first word.")


double_modes("MUL", 0o224, multiply, "C(AC) x C(E), double length")
double_modes("IDIV", 0o230, integer_divide, "C(AC) / C(E), quotient and remainder")
double_modes("DIV", 0o234, divide, "C(AC,AC+1) / C(E), quotient and remainder")
