"""A program: how it starts at a size, where it stops, and what it must have found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State


@dataclass(frozen=True)
class Program:
    """A program of the machine that the catalogue has under `machine`.

    `initial(machine, size)` is the whole state at its start; it ends before the instruction at `stop`.
    `result(state)` is what it found, and `expected(size)` what it must have found, computed in Python.
    `small` is a size for the reference interpreter, `size` one for measuring (about ten million steps);
    `kind` is `program`, `loop` or `trap`.
    """

    name: str
    text: str
    kind: str
    machine: str
    stop: int
    small: int
    size: int
    initial: Callable[[Machine, int], State]
    result: Callable[[Mapping[str, Any]], int]
    expected: Callable[[int], int]
