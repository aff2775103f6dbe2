"""A guest program run twice: by the guest's own machine alone, and under the monitor; and where the two visibly part.

What a program can see is its machine's components of role program and its memory. A difference of mode or resources
alone is not visible: it takes an instruction more to show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringproof.model.cpu import Kind
from ringproof.model.machine import Role
from ringproof.traces.interpreter import State, Step, Trapped
from ringproof.traces.monitored import Monitored, System, Together, copied
from ringproof.traces.python_code import Cells

from .obligations import CONTROL, EFFICIENCY, EQUIVALENCE
from .region import Region
from .replay import CHECKS
from .tables import Tables, TablesError

STEPWISE = (EQUIVALENCE, CONTROL, EFFICIENCY)
"""The properties that speak of steps, and so of programs."""


@dataclass(frozen=True)
class Apart:
    """A place with the value that it has alone and under the monitor; `index` is a cell's."""

    name: str
    index: int | None
    alone: int
    monitored: int


@dataclass(frozen=True)
class Taken:
    """One step of both runs: the states from which each machine took it, and those after it.

    `apart` are the visible differences of the guest after the step, `hidden` the others; `shown` is what a property
    other than equivalence objects to.
    """

    before: State
    host: State
    step: Step
    alone: State
    monitored: Monitored
    together: Together
    apart: tuple[Apart, ...]
    hidden: tuple[Apart, ...]
    shown: tuple[str, ...]

    @property
    def parts(self) -> bool:
        """The runs visibly part in this step."""
        return bool(self.apart or self.shown)


class Declined(Exception):
    """One of the two runs comes to a step that the model declines."""


class Runs:
    """Programs on one system, run both ways."""

    def __init__(self, system: System) -> None:
        self.system, self.region, self.tables = system, Region(system), Tables(system)
        components = system.construction.guest.components
        self._visible = [name for name, c in components.items() if c.role in (Role.PROGRAM, Role.MEMORY)]
        self._hidden = [name for name in components if name not in self._visible]

    def follow(self, start: Together, what: str, steps: int) -> Iterator[Taken]:
        """The steps of both runs from `start`, up to the first in which they visibly part, at most `steps`.

        `what` is the property that the program speaks against. Raises Declined.
        """
        alone, together = copied(start.guest), start
        alone[self.system.placement.memory] = self.region.inside(start)
        for _ in range(steps):
            before = copied(alone)
            step = self._alone(alone)
            try:
                together = self.tables.filled(together)
            except TablesError as error:
                raise Declined(str(error)) from None
            after, monitored = self.system.step(together)
            if monitored.trapped is not None and monitored.trapped.cause.kind is Kind.UNSUPPORTED:
                raise Declined(monitored.trapped.cause.name)
            hidden = tuple(self._apart(self._hidden, alone, after))
            shown: list[str] = []
            if what in (CONTROL, EFFICIENCY):
                shown = CHECKS[what](self.system, together, alone, step, after, monitored)
            apart = tuple(self._apart(self._visible, alone, after))
            taken = Taken(before, together.host, step, copied(alone), monitored, after, apart, hidden, tuple(shown))
            yield taken
            if taken.parts:
                return
            together = after

    def _alone(self, state: State) -> Step:
        """A step of the guest's own machine, its trap delivered."""
        step = self.system.guest.attempt(state)
        if step.trapped is not None:
            declined: Trapped | None = step.trapped
            if step.trapped.cause.kind is not Kind.UNSUPPORTED:
                declined = self.system.guest.deliver(step.trapped, state)
            if declined is not None:
                raise Declined(declined.cause.name)
        return step

    def _apart(self, names: Sequence[str], alone: State, after: Together) -> Iterator[Apart]:
        """The differences in the components `names`."""
        for name in names:
            one, two = alone[name], after.guest[name]
            if not isinstance(one, Cells):
                if one != two:
                    yield Apart(name, None, int(one), int(two))
                continue
            for index in sorted({*one, *two}):
                if one[index] == two[index]:
                    continue
                if name != self.system.placement.memory or self.region.owns(after, index):
                    yield Apart(name, index, one[index], two[index])
