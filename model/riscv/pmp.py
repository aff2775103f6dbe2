"""Physical memory protection. Privileged manual, version 20240411, section 3.7.

The granularity is four bytes. An access that this file is asked about lies within eight aligned bytes, as every
access that the model makes is divided. The first entry that matches any of its bytes decides; it must match all.
"""

from __future__ import annotations

from ..terms import FALSE, TRUE, Term, all_of, any_of, bits, concat, ite
from .causes import Access
from .cpu import M, RiscV

R, W, X, L = 0, 1, 2, 7
"""Bits of an entry's configuration; A is bits 4 and 3."""

OFF, TOR, NA4, NAPOT = range(4)
MOST_ENTRIES = 64


def entry_count(cpu: RiscV) -> int:
    return int(cpu.pmp_entries.value)


def configuration(cpu: RiscV, entry: int) -> Term:
    """The eight bits that configure an entry."""
    return cpu.pmpcfg[bits(entry, 6)]  # type: ignore[no-any-return]


def address(cpu: RiscV, entry: int) -> Term:
    return cpu.pmpaddr[bits(entry, 6)]  # type: ignore[no-any-return]


def permits(cpu: RiscV, first: Term, last: Term, access: Access, level: Term) -> Term:
    """Whether an access to the words `first` to `last` is allowed at a privilege level.

    Words are physical addresses without their two low bits.
    """
    machine_mode = cpu.is_at(M, level)
    allowed = machine_mode if entry_count(cpu) else TRUE
    for entry in reversed(range(entry_count(cpu))):
        config = configuration(cpu, entry)
        holds_first, holds_last = matches(cpu, entry, first), matches(cpu, entry, last)
        granted = _grants(config, access) | (machine_mode & ~config.bit(L))
        allowed = ite(holds_first | holds_last, holds_first & holds_last & granted, allowed)
    return allowed


def matches(cpu: RiscV, entry: int, word: Term) -> Term:
    """Whether an entry's region holds a word of memory. Section 3.7.1.1."""
    mode, own = configuration(cpu, entry)[4:3], address(cpu, entry)
    below = word < address(cpu, entry - 1) if entry else FALSE
    differs = word ^ own
    inside_napot = (differs & ~(own ^ (own + 1))) == 0
    return any_of(
        all_of(mode == TOR, ~below, word < own),
        all_of(mode == NA4, differs == 0),
        all_of(mode == NAPOT, inside_napot),
    )


def _grants(config: Term, access: Access) -> Term:
    return config.bit({Access.FETCH: X, Access.LOAD: R, Access.STORE: W}[access])


def locked(cpu: RiscV, entry: int) -> Term:
    """Whether an entry's configuration cannot be written until the hart is reset. Section 3.7.1.2."""
    return configuration(cpu, entry).bit(L)


def address_locked(cpu: RiscV, entry: int) -> Term:
    """Whether an entry's address cannot be written: it is locked, or the next entry is and is TOR."""
    if entry + 1 >= entry_count(cpu):
        return locked(cpu, entry)
    above = configuration(cpu, entry + 1)
    return locked(cpu, entry) | (above.bit(L) & (above[4:3] == TOR))


def legal(config: Term) -> Term:
    """A written configuration as the hart keeps it: bits 6 and 5 are zero, and so is W without R (reserved)."""
    return concat(config[7], bits(0, 2), config[4:2], (config.bit(W) & config.bit(R)).as_bits(), config[0])
