"""Snapshots: the scalars before a chunk, and the cells that changed since the snapshot before it.

The state before a chunk is the initial state with the cells of every snapshot up to there, and the scalars of the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

from .shape import Shape, TraceError

FULL_EVERY = 256
"""One in so many of the states that were asked for is kept whole."""


@dataclass(frozen=True)
class Snapshot:
    """Scalars in the order of `Shape.scalars`, and cells by the array's number and the index."""

    scalars: tuple[int, ...]
    cells: Mapping[int, Mapping[int, int]]


def encode_snapshot(shape: Shape, snapshot: Snapshot) -> bytes:
    """A snapshot as bytes: each scalar, then the cells in runs (array, first index, count, values), low bytes first."""
    out = bytearray()
    for value, width in zip(snapshot.scalars, shape.scalar_widths, strict=True):
        out += int(value).to_bytes((width + 7) // 8, "little")
    for number, cells in sorted(snapshot.cells.items()):
        size = shape.arrays[number].cell_bytes
        for first, values in _runs(cells):
            out += number.to_bytes(2, "little") + first.to_bytes(8, "little") + len(values).to_bytes(4, "little")
            out += bytes(values) if size == 1 else b"".join(value.to_bytes(size, "little") for value in values)
    return bytes(out)


def _runs(cells: Mapping[int, int]) -> list[tuple[int, list[int]]]:
    runs: list[tuple[int, list[int]]] = []
    for index in sorted(cells):
        if runs and runs[-1][0] + len(runs[-1][1]) == index:
            runs[-1][1].append(cells[index])
        else:
            runs.append((index, [cells[index]]))
    return runs


def decode_snapshot(shape: Shape, content: bytes) -> Snapshot:
    """The snapshot of `encode_snapshot`. Raises TraceError for anything else."""
    position = 0
    scalars: list[int] = []
    for name, width in zip(shape.scalars, shape.scalar_widths, strict=True):
        size = (width + 7) // 8
        value = int.from_bytes(content[position : position + size], "little")
        position += size
        if value >> width:
            raise TraceError(f"a snapshot gives {name} a value that does not fit its {width} bits")
        scalars.append(value)
    cells: dict[int, dict[int, int]] = {}
    while position < len(content):
        number = int.from_bytes(content[position : position + 2], "little")
        first = int.from_bytes(content[position + 2 : position + 10], "little")
        count = int.from_bytes(content[position + 10 : position + 14], "little")
        position += 14
        if number >= len(shape.arrays):
            raise TraceError("a snapshot writes to an array that the machine does not have")
        array = shape.arrays[number]
        raw = content[position : position + count * array.cell_bytes]
        position += len(raw)
        if first + count > 1 << array.index_width or not 0 < count * array.cell_bytes == len(raw):
            raise TraceError(f"a snapshot gives {array.name} cells that it does not have")
        size = array.cell_bytes
        values = raw if size == 1 else [int.from_bytes(raw[i : i + size], "little") for i in range(0, len(raw), size)]
        if max(values) >> array.cell_width:
            raise TraceError(f"a snapshot gives {array.name} a value that does not fit a cell")
        cells.setdefault(number, {}).update(zip(range(first, first + count), values, strict=True))
    if position != len(content):
        raise TraceError("a snapshot ends in the middle of a value")
    return Snapshot(tuple(scalars), cells)


class Snapshots:
    """The states before chunks. `read(k)` gives the snapshot before chunk k, from 1 on."""

    def __init__(self, shape: Shape, initial: State, read: Callable[[int], Snapshot]) -> None:
        self._shape = shape
        self._read = read
        self._kept: dict[int, State] = {0: copied(initial)}

    def state(self, chunk: int) -> State:
        """The state before `chunk`, a copy."""
        start = max(k for k in self._kept if k <= chunk)
        state = copied(self._kept[start])
        arrays = [state[array.name] for array in self._shape.arrays]
        for k in range(start + 1, chunk + 1):
            snapshot = self._read(k)
            for number, cells in snapshot.cells.items():
                arrays[number].update(cells)
            if k == chunk or k % FULL_EVERY == 0:
                for name, value in zip(self._shape.scalars, snapshot.scalars, strict=True):
                    state[name] = bool(value) if name in self._shape.truth else value
                if k % FULL_EVERY == 0:
                    self._kept[k] = copied(state)
        return state


def copied(state: State) -> State:
    """A copy that shares no array with `state`."""
    return {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}


def same_values(a: Any, b: Any) -> bool:
    """Whether two values of a component are the same; cells may be given or left to the default."""
    if isinstance(a, Cells):
        return a == b or all(a[index] == b[index] for index in a.keys() | b.keys())
    return bool(a == b)
