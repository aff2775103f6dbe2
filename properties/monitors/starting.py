"""States that programs are run from: a system's ordinary state, and the same with some parts changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ringproof.model.monitors.placement import own_name
from ringproof.traces.interpreter import State
from ringproof.traces.monitored import System, Together, copied
from ringproof.traces.python_code import Cells

from .region import Region

Part = tuple[str, str, int | None]
"""A scalar or a cell: of the "guest", of the "host" where it is the host's own, or "kept" by the monitor."""


def ordinary(system: System) -> Together:
    """The state in which guest and host are as they start, but for what the placement says of its ordinary state."""
    placement = system.placement
    values: dict[str, Any] = dict(placement.guest.start)
    values |= {own_name(name): value for name, value in placement.host.start.items()}
    for name, value in placement.ordinary.items():
        values[name] = Cells(value) if isinstance(value, Mapping) else value
    return system.together(values)


class Starts:
    """The parts of a system's states, and states with other parts."""

    def __init__(self, system: System) -> None:
        self.system, self.region = system, Region(system)
        placement = system.placement
        decided = placement.decided(placement.view(placement.guest_state()), placement.own_view())
        self._own = [n for n in placement.host.components if n not in decided and n not in placement.carried]

    def parts(self, together: Together) -> dict[Part, int]:
        """What a state is made of; what is zero is left out."""
        memory = self.system.placement.memory
        groups: list[tuple[str, State]] = [
            ("guest", {**together.guest, memory: self.region.inside(together)}),
            ("host", {name: together.host[name] for name in self._own if name != memory}),
            ("host", {memory: self.region.outside(together)}),
            ("kept", dict(together.kept)),
        ]
        return {(group, *place): value for group, state in groups for place, value in _places(state)}

    def changed(self, start: Together, changes: Mapping[Part, int]) -> Together | None:
        """`start` with some parts changed; None where the monitor does not permit that state."""
        memory = self.system.placement.memory
        guest, host, kept = copied(start.guest), copied(start.host), dict(start.kept)
        guest[memory], host[memory] = self.region.inside(start), self.region.outside(start)
        states: Mapping[str, dict[str, Any]] = {"guest": guest, "host": host, "kept": kept}
        for (group, name, index), value in changes.items():
            state = states[group]
            if index is not None:
                state[name][index] = value
            else:
                state[name] = bool(value) if isinstance(state[name], bool) else value
        found = self.system.place(guest, host, kept)
        return found if self.system.permitted(found) else None


def _places(state: State) -> Iterator[tuple[tuple[str, int | None], int]]:
    for name, value in state.items():
        if isinstance(value, Cells):
            yield from (((name, index), cell) for index, cell in sorted(value.items()) if cell)
        elif value:
            yield (name, None), int(value)
