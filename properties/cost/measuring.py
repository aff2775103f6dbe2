"""Runs of guest programs under a monitor and alone: steps by how they were taken, and processor time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ringproof.model.monitors.construction import Construction
from ringproof.model.monitors.placement import kept_name, own_name
from ringproof.traces.interpreter import State
from ringproof.traces.monitored import System, Together
from ringproof.traces.monitored_in_place import Running
from ringproof.traces.python_code import Cells

from . import mixes
from .cases import Cases
from .mixes import Mix

STEPS, TIMES = 1000, 12

COMPLETED, PRIVILEGED, TRAPPED = "completed", "privileged", "trapped"


class NotMeasured(ValueError):
    """A system that no guest program is known for, and why."""


@dataclass(frozen=True)
class Run:
    """One run: how many steps were taken in each way, and the processor time of all of them in microseconds."""

    text: str
    counts: Mapping[str, int]
    microseconds: float

    @property
    def steps(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Pair:
    """The same steps of a guest program under the monitor and alone."""

    mix: Mix
    monitored: Run
    alone: Run

    @property
    def slowdown(self) -> float:
        return self.monitored.microseconds / self.alone.microseconds


Clock = Callable[[], float]


class Measuring:
    """The runs of one construction. Raises NotMeasured where there is no guest program for it.

    >>> from ringproof.model.monitors.catalog import system
    >>> from ringproof.properties.cost.cases import cases
    >>> construction = system("third-generation/hybrid")
    >>> measuring = Measuring(construction, cases("hybrid", construction))
    >>> dict(measuring.counts(Mix(3, 1, 4), 20))
    {'direct': 8, 'reflected': 2, 'interpreted': 10}
    """

    def __init__(self, construction: Construction, cases: Cases) -> None:
        placement = construction.placement
        if not mixes.runs(construction.guest):
            raise NotMeasured(f"no guest programs of {construction.guest.name} are known")
        if construction.depth > 1:
            raise NotMeasured(f"of the {construction.depth} monitors under the guest a run has the innermost only")
        if not placement.ordinary:
            raise NotMeasured(f"the placement of {construction.name} names no ordinary state to run programs from")
        self.system = System(construction)
        levels = construction.guest.levels
        self._hides = {levels[case.level]: frozenset(case.hides) for case in cases.levels}

    def start(self, mix: Mix) -> Together:
        """The guest's program, placed on the host."""
        placement = self.system.placement
        host = self.system.host.initial(**self.system.construction.host.start)
        for name in host:
            value = placement.ordinary.get(own_name(name))
            if isinstance(value, int):
                host[name] = value
            elif value is not None:
                host[name] = Cells(value)
        kept = {name: placement.ordinary.get(kept_name(name), 0) for name in placement.kept}
        together = self.system.place(mixes.guest(placement.guest, mix), host, kept)
        if not self.system.permitted(together):
            raise NotMeasured(f"the allocator of {self.system.construction.name} does not grant the programs' state")
        return together

    def counts(self, mix: Mix, steps: int = STEPS) -> Mapping[str, int]:
        """How the first steps are taken."""
        running = Running(self.system, self.start(mix))
        return Counter(running.step() for _ in range(steps))

    def counts_alone(self, mix: Mix, steps: int = STEPS) -> Mapping[str, int]:
        """How the guest's own machine takes them: privileged are those that complete and that the host traps on."""
        state, found = self._alone(mix), Counter[str]()
        mode = self.system.construction.guest.mode
        for _ in range(steps):
            hides = self._hides[state[mode]]
            step = self.system.guest.step(state)
            hidden = step.instruction is not None and step.instruction.name in hides
            found[TRAPPED if step.trapped is not None else PRIVILEGED if hidden else COMPLETED] += 1
        return found

    def pairs(
        self, chosen: Sequence[Mix], steps: int = STEPS, times: int = TIMES, clock: Clock = time.process_time
    ) -> list[Pair]:
        """Both runs of each mix, of whole rounds. The time of each is the shortest of several, taken by turns.

        A computer's speed changes from one second to the next; turns spread that over all of them.
        """
        guests = [(mix, Running(self.system, self.start(mix)), self._alone(mix)) for mix in chosen]
        lengths = [mix.round * max(1, steps // mix.round) for mix in chosen]
        under: list[list[float]] = [[] for _ in chosen]
        alone: list[list[float]] = [[] for _ in chosen]
        for mix, running, state in guests:
            _time(running.step, mix.round, clock)
            _time(partial(self.system.guest.step, state), mix.round, clock)
        for _ in range(times):
            for index, (_mix, running, state) in enumerate(guests):
                under[index].append(_time(running.step, lengths[index], clock))
                alone[index].append(_time(partial(self.system.guest.step, state), lengths[index], clock))
        return [
            Pair(
                mix,
                Run(mix.text, self.counts(mix, lengths[index]), min(under[index])),
                Run(mix.text, self.counts_alone(mix, lengths[index]), min(alone[index])),
            )
            for index, mix in enumerate(chosen)
        ]

    def _alone(self, mix: Mix) -> State:
        return mixes.guest(self.system.placement.guest, mix)


def _time(step: Callable[[], object], steps: int, clock: Clock) -> float:
    """Microseconds for `steps` steps."""
    begun = clock()
    for _ in range(steps):
        step()
    return (clock() - begun) * 1e6
