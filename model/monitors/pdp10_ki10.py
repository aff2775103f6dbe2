"""Virtual KI10s: core of a given size, the page map that the monitor fills in, and the mode that it lends.

The guest runs in user mode, whatever its own, and has the public bit of the mode to itself. The map in force is a
shadow of the one that the guest has in force: each entry leads so many pages further up, and gives no access where it
would lead past the guest's core. The comparison machine is a KI10 with less core. What an access past its end does is
left out; that is a page failure on the host, at which the monitor asks the guest's own machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..cpu import Cause, Cpu, Kind, View
from ..machine import RESOURCE, Machine
from ..pdp10.ki10 import FAILURE_PLACE, KERNEL, KI10, NEW_PC_PLACE, PUBLIC, SUPERVISOR, UNMAPPED, Page, ki10
from ..pdp10.machine import ACCUMULATORS
from ..pdp10.word import is_plain_jsr, page_address, right
from ..terms import FALSE, TRUE, BitVec, Term, all_of, any_of, bits, concat, ite
from .construction import Construction, hybrid, trap_and_emulate
from .placement import Placement, kept_name, own_name
from .recursive import recursive

ALL_OF_CORE = 0o17777
"""The last page of 2**22 words."""

USER_CALLS = (NEW_PC_PLACE + 4, NEW_PC_PLACE + 6)
"""Where a process table has the new PC words of calls from concealed and from public mode."""

NONEXISTENT = Cause("nonexistent core", Kind.UNSUPPORTED)


class SizedKI10(KI10):
    """The processor beside core whose last page is `size`, with a map that names the pages up to `last` alone."""

    size: Term
    last: Term

    def reaches(self, entry: Term) -> Term:
        return self._names(entry) & self._exists(entry)

    def _names(self, entry: Term) -> Term:
        return entry.bit(17) & (entry[12:0] <= self.last)

    def _exists(self, entry: Term) -> Term:
        return entry[12:0] + self.frame[21:9] <= self.size

    def failure(self, page: Page) -> Mapping[str, Term]:
        return {"nonexistent": (self._names(page.entry) & ~self._exists(page.entry)).as_bits()}

    def place_in_table(self, table: Term, place: int | Term) -> Term:
        self.trap(NONEXISTENT, when=table > self.size)
        return super().place_in_table(table, place)

    def use_own_map(self) -> None:
        super().use_own_map()
        self.last = bits(ALL_OF_CORE, 13)


def sized_ki10() -> Machine:
    """The KI10 with components for the size of its core, and for the pages that a shadow map names."""
    machine = ki10()
    machine.cpu = SizedKI10
    machine.component("size", BitVec(13), RESOURCE, "the last page of core")
    machine.component("last", BitVec(13), RESOURCE, "the last page that the map in force names; all on a real KI10")
    machine.invariant(
        "the map in force names pages of core", lambda s: (s.frame[21:9] <= s.size) & (s.last <= ~s.frame[21:9])
    )
    machine.invariant("in executive mode the map names all pages", lambda s: s.MODE.bit(1) | (s.last == ALL_OF_CORE))
    machine.start = {**machine.start, "size": ALL_OF_CORE, "last": ALL_OF_CORE}
    machine.leave_out("access to nonexistent core")
    deliver = machine.deliver
    assert deliver is not None

    def declining(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        if "nonexistent" in details:
            cpu.trap(NONEXISTENT, when=details["nonexistent"] == 1)
        deliver(cpu, cause, details)

    machine.deliver = declining
    return machine


# The allocator.


def ki10_placement() -> Placement:
    """The guest's page i is the host's page start + i, up to the guest's last."""

    def granted(guest: View, own: View) -> list[Term]:
        start = guest.start
        return [
            start >= 1,
            start.zext(14) + guest.size.zext(14) <= own.size.zext(14),
            start > own.UBR,
            _is_failure_entry(own, start),
            *[_is_call_entry(own, place, start) for place in USER_CALLS],
        ]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        room = guest.size - guest.frame[21:9]
        shadowed = ("maps", "executive_map", "user_table", "executive_table")
        return {
            "MODE": concat(bits(1, 1), guest.MODE.bit(0).as_bits()),
            "UIO": FALSE,
            "PCP": FALSE,
            **{name: getattr(guest, name) for name in shadowed},
            "frame": guest.frame + page_address(guest.start, 0),
            "last": ite(guest.last < room, guest.last, room),
        }

    return Placement(
        guest=sized_ki10(),
        host=sized_ki10(),
        memory="core",
        kept={"start": BitVec(13)},
        offset=lambda guest: page_address(guest.start, 0),
        region=lambda guest, address: (address - page_address(guest.start, 0))[21:9] <= guest.size,
        granted=granted,
        decided=decided,
        lent=frozenset({"MODE"}),
        returned=lambda guest, host: {"MODE": concat(guest.MODE.bit(1).as_bits(), host.MODE.bit(0).as_bits())},
        bounds=lambda host: host.MODE.bit(1),
        entered=lambda own, after: all_of(
            after.MODE == KERNEL,
            ~after.executing,
            any_of(
                right(_in_own_table(own, FAILURE_PLACE)) + 1 == after.PC,
                *[right(_in_own_table(own, place)) == after.PC for place in USER_CALLS],
            ),
        ),
        assumptions=(
            "the map in force on the host is the shadow that the monitor has filled in, entry by entry: the guest's, "
            "with `start` added to its pages, and without access past the guest's core",
        ),
        ordinary=_ordinary(),
        ordinary_text="in kernel mode at 100 (octal), in eight pages of core whose process table leads to 200 and 300",
    )


def _ordinary() -> Mapping[str, int | Mapping[int, int]]:
    """A guest of eight pages after the host's first four; page 1 of each has the process table, and user page n is n.

    Page failures are served at 200, calls at 300.
    """
    table, start, jsr, pages = 1, 4, 0o264000_000200, 8
    entries = {FAILURE_PLACE: jsr, **{NEW_PC_PLACE + 2 * mode: 0o300 for mode in range(PUBLIC + 1)}}
    host = {table << 9 | place: word for place, word in entries.items()}
    return {
        "PC": 0o100,
        "size": pages - 1,
        "UBR": table,
        "EBR": table,
        "user_table": table,
        "executive_table": table,
        "maps": {table << 10 | page: 0o500000 | page for page in range(pages)},
        kept_name("start"): start,
        own_name("core"): host | {(start << 9) + address: word for address, word in host.items()},
        own_name("UBR"): table,
    }


def _in_own_table(own: View, place: int) -> Term:
    return own.core[concat(own.UBR, bits(place, 9))]


def _is_the_monitors(address: Term, start: Term) -> Term:
    """The executive's address is unmapped, in the pages before the guest's."""
    page = address[17:9]
    return (address >= ACCUMULATORS) & (page < UNMAPPED) & (page.zext(13) < start)


def _is_failure_entry(own: View, start: Term) -> Term:
    """The location that page failures execute holds a JSR into the monitor."""
    word = _in_own_table(own, FAILURE_PLACE)
    return is_plain_jsr(word) & _is_the_monitors(right(word), start)


def _is_call_entry(own: View, place: int, start: Term) -> Term:
    """The new PC word leads into the monitor in kernel mode."""
    word = _in_own_table(own, place)
    return ~word.bit(30) & ~word.bit(28) & _is_the_monitors(right(word), start)


# The dispatcher.


def _apart(guest: View) -> Term:
    """A user program that shares no device: User In-Out is clear."""
    return guest.MODE.bit(1) & ~guest.UIO


def _unlike_the_guest(guest: View, cause: Cause) -> Term:
    """The guest's own machine would not have trapped, or would say something else of a page failure."""
    if cause.kind is Kind.MEMORY:
        return TRUE
    return ~(_apart(guest) | (guest.MODE == SUPERVISOR)) if cause.kind is Kind.PRIVILEGE else FALSE


def ki10_trap_and_emulate() -> Construction:
    """Theorem 1's monitor on the KI10."""
    return replace(trap_and_emulate(ki10_placement(), {}, None), emulates=_unlike_the_guest)


def ki10_hybrid() -> Construction:
    """Theorem 3's monitor on the KI10. It interprets users with User In-Out too, who use devices themselves."""
    return replace(
        hybrid(ki10_placement(), {}, None),
        interprets=lambda guest: ~_apart(guest),
        promises=_apart,
        emulates=lambda guest, cause: TRUE if cause.kind is Kind.MEMORY else FALSE,
    )


def ki10_recursive() -> Construction:
    """Theorem 2's monitor on the KI10: two levels of that of Theorem 1."""
    return recursive(ki10_placement(), ki10_trap_and_emulate(), place=lambda offset: offset[21:9])
