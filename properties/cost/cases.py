"""A construction's cases: how each step of the guest is taken, read off the monitor's own dispatcher.

With the guest's mode fixed to one level, `interprets`, `emulates` and the guards of the host's traps fold. What folds
to a constant is decided, and what does not may go either way; no solver is asked, so a case that is listed may be one
that no state takes, never the reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ringproof.model.cpu import Cpu, Outcome, Trap, View
from ringproof.model.machine import Machine
from ringproof.model.monitors.construction import Construction
from ringproof.model.terms import FALSE, TRUE, Term, substitute
from ringproof.traces.interpreter import UNDEFINED


class Way(Enum):
    """By whom a step is taken, as `traces.monitored` says of each."""

    DIRECT = "direct"
    EMULATED = "emulated"
    REFLECTED = "reflected"
    INTERPRETED = "interpreted"


class Treatment(Enum):
    """What a construction does with the guest's code at a level."""

    DIRECT = "runs directly"
    INTERPRETED = "is interpreted"
    SOMETIMES = "runs directly or is interpreted, by the state"
    TRANSLATED = "is translated once and executed many times"
    NON_ROOT = "runs directly in the processor's guest mode"


@dataclass(frozen=True)
class LevelCases:
    """What may happen to the guest's steps at one level.

    `hides` are the instructions that the host traps on for a cause that the guest's own machine does not know at this
    level. On those in `may_hide` both trap for the same cause, perhaps not in the same states, and the monitor does not
    always reflect it. `own` is how the guest's own traps reach the guest, empty where it has none: by reflection, or
    found by the monitor's routine.
    """

    level: str
    treatment: Treatment
    hides: tuple[str, ...]
    may_hide: tuple[str, ...]
    own: frozenset[Way]


@dataclass(frozen=True)
class Cases:
    """The cases of a construction at each level of the guest, the most privileged first; `depth` monitors deep."""

    name: str
    text: str
    levels: tuple[LevelCases, ...]
    depth: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(case.level for case in self.levels)


def cases(name: str, construction: Construction) -> Cases:
    """The cases of `construction`.

    >>> from ringproof.model.monitors.catalog import system
    >>> found = cases("hybrid", system("third-generation/hybrid"))
    >>> [(case.level, case.treatment.value) for case in found.levels]
    [('supervisor', 'is interpreted'), ('user', 'runs directly')]
    >>> found.levels[0].hides
    ('LOAD PSW', 'LOAD R')
    """
    levels = construction.guest.levels
    found = tuple(_at_level(construction, level) for level in levels)
    return Cases(name, construction.summary, found, construction.depth)


def _at_level(construction: Construction, level: str) -> LevelCases:
    reader = _Reader(construction, level)
    hides: list[str] = []
    may_hide: list[str] = []
    own: set[Way] = set()
    for row, guest, host in reader.rows():
        reachable = list(_reachable(host))
        verdicts = [reader.emulates(trap) for trap in reachable]
        if not any(guard is TRUE for _, guard in guest):
            if any(not _traps_alike(trap, guest) for trap in reachable):
                hides.append(row)
            elif any(verdict is not FALSE for verdict in verdicts):
                may_hide.append(row)
        if guest:
            own |= {Way.EMULATED} if any(verdict is not FALSE for verdict in verdicts) else set()
            own |= {Way.REFLECTED} if any(verdict is not TRUE for verdict in verdicts) else set()
    first, second = dict.fromkeys(hides), dict.fromkeys(may_hide)
    return LevelCases(level, reader.treatment, tuple(first), tuple(n for n in second if n not in first), frozenset(own))


Guarded = tuple[Trap, Term]
"""A trap with its guard at one level; those whose guard is false are left out."""


def _reachable(traps: list[Guarded]) -> Iterator[Trap]:
    """The traps that an instruction can take: none after one that is always taken."""
    for trap, guard in traps:
        yield trap
        if guard is TRUE:
            return


def _traps_alike(trap: Trap, guest: list[Guarded]) -> bool:
    return any(own.cause == trap.cause for own, _ in guest)


class _Reader:
    """The terms of a construction with the guest's mode fixed."""

    def __init__(self, construction: Construction, level: str) -> None:
        self.construction = construction
        placement = construction.placement
        machine = construction.guest
        mode = {machine.variables[machine.mode]: machine.at_level(machine.levels[level])}
        state = placement.guest_state()
        names = list(state)
        self.guest_state = dict(zip(names, substitute([state[n] for n in names], mode), strict=True))
        self.view: View = placement.view(self.guest_state)
        own = placement.own_variables()[placement.memory]
        self.host_state = placement.host_state(self.guest_state, own)
        self._verdicts: dict[Trap, Term] = {}

    @property
    def treatment(self) -> Treatment:
        found = self.construction.interprets(self.view)
        if found is FALSE:
            return Treatment.TRANSLATED if self.construction.translates(self.view) is TRUE else Treatment.DIRECT
        return Treatment.INTERPRETED if found is TRUE else Treatment.SOMETIMES

    def emulates(self, trap: Trap) -> Term:
        """What the dispatcher says of a trap of the host."""
        if trap not in self._verdicts:
            self._verdicts[trap] = self.construction.emulates(self.view, trap.cause)
        return self._verdicts[trap]

    def rows(self) -> Iterator[tuple[str, list[Guarded], list[Guarded]]]:
        """Each instruction with the traps that it can take on the guest's own machine, and on the host."""
        guest, host = self.construction.guest, self.construction.host
        undefined = guest.run(_undefined)
        known = {instruction.id: instruction for instruction in host.instructions}
        for instruction in guest.instructions:
            same = known.get(instruction.id)
            on_host = undefined if same is None else host.outcome(same)
            yield instruction.name, self._on_guest(guest.outcome(instruction)), self._on_host(on_host)
        if guest.undefined:
            yield UNDEFINED.name, self._on_guest(undefined), self._on_host(undefined)
        if guest.fetch is not None and host.fetch is not None:
            yield "fetch", self._on_guest(_fetching(guest)), self._on_host(_fetching(host))

    def _on_guest(self, outcome: Outcome) -> list[Guarded]:
        return self._guarded(outcome, self.construction.guest.variables, self.guest_state)

    def _on_host(self, outcome: Outcome) -> list[Guarded]:
        return self._guarded(outcome, self.construction.host.variables, self.host_state)

    def _guarded(self, outcome: Outcome, variables: dict[str, Term], state: dict[str, Term]) -> list[Guarded]:
        guards = substitute([trap.guard for trap in outcome.traps], {variables[n]: state[n] for n in variables})
        return [(trap, guard) for trap, guard in zip(outcome.traps, guards, strict=True) if guard is not FALSE]


def _undefined(cpu: Cpu) -> None:
    cpu.trap(UNDEFINED)


def _fetching(machine: Machine) -> Outcome:
    def fetch(cpu: Cpu) -> None:
        assert machine.fetch is not None
        machine.fetch(cpu)

    return machine.run(fetch)
