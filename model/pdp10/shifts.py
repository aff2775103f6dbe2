"""Shifts and rotations, single and combined (AC with AC+1), and JFFO.

E is a signed count: bits 28 to 35 give it modulo 256, bit 18 turns it to the right.
"""

from ..terms import Term, bits, concat, ite, urem
from .group import Group
from .machine import PDP10
from .word import is_negative

shifts = Group()


def _to_the_right(e: Term) -> Term:
    return e.bit(17)


def _count(e: Term) -> Term:
    """How many places, 0 to 255; a count of -256 moves nothing."""
    return ite(_to_the_right(e), -e[7:0], e[7:0])


def _rotation(e: Term, width: int) -> Term:
    """How many places to the left a word of `width` bits turns. A count of -256 turns, unlike a shift's."""
    magnitude = ite(_to_the_right(e), bits(256, 9) - e[7:0].zext(9), e[7:0].zext(9))
    places = urem(magnitude, bits(width, 9))
    return ite(_to_the_right(e) & (places != 0), bits(width, 9) - places, places)


def _logical(word: Term, e: Term) -> Term:
    places = _count(e).zext(word.width)
    return ite(_to_the_right(e), word >> places, word << places)


def _rotated(word: Term, e: Term) -> Term:
    places = _rotation(e, word.width).zext(word.width)
    return (word << places) | (word >> (bits(word.width, word.width) - places))


def _arithmetic(cpu: PDP10, word: Term, e: Term) -> Term:
    """The sign stays; Overflow if a bit unlike the sign leaves the number at the left."""
    size = word.width - 1
    negative, number = is_negative(word), word[size - 1 : 0]
    places = _count(e).zext(word.width)
    lost = _bits_lost(negative, number, _count(e))
    cpu.overflow(~_to_the_right(e) & lost)
    moved = concat(word[size], number << places[size - 1 : 0])
    return ite(_to_the_right(e), word.sar(places), moved)


def _bits_lost(negative: Term, number: Term, count: Term) -> Term:
    """A bit unlike the sign is among the `count` that leave `number` at the left (zeros, once it is used up)."""
    size = number.width
    kept = bits(size, size) - count.zext(size)
    unlike = ite(negative, ~number, number)
    whole = ite(negative & (count > size), bits(-1, size), unlike)
    return ite(count >= size, whole != 0, (unlike >> kept) != 0)


@shifts("ASH", 0o240)
def arithmetic_shift(cpu: PDP10, ac: Term, e: Term) -> None:
    """Shifts AC arithmetically: bit 0, the sign, stays."""
    cpu.set_ac(ac, _arithmetic(cpu, cpu.ac(ac), e))


@shifts("ROT", 0o241)
def rotate(cpu: PDP10, ac: Term, e: Term) -> None:
    """Rotates AC."""
    cpu.set_ac(ac, _rotated(cpu.ac(ac), e))


@shifts("LSH", 0o242)
def logical_shift(cpu: PDP10, ac: Term, e: Term) -> None:
    """Shifts AC, bringing in zeros."""
    cpu.set_ac(ac, _logical(cpu.ac(ac), e))


@shifts("JFFO", 0o243)
def jump_if_find_first_one(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC+1) := the number of zeros left of the first 1 in AC; jumps to E. If AC is zero, C(AC+1) := 0 only."""
    word = cpu.ac(ac)
    zeros = bits(0, 36)
    for position in range(36):
        zeros = ite(word.bit(position), bits(35 - position, 36), zeros)
    cpu.jump(e, word != 0)
    cpu.set_ac(ac + 1, zeros)


def _pair(cpu: PDP10, ac: Term) -> Term:
    return concat(cpu.ac(ac), cpu.ac(ac + 1))


def _set_pair(cpu: PDP10, ac: Term, pair: Term) -> None:
    cpu.set_ac(ac, pair[71:36])
    cpu.set_ac(ac + 1, pair[35:0])


@shifts("ASHC", 0o244)
def arithmetic_shift_combined(cpu: PDP10, ac: Term, e: Term) -> None:
    """Shifts the 70 bits of AC and AC+1 without their signs; the sign of AC goes to both. Count 0 does nothing."""
    number = concat(cpu.ac(ac), cpu.ac(ac + 1)[34:0])
    with cpu.when(_count(e) != 0):
        moved = _arithmetic(cpu, number, e)
        cpu.set_ac(ac, moved[70:35])
        cpu.set_ac(ac + 1, concat(moved[70], moved[34:0]))


@shifts("ROTC", 0o245)
def rotate_combined(cpu: PDP10, ac: Term, e: Term) -> None:
    """Rotates the 72 bits of AC and AC+1."""
    _set_pair(cpu, ac, _rotated(_pair(cpu, ac), e))


@shifts("LSHC", 0o246)
def logical_shift_combined(cpu: PDP10, ac: Term, e: Term) -> None:
    """Shifts the 72 bits of AC and AC+1, bringing in zeros."""
    _set_pair(cpu, ac, _logical(_pair(cpu, ac), e))
