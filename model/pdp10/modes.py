"""The regular modes of the full-word groups: Basic, Immediate, to Memory, and to Both or Self."""

from collections.abc import Callable

from ..terms import Term
from .group import Group
from .machine import PDP10
from .word import in_right

Binary = Callable[[PDP10, Term, Term], Term]
"""`function(cpu, C(AC), operand)` is the result; it may set flags."""

Unary = Callable[[PDP10, Term], Term]
"""`function(cpu, source)` is the result."""


def binary_modes(group: Group, mnemonic: str, operation: int, function: Binary, formula: str) -> None:
    """X, XI, XM and XB: the result goes to AC, AC, C(E), and both."""

    def basic(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, function(cpu, cpu.ac(ac), cpu.read(e)))

    def immediate(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, function(cpu, cpu.ac(ac), in_right(e)))

    def to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.write(e, function(cpu, cpu.ac(ac), cpu.read(e, rewrite=True)))

    def to_both(cpu: PDP10, ac: Term, e: Term) -> None:
        result = function(cpu, cpu.ac(ac), cpu.read(e, rewrite=True))
        cpu.write(e, result)
        cpu.set_ac(ac, result)

    group.add(mnemonic, operation, basic, f"C(AC) := {formula}.")
    group.add(mnemonic + "I", operation + 1, immediate, f"C(AC) := {formula}, with 0,,E for C(E).")
    group.add(mnemonic + "M", operation + 2, to_memory, f"C(E) := {formula}.")
    group.add(mnemonic + "B", operation + 3, to_both, f"C(AC), C(E) := {formula}.")


def unary_modes(group: Group, mnemonic: str, operation: int, function: Unary, verb: str) -> None:
    """X, XI, XM and XS: from C(E) to AC, from 0,,E to AC, from AC to C(E), from C(E) to itself (and AC)."""

    def basic(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, function(cpu, cpu.read(e)))

    def immediate(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, function(cpu, in_right(e)))

    def to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.write(e, function(cpu, cpu.ac(ac)))

    def to_self(cpu: PDP10, ac: Term, e: Term) -> None:
        result = function(cpu, cpu.read(e, rewrite=True))
        cpu.write(e, result)
        set_unless_zero(cpu, ac, result)

    group.add(mnemonic, operation, basic, f"C(AC) := {verb} C(E).")
    group.add(mnemonic + "I", operation + 1, immediate, f"C(AC) := {verb} 0,,E.")
    group.add(mnemonic + "M", operation + 2, to_memory, f"C(E) := {verb} C(AC).")
    group.add(mnemonic + "S", operation + 3, to_self, f"C(E) := {verb} C(E), and C(AC) too unless AC is 0.")


def set_unless_zero(cpu: PDP10, ac: Term, word: Term) -> None:
    """C(AC) := word, unless AC is 0."""
    with cpu.when(ac != 0):
        cpu.set_ac(ac, word)
