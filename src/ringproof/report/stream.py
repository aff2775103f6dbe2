"""Runs as bytes for the page: variable-length numbers, a step's changes as differences to the values before.

Gzipped by the caller, a loop costs about a byte a step. `assets/stream.js` reads what this writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ringproof.model.machine import Machine
from ringproof.traces.python_code import Cells

from .runs import Run, copied, get, put


class Writer:
    """Bytes under construction."""

    def __init__(self) -> None:
        self.content = bytearray()

    def number(self, value: int) -> None:
        """A number from 0 on: seven bits a byte, lowest first."""
        content = self.content
        while value > 127:
            content.append(value & 127 | 128)
            value >>= 7
        content.append(value)

    def difference(self, value: int) -> None:
        """A number of either sign, small ones short."""
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)


class Table:
    """Values by number: each is written once, however many steps have it. 0 is none."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        return 0 if value is None else self.numbers.setdefault(value, len(self.numbers) + 1)


def encoded(machine: Machine, runs: Sequence[Run]) -> tuple[bytes, dict[str, Any]]:
    """The runs as bytes, and the tables that their steps refer to: instructions, reasons and traps."""
    writer = Writer()
    instructions, reasons, traps = Table(), Table(), Table()
    order = {name: number for number, name in enumerate(machine.components)}
    for run in runs:
        _initial(writer, run)
        writer.number(len(run.steps))
        state = copied(run.initial)
        for step in run.steps:
            writer.number(instructions.number(step.executed))
            writer.number(reasons.number(step.reason))
            writer.number(traps.number(step.trap))
            writer.number(len(step.changes))
            last: dict[str, int] = {}
            for place, new in step.changes.items():
                name, index = place
                writer.number(order[name])
                if index is not None:
                    writer.difference(index - last.get(name, 0))
                    last[name] = index
                writer.difference(int(new) - get(state, place))
                put(state, place, new)
    tables = {
        "instructions": [[e.assembly, e.word, e.form] for e in instructions.numbers],
        "reasons": list(reasons.numbers),
        "traps": list(traps.numbers),
    }
    return bytes(writer.content), tables


def _initial(writer: Writer, run: Run) -> None:
    for value in run.initial.values():
        if not isinstance(value, Cells):
            writer.number(int(value))
            continue
        cells = sorted((index, cell) for index, cell in value.items() if cell != value.default)
        writer.number(value.default)
        writer.number(len(cells))
        last = 0
        for index, cell in cells:
            writer.number(index - last)
            writer.number(cell)
            last = index
