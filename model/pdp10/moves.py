"""Full-word moves: MOVE, MOVS, MOVN, MOVM, EXCH and BLT."""

from ..terms import FALSE, Term, bits, concat, ite
from .arithmetic import subtract
from .group import Group
from .machine import PDP10
from .modes import unary_modes
from .word import is_negative, left, right, swap

moves = Group()


def negated(cpu: PDP10, word: Term) -> Term:
    return subtract(cpu, bits(0, 36), word)


def magnitude(cpu: PDP10, word: Term) -> Term:
    negative = is_negative(word)
    with cpu.when(negative):
        positive = negated(cpu, word)
    return ite(negative, positive, word)


unary_modes(moves, "MOVE", 0o200, lambda cpu, word: word, "the word")
unary_modes(moves, "MOVS", 0o204, lambda cpu, word: swap(word), "the halves exchanged of")
unary_modes(moves, "MOVN", 0o210, negated, "the negative of")
unary_modes(moves, "MOVM", 0o214, magnitude, "the magnitude of")


@moves("EXCH", 0o250)
def exchange(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC) and C(E) change places."""
    word = cpu.read(e)
    cpu.write(e, cpu.ac(ac))
    cpu.set_ac(ac, word)


@moves("BLT", 0o251)
def block_transfer(cpu: PDP10, ac: Term, e: Term) -> None:
    """Moves words from where the left half of AC points to where the right half does, up to E.

    One step moves one word, as if an interrupt came after each: where more is to come, AC holds the progress
    and PC stays on the instruction.
    """
    pointer = cpu.ac(ac)
    cpu.write(right(pointer), cpu.read(left(pointer)))
    with cpu.when(right(pointer) < e):
        cpu.set_ac(ac, cpu.add_to_halves(pointer, 1)[0])
        cpu.PC = cpu.PC - 1


double_moves = Group()
"""Two words at once; on the KI10 and its successors."""


def _second(ac: Term) -> Term:
    return ac + 1


def _negated_pair(high: Term, low: Term) -> tuple[Term, Term]:
    """The negative of a double-length number, whose low word has 35 bits; no flag is set."""
    rest = -low[34:0]
    return ite(rest == 0, -high, ~high), concat(bits(0, 1), rest)


@double_moves("DMOVE", 0o120)
def double_move(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC), C(AC+1) := C(E), C(E+1)."""
    high, low = cpu.read(e), cpu.read(e + 1)
    cpu.set_ac(ac, high)
    cpu.set_ac(_second(ac), low)
    cpu.BIS = FALSE


@double_moves("DMOVN", 0o121)
def double_negative(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC), C(AC+1) := the negative of C(E), C(E+1)."""
    high, low = _negated_pair(cpu.read(e), cpu.read(e + 1))
    cpu.set_ac(ac, high)
    cpu.set_ac(_second(ac), low)
    cpu.BIS = FALSE


@double_moves("DMOVEM", 0o124)
def double_move_to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(E), C(E+1) := C(AC), C(AC+1); with First Part Done set, only the second."""
    low = cpu.ac(_second(ac))
    with cpu.when(~cpu.BIS):
        cpu.write(e, cpu.ac(ac))
    cpu.write(e + 1, low)
    cpu.BIS = FALSE


@double_moves("DMOVNM", 0o125)
def double_negative_to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(E), C(E+1) := the negative of C(AC), C(AC+1); with First Part Done set, only the second.

    The low word is read again after the first is stored, which may be in it.
    """
    high, _ = _negated_pair(cpu.ac(ac), cpu.ac(_second(ac)))
    with cpu.when(~cpu.BIS):
        cpu.write(e, high)
    _, low = _negated_pair(high, cpu.ac(_second(ac)))
    cpu.write(e + 1, low)
    cpu.BIS = FALSE
