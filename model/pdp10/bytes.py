"""Bytes: IBP, ILDB, LDB, IDPB and DPB.

A byte pointer has the position P of the byte (how many bits lie right of it), its size S, and an address with
I and X as an instruction has. An instruction is all or nothing here, so that First Part Done is set only by a
program that restores it; then ILDB and IDPB do not increment.
"""

from ..terms import FALSE, Term, bits, concat, ite
from .group import Group
from .machine import PDP10
from .word import right

byte_instructions = Group()


def _position(pointer: Term) -> Term:
    return pointer[35:30].zext(36)


def _mask(pointer: Term) -> Term:
    """As many ones as the byte has bits, at the right of a word."""
    return ~(bits(-1, 36) << pointer[29:24].zext(36))


def _incremented(cpu: PDP10, pointer: Term) -> Term:
    """The pointer to the next byte: further right in the word, or at the left of the next."""
    position, size = pointer[35:30], pointer[29:24]
    fits = position >= size
    following = cpu.next_byte_word(pointer)
    place = ite(fits, position - size, bits(36, 6) - size)
    return concat(place, ite(fits, pointer[29:0], following))


def _step(cpu: PDP10, e: Term) -> Term:
    """C(E), stored back incremented unless the first part is done."""
    with cpu.when(cpu.BIS):
        kept = cpu.read(e)
    with cpu.when(~cpu.BIS):
        stepped = _incremented(cpu, cpu.read(e, rewrite=True))
        cpu.write(e, stepped)
    return ite(cpu.BIS, kept, stepped)


def _load(cpu: PDP10, ac: Term, pointer: Term) -> None:
    place = right(cpu.effective_word(pointer))
    cpu.set_ac(ac, (cpu.read(place) >> _position(pointer)) & _mask(pointer))
    cpu.BIS = FALSE


def _deposit(cpu: PDP10, ac: Term, pointer: Term) -> None:
    place = right(cpu.effective_word(pointer))
    mask = _mask(pointer) << _position(pointer)
    byte = cpu.ac(ac) << _position(pointer)
    cpu.write(place, (cpu.read(place, rewrite=True) & ~mask) | (byte & mask))
    cpu.BIS = FALSE


@byte_instructions("IBP", 0o133)
def increment_byte_pointer(cpu: PDP10, ac: Term, e: Term) -> None:
    """Increments the byte pointer in E."""
    _step(cpu, e)


@byte_instructions("ILDB", 0o134)
def increment_and_load_byte(cpu: PDP10, ac: Term, e: Term) -> None:
    """Increments the byte pointer in E and loads the byte into AC."""
    _load(cpu, ac, _step(cpu, e))


@byte_instructions("LDB", 0o135)
def load_byte(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC) := the byte that C(E) points to."""
    _load(cpu, ac, cpu.read(e))


@byte_instructions("IDPB", 0o136)
def increment_and_deposit_byte(cpu: PDP10, ac: Term, e: Term) -> None:
    """Increments the byte pointer in E and deposits the right end of AC there."""
    _deposit(cpu, ac, _step(cpu, e))


@byte_instructions("DPB", 0o137)
def deposit_byte(cpu: PDP10, ac: Term, e: Term) -> None:
    """The byte that C(E) points to := the right end of AC."""
    _deposit(cpu, ac, cpu.read(e))
