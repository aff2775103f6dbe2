"""Loads and stores by virtual address: alignment, translation, protection, devices.

Unprivileged ISA manual, version 20240411, section 2.6. A misaligned access traps, or is performed in two parts that
are translated and checked one after the other; nothing is written where one of them faults. Atomic accesses must be
aligned.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..terms import FALSE, Term, bits, concat, ite
from . import devices
from .causes import Access
from .cpu import RiscV
from .physical import PAGE_BITS, check, read_across, read_bytes, write_across, write_bytes
from .translation import translate

BLOCK = 8
"""Bytes that are checked at once: an access within eight aligned bytes is one part."""


@dataclass(frozen=True)
class Reach:
    """Where the bytes of an access lie: from `place` on, or, where `across` holds, in two pages."""

    place: Term
    size: int
    across: Term
    next_page: Term
    split: Term
    """How many bytes lie before the next aligned block (4 bits)."""


def effective_level(cpu: RiscV) -> Term:
    """The privilege with which data are accessed. Privileged manual, section 3.1.6.3."""
    return ite(cpu.MPRV, cpu.MPP, cpu.priv) if cpu.machine_mode.value else cpu.priv


def reach(cpu: RiscV, address: Term, size: int, access: Access, *, atomic: bool = False) -> Reach:
    """The place of `size` bytes at a virtual address; traps where they may not be accessed."""
    level = effective_level(cpu)
    misaligned = address[size.bit_length() - 2 : 0] != 0 if size > 1 else FALSE
    whole = atomic or not cpu.misaligned.value or size == 1
    if whole:
        cpu.trap(access.misaligned, when=misaligned, tval=address)
    place = translate(cpu, address, access, level)
    split = bits(BLOCK, 4) - address[2:0].zext(4)
    crosses = FALSE if whole else split < size
    last = ite(crosses, place | (BLOCK - 1), place + (size - 1))
    check(cpu, place, last, access, level, access, address)
    if whole:
        return Reach(place, size, FALSE, place, split)
    block = concat(address[address.width - 1 : 3] + 1, bits(0, 3))
    across = crosses & (block[PAGE_BITS - 1 : 0] == 0)
    with cpu.when(across):
        next_page = translate(cpu, block, access, level)
    second = ite(across, next_page, concat(place[place.width - 1 : 3] + 1, bits(0, 3)))
    with cpu.when(crosses):
        end = (address + (size - 1))[2:0]
        check(cpu, second, concat(second[second.width - 1 : 3], end), access, level, access, block)
    return Reach(place, size, across, next_page, split)


def get(cpu: RiscV, where: Reach) -> Term:
    """The value at a place that was reached."""
    near = read_bytes(cpu, where.place, where.size)
    if where.across is FALSE:
        return near
    return ite(where.across, read_across(cpu, where.place, where.next_page, where.split, where.size), near)


def put(cpu: RiscV, where: Reach, value: Term) -> None:
    """Writes a value at a place that was reached."""
    with cpu.when(~where.across):
        write_bytes(cpu, where.place, value)
    if where.across is not FALSE:
        with cpu.when(where.across):
            write_across(cpu, where.place, where.next_page, where.split, value)


def load(cpu: RiscV, address: Term, size: int) -> Term:
    """The value of `size` bytes at a virtual address."""
    where = reach(cpu, address, size, Access.LOAD)
    return devices.load(cpu, where.place, size, address, lambda: get(cpu, where))


def store(cpu: RiscV, address: Term, value: Term) -> None:
    """Writes a value at a virtual address."""
    where = reach(cpu, address, value.width // 8, Access.STORE)
    devices.store(cpu, where.place, value, address, lambda: put(cpu, where, value))


def fetch_half(cpu: RiscV, address: Term) -> Term:
    """The 16 bits of code at an even virtual address."""
    place = translate(cpu, address, Access.FETCH, cpu.priv)
    check(cpu, place, place + 1, Access.FETCH, cpu.priv, Access.FETCH, address)
    return read_bytes(cpu, place, 2)
