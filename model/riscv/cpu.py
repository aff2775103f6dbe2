"""The words in which RISC-V instructions are written: registers, the program counter, loads and stores.

Unprivileged ISA manual, version 20240411, chapter 2. Addresses and registers have XLEN bits, 32 or 64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cpu import Cpu
from ..terms import FALSE, Term, any_of, bits, ite
from .causes import FETCH_MISALIGNED, ILLEGAL, RESERVED

U, S, M = 0, 1, 3
LEVELS = (U, S, M)
"""Privilege levels. Privileged manual, section 1.2."""


class RiscV(Cpu):
    """The hart while one instruction runs: `before` is the state that it began in, `PC` already the next address."""

    before: Mapping[str, Term]

    # Components that methods here write; the others need no annotation.
    X: Any
    PC: Any

    def __init__(self, state: Mapping[str, Term], constants: Mapping[str, Term]) -> None:
        super().__init__(state, constants)
        object.__setattr__(self, "before", dict(state))

    @property
    def start(self) -> Term:
        """The address of the instruction."""
        return self.before["PC"]

    @property
    def xlen(self) -> int:
        return self.start.width

    # Integer registers.

    def x(self, number: Term) -> Term:
        """Register x`number`; x0 is zero."""
        return ite(number == 0, bits(0, self.xlen), self.X[number])

    def set_x(self, number: Term, value: Term) -> None:
        """Writes register x`number`; x0 stays zero."""
        with self.when(number != 0):
            self.X = self.X.set(number, value)

    def word(self, number: Term) -> Term:
        """The lower 32 bits of a register."""
        return self.x(number)[31:0]

    def set_word(self, number: Term, value: Term) -> None:
        """Writes 32 bits to a register, sign-extended."""
        self.set_x(number, value.sext(self.xlen))

    # Control transfers.

    def jump(self, target: Term) -> None:
        """Goes to an even address; where compressed instructions are off it must be a multiple of four."""
        self.trap(FETCH_MISALIGNED, when=target.bit(1) & ~self.C, tval=target)
        self.PC = target

    # Privilege.

    def is_at(self, level: int, privilege: Term | None = None) -> Term:
        """The privilege, by default the hart's, is `level`; M-mode only where the configuration has it."""
        if level == M and not self.machine_mode.value:
            return FALSE
        found: Term = (self.priv if privilege is None else privilege) == level
        return found

    def at_least(self, level: int) -> Term:
        """The hart's privilege is `level` or more."""
        return any_of(*[self.is_at(each) for each in LEVELS if each >= level])

    def require(self, allowed: Term) -> None:
        """An illegal-instruction exception for lack of privilege, unless `allowed`."""
        self.trap(ILLEGAL, when=~allowed)

    def undefined(self, when: Term | bool = True) -> None:
        """An illegal-instruction exception at every level."""
        self.trap(RESERVED, when=when)
