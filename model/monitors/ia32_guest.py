"""The virtual IA-32 that de-privileging monitors offer: its memory ends below the monitor, rings 1 and 2 are unused.

Without paging only segment limits keep a kernel at ring 1 from the monitor's cells, so both sides agree on where the
guest's memory ends, as 32-bit Xen's guests did (Barham et al. 2003). What a guest would do past that is
left out of its machine: a step that leads there is declined, and is no step of a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..cpu import Cause, Cpu, View
from ..ia32 import ia32
from ..ia32.causes import unsupported
from ..ia32.machine import DATA_SEGMENTS, SEGMENT_NAMES
from ..machine import Machine
from ..terms import TRUE, Term, any_of, bits, concat, ite

TOP = 0xFC000000
"""Where the guest's memory ends: the 64 Mbytes above are the monitor's."""

BEYOND = unsupported("a segment or a table that reaches past the guest's memory, or is of ring 1 or 2")
UNUSED_RING = unsupported("ring 1 or 2")

After = Callable[[Cpu, Mapping[str, Term]], None]
"""`after(cpu, before)` adds traps of its own to a step that began in the state `before`."""


def below_top(base: Term, last: Term) -> Term:
    """The `last` bytes past `base` lie in the guest's memory."""
    return (base < TOP) & (last.zext(32) < TOP - base)


def reach(base: Term, limit: Term, access: Term, big: Term) -> Term:
    """All that a segment gives access to lies in the guest's memory; a null one gives none."""
    expands_down = access[4:2] == 5
    upper = concat(ite(big, bits(-1, 16), bits(0, 16)), bits(-1, 16))
    return (access == 0) | below_top(base, ite(expands_down, upper, limit))


def used_ring(level: Term) -> Term:
    return (level == 0) | (level == 3)


def segment_parts(name: str) -> list[str]:
    """The components of a segment register's hidden part."""
    big = ["big"] if name in DATA_SEGMENTS else []
    return [f"{name}_{part}" for part in ("base", "limit", "access", *big)]


def segment_lies_inside(state: View | Cpu, name: str) -> Term:
    access: Term = getattr(state, f"{name}_access")
    base, limit = getattr(state, f"{name}_base"), getattr(state, f"{name}_limit")
    big: Term = getattr(state, f"{name}_big") if name in DATA_SEGMENTS else TRUE
    return reach(base, limit, access, big) & ((access == 0) | used_ring(access[6:5]))


def table_lies_inside(state: View | Cpu, name: str) -> Term:
    base, limit = getattr(state, f"{name}_base"), getattr(state, f"{name}_limit")
    absent: Term | bool = getattr(state, f"{name}_access") == 0 if name in ("LDTR", "TR") else False
    return any_of(absent, below_top(base, limit))


PLACES: Mapping[str, tuple[tuple[str, ...], Callable[..., Term]]] = {
    **{name: (tuple(segment_parts(name)), segment_lies_inside) for name in SEGMENT_NAMES},
    **{name: ((f"{name}_base", f"{name}_limit"), table_lies_inside) for name in ("GDTR", "IDTR", "LDTR", "TR")},
}


def guest_machine(extend: Callable[[Machine], None] | None = None) -> Machine:
    """`ia32` with memory up to `TOP` and rings 0 and 3; `extend` may change its instructions first."""
    machine = ia32()
    if extend is not None:
        extend(machine)
    machine.invariant("rings 1 and 2 are not used", lambda s: used_ring(s.CPL))
    for name, (_, inside) in PLACES.items():
        text = f"{name} lies in the guest's memory and is of ring 0 or 3"
        machine.invariant(text, partial(inside, name=name))
    after_each_step(machine, decline)
    machine.leave_out(
        "rings 1 and 2",
        f"memory from {TOP:#x} on, and segments and tables that reach there (so SYSENTER's and SYSEXIT's of 4 Gbytes)",
    )
    machine.start = {
        **machine.start,
        **{f"{name}_limit": TOP - 1 for name in SEGMENT_NAMES},
    }
    return machine


def decline(cpu: Cpu, before: Mapping[str, Term]) -> None:
    """Declines a step that ends in a state which the guest's machine leaves out."""
    if cpu.CPL is not before["CPL"]:
        cpu.trap(UNUSED_RING, when=~used_ring(cpu.CPL))
    for name, (parts, inside) in PLACES.items():
        if any(cpu.get(part) is not before[part] for part in parts):
            cpu.trap(BEYOND, when=~inside(cpu, name))


def after_each_step(machine: Machine, after: After) -> None:
    """Adds `after` to every instruction and to the delivery of traps."""

    def meaning(of: Callable[..., None]) -> Callable[..., None]:
        def run(cpu: Cpu, **fields: Term) -> None:
            before = cpu.outcome().state
            of(cpu, **fields)
            after(cpu, before)

        return run

    machine.instructions = [replace(i, meaning=meaning(i.meaning)) for i in machine.instructions]
    inner: Any = machine.deliver

    def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        before = cpu.outcome().state
        inner(cpu, cause, details)
        after(cpu, before)

    machine.deliver = deliver
