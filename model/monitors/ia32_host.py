"""Running a guest's kernel deprivileged on IA-32: f, its inverse for what the host lends, and the monitor's own tables.

As 32-bit monitors did it (Robin and Irvine 2000; Barham et al. 2003): the guest keeps its general registers, its
segments and its memory; the host's tables, interrupt flag and I/O privilege are the monitor's. The host's GDT and LDT
are shadows of the guest's with the kernel's DPL raised to the ring that its kernel runs at. A shadow holds no gate, no
16-bit segment, and no descriptor that was not yet accessed: the monitor sees the first use, and marks the guest's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..cpu import Cause, Cpu, Kind, View
from ..ia32 import ia32
from ..ia32.descriptors import Descriptor
from ..ia32.machine import DATA_SEGMENTS, IO_MAP_BASE, SEGMENT_NAMES
from ..ia32.privilege import TSS_SIZE
from ..ia32.processor import IA32_SYSENTER_CS
from ..machine import RESOURCE, Machine
from ..terms import FALSE, TRUE, Array, Term, all_of, any_of, bits, concat, ite
from ..terms.array import stores
from .ia32_guest import TOP, after_each_step, guest_machine, reach, segment_parts, used_ring
from .ia32_kernel import TEXT, kernel
from .placement import Placement, own_name

WATCHED = Cause("#PF", Kind.MEMORY, 14)
"""A store to a cell that the monitor watches: paging's write protection, cell by cell, in a model without paging."""

OWN_ACCESS = (0x9B, 0x93, 0x8B)
"""Access bytes of the monitor's own code, data and TSS in the host's GDT, past the guest's: all of ring 0."""

ABSENT_GATE, RING_0_GATE = 0x0E, 0x8E
DEBUG_VECTOR = 1  # INT1 goes through its gate whatever the DPL is

ASSUMPTIONS = (
    "the monitor watches the cells of the guest's GDT and LDT: a store there traps, so that the shadows stay true "
    "(paging's write protection stands for it; the machine ia32 leaves paging out)",
    "every gate of the host's IDT is of ring 0, so that the guest's software interrupts trap; vector 1's is absent",
    "the host's IDT, GDT and TSS lead every trap to the monitor: the guest reaches none of their cells",
    "the monitor sets the time-stamp counter to the guest's when it runs the guest, and clears IA32_SYSENTER_CS",
)


def host_machine(extend: Callable[[Machine], None] | None = None) -> Machine:
    """`ia32`, where a store outside ring 0 to a watched cell traps; `extend` may change it first."""
    machine = ia32()
    if extend is not None:
        extend(machine)
    machine.component("watched", Array(32, 1), RESOURCE, "cells that only ring 0 may change")
    after_each_step(machine, _watch)
    return machine


def _watch(cpu: Cpu, before: Mapping[str, Term]) -> None:
    hits = [guard & (cpu.watched[where] == 1) for where, _, guard in stores(cpu.memory)[1]]
    cpu.trap(WATCHED, when=(before["CPL"] != 0) & any_of(*hits), error_code=3)


def placement(ring: int) -> Placement:
    """f for a guest whose kernel runs at `ring`, 1 or 3; its programs run at ring 3."""
    return Placement(
        guest=guest_machine(),
        host=host_machine(),
        memory="memory",
        kept={},
        offset=lambda guest: bits(0, 32),
        region=lambda guest, address: address < TOP,
        granted=_granted,
        decided=partial(_decided, ring),
        lent=LENT if ring != 3 else LENT - {"CPL"},
        returned=partial(_returned, ring),
        bounds=partial(_bounds, ring),
        cell=partial(_cell, ring),
        watches=lambda own, address: own.watched[address] == 1,
        tracing=frozenset({WATCHED}),
        ordinary=_ordinary(),
        ordinary_text=TEXT,
        assumptions=ASSUMPTIONS,
    )


def _ordinary() -> Mapping[str, int | Mapping[int, int]]:
    """A kernel before its first instruction, and the host's tables as large as they need to be."""
    guest = dict(kernel(TOP))
    own: dict[str, int | Mapping[int, int]] = {f"{name}_base": address for name, address in PLACES.items()}
    own |= {"TR_limit": TSS_SIZE, "GDTR_limit": 8 * 9 - 1, "IDTR_limit": 8 * 256 - 1, "memory": guest.pop("memory")}
    return guest | {own_name(name): value for name, value in own.items()}


VISIBLE = tuple(f"{name}_{'selector' if name in DATA_SEGMENTS else 'index'}" for name in SEGMENT_NAMES)
LENT = frozenset({"CPL", *VISIBLE, *[part for name in SEGMENT_NAMES for part in segment_parts(name)]})
"""What the host holds for the guest beside the program's registers: the ring that it believes in, and its segments."""


def raised(ring: int, access: Term) -> Term:
    """The access byte on the host of a segment that has `access` in the guest."""
    kernel = (access != 0) & (access[6:5] == 0)
    return concat(access[7], ite(kernel, bits(ring, 2), access[6:5]), access[4:0])


def lowered(ring: int, access: Term, kept: Term) -> Term:
    """What `raised` was applied to, where the kernel's ring is its own; else `kept`, unless the host's is another."""
    if ring == 3:
        return ite(access == raised(ring, kept), kept, access)
    kernel = access[6:5] == ring
    return concat(access[7], ite(kernel, bits(0, 2), access[6:5]), access[4:0])


def _decided(ring: int, guest: View, own: View) -> Mapping[str, Term]:
    found = {name: getattr(guest, name) for name in LENT}
    found |= {f"{name}_access": raised(ring, found[f"{name}_access"]) for name in SEGMENT_NAMES}
    return found | {
        "CPL": ite(guest.CPL == 0, bits(ring, 2), guest.CPL),
        "IF": TRUE,
        "IOPL": bits(0, 2),
        "VIF": FALSE,
        "VIP": FALSE,
        "halted": FALSE,
        "TSC": guest.TSC,
        "LDTR_access": guest.LDTR_access,
        "LDTR_limit": guest.LDTR_limit,
    }


def _returned(ring: int, guest: View, host: View) -> Mapping[str, Term]:
    """g of what is lent: what the monitor reads in the host's registers when it has control again."""
    found = {name: getattr(host, name) for name in LENT}
    hidden = [f"{name}_access" for name in SEGMENT_NAMES]
    found |= {name: lowered(ring, found[name], getattr(guest, name)) for name in hidden}
    level = host.CPL
    return found | {"CPL": ite(level == ring, bits(0, 2), level)}


def _bounds(ring: int, host: View) -> Term:
    """Whatever the guest loads, its segments end below the monitor and it stays outside the monitor's ring."""
    level = host.CPL
    return all_of(level >= ring, *[segment_lies_inside_on_host(host, name) for name in SEGMENT_NAMES])


def segment_lies_inside_on_host(host: View, name: str) -> Term:
    base, limit, access = (getattr(host, f"{name}_{part}") for part in ("base", "limit", "access"))
    return reach(base, limit, access, getattr(host, f"{name}_big") if name in DATA_SEGMENTS else TRUE)


PLACES = {"GDTR": TOP, "LDTR": TOP + 0x10000, "IDTR": TOP + 0x20000, "TR": TOP + 0x30000}
"""Where the monitor's tables lie."""


def _granted(guest: View, own: View) -> list[Term]:
    return [
        *[getattr(own, f"{name}_base") == address for name, address in PLACES.items()],
        own.GDTR_limit >= guest.GDTR_limit,
        own.TR_limit == TSS_SIZE,
        own.MSR[bits(IA32_SYSENTER_CS, 32)][15:2] == 0,
    ]


def whatever_traps(guest: View, cause: Cause) -> Term:
    """The monitor interprets every instruction that traps, for whatever reason; that delivers the guest's own traps."""
    return FALSE if cause.kind is Kind.UNSUPPORTED else TRUE


# The monitor's tables, cell by cell.


def _cell(ring: int, guest: View, own: View, address: Term) -> Term:
    """What the host's memory holds at `address`, if that is formed from one of the host's own tables."""
    rules: Mapping[Term, Callable[[Term, Term], Term]] = {
        own.GDTR_base: partial(_in_gdt, ring, guest, own),
        own.LDTR_base: lambda place, held: held == _shadow(ring, guest, own, guest.LDTR_base, place),
        own.IDTR_base: _in_idt,
        own.TR_base: _in_tss,
    }
    for base in address.args if address.op == "add" else (address,):
        place, held = address - base, own.memory[address]
        if base in rules:
            return rules[base](place, held)
        if base.op == "ite" and base.args[1] in rules and base.args[2] in rules:
            condition, then, other = base.args
            return ite(condition, rules[then](place, held), rules[other](place, held))
    return TRUE


def _in_gdt(ring: int, guest: View, own: View, place: Term, held: Term) -> Term:
    """The shadow of the guest's GDT, and the monitor's own descriptors past it."""
    beyond = (place | 7) > guest.GDTR_limit.zext(32)
    monitors = (place[2:0] != 5) | any_of(*[held == access for access in OWN_ACCESS])
    return ite(beyond, monitors, held == _shadow(ring, guest, own, guest.GDTR_base, place))


def _in_idt(place: Term, held: Term) -> Term:
    """Gates of ring 0, but for the absent one."""
    gate = ite(place[31:3] == DEBUG_VECTOR, bits(ABSENT_GATE, 8), RING_0_GATE)
    return (place[2:0] != 5) | (held == gate)


def _in_tss(place: Term, held: Term) -> Term:
    """An I/O map past the TSS: every port is denied."""
    return ((place != IO_MAP_BASE) | (held == TSS_SIZE + 1)) & ((place != IO_MAP_BASE + 1) | (held == 0))


def _shadow(ring: int, guest: View, own: View, table: Term, place: Term) -> Term:
    """The byte at `place` of the shadow of the guest's descriptor table at `table`."""
    start = table + (place & 0xFFFFFFF8)
    raw = concat(*[own.memory[start + n] for n in reversed(range(8))])
    found = Descriptor(bits(0, 16), start, raw[31:0], raw[63:32], bits(0, 32))
    held = used_ring(found.dpl) & ~found.is_system & found.access.bit(0) & found.big
    held = held & reach(found.base, found.limit, found.access, found.big)
    if ring == 3:
        held = held & ((guest.CPL == 0) | (found.dpl == 3))
    access = ite(held, raised(ring, found.access), bits(0, 8))
    return ite(place[2:0] == 5, access, own.memory[table + place])
