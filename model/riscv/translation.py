"""Virtual memory: Sv39, and Sv32 where XLEN is 32. Privileged manual, version 20240411, sections 12.3 and 12.4.

Every translation reads the page table: there is no cache of translations, so SFENCE.VMA has nothing to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..terms import FALSE, Term, all_of, any_of, bits, concat, ite
from .causes import Access
from .cpu import M, RiscV, S, U
from .physical import PAGE_BITS, PHYSICAL_BITS, check, read_bytes, write_bytes

VALID, READ, WRITE, EXECUTE, USER, GLOBAL, ACCESSED, DIRTY = range(8)
"""Bits of a page-table entry. Section 12.3.1, figure 61."""


@dataclass(frozen=True)
class Scheme:
    """How addresses are translated: levels of page tables, bits of an index, bytes of an entry, bits of an address."""

    levels: int
    index_bits: int
    entry_bytes: int
    address_bits: int
    reserved: int
    """The lowest of an entry's high bits that must be zero; the entry's width where there are none."""


SV32 = Scheme(levels=2, index_bits=10, entry_bytes=4, address_bits=32, reserved=32)
SV39 = Scheme(levels=3, index_bits=9, entry_bytes=8, address_bits=39, reserved=54)


def scheme_of(cpu: RiscV) -> Scheme:
    return SV32 if cpu.xlen == 32 else SV39


def is_translated(cpu: RiscV, level: Term) -> Term:
    """Whether an access at a privilege level goes through the page table."""
    on: Term = cpu.satp_on if cpu.translation.value else FALSE
    return on & ~cpu.is_at(M, level)


def translate(cpu: RiscV, address: Term, access: Access, level: Term) -> Term:
    """The physical address of a virtual one; traps where the page table does not allow the access."""
    width = PHYSICAL_BITS[cpu.xlen]
    translated = is_translated(cpu, level)
    plain = address.zext(width) if cpu.xlen < width else address[width - 1 : 0]
    if cpu.xlen > width:
        with cpu.when(~translated):
            cpu.trap(access.access_fault, when=address[cpu.xlen - 1 : width] != 0, tval=address)
    if translated is FALSE:
        return plain
    with cpu.when(translated):
        mapped = _walk(cpu, scheme_of(cpu), address, access, level)
    return ite(translated, mapped, plain)


def _walk(cpu: RiscV, scheme: Scheme, address: Term, access: Access, level: Term) -> Term:
    """Section 12.3.2, the algorithm."""

    def page_fault(when: Term) -> None:
        cpu.trap(access.page_fault, when=when, tval=address)

    if cpu.xlen > scheme.address_bits:
        high = address[cpu.xlen - 1 : scheme.address_bits - 1]
        page_fault((high != 0) & (~high != 0))
    table = cpu.satp_PPN
    active = ~FALSE
    place, entry, page = [bits(0, PHYSICAL_BITS[cpu.xlen])] * 2 + [bits(0, 1)]
    found: list[tuple[Term, Term, Term, Term]] = []
    for depth in reversed(range(scheme.levels)):
        low = PAGE_BITS + depth * scheme.index_bits
        index = address[low + scheme.index_bits - 1 : low]
        place = concat(table, index, bits(0, PAGE_BITS - scheme.index_bits))
        with cpu.when(active):
            check(cpu, place, place + (scheme.entry_bytes - 1), Access.LOAD, bits(S, 2), access, address)
            entry = read_bytes(cpu, place, scheme.entry_bytes)
            table = entry[table.width + 9 : 10]
            leaf = entry.bit(READ) | entry.bit(EXECUTE)
            page_fault(_malformed(scheme, entry))
            inside = depth * scheme.index_bits
            if depth:
                page_fault(any_of(
                    leaf & (table[inside - 1 : 0] != 0),
                    ~leaf & (concat(entry[DIRTY:ACCESSED], entry[USER]) != 0),
                ))  # fmt: skip
                page = concat(table[table.width - 1 : inside], address[low - 1 : 0])
            else:
                page_fault(~leaf)
                page = concat(table, address[PAGE_BITS - 1 : 0])
        found.append((active & leaf, place, entry, page))
        active = active & ~leaf
    for leaf, its_place, its_entry, its_page in reversed(found[:-1]):
        place, entry, page = ite(leaf, its_place, place), ite(leaf, its_entry, entry), ite(leaf, its_page, page)
    page_fault(~_allowed(cpu, entry, access, level))
    accessed, dirty = entry.bit(ACCESSED), entry.bit(DIRTY)
    stale = ~accessed | ~dirty if access is Access.STORE else ~accessed
    if not cpu.update_accessed.value:
        page_fault(stale)
        return page
    with cpu.when(stale):
        check(cpu, place, place + (scheme.entry_bytes - 1), Access.STORE, bits(S, 2), access, address)
        used = concat(bits(1, 1) if access is Access.STORE else entry[DIRTY], bits(1, 1), entry[ACCESSED - 1 : 0])
        write_bytes(cpu, place, used)
    return page


def _malformed(scheme: Scheme, entry: Term) -> Term:
    """An entry that points nowhere: not valid, a reserved combination of rights, or reserved bits."""
    broken = ~entry.bit(VALID) | (entry.bit(WRITE) & ~entry.bit(READ))
    return broken if scheme.reserved == entry.width else broken | (entry[entry.width - 1 : scheme.reserved] != 0)


def _allowed(cpu: RiscV, entry: Term, access: Access, level: Term) -> Term:
    """The rights of a leaf entry suffice. Section 12.3.2, step 6; SUM and MXR are in section 3.1.6.3."""
    user_page = entry.bit(USER)
    if access is Access.FETCH:
        right, privilege = entry.bit(EXECUTE), ite(level == U, user_page, ~user_page)
    else:
        privilege = ite(level == U, user_page, ~user_page | cpu.SUM)
        right = entry.bit(WRITE) if access is Access.STORE else entry.bit(READ) | (cpu.MXR & entry.bit(EXECUTE))
    return all_of(right, privilege)
