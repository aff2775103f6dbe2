"""Snapshots: the scalars before a chunk, and the cells that changed since the snapshot before it.

The state before a chunk is the initial state with the cells of every snapshot up to there, and the scalars of the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack
from typing import Any

from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

from .shape import Shape, TraceError
from .stream import Run

WHOLE_EVERY = 16
"""One state in so many, of those on the way to one that was asked for, is kept whole."""

MOST_WHOLE = 16
"""How many states are kept whole, besides the first and the last that was asked for."""


@dataclass(frozen=True)
class Snapshot:
    """Scalars in the order of `Shape.scalars`, and runs of cells; of cells that did not change, some may be there."""

    scalars: tuple[int, ...]
    runs: Sequence[Run]


_RUN = Struct("<HQI")
_LETTERS = {1: "B", 2: "H", 4: "I", 8: "Q"}


def encode_snapshot(shape: Shape, snapshot: Snapshot) -> bytes:
    """A snapshot as bytes: each scalar, then runs (array, first index, count, the cells), the low bytes first."""
    out = bytearray()
    for value, width in zip(snapshot.scalars, shape.scalar_widths, strict=True):
        out += int(value).to_bytes((width + 7) // 8, "little")
    for number, first, values in snapshot.runs:
        out += _RUN.pack(number, first, len(values)) + _packed(values, shape.arrays[number].cell_bytes)
    return bytes(out)


def _packed(values: Sequence[int], size: int) -> bytes:
    if size in _LETTERS:
        return pack(f"<{len(values)}{_LETTERS[size]}", *values)
    return b"".join(value.to_bytes(size, "little") for value in values)


def cells_of(content: bytes, size: int) -> Sequence[int]:
    """The cells of `size` bytes in `content`."""
    if size == 1:
        return content
    if size in _LETTERS:
        return unpack(f"<{len(content) // size}{_LETTERS[size]}", content)
    return [int.from_bytes(content[i : i + size], "little") for i in range(0, len(content), size)]


def runs_of(array: int, cells: Mapping[int, int]) -> list[Run]:
    """The cells of an array as runs, by index."""
    runs: list[tuple[int, int, list[int]]] = []
    for index in sorted(cells):
        if runs and runs[-1][1] + len(runs[-1][2]) == index:
            runs[-1][2].append(cells[index])
        else:
            runs.append((array, index, [cells[index]]))
    return list(runs)


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
    runs: list[Run] = []
    while position + _RUN.size <= len(content):
        number, first, count = _RUN.unpack_from(content, position)
        position += _RUN.size
        if number >= len(shape.arrays):
            raise TraceError("a snapshot writes to an array that the machine does not have")
        array = shape.arrays[number]
        raw = content[position : position + count * array.cell_bytes]
        position += len(raw)
        if first + count > 1 << array.index_width or not 0 < count * array.cell_bytes == len(raw):
            raise TraceError(f"a snapshot gives {array.name} cells that it does not have")
        values = cells_of(raw, array.cell_bytes)
        if max(values) >> array.cell_width:
            raise TraceError(f"a snapshot gives {array.name} a value that does not fit a cell")
        runs.append((number, first, values))
    if position != len(content):
        raise TraceError("a snapshot ends in the middle of a value")
    return Snapshot(tuple(scalars), runs)


class Snapshots:
    """The states before chunks. `read(k)` gives the snapshot before chunk k, from 1 on."""

    def __init__(self, shape: Shape, initial: State, read: Callable[[int], Snapshot]) -> None:
        self._shape = shape
        self._read = read
        self._initial = initial
        self._whole: dict[int, State] = {}
        self._last: tuple[int, State] = (0, initial)

    def state(self, chunk: int) -> State:
        """The state before `chunk`, a copy."""
        known = {0: self._initial, **self._whole, self._last[0]: self._last[1]}
        start = max(k for k in known if k <= chunk)
        state = copied(known[start])
        for k in range(start + 1, chunk + 1):
            snapshot = self._read(k)
            apply_runs(self._shape, state, snapshot)
            if k == chunk or k % WHOLE_EVERY == 0:
                for name, value in zip(self._shape.scalars, snapshot.scalars, strict=True):
                    state[name] = bool(value) if name in self._shape.truth else value
            if k % WHOLE_EVERY == 0:
                self._keep(k, state)
        self._last = (chunk, copied(state))
        return state

    def _keep(self, chunk: int, state: State) -> None:
        """Keeps a state whole; where there are too many, the one that was kept first is dropped."""
        if len(self._whole) >= MOST_WHOLE:
            del self._whole[next(iter(self._whole))]
        self._whole[chunk] = copied(state)


def apply_runs(shape: Shape, state: State, snapshot: Snapshot) -> None:
    """Gives the arrays of `state` the snapshot's cells."""
    for number, first, values in snapshot.runs:
        state[shape.arrays[number].name].update(zip(range(first, first + len(values)), values, strict=True))


def copied(state: State) -> State:
    """A copy that shares no array with `state`."""
    return {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}


def same_values(a: Any, b: Any) -> bool:
    """Whether two values of a component are the same; cells may be given or left to the default."""
    if isinstance(a, Cells):
        return a == b or all(a[index] == b[index] for index in a.keys() | b.keys())
    return bool(a == b)
