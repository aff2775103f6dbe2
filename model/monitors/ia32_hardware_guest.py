"""The guest of hardware assistance: IA-32 with memory of a given size and an interrupt line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from ..cpu import Cause, Cpu, Kind
from ..ia32 import ia32
from ..ia32 import machine as state
from ..ia32.causes import unsupported
from ..ia32.cpu import IA32
from ..ia32.interrupts import deliver as deliver_to_idt
from ..ia32_non_root.causes import INTERRUPT
from ..ia32_non_root.events import take_interrupt
from ..machine import DEVICE, RESOURCE, Machine
from ..terms import BitVec, Bool, Term, any_of

PAST_MEMORY = unsupported("an access past the end of the guest's memory")


class Guest(IA32):
    """IA-32 with memory of `size` bytes. What a ring may not do is a fault of the program's, as in non-root."""

    size: Any
    INTR: Any

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
    """`ia32` with memory of a given size, whose pending interrupt comes before the next instruction if IF is set."""
    machine = ia32()
    machine.cpu = Guest
    machine.component("size", BitVec(32), RESOURCE, "how many bytes of memory there are")
    machine.component("INTR", Bool, DEVICE, "an external interrupt is pending")
    machine.component("INTR_vector", BitVec(8), DEVICE, "its vector")
    machine.begin, machine.fetch, machine.deliver = _begin, _fetch, _deliver
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
    guest.trap(INTERRUPT, when=guest.INTR & guest.IF)
    guest.within([guest.CS_base + guest.EIP])
    return state.fetch(cpu)


def _deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    if cause is INTERRUPT:
        take_interrupt(cast(Guest, cpu))
        return
    deliver_to_idt(cpu, cause, details)


__all__ = ["guest_machine"]
