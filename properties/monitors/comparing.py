"""One step of a system side by side: the guest on its own machine, the virtual machine, and the host beneath it."""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.traces.interpreter import State
from ringproof.traces.monitored import System
from ringproof.traces.python_code import Cells

from .region import Region
from .replay import Squared
from .telling import number

Place = tuple[str, int | None]


@dataclass(frozen=True)
class Row:
    """A place of the guest and where it lies on the host; "" where one of the two has no such place.

    `before` is the guest's value before the step, `alone` and `virtual` after it on its own machine and under the
    monitor. `differs` marks what is not as it should be: the virtual value, or the host's.
    """

    name: str
    before: str
    alone: str
    virtual: str
    host_before: str
    host: str
    differs: bool


def rows(system: System, found: Squared) -> list[Row]:
    """Every place that is not zero throughout: components, then the guest's memory, then the host's own."""
    region, memory = Region(system), system.placement.memory
    guest = (found.before.guest, found.alone, found.after.guest)
    host = (found.before.host, found.after.host)
    listed: list[Row] = []
    for name in dict.fromkeys([*system.guest.machine.components, *system.host.machine.components]):
        for place in _places(name, *guest, *host):
            index = place[1]
            if name == memory and index is not None:
                continue
            objected = f"{place[0]} of the host" in found.shown
            listed.append(_row(_label(place), _read(place, guest), _read(place, host), objected))
    cells = sorted({i for state in guest for i in state[memory] if region.owns(found.before, i)})
    for index in cells:
        lies = region.address(found.before, index)
        label = f"{memory}[{number(index)}]" + (f", on the host [{number(lies)}]" if lies != index else "")
        listed.append(_row(label, _read((memory, index), guest), _read((memory, lies), host)))
    own = sorted({a for state in host for a in state[memory] if not system.in_region(found.before, a)})
    for address in own:
        label = f"{memory}[{number(address)}] of the host"
        objected = f"{memory}[{address:#x}] outside the region" in found.shown
        listed.append(_row(label, [], _read((memory, address), host), objected))
    return [row for row in listed if row.differs or any(value not in ("", "0") for value in _values(row))]


def _row(label: str, guest: list[int], host: list[int], objected: bool = False) -> Row:
    before, alone, virtual = [number(value) for value in guest] or [""] * 3
    host_before, host_after = [number(value) for value in host] or [""] * 2
    return Row(label, before, alone, virtual, host_before, host_after, differs=alone != virtual or objected)


def _places(name: str, *states: State) -> list[Place]:
    values = [state[name] for state in states if name in state]
    if not isinstance(values[0], Cells):
        return [(name, None)]
    return [(name, index) for index in sorted({index for cells in values for index in cells})]


def _read(place: Place, states: tuple[State, ...]) -> list[int]:
    name, index = place
    if name not in states[0]:
        return []
    return [int(state[name] if index is None else state[name][index]) for state in states]


def _label(place: Place) -> str:
    return place[0] if place[1] is None else f"{place[0]}[{number(place[1])}]"


def _values(row: Row) -> tuple[str, ...]:
    return row.before, row.alone, row.virtual, row.host_before, row.host
