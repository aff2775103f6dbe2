"""The states of one step as a table: what changes or differs first, the rest by role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BitVecSort
from ringproof.traces.interpreter import State

from .content import Alignment, Report
from .runs import Place, copied, get, places

MOST_CELLS = 64
"""Of what stays as it is, so many cells of an array are listed."""


@dataclass(frozen=True)
class Value:
    """A value as it is written: the zeros before it, and the digits that count."""

    zeros: str
    digits: str
    changed: bool = False


@dataclass(frozen=True)
class Row:
    """A place, its values before and after in each run, and what is marked."""

    label: str
    text: str
    role: str
    values: tuple[Value, ...]
    differs: bool
    shown: bool
    foremost: bool


def width_of(machine: Machine, name: str) -> int:
    sort = machine.components[name].sort
    if isinstance(sort, ArraySort):
        return sort.value.width
    return sort.width if isinstance(sort, BitVecSort) else 1


def index_width(machine: Machine, name: str) -> int:
    sort = machine.components[name].sort
    assert isinstance(sort, ArraySort)
    return sort.index.width


def written(value: int, width: int) -> Value:
    """`value` in hexadecimal, of up to 32 bits in as many digits as the width takes; one bit is 0 or 1."""
    if width == 1:
        return Value("", str(int(value)))
    digits = f"{int(value):0{-(-width // 4) if width <= 32 else 1}x}"
    kept = digits.lstrip("0") or "0"
    return Value("0x" + "0" * (len(digits) - len(kept)), kept)


def states_at(report: Report, step: int) -> list[State]:
    """Before and after the step, for each run."""
    found: list[State] = []
    for run in report.runs:
        before = after = run.initial
        for number, state in enumerate(run.states()):
            if number == max(step - 1, 0):
                before = copied(state)
            if number == step:
                after = copied(state)
                break
        found += [before, after]
    return found


def partner(machine: Machine, alignment: Alignment | None, place: Place) -> Place:
    """The place of the second run that answers to `place` of the first."""
    name, index = place
    if alignment is None or index is None or name != alignment.memory:
        return place
    return name, (index + alignment.offset) % (1 << index_width(machine, name))


def rows(report: Report, states: Sequence[State]) -> list[Row]:
    """All rows, in the machine's order; `foremost` are those that a reader wants first."""
    machine, alignment = report.machine, report.alignment
    found: list[Row] = []
    told: set[tuple[str, bool]] = set()
    every = places(machine, *states[:2])
    if len(states) > 2:
        known = dict.fromkeys(every)
        back = Alignment(alignment.memory, -alignment.offset, ()) if alignment else None
        known.update(dict.fromkeys(partner(machine, back, place) for place in places(machine, *states[2:])))
        order = {name: n for n, name in enumerate(machine.components)}
        every = sorted(known, key=lambda place: (order[place[0]], -1 if place[1] is None else place[1]))
    quiet: dict[str, int] = {}
    for place in every:
        name, index = place
        other = partner(machine, alignment, place)
        values = [get(state, place) for state in states[:2]] + [get(state, other) for state in states[2:]]
        changed = [values[0] != values[1], *([values[2] != values[3]] if len(values) > 2 else [])]
        differs = len(values) > 2 and _differ(report, name, place, other, values)
        shown = place in report.shown
        foremost = any(changed) or differs or shown or name in (machine.counter, machine.mode)
        if index is not None and not foremost:
            quiet[name] = quiet.get(name, 0) + 1
            if quiet[name] > MOST_CELLS:
                continue
        width = width_of(machine, name)
        cells = []
        for n, value in enumerate(values):
            plain = written(value, width)
            cells.append(Value(plain.zeros, plain.digits, bool(n % 2 and changed[n // 2])))
        component = machine.components[name]
        text = "" if (name, foremost) in told else component.text
        told.add((name, foremost))
        here = label(machine, place, other)
        found.append(Row(here, text, component.role.value, tuple(cells), differs, shown, foremost))
    return found


def _differ(report: Report, name: str, place: Place, other: Place, values: Sequence[int]) -> bool:
    """Whether the runs differ; bases that were moved on purpose do if they are no longer as far apart."""
    if report.alignment is not None and name in report.alignment.bases:
        first, second = (get(run.initial, at) for run, at in zip(report.runs, (place, other), strict=True))
        apart = (second - first) % (1 << width_of(report.machine, name))
        return any((values[n + 2] - values[n] - apart) % (1 << width_of(report.machine, name)) for n in (0, 1))
    return values[0] != values[2] or values[1] != values[3]


def label(machine: Machine, place: Place, other: Place) -> str:
    """The name of a place; of a moved cell, where it lies in both runs."""
    name, index = place
    if index is None:
        return name
    here = f"{name}[{index:#x}]"
    return here if other == place else f"{here} ⇢ [{other[1]:#x}]"
