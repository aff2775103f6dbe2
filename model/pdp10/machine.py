"""What the KA10 and the KI10 share: accumulators, effective addresses, memory, flags, and the PC word.

Addresses 0 to 17 are the accumulators, in every mode and for every use, instructions included; they are the
component `AC`, apart from core. Where the real processor goes on at once with another instruction (XCT, and
the unimplemented user operations), the model takes a step of its own: `executing` says that the next
instruction comes from `execute_address`, while PC stays.

Source: the simulators of R. Cornwell (KA10, KI10), checked by running instructions on both.
"""

from __future__ import annotations

from ..cpu import Cause, Cpu, Kind
from ..machine import PROGRAM, RESOURCE, Machine
from ..terms import FALSE, TRUE, Array, BitVec, Bool, Term, bits, concat, ite, join_bits
from .word import ADDRESS_WIDTH, in_right, right

MUUO = Cause("MUUO", Kind.PROGRAM, 0o40)
ILLEGAL = Cause("illegal instruction", Kind.PRIVILEGE, 0o40)
UNASSIGNED = Cause("unassigned code", Kind.UNDEFINED, 0o60)
TOO_DEEP = Cause("indirect addressing deeper than the model follows", Kind.UNSUPPORTED)

ACCUMULATORS = 0o20


class PDP10(Cpu):
    """The words of the manual. What is not implemented here is each processor's own."""

    AC: Term
    core: Term
    PC: Term
    OV: Term
    CRY0: Term
    CRY1: Term
    FOV: Term
    BIS: Term
    FXU: Term
    DCK: Term
    UIO: Term
    executing: Term
    execute_address: Term
    uuo: Term

    # Accumulators and memory.

    def ac(self, number: Term) -> Term:
        return self.AC[number]

    def set_ac(self, number: Term, word: Term) -> None:
        self.AC = self.AC.set(number, word)

    def load_core(self, address: Term, *, rewrite: bool) -> Term:
        """The word of core at a program's address; traps where the program may not reach it."""
        raise NotImplementedError

    def store_core(self, address: Term, word: Term) -> None:
        """Stores a word of core at a program's address; traps where the program may not."""
        raise NotImplementedError

    def read(self, address: Term, *, rewrite: bool = False) -> Term:
        """C(address); with `rewrite` the same cycle will write it, and the program must be allowed to."""
        with self.when(address >= ACCUMULATORS):
            word = self.load_core(address, rewrite=rewrite)
        return ite(address < ACCUMULATORS, self.AC[address[3:0]], word)

    def write(self, address: Term, word: Term) -> None:
        """C(address) := word."""
        with self.when(address < ACCUMULATORS):
            self.AC = self.AC.set(address[3:0], word)
        with self.when(address >= ACCUMULATORS):
            self.store_core(address, word)

    # Effective addresses.

    def effective_word(self, word: Term) -> Term:
        """The word that the address calculation of `word` ends with; its right half is E.

        Its left half matters to JRST alone: it is that of the index register (with the carry out of the
        right half), of the last word fetched indirectly, or of the instruction itself.
        """
        for _ in range(self.indirection.value):
            again = word.bit(22)
            word = self._indexed(word)
            with self.when(again):
                word = ite(again, self.read(right(word)), concat(word[35:23], bits(0, 5), right(word)))
        self.trap(TOO_DEEP, when=word.bit(22))
        return self._indexed(word)

    def _indexed(self, word: Term) -> Term:
        index = word[21:18]
        return ite(index == 0, word, in_right(right(word)) + self.AC[index])

    # The PC word.

    @property
    def user(self) -> Term:
        """The processor is in user mode."""
        raise NotImplementedError

    def pc_word(self, address: Term) -> Term:
        """The flags in the left half, `address` in the right."""
        raise NotImplementedError

    def load_flags(self, word: Term) -> None:
        """Flags 0 to 4, 11 and 12 from a PC word."""
        self.OV, self.CRY0, self.CRY1, self.FOV = (word.bit(n) for n in (35, 34, 33, 32))
        self.BIS, self.FXU, self.DCK = (word.bit(n) for n in (31, 24, 23))

    def flags(self, first: Term, *middle: Term | int) -> Term:
        """The left half of a PC word with `first` as bit 0 and `middle` as bits 7 to 10."""
        high = join_bits(first, self.CRY0, self.CRY1, self.FOV, self.BIS, self.user, self.UIO)
        return concat(high, join_bits(*middle, self.FXU, self.DCK), bits(0, 5))

    def leave_subroutine_flags(self) -> None:
        """What a subroutine call clears once it has saved the flags."""
        self.BIS = FALSE

    # Arithmetic flags.

    def overflow(self, when: Term) -> None:
        self.OV = self.OV | when

    def no_divide(self, when: Term) -> None:
        self.DCK = self.DCK | when
        self.overflow(when)

    def carries(self, carry0: Term, carry1: Term) -> None:
        """Carries out of bits 0 and 1; they differ where the result does not fit."""
        self.CRY0 = self.CRY0 | carry0
        self.CRY1 = self.CRY1 | carry1
        self.overflow(carry0 ^ carry1)

    def pushdown_overflow(self, when: Term) -> None:
        """The left half of a stack pointer ran out."""
        raise NotImplementedError

    # Multiplication and bytes.

    def multiplier(self, word: Term) -> Term:
        """The accumulator of a multiplication as a number of 72 bits."""
        raise NotImplementedError

    def product_overflows(self, ac: Term, product: Term) -> Term:
        """MUL sets Overflow here."""
        raise NotImplementedError

    def next_byte_word(self, pointer: Term) -> Term:
        """The 30 bits without the position, for a byte pointer that moves on to the next word."""
        raise NotImplementedError

    # Both halves at once (AOBJN, PUSH, BLT).

    def add_to_halves(self, word: Term, amount: int) -> tuple[Term, Term]:
        """The word with `amount` added to both halves, and whether the left half carried out of bit 0."""
        raise NotImplementedError

    # Control.

    def execute(self, address: Term) -> None:
        """The next instruction is the one at `address`; PC stays on this one until it is done."""
        self.executing = TRUE
        self.execute_address = address
        self.PC = self.PC - 1

    def skip(self, when: Term) -> None:
        self.PC = ite(when, self.PC + 1, self.PC)

    def jump(self, address: Term, when: Term | bool = True) -> None:
        self.PC = ite(when, address, self.PC)

    def in_out_illegal(self, device: Term) -> Term:
        """In-out instructions for `device` trap here."""
        raise NotImplementedError

    def control_illegal(self) -> Term:
        """JRST 4 and JRST 10 trap here."""
        raise NotImplementedError

    def restore_flags(self, word: Term) -> None:
        """JRST 2."""
        raise NotImplementedError

    def change_mode(self) -> None:
        """JRST 1."""
        raise NotImplementedError

    def executive_execute(self, ac: Term) -> None:
        """What the accumulator field of XCT asks for."""
        raise NotImplementedError

    def local_operation_supported(self) -> None:
        """Traps where the model leaves out what an LUUO does."""
        raise NotImplementedError


def declare_program(machine: Machine) -> None:
    """The components of role program, and the two resources that both processors have."""
    machine.component("AC", Array(4, 36), PROGRAM, "the accumulators, which are addresses 0 to 17")
    machine.component("PC", BitVec(ADDRESS_WIDTH), PROGRAM, "program counter")
    machine.component("OV", Bool, PROGRAM, "Overflow")
    machine.component("CRY0", Bool, PROGRAM, "Carry 0")
    machine.component("CRY1", Bool, PROGRAM, "Carry 1")
    machine.component("FOV", Bool, PROGRAM, "Floating Overflow")
    machine.component("BIS", Bool, PROGRAM, "First Part Done (byte interrupt)")
    machine.component("FXU", Bool, PROGRAM, "Floating Underflow")
    machine.component("DCK", Bool, PROGRAM, "No Divide")
    machine.component("executing", Bool, PROGRAM, "the next instruction is at execute_address, not at PC")
    machine.component("execute_address", BitVec(ADDRESS_WIDTH), PROGRAM, "the operand of XCT, or 41 after an LUUO")
    machine.component("UIO", Bool, RESOURCE, "User In-Out: in user mode, in-out instructions do not trap")
    machine.component("halted", Bool, RESOURCE, "the processor has stopped")
    machine.configuration("indirection", 1, "levels of indirect addressing that the model follows", width=3)


def begin(cpu: Cpu, length: Term) -> None:
    """The instruction counts as fetched: PC moves on, and what XCT asked for is done."""
    cpu.PC = cpu.PC + length
    cpu.executing = False
