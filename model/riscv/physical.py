"""Physical memory: cells of one byte, little-endian, and the checks that every access to it meets.

Memory lies at physical addresses below 2**32; above there is nothing, and an access is an access fault (privileged
manual, version 20240411, section 3.6). `frame` is added to every physical address, so that a whole machine can be moved
by pages; a real hart is one with frame 0.
"""

from __future__ import annotations

from ..terms import Term, concat, ite
from . import pmp
from .causes import Access
from .cpu import RiscV

PHYSICAL_BITS = {32: 34, 64: 56}
"""The width of a physical address, by XLEN."""

MEMORY_BITS = 32
PAGE_BITS = 12


def check(cpu: RiscV, first: Term, last: Term, rights: Access, level: Term, access: Access, address: Term) -> None:
    """An access to the bytes `first` to `last`, which lie within eight aligned bytes, is allowed.

    `rights` is what it does; if it may not, the fault is the one of `access` at the virtual `address`.
    """
    width = first.width
    allowed = pmp.permits(cpu, first[width - 1 : 2], last[width - 1 : 2], rights, level)
    cpu.trap(access.access_fault, when=~allowed | (first[width - 1 : MEMORY_BITS] != 0), tval=address)


def cell(cpu: RiscV, place: Term) -> Term:
    """The index of the cell at a physical address."""
    start: Term = place[MEMORY_BITS - 1 : 0] + cpu.frame
    return start


def read_bytes(cpu: RiscV, place: Term, count: int) -> Term:
    """The value of `count` bytes from a physical address on."""
    start = cell(cpu, place)
    return concat(*[cpu.memory[start + n] for n in reversed(range(count))])


def write_bytes(cpu: RiscV, place: Term, value: Term) -> None:
    """Writes the bytes of a value to physical addresses from `place` on."""
    start = cell(cpu, place)
    for n in range(value.width // 8):
        cpu.memory = cpu.memory.set(start + n, value[8 * n + 7 : 8 * n])


def read_across(cpu: RiscV, place: Term, next_page: Term, split: Term, count: int) -> Term:
    """The value of `count` bytes, of which those from number `split` on lie at the start of `next_page`."""
    places = _places(cpu, place, next_page, split, count)
    return concat(*[cpu.memory[where] for where in reversed(places)])


def write_across(cpu: RiscV, place: Term, next_page: Term, split: Term, value: Term) -> None:
    """Writes a value of which the bytes from number `split` on lie at the start of `next_page`."""
    for n, where in enumerate(_places(cpu, place, next_page, split, value.width // 8)):
        cpu.memory = cpu.memory.set(where, value[8 * n + 7 : 8 * n])


def _places(cpu: RiscV, place: Term, next_page: Term, split: Term, count: int) -> list[Term]:
    start, beyond = cell(cpu, place), cell(cpu, next_page) - split.zext(MEMORY_BITS)
    return [ite(split <= n, beyond, start) + n for n in range(count)]
