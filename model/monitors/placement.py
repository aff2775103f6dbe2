"""The VM map f: how the state of a virtual machine lies in the state of the machine beneath it.

Popek and Goldberg 1974, section 4: the control program has some first cells, the virtual machine a region after
them; program registers are the machine's own, and the mode and the relocation of the virtual machine are kept by
the monitor, which runs it in the guests' mode under a relocation composed of both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..cpu import Cause, View
from ..machine import Machine, Role
from ..terms import FALSE, TRUE, ArraySort, Sort, Term, shift, var


def own_name(name: str) -> str:
    """The name of the variable of a component that the host has for itself."""
    return f"host.{name}"


def kept_name(name: str) -> str:
    """The name of the variable in which the monitor keeps `name`."""
    return f"monitor.{name}"


@dataclass(frozen=True, eq=False)
class Placement:
    """Where one virtual machine lies, over the guest's components, what the monitor keeps, and the host's own.

    `kept` has the sort of each thing that the monitor keeps beside the guest's mode and resources. In the functions,
    the view `guest` has the guest's components and what is kept, the view `own` the host's components before the
    guest was placed in them. `decided(guest, own)` gives the host's components that the monitor sets; other components
    are the guest's where their role is program, and the host's own elsewhere. `offset(guest)` is how far up the guest's
    cells lie, `region(guest, address)` says which of the host's cells are the guest's. `granted(guest, own)` is what
    the allocator grants and what holds of the host while guests run; `assumed` is more that holds before a step, which
    no step has to keep, and which `assumptions` put in words. `entered(own, after)` says that the monitor has
    control of the host in the state `after` a trap. `ordinary` is a state that programs can be run from: what differs
    from where the guest and the host start by themselves, by the names of the placement's variables; `ordinary_text`
    says in words what the guest is like there.

    `lent` are mode and resources that the host holds for the guest and that the guest may change there:
    `returned(guest, host)` reads them back, and `bounds(host)` holds whatever the guest makes of them.
    `cell(guest, own, address)` is what holds of the host's cell at `address`, where that is one of the monitor's own;
    it is stated at each address that the host reads. The cells of the guest that the monitor
    `watches(own, address)` change by a trap alone; `tracing` are the traps that efficiency does not count for that.
    """

    guest: Machine
    host: Machine
    memory: str
    kept: Mapping[str, Sort]
    offset: Callable[[View], Term]
    region: Callable[[View, Term], Term]
    granted: Callable[[View, View], list[Term]]
    decided: Callable[[View, View], Mapping[str, Term]]
    entered: Callable[[View, View], Term] | None = None
    assumptions: tuple[str, ...] = field(default=())
    ordinary: Mapping[str, int | Mapping[int, int]] = field(default_factory=dict)
    ordinary_text: str = ""
    assumed: Callable[[View, View], list[Term]] = lambda guest, own: []
    lent: frozenset[str] = frozenset()
    returned: Callable[[View, View], Mapping[str, Term]] = lambda guest, host: {}
    bounds: Callable[[View], Term] = lambda host: TRUE
    cell: Callable[[View, View, Term], Term] = lambda guest, own, address: TRUE
    watches: Callable[[View, Term], Term] = lambda own, address: FALSE
    tracing: frozenset[Cause] = frozenset()

    @property
    def carried(self) -> list[str]:
        """The guest's components that the host holds for it while it runs, by their role on the host."""
        found = [n for n, c in self.host.components.items() if n in self.guest.components and c.role is Role.PROGRAM]
        return [name for name in found if name != self.memory]

    @property
    def kept_of_guest(self) -> list[str]:
        """The guest's other components, which the monitor keeps: it must learn of every change."""
        return [name for name in self.guest.components if name != self.memory and name not in self.carried]

    # The state of both machines as terms.

    def kept_variables(self) -> dict[str, Term]:
        return {name: var(kept_name(name), sort) for name, sort in self.kept.items()}

    def own_variables(self) -> dict[str, Term]:
        return {name: var(own_name(name), c.sort) for name, c in self.host.components.items()}

    def guest_state(self) -> dict[str, Term]:
        """The guest's state g(X): its memory is the host's, moved back."""
        state = dict(self.guest.variables)
        state[self.memory] = shift(self.own_variables()[self.memory], -self.offset(self.view(state)))
        return state

    def view(self, guest: Mapping[str, Term]) -> View:
        return View({**self.guest.constants(), **self.kept_variables(), **guest})

    def own_view(self) -> View:
        return View({**self.host.constants(), **self.own_variables()})

    def hypotheses(self) -> list[Term]:
        """What the allocator keeps, and the guest's own rules for its states."""
        guest = self.guest_state()
        view, own = self.view(guest), self.own_view()
        return [*self.granted(view, own), *self.assumed(view, own), *self.guest.valid(guest)]

    def host_state(self, guest: Mapping[str, Term], memory: Term) -> dict[str, Term]:
        """f: the host's state where the guest's is `guest` and the host's memory is `memory`."""
        own = self.own_variables()
        decided = self.decided(self.view(guest), self.own_view())
        state: dict[str, Term] = {}
        carried = set(self.carried)
        for name in self.host.components:
            if name == self.memory:
                state[name] = memory
            elif name in decided:
                state[name] = decided[name]
            elif name in carried:
                state[name] = guest[name]
            else:
                state[name] = own[name]
        return state

    def host_memory(self, guest: Mapping[str, Term]) -> Term:
        """The host's memory where the guest's is that of `guest`."""
        term = guest[self.memory]
        assert isinstance(term.sort, ArraySort)
        return shift(term, self.offset(self.view(self.guest.variables)))
