"""Virtual KA10s: core of a given size, the segments that the allocator composes, and when the monitor interprets.

The comparison machine is a KA10 with less core. An access past its end is to nonexistent memory, which stops the
instruction as a protection violation does, but is noted by another flag. The host has no such cell to miss: it
protects what the guest has not, so at a memory trap the monitor asks the guest's own machine which of the two it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..cpu import Cause, Kind, View
from ..machine import RESOURCE, Machine
from ..pdp10.ka10 import ALL_OF_MEMORY, KA10, PROTECTION, block_address, ka10
from ..pdp10.machine import ACCUMULATORS, ILLEGAL, UNASSIGNED
from ..pdp10.word import is_plain_jsr, right
from ..terms import FALSE, TRUE, BitVec, Term, any_of, bits, concat, ite
from .construction import Construction, hybrid, trap_and_emulate
from .placement import Placement, kept_name, own_name
from .recursive import recursive

HIGH = 0o200
"""The block where the high segment begins."""


class SizedKA10(KA10):
    """The processor beside core whose last block of 1024 words is `size`."""

    size: Term
    NXM: Term

    def in_low_segment(self, address: Term, *, write: bool, cause: Cause = PROTECTION) -> Term:
        return self._segments(address, write, cause)[0]

    def store_core(self, address: Term, word: Term) -> None:
        low, high = self._segments(address, True, PROTECTION)
        for there, relocation in ((low, self.base), (high, self.Rh)):
            with self.when(there):
                self.core = self.core.set(address + relocation, word)

    def _segments(self, address: Term, write: bool, cause: Cause) -> tuple[Term, Term]:
        """Whether the address is that of a cell in the low segment, and in the high one. Traps elsewhere."""
        block = address[17:10]
        within = block <= self.bound
        above = address.bit(17) & (block <= self.Ph)
        if write:
            above &= ~self.WP
        low = within & self._exists(self.base, block)
        high = above & ~within & self._exists(self.Rh, block)
        self.trap(cause, when=~(low | high), nonexistent=(within | above).as_bits())
        return low, high

    def _exists(self, relocation: Term, block: Term) -> Term:
        return block + relocation[17:10] <= self.size

    def flag_violation(self, details: Mapping[str, Term]) -> None:
        nonexistent = details["nonexistent"] == 1
        self.NXM = self.NXM | nonexistent
        self.protection_flag = self.protection_flag | ~nonexistent


def sized_ka10() -> Machine:
    """The KA10 with a component for the size of its core."""
    machine = ka10()
    machine.cpu = SizedKA10
    machine.component("size", BitVec(8), RESOURCE, "the last block of 1024 words of core")
    machine.start = {**machine.start, "size": ALL_OF_MEMORY}
    return machine


# The allocator.


def low_bound(guest: View) -> Term:
    """The low segment in force, cut where the guest's core ends."""
    room = guest.size - guest.base[17:10]
    return ite(guest.bound < room, guest.bound, room)


def has_high(guest: View) -> Term:
    """A high segment from 400000 on, above the low one."""
    return (guest.bound < HIGH) & (guest.Ph >= HIGH)


def high_bound(guest: View) -> Term:
    """The high segment, cut where the guest's core ends; 0 for none."""
    room = guest.size - (guest.Rh[17:10] + HIGH)
    return ite(has_high(guest), ite(guest.Ph - HIGH < room, guest.Ph, room + HIGH), bits(0, 8))


def expressible(guest: View) -> Term:
    """Two pairs of registers can say which of its addresses the guest reaches.

    They cannot where a segment begins past the end of the guest's core, or wraps around 2**18 to its beginning. Where
    a high segment begins above a low one that reaches beyond 400000, the monitor does not try.
    """
    low, begins = guest.base[17:10], guest.Rh[17:10] + HIGH
    fits = low.zext(9) + guest.bound.zext(9) <= 0o377
    lies = (begins <= guest.size) & (begins.zext(9) + (guest.Ph - HIGH).zext(9) <= 0o377)
    none = (guest.Ph < HIGH) | (guest.Ph <= guest.bound)
    return (low <= guest.size) & fits & (none | ((guest.bound < HIGH) & lies))


def ka10_placement() -> Placement:
    """The guest's block i is the host's block start + i, up to the guest's last."""

    def granted(guest: View, own: View) -> list[Term]:
        start, size = guest.start.zext(9), guest.size.zext(9)
        channel = own.APR_channel
        return [
            guest.start >= 1,
            start + size <= own.size.zext(9),
            *[_is_entry(own, location, guest.start) for location in _entries(own)],
            own.PI_on,
            own.PIH == 0,
            channel != 0,
            ((own.PIE.zext(8) << channel.zext(8)) & 0o200) != 0,
        ]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        start = block_address(guest.start)
        base, bound = guest.base + start, low_bound(guest)
        return {
            "USER": TRUE,
            "UIO": FALSE,
            "base": base,
            "bound": bound,
            "Rl": base,
            "Pl": bound,
            "Rh": guest.Rh + start,
            "Ph": high_bound(guest),
            "WP": guest.WP,
        }

    return Placement(
        guest=sized_ka10(),
        host=sized_ka10(),
        memory="core",
        kept={"start": BitVec(8)},
        offset=lambda guest: block_address(guest.start),
        region=lambda guest, address: (address - block_address(guest.start))[17:10] <= guest.size,
        granted=granted,
        decided=decided,
        entered=lambda own, after: (
            ~after.USER
            & ~after.executing
            & any_of(*[right(own.core[location]) + 1 == after.PC for location in _entries(own)])
        ),
        assumptions=("the guest runs directly only where two pairs of registers express its segments",),
        ordinary=_ordinary(),
        ordinary_text="in executive mode at 100 (octal), in four blocks of core whose trap locations hold JSR 200",
    )


def _ordinary() -> Mapping[str, int | Mapping[int, int]]:
    """A guest of four blocks after the host's first: its program at 100, its traps and the host's served at 200."""
    jsr, start, channel = 0o264000_000200, 1, 1
    host = {0o41: jsr, 0o61: jsr, 0o40 + 2 * channel: jsr}
    guest = {start * 1024 + location: jsr for location in (0o41, 0o61)}
    return {
        "PC": 0o100,
        "size": 3,
        kept_name("start"): start,
        own_name("core"): host | guest,
        own_name("PI_on"): 1,
        own_name("PIE"): 0o200 >> channel,
        own_name("APR_channel"): channel,
    }


def _entries(own: View) -> list[Term]:
    """Where the host's traps and its processor's interrupt lead."""
    interrupt = bits(0o40, 18) + concat(bits(0, 14), own.APR_channel, bits(0, 1))
    traps = [bits(cause.vector + 1, 18) for cause in (ILLEGAL, UNASSIGNED) if cause.vector is not None]
    return [*traps, interrupt]


def _is_entry(own: View, location: Term, start: Term) -> Term:
    """The location holds a JSR into the monitor's own blocks."""
    word = own.core[location]
    place = right(word)
    return is_plain_jsr(word) & (place >= ACCUMULATORS) & (place[17:10] < start)


# The dispatcher.


def _unlike_the_guest(guest: View, cause: Cause) -> Term:
    """The guest's own machine would not have trapped, or would say more about the trap than the host does."""
    if cause.kind is Kind.MEMORY:
        return TRUE
    return ~guest.USER | guest.UIO if cause.kind is Kind.PRIVILEGE else FALSE


def _apart(guest: View) -> Term:
    """A user program that shares no device: User In-Out is clear."""
    return guest.USER & ~guest.UIO


def ka10_trap_and_emulate() -> Construction:
    """Theorem 1's monitor on the KA10."""
    return replace(
        trap_and_emulate(ka10_placement(), {}, None),
        interprets=lambda guest: ~expressible(guest),
        promises=expressible,
        emulates=_unlike_the_guest,
    )


def ka10_hybrid() -> Construction:
    """Theorem 3's monitor on the KA10. It interprets users with User In-Out too, who use devices themselves."""
    return replace(
        hybrid(ka10_placement(), {}, None),
        interprets=lambda guest: ~(_apart(guest) & expressible(guest)),
        promises=lambda guest: _apart(guest) & expressible(guest),
        emulates=lambda guest, cause: TRUE if cause.kind is Kind.MEMORY else FALSE,
    )


def ka10_recursive() -> Construction:
    """Theorem 2's monitor on the KA10: two levels of that of Theorem 1."""
    return recursive(ka10_placement(), ka10_trap_and_emulate(), place=lambda offset: offset[17:10])
