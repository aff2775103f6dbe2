"""The walk of second-level tables in memory: EPT's four levels, and the two of nested paging under a 32-bit host.

SDM vol. 3, section 29.3.2 (tables 29-1 to 29-7); AMD64 Architecture Programmer's Manual vol. 2, sections 5.2 and
15.25. Addresses have 32 bits, so EPT's first level has one entry that counts. Pages have 4 Kbytes, or end one or two
levels earlier as 2 Mbytes and 1 Gbyte (4 Mbytes are left out). `maps_window` says what the tables hold that map a
window; that the walk then adds `base` below `bound` and is refused elsewhere is proved in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..terms import TRUE, Term, all_of, bits, concat, ite

LEVELS_BELOW_ROOT = ((30, 9), (21, 9), (12, 9))
LEAF = 7
ALL_RIGHTS = 7


@dataclass(frozen=True, eq=False)
class Walk:
    """Where a walk leads: `mapped` unless an entry refuses it, then `place`; and the entries that it reads."""

    mapped: Term
    place: Term
    entries: tuple[Term, ...]


def load(memory: Term, address: Term, size: int) -> Term:
    """`size` bytes of physical memory."""
    return concat(*[memory[address + n] for n in reversed(range(size))])


def walk_ept(memory: Term, pointer: Term, address: Term) -> Walk:
    """The walk for `address` (32 bits) of the tables that the low half of an EPT pointer names.

    An entry with all of read, write and execute is present; one with some of them counts as refused, as does one
    that leads above 4 Gbytes.
    """
    entry = load(memory, _table(pointer), 8)
    entries = [entry]
    mapped = _allows(entry)
    place, done = bits(0, 32), ~TRUE
    for low, width in LEVELS_BELOW_ROOT:
        index = address[min(low + width, 32) - 1 : low].zext(32)
        entry = load(memory, _table(entry) + (index << 3), 8)
        entries.append(entry)
        mapped = mapped & (done | _allows(entry))
        leaf = TRUE if low == 12 else entry.bit(LEAF)
        here = concat(entry[31:low], address[low - 1 : 0])
        place = ite(done, place, here)
        done = done | leaf
    return Walk(mapped, place, tuple(entries))


def _table(entry: Term) -> Term:
    return concat(entry[31:12], bits(0, 12))


def _allows(entry: Term) -> Term:
    return (entry[2:0] == ALL_RIGHTS) & (entry[51:32] == 0)


def walk_nested(memory: Term, pointer: Term, address: Term) -> Walk:
    """The walk for `address` of the page tables that a 32-bit host's nested CR3 names.

    Entries must be present, writable and for users: nested walks count as user accesses.
    """
    directory = load(memory, _table(pointer) + (address[31:22].zext(32) << 2), 4)
    entry = load(memory, _table(directory) + (address[21:12].zext(32) << 2), 4)
    allowed = (directory[2:0] == ALL_RIGHTS) & ~directory.bit(LEAF) & (entry[2:0] == ALL_RIGHTS)
    return Walk(allowed, concat(entry[31:12], address[11:0]), (directory, entry))


def maps_window(walk: Walk, address: Term, base: Term, bound: Term) -> Term:
    """What the entries on the way of `address` hold in tables of 4-Kbyte pages that map the window.

    Below `bound` every entry is present with all rights, and the last names the page at `base`. Above, the last is 0
    in its rights.
    """
    *upper, last = walk.entries
    inner = [(each[2:0] == ALL_RIGHTS) & ~each.bit(LEAF) for each in upper]
    if last.width == 64:
        inner += [each[51:32] == 0 for each in upper]
    page = (base + address)[31:12]
    frame = (last[2:0] == ALL_RIGHTS) & (last[31:12] == page)
    if last.width == 64:
        frame = frame & (last[51:32] == 0)
    return all_of(*inner, ite(address < bound, frame, last[2:0] == 0))


__all__ = ["Walk", "maps_window", "walk_ept", "walk_nested"]
