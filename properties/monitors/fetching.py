"""The claims about what happens before an instruction: the fetch, and events of the host's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ringproof.model.cpu import Cause, Cpu, Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import TRUE, Term, any_of

from .obligations import CONTROL, FETCH, NO_CONTROL, Claim, Subject
from .steps import first


class Fetch(Subject):
    """The claims about the fetch: the host reads the word that the guest's own machine would, or traps as it does."""

    row = subject = FETCH
    counted = True

    def outcome(self, machine: Machine) -> Outcome:
        def run(cpu: Cpu) -> None:
            assert machine.fetch is not None
            machine.fetch(cpu)

        return machine.run(run)

    @property
    def selected(self) -> tuple[Term, ...]:
        return ()

    def _square_direct(self) -> dict[str, Term]:
        words = [self._word(machine, state) for machine, state in self._states()]
        return super()._square_direct() | {"the word": words[0] != words[1]}

    def _states(self) -> tuple[tuple[Machine, Mapping[str, Term]], ...]:
        return (self.construction.guest, self.guest_state), (self.construction.host, self.host_state)

    def _word(self, machine: Machine, state: Mapping[str, Term]) -> Term:
        assert machine.fetch is not None
        return machine.fetch(machine.cpu(state, machine.constants()))

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        yield from super().claims(innocuous=innocuous)
        yield from self.regaining()

    def _is_the_monitors(self, cause: Cause) -> bool:
        """The monitor sees to the trap; it is not the guest's own."""
        served = self.construction.serves(cause, self.placement.own_view())
        return served is not None or self.construction.emulates(self.view, cause) is TRUE

    def regaining(self) -> Iterator[Claim]:
        """Whatever the guest does, with interrupts disabled or in a handler of its own, the monitor regains control.

        What is pending on the host leads to the monitor before the guest's next instruction, in every state of the
        guest. A host that counts instructions down has such an event after as many of them.
        """
        construction, traps = self.construction, self.host.traps
        exits = [first(self.host, n) for n, trap in enumerate(traps) if self._is_the_monitors(trap.cause)]
        for name, pending in construction.pending(self.placement.own_view()).items():
            hypotheses = (*self.hypotheses, self.directly, pending)
            yield self._claim(CONTROL, f"pending: {name}", hypotheses, {NO_CONTROL: ~any_of(*exits)})
        counter = construction.countdown
        if counter is not None:
            before, after = self.host_state[counter], self.host.state[counter]
            hypotheses = (*self.hypotheses, self.directly, ~self.host.trapping())
            yield self._claim(CONTROL, "countdown", hypotheses, {counter: (after != before - 1) | (before == 0)})
