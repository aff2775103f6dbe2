"""A counterexample told: one English sentence, and the two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

from .definitions import After, unequal
from .replay import Replayed


@dataclass(frozen=True)
class Line:
    """One line of the runs: a component, and its value before and after in each.

    `differs` says that the two runs differ in it, before or after; of a single run, that it changes.
    """

    name: str
    values: tuple[str, ...]
    differs: bool


def level_name(machine: Machine, state: State) -> str:
    """The name of the privilege level of `state`."""
    return next(name for name, value in machine.levels.items() if value == state[machine.mode])


def disassembly(replayed: Replayed) -> str:
    """The instruction of a witness as assembly text."""
    case = replayed.case
    return case.instruction.render(case.fields)


def sentence(replayed: Replayed) -> str:
    """The first thing to say about a counterexample."""
    case, runs = replayed.case, replayed.runs
    machine, states = case.semantics.machine, case.states
    text = disassembly(replayed)
    if not replayed.shown:
        return f"`{text}` does not show what the witness claims."
    levels = [level_name(machine, state) for state in states]
    if case.witness.claim == "executes":
        return f"At level {levels[0]}, `{text}` completes without a trap."
    if case.witness.claim == "not-privileged":
        return f"`{text}`: {_fate(runs[0], levels[0])}, and {_fate(runs[1], levels[1])}."
    if case.witness.claim == "control":
        changes = _changes(machine, states[0], runs[0], replayed.shown)
        return f"At level {levels[0]}, `{text}` changes {changes} without a trap."
    seen = _seen(replayed)
    if case.witness.claim == "mode":
        return f"`{text}` shows the mode: {seen[0]} at level {levels[0]}, but {seen[1]} at level {levels[1]}."
    if case.witness.claim == "location":
        return (
            f"`{text}` shows where the program lies: {seen[0]}, but {seen[1]} when everything is moved by"
            f" {_number(case.amount)}."
        )
    if case.witness.claim in ("resource", "timing"):
        name = case.witness.component or _first_difference(machine, states)
        label, one, two = _apart(name, *(state[name] for state in states))
        return f"`{text}` shows {label}: {seen[0]} where {label} is {one}, but {seen[1]} where it is {two}."
    return f"`{text}` shows a difference of mode or resources: {seen[0]}, but {seen[1]}."


def _first_difference(machine: Machine, states: Sequence[State]) -> str:
    return next(n for n in machine.components if unequal(states[0][n], states[1][n]))


def _fate(run: After, level: str) -> str:
    if run.trapped is None:
        return f"it completes at level {level}"
    return f"it traps at level {level} ({run.trapped.cause.name})"


def _changes(machine: Machine, before: State, run: After, names: Sequence[str]) -> str:
    parts = []
    for name in names[:3]:
        if name in machine.components:
            label, old, new = _apart(name, before[name], run.state[name])
            parts.append(f"{label} from {old} to {new}")
        else:
            parts.append(f"the {name}")
    return " and ".join(parts) + (" and more" if len(names) > 3 else "")


def _seen(replayed: Replayed) -> tuple[str, str]:
    """What each of the two programs sees at the first place where they differ."""
    place = replayed.shown[0]
    case = replayed.case
    if "[" not in place:
        label, one, two = _apart(place, *(run.state[place] for run in replayed.runs))
        return f"{label} becomes {one}", two
    name, _, rest = place.partition("[")
    address = int(rest.rstrip("]"), 16)
    second = case.semantics.relocate(
        replayed.runs[1].state, -case.amount % (1 << _amount_width(case.semantics.machine))
    )
    one, two = replayed.runs[0].state[name][address], second[name][address]
    return f"the cell at {_number(address)} becomes {_number(one)}", _number(two)


def _amount_width(machine: Machine) -> int:
    return machine.relocation.amount.width if machine.relocation else 1


def lines(replayed: Replayed) -> list[Line]:
    """The runs side by side: what is not zero or changes, in the machine's order of components."""
    case, runs = replayed.case, replayed.runs
    machine = case.semantics.machine
    states: list[State] = []
    for before, run in zip(case.states, runs, strict=True):
        states += [before, run.state if run.trapped is None else before]
    found = []
    for name in machine.components:
        values = [state[name] for state in states]
        if isinstance(values[0], Cells):
            for index in sorted({i for cells in values for i in cells}):
                cells = [value[index] for value in values]
                found.append(_line(f"{name}[{_number(index)}]", cells))
        elif any(values):
            found.append(_line(name, values))
    return found


def _line(name: str, values: Sequence[Any]) -> Line:
    first, second = values[:2], values[2:] or values[1::-1]
    return Line(name, tuple(_number(value) for value in values), list(first) != list(second))


def _number(value: Any) -> str:
    return str(int(value)) if int(value) < 10 else hex(value)


def _apart(name: str, one: Any, two: Any) -> tuple[str, str, str]:
    """A component, or the first cell of an array, at which two values differ; and the two."""
    if not isinstance(one, Cells):
        return name, _number(one), _number(two)
    index = next((i for i in sorted({*one, *two}) if one[i] != two[i]), 0)
    return f"{name}[{_number(index)}]", _number(one[index]), _number(two[index])
