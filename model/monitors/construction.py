"""The control program as the paper's triple: a dispatcher, an allocator, and a routine per trapping instruction.

Popek and Goldberg 1974, section 4. The allocator is the placement's: what it grants, and the relocation that it
composes. The dispatcher is `emulates`: at a trap of the host it says when a routine simulates the instruction;
elsewhere the trap is the guest's own, and is reflected into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..cpu import Cause, Kind, View
from ..machine import Instruction, Machine
from ..terms import FALSE, TRUE, Term
from .placement import Placement

Routine = Callable[..., None]
"""`routine(cpu, **fields)` on the virtual machine's state, as an instruction's meaning is written."""

Deliver = Callable[..., None]

Served = Mapping[str, Term] | None

Law = Callable[[View, View], Mapping[str, tuple[Term, Term]]]
"""`law(guest, own)` names terms that are equal in every state of the placement."""


@dataclass(frozen=True, eq=False)
class Construction:
    """A monitor over a placement.

    `routines` are by the name of the instruction; one that has none is interpreted by its own meaning over the
    virtual state (the paper's table look-up, section 4). `interprets(guest)` says when the monitor runs nothing
    directly, and `emulates(guest, cause)` when a trap of the host is one that the guest must not see. `reflect`
    carries a trap into the guest, as the guest's own hardware would (None: by that very definition). The host itself
    `delivers(cause)` to the guest, without the monitor, where its hardware has a place for the guest's own.
    `promises(guest)` says where an innocuous instruction is to run directly (the paper's hybrid: in user mode).
    `laws` are equations about the map, or about the map `nested` that it is a form of. `depth` monitors lie under the
    guest, one under the other. `translates(guest)` says when what runs on the host is not the guest's code but made of
    it once. `judged` is the machine on which an instruction counts as innocuous, where that is not the guest's.

    Some traps tell of the host's own affairs, before the guest's next instruction: `serves(cause, own)` gives the
    host's components after the monitor has seen to such a trap and resumed the guest, and None for other causes.
    `pending(own)` names what brings such a trap about, and `countdown` the host's component that counts the guest's
    instructions down until one.
    """

    name: str
    summary: str
    source: str
    placement: Placement
    interprets: Callable[[View], Term]
    emulates: Callable[[View, Cause], Term]
    routines: Mapping[str, Routine] = field(default_factory=dict)
    reflect: Deliver | None = None
    delivers: Callable[[Cause], bool] = lambda cause: False
    promises: Callable[[View], Term] = lambda guest: TRUE
    laws: Mapping[str, Law] = field(default_factory=dict)
    nested: Placement | None = None
    depth: int = 1
    translates: Callable[[View], Term] = lambda guest: FALSE
    judged: Machine | None = None
    serves: Callable[[Cause, View], Served] = lambda cause, own: None
    pending: Callable[[View], Mapping[str, Term]] = lambda own: {}
    countdown: str | None = None

    @property
    def guest(self) -> Machine:
        return self.placement.guest

    @property
    def host(self) -> Machine:
        return self.placement.host

    @cached_property
    def foreign(self) -> list[Instruction]:
        """What the host has and the guest's machine has not."""
        known = {i.id for i in self.guest.instructions}
        return [i for i in self.host.instructions if i.id not in known]

    @cached_property
    def simulated(self) -> Machine:
        """The virtual machine as the monitor simulates it: the guest's, with the monitor's routines and reflection."""
        if not self.routines and self.reflect is None:
            return self.guest
        machine = copy(self.guest)
        machine.instructions = [
            replace(i, meaning=self.routines.get(i.name, i.meaning)) for i in self.guest.instructions
        ]
        machine.deliver = self.reflect or self.guest.deliver
        return machine


def in_virtual_supervisor(machine: Machine) -> Callable[[View], Term]:
    """The virtual machine is in its most privileged mode."""
    return lambda guest: getattr(guest, machine.mode) == machine.at_level(machine.top)


def trap_and_emulate(placement: Placement, routines: Mapping[str, Routine], reflect: Deliver | None) -> Construction:
    """Theorem 1's monitor: all runs directly; a privileged instruction of virtual supervisor mode is emulated."""
    supervisor = in_virtual_supervisor(placement.guest)
    return Construction(
        "trap-and-emulate",
        "runs all of the guest directly and emulates what traps for privilege in virtual supervisor mode",
        "Popek and Goldberg 1974, Theorem 1",
        placement,
        interprets=lambda guest: FALSE,
        emulates=lambda guest, cause: supervisor(guest) if cause.kind is Kind.PRIVILEGE else FALSE,
        routines=routines,
        reflect=reflect,
    )


def hybrid(placement: Placement, routines: Mapping[str, Routine], reflect: Deliver | None) -> Construction:
    """Theorem 3's monitor: all of virtual supervisor mode is interpreted, user mode runs directly."""
    supervisor = in_virtual_supervisor(placement.guest)
    return Construction(
        "hybrid",
        "interprets all of virtual supervisor mode and runs virtual user mode directly",
        "Popek and Goldberg 1974, Theorem 3",
        placement,
        interprets=supervisor,
        promises=lambda guest: ~supervisor(guest),
        emulates=lambda guest, cause: FALSE,
        routines=routines,
        reflect=reflect,
    )
