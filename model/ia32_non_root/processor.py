"""The processor with two operations: in non-root, memory is translated once more and instructions may exit.

The duplicate of the registers that a guest works on is the registers themselves: entry and exit exchange them.
So CPL and IOPL are the guest's own, and what they forbid is a fault of the guest's, not one of privilege.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

from ..cpu import Cause, Kind
from ..ia32.cpu import IA32
from ..ia32.far_transfers import TASK_SWITCH
from ..terms import FALSE, Term, any_of, bits
from .causes import Exit

READ, WRITE, EXECUTE = 1, 2, 4
"""The access that violated the second-level tables, as EPT violations tell it."""


class NonRootIA32(IA32):
    """The processor while one instruction runs, in either operation.

    `translation` names the configuration by which second-level translation is on, `violation` the exit of an
    access that its tables do not allow, `task_switch` that of a task switch, and `task_switches` the
    configuration by which task switches exit ("" if they always do).
    """

    translation: ClassVar[str]
    violation: ClassVar[Exit]
    task_switch: ClassVar[Exit]
    task_switches: ClassVar[str] = ""

    operation: Any
    window_base: Any
    window_bound: Any

    @property
    def non_root(self) -> Term:
        """Whether it runs in non-root operation."""
        result: Term = self.operation == 1
        return result

    def on_state(self, state: Mapping[str, Term]) -> Self:
        """The processor on another state, to compute what is then taken over with `take_over`."""
        return type(self)(state, self._constants)

    def take_over(self, other: NonRootIA32, since: Mapping[str, Term]) -> None:
        """Traps as `other` did, and writes what it changed of the state `since`."""
        outcome = other.outcome()
        for trap in outcome.traps:
            self.trap(trap.cause, when=trap.guard, **trap.details)
        for name, value in outcome.state.items():
            if value is not since[name]:
                self.put(name, value)

    # Exits.

    def exit(
        self,
        cause: Exit,
        *,
        when: Term | bool = True,
        qualification: Term | int = 0,
        address: Term | int = 0,
        information: Term | int = 0,
    ) -> None:
        """Exits where `when` holds in non-root operation. The details are 32 bits each.

        `qualification` and `address` are what the processor tells of the reason, `information` of an event.
        """
        with self.when(self.non_root):
            self.trap(
                cause,
                when=when,
                qualification=qualification,
                address=address,
                information=information,
                length=self.EIP - self.start,
            )

    def trap(self, cause: Cause, *, when: Term | bool = True, **details: Term | int) -> None:
        """Traps; what a ring may not do is the running program's own fault, not one of privilege."""
        if cause is TASK_SWITCH:
            exits = self.get(self.task_switches) if self.task_switches else True
            with self.when(when if isinstance(when, Term) else bool(when)):
                self.exit(self.task_switch, when=exits)
        if cause.kind is Kind.PRIVILEGE and not isinstance(cause, Exit):
            cause = replace(cause, kind=Kind.PROGRAM)
        super().trap(cause, when=when, **details)

    # Memory.

    @property
    def translates(self) -> Term:
        """Whether second-level translation is on in non-root operation."""
        return self.get(self.translation)

    def place(self, address: Term, size: int, *, write: bool) -> Term:
        """Where `size` bytes at a guest-physical address lie; exits where the tables do not map them."""
        if self.translates is FALSE:
            return address
        self.check_mapped([address + n for n in range(size)], WRITE if write else READ)
        result: Term = self.window_base + address
        return result

    def check_mapped(self, addresses: Sequence[Term], access: int) -> None:
        """Exits unless the tables map every one of `addresses`, of which the first is told."""
        outside = any_of(*[address >= self.window_bound for address in addresses])
        told = self.told(access)
        self.exit(self.violation, when=self.translates & outside, qualification=told, address=addresses[0])

    def told(self, access: int) -> Term:
        """The qualification of a violation by `access`."""
        return bits(access, 32)


__all__ = ["EXECUTE", "READ", "WRITE", "NonRootIA32"]
