"""Hardware assistance: an unmodified guest at ring 0 in non-root operation, under `ia32-vmx` or `ia32-svm`.

The guest's registers are the processor's own while it runs (entry and exit exchange them), its memory is a window of
the host's, and its exceptions go through its own IDT without the monitor. An exit is the one trap that the monitor
sees, and it interprets the instruction. SDM vol. 3, chapters 26 to 29; AMD64 APM vol. 2, chapter 15.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from ..cpu import Cause, Cpu, Kind, View
from ..ia32 import ia32
from ..ia32 import machine as state
from ..ia32.causes import unsupported
from ..ia32.cpu import IA32
from ..ia32_non_root.causes import Exit
from ..machine import RESOURCE, Machine
from ..terms import FALSE, TRUE, BitVec, Term, any_of, bits
from .construction import Construction
from .placement import Placement

PAGE_BITS = 12
PAST_MEMORY = unsupported("an access past the end of the guest's memory")


class Guest(IA32):
    """IA-32 with memory of `size` bytes. What a ring may not do is a fault of the program's, as in non-root."""

    size: Any

    def place(self, address: Term, size: int, *, write: bool) -> Term:
        self.within([address + n for n in range(size)])
        return address

    def within(self, addresses: list[Term]) -> None:
        """Declines an access to any of `addresses` that is past the end of memory."""
        self.trap(PAST_MEMORY, when=any_of(*[address >= self.size for address in addresses]))

    def trap(self, cause: Cause, *, when: Term | bool = True, **details: Term | int) -> None:
        if cause.kind is Kind.PRIVILEGE:
            cause = replace(cause, kind=Kind.PROGRAM)
        super().trap(cause, when=when, **details)


def guest_machine() -> Machine:
    """`ia32` with memory of a given size."""
    machine = ia32()
    machine.cpu = Guest
    machine.component("size", BitVec(32), RESOURCE, "how many bytes of memory there are")
    machine.begin, machine.fetch = _begin, _fetch
    machine.leave_out("what lies past the end of the guest's memory: a step that leads there is declined")
    machine.start = {**machine.start, "size": 1 << 20}
    return machine


def _begin(cpu: Cpu, length: Term) -> None:
    state.begin(cpu, length)
    guest = cast(Guest, cpu)
    first = guest.CS_base + guest.start
    guest.within([first, first + length - 1])


def _fetch(cpu: Cpu) -> Term:
    guest = cast(Guest, cpu)
    guest.within([guest.CS_base + guest.EIP])
    return state.fetch(cpu)


def hardware_assisted(
    host: Machine, running: Callable[[View], list[Term]], quiet: Callable[[View], list[Term]], source: str
) -> Construction:
    """The monitor on `host`; `running(own)` holds of it while guests run, `quiet(own)` where no event is pending."""
    guest = guest_machine()

    def granted(guest: View, own: View) -> list[Term]:
        start, size = guest.start, guest.size
        return [
            start >= 1 << PAGE_BITS,
            start[PAGE_BITS - 1 : 0] == 0,
            size[PAGE_BITS - 1 : 0] == 0,
            start.zext(33) + size.zext(33) <= 1 << 32,
            *running(own),
        ]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        return {"operation": bits(1, 1), "window_base": guest.start, "window_bound": guest.size, "halted": FALSE}

    placement = Placement(
        guest=guest,
        host=host,
        memory="memory",
        kept={"start": BitVec(32)},
        offset=lambda guest: guest.start,
        region=lambda guest, address: address - guest.start < guest.size,
        granted=granted,
        assumed=lambda guest, own: quiet(own),
        decided=decided,
        entered=lambda own, after: after.operation == 0,
        assumptions=("no event of the host's is pending: one exits before the guest's next instruction",),
    )
    return Construction(
        "hardware-assisted",
        "runs all of the guest in non-root operation, and interprets what exits",
        source,
        placement,
        interprets=lambda guest: guest.halted,
        emulates=lambda guest, cause: TRUE if isinstance(cause, Exit) else FALSE,
        delivers=lambda cause: not isinstance(cause, Exit),
        promises=lambda guest: ~guest.halted,
        judged=ia32(),
    )


def vmx() -> Construction:
    """Intel's VMX."""
    from ..ia32_vmx import ia32_vmx

    return hardware_assisted(
        ia32_vmx(),
        running=lambda own: [own.VMX_on, own.VMCS_current, own.VMCS_launched],
        quiet=lambda own: [~own.INTR, own.timer != 0, own.VMCS[_primary()].bit(2) == FALSE],
        source="Intel SDM vol. 3, chapters 24 to 31",
    )


def _primary() -> Term:
    from ..ia32_vmx import fields

    return fields.at(fields.PRIMARY_CONTROLS)
