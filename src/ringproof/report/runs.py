"""Runs as a report shows them: an initial state, and what each step executed, met and changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

Place = tuple[str, int | None]
"""A component, or a cell of an array."""


@dataclass(frozen=True)
class Executed:
    """An instruction as it stood in memory: assembly text, the word in hexadecimal, and its form."""

    assembly: str
    word: str
    form: str


@dataclass(frozen=True)
class Step:
    """One step: what was executed (None where none was reached), why it was taken, its trap, and the new values."""

    executed: Executed | None
    changes: Mapping[Place, int]
    reason: str = "direct"
    trap: str | None = None


@dataclass(frozen=True)
class Run:
    """A run with its name in the report, such as "first run"."""

    label: str
    initial: State
    steps: tuple[Step, ...] = field(repr=False)

    def states(self) -> Iterator[State]:
        """The state before each step, and the last one. Each is the same object, changed in place."""
        state = copied(self.initial)
        yield state
        for step in self.steps:
            for place, new in step.changes.items():
                put(state, place, new)
            yield state


def copied(state: State) -> State:
    return {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}


def get(state: Mapping[str, Any], place: Place) -> int:
    name, index = place
    return int(state[name] if index is None else state[name][index])


def put(state: State, place: Place, value: int) -> None:
    name, index = place
    if index is None:
        state[name] = value
    else:
        state[name][index] = value


def places(machine: Machine, *states: State) -> list[Place]:
    """Every scalar, and every cell that is written in one of `states`, in the machine's order."""
    found: list[Place] = []
    for name in machine.components:
        values = [state[name] for state in states]
        if isinstance(values[0], Cells):
            found += [(name, index) for index in sorted({index for cells in values for index in cells})]
        else:
            found.append((name, None))
    return found


def changes(machine: Machine, before: State, after: State) -> dict[Place, int]:
    """The places whose values differ, with the values that they have afterwards."""
    pairs = ((place, get(before, place), get(after, place)) for place in places(machine, before, after))
    return {place: new for place, old, new in pairs if old != new}
