"""What is claimed once for a system, where the monitor interprets by the guest's own definitions.

A routine that is the instruction's own meaning delivers a trap as the guest's machine does, so the square is closed by
definition; that such a delivery writes into the region is claimed for each trap here, and not for each form.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import Term, var

from .obligations import CONTROL, Claim, Squares, Subject
from .steps import delivered


class Deliveries(Subject):
    """The claims about the delivery of each trap into the guest, whatever the instruction was."""

    row = subject = "delivery"

    def outcome(self, machine: Machine) -> Outcome:
        return machine.run(lambda cpu: None)

    @property
    def selected(self) -> tuple[Term, ...]:
        return ()

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        machine = self.construction.simulated
        if self.construction.reflect is not None:
            return
        traps = [trap for instruction in machine.instructions for trap in machine.outcome(instruction).traps]
        known = {(trap.cause.name, tuple(trap.details)): trap for trap in traps if trap.cause.vector is not None}
        for (name, details), trap in known.items():
            values = {key: var(f"$detail.{key}", trap.details[key].sort) for key in details}
            after = delivered(machine, self.guest_state, trap.cause, values)
            hypotheses = (*self.placement.hypotheses(), ~after.declined)
            yield self._claim(CONTROL, f"delivered ({name})", hypotheses, self.escapes(after.state))


class Foreign(Squares):
    """The claims about a form that the host has and the guest's machine has not: the guest may run it nonetheless."""

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        yield self.control_direct()
        yield from self.control_lent()
