"""What is claimed once for a system, where the monitor interprets by the guest's own definitions.

A routine that is the instruction's own meaning delivers a trap as the guest's machine does, so the square is closed by
definition; that such a delivery writes into the region is claimed for each trap here, and not for each form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ringproof.model.cpu import Cause, Kind, Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, Term
from ringproof.traces.interpreter import UNDEFINED

from .fetching import Fetch
from .obligations import CONTROL, EQUIVALENCE, OUTSIDE, Claim, Squares, Subject, anything
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
        yield from self._exits()
        traps = [trap for instruction in machine.instructions for trap in machine.outcome(instruction).traps]
        traps += Fetch(self.construction, self.system, self.agree).outcome(machine).traps
        if self.construction.delivers(UNDEFINED):
            yield from self._by_the_host(UNDEFINED, {})
        known = {(trap.cause.name, tuple(trap.details)): trap for trap in traps if _is_delivered(trap.cause)}
        for (name, _), trap in known.items():
            values = anything(trap)
            if self.construction.delivers(trap.cause):
                yield from self._by_the_host(trap.cause, values)
                continue
            after = delivered(machine, self.guest_state, trap.cause, values)
            hypotheses = (*self.placement.hypotheses(), ~after.declined)
            yield self._claim(CONTROL, f"delivered ({name})", hypotheses, self.escapes(after.state, after.declined))

    def _exits(self) -> Iterator[Claim]:
        """Each trap of the host's whose instruction the monitor emulates gives it control.

        What holds for some details only is claimed of each form.
        """
        if self.placement.entered is None:
            return
        host = self.construction.host
        traps = [trap for instruction in host.instructions for trap in host.outcome(instruction).traps]
        traps += Fetch(self.construction, self.system, self.agree).outcome(host).traps
        known = {(trap.cause.name, tuple(trap.details)): trap for trap in traps}
        for (name, _), trap in known.items():
            if self.construction.emulates(self.view, trap.cause) is not FALSE and self.regains(trap):
                missed = self.entered(trap.cause, anything(trap))
                yield self._claim(CONTROL, f"entered ({name})", self.placement.hypotheses(), missed)

    def _by_the_host(self, cause: Cause, details: Mapping[str, Term]) -> Iterator[Claim]:
        """What the host's hardware makes of the trap is f of what the guest's own would."""
        alone = delivered(self.construction.guest, self.guest_state, cause, details)
        after = delivered(self.construction.host, self.host_state, cause, details)
        hypotheses = (*self.placement.hypotheses(), ~alone.declined)
        differences = {"the host declines": after.declined}
        for name in self.placement.kept_of_guest:
            differences[f"the virtual {name}"] = self._differ(name, self.guest_state[name], alone.state[name])
        differences |= self.apart(after.state, alone.state)
        yield self._claim(EQUIVALENCE, f"delivered by the host ({cause.name})", hypotheses, differences)
        memory = self.placement.memory
        outside = {OUTSIDE: self.outside(self.host_state[memory], after.state[memory], after.declined)}
        counter = self.construction.countdown
        if counter is not None:
            outside[counter] = self._differ(counter, self.host_state[counter], after.state[counter])
        yield self._claim(CONTROL, f"delivered by the host ({cause.name})", (*hypotheses, ~after.declined), outside)


def _is_delivered(cause: Cause) -> bool:
    """An exception, or an interrupt, which brings its own vector."""
    return cause.vector is not None or cause.kind is Kind.PROGRAM


class Foreign(Squares):
    """The claims about a form that the host has and the guest's machine has not: the guest may run it nonetheless."""

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        yield self.control_direct()
        yield from self.control_lent()
