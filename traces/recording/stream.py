"""The step stream: what each step of a run changed, in a few bytes. Schema `ringproof/trace/1`.

A step is a head byte, then what the head says is there. Numbers are LEB128; a difference d is sent as 2d, or as
-2d-1 where it is negative, taken in the component's width as the nearer way round.

    head     bits 0-1  the reason: 0 direct, 1 trapped, 2 emulated, 3 injected
             bit 2     flags follow
             bits 3-4  how many numbers changed: 0, 1, 2, or 3 for a list that ends with 0
             bits 5-6  how many runs of cells were written: 0, 1, 2, or 3 for a list that ends with 0
             bit 7     the program counter moves as in the step before
    counter  unless bit 7 is set: the difference of the program counter
    flags    the mask of the flags that turned over, flag 0 lowest
    number   its number plus 1, then the difference of its value
    run      array + arrays * (cells - 1) + 1, the difference of its first index from that array's last run, then each
             cell's new value: one byte where a cell has up to 8 bits, else LEB128

Cells are those that the step wrote, in the order of writing and with the values after the step, whether or not they
differ from before; neighbours upwards are one run. What a step is taken relative to (the last move of the program
counter, each array's last index) starts from zero in each chunk of `CHUNK` steps, and after an injected step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TypeAlias

from ringproof.traces.interpreter import State

from .shape import Shape, TraceError

CHUNK = 16384
"""Steps whose stream can be read without those before it."""


class Reason(IntEnum):
    """Why a step changed what it did."""

    DIRECT = 0
    TRAPPED = 1
    EMULATED = 2
    INJECTED = 3

    @property
    def word(self) -> str:
        return self.name.lower()


Write: TypeAlias = tuple[int, int]
"""A cell that was written: the array's number and the index."""

Run: TypeAlias = tuple[int, int, Sequence[int]]
"""Neighbouring cells: the array's number, the first index, the values. Indices go on from 0 past the last."""

Change: TypeAlias = tuple[int, int, int, Sequence[tuple[int, int]], Sequence[Run]]
"""A step as the stream has it: the reason, the program counter's difference, the mask of flags that turned over,
differences of numbers by number, and the runs written."""


class StepWriter:
    """Writes steps one after another, in Python. The context of a chunk begins with `restart`."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._move = 0
        self._indices = [0] * len(shape.arrays)
        self._widths = (shape.counter_width, *shape.widths)

    def restart(self) -> None:
        """Starts a chunk: what follows does not rest on what was written before."""
        self._move = 0
        self._indices = [0] * len(self._shape.arrays)

    def resume(self, move: int, indices: Sequence[int]) -> None:
        """Goes on where another writer was: the program counter's last move, the arrays' last indices."""
        self._move = move
        self._indices = list(indices)

    def step(self, reason: Reason, before: Sequence[int], after: State, writes: Sequence[Write]) -> bytes:
        """The bytes of a step, from the scalars before it, the state after it and the cells that it wrote."""
        shape = self._shape
        body = bytearray()
        head = int(reason)
        move = _difference(before[0], after[shape.counter], shape.counter_width)
        if move == self._move:
            head |= 128
        else:
            _number(body, _zigzag(move))
            self._move = move
        mask = 0
        for position, name in enumerate(shape.flags):
            if bool(before[1 + position]) != bool(after[name]):
                mask |= 1 << position
        if mask:
            head |= 4
            _number(body, mask)
        head |= self._numbers(body, before, after) << 3
        head |= self._runs(body, after, writes) << 5
        if reason is Reason.INJECTED:
            self.restart()
        return bytes([head]) + bytes(body)

    def _numbers(self, body: bytearray, before: Sequence[int], after: State) -> int:
        shape, first, count = self._shape, 1 + len(self._shape.flags), 0
        for position, name in enumerate(shape.numbers):
            old, new = before[first + position], after[name]
            if old != new:
                count += 1
                _number(body, position + 1)
                _number(body, _zigzag(_difference(old, new, shape.widths[position])))
        if count >= 3:
            body.append(0)
        return min(count, 3)

    def _runs(self, body: bytearray, after: State, writes: Sequence[Write]) -> int:
        runs: list[list[int]] = []
        for array, index in writes:
            last = runs[-1] if runs else None
            size = (1 << self._shape.arrays[array].index_width) - 1
            if last is not None and last[0] == array and last[1] + last[2] & size == index:
                last[2] += 1
            else:
                runs.append([array, index, 1])
        for array, first, count in runs:
            shape = self._shape.arrays[array]
            cells, size = after[shape.name], 1 << shape.index_width
            _number(body, array + len(self._shape.arrays) * (count - 1) + 1)
            _number(body, _zigzag(_difference(self._indices[array], first, shape.index_width)))
            self._indices[array] = first
            for index in range(first, first + count):
                if shape.cell_width <= 8:
                    body.append(cells[index % size])
                else:
                    _number(body, cells[index % size])
        if len(runs) >= 3:
            body.append(0)
        return min(len(runs), 3)


def _difference(old: int, new: int, width: int) -> int:
    difference = (new - old) & ((1 << width) - 1)
    return difference - (1 << width) if difference >> (width - 1) else difference


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _number(out: bytearray, value: int) -> None:
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def read_steps(shape: Shape, stream: bytes, count: int) -> Iterator[Change]:
    """The `count` steps of a chunk's stream. Raises TraceError where it holds anything else.

    >>> from ringproof.model.catalog import named
    >>> list(read_steps(Shape.of(named("third-generation")), bytes([0, 2, 0x88, 2, 1]), 2))
    [(0, 1, 0, (), ()), (0, 1, 0, [(1, -1)], ())]
    """
    reader = _StepReader(shape, stream)
    try:
        yield from reader.steps(count)
    except IndexError:
        raise TraceError("the steps of a chunk end in the middle of a step") from None
    if reader.position != len(stream):
        raise TraceError(f"a chunk holds more than its {count} steps")


class _StepReader:
    def __init__(self, shape: Shape, stream: bytes) -> None:
        self.position = 0
        self._shape = shape
        self._stream = stream
        self._indices = [0] * len(shape.arrays)
        self._longest = max(64, shape.counter_width, len(shape.flags), *shape.widths, 0) + 14
        self._longest = max(self._longest, *[a.cell_width + 14 for a in shape.arrays], 0)

    def steps(self, count: int) -> Iterator[Change]:
        """Reads `count` steps; the plain cases are written out, since a million of them must be quick."""
        stream, position, move = self._stream, self.position, 0
        mask_end, numbers_end = 1 << len(self._shape.flags), len(self._shape.numbers)
        none: Sequence[tuple[int, int]] = ()
        no_runs: Sequence[Run] = ()
        for _ in range(count):
            head = stream[position]
            position += 1
            if not head & 128:
                code = stream[position]
                position += 1
                if code >= 128:
                    code, position = self._rest(code, position)
                move = -(code + 1 >> 1) if code & 1 else code >> 1
            mask, numbers, runs = 0, none, no_runs
            if head & 4:
                mask = stream[position]
                position += 1
                if mask >= 128:
                    mask, position = self._rest(mask, position)
                if mask >= mask_end:
                    raise TraceError("a step turns a flag over that the machine does not have")
            if head & 24:
                left, numbers = head >> 3 & 3, []
                while left:
                    number = stream[position]
                    position += 1
                    if number >= 128:
                        number, position = self._rest(number, position)
                    if number == 0 and left == 3:
                        break
                    code = stream[position]
                    position += 1
                    if code >= 128:
                        code, position = self._rest(code, position)
                    if not 0 < number <= numbers_end:
                        raise TraceError("a step changes a component that the machine does not have")
                    numbers.append((number - 1, -(code + 1 >> 1) if code & 1 else code >> 1))
                    if left < 3:
                        left -= 1
            if head & 96:
                self.position = position
                runs = self._runs(head >> 5 & 3)
                position = self.position
            yield head & 3, move, mask, numbers, runs
            if head & 3 == Reason.INJECTED:
                move = 0
                self._indices = [0] * len(self._indices)
        self.position = position

    def _rest(self, value: int, position: int) -> tuple[int, int]:
        """The number whose first byte is `value`, and the position after it."""
        value, shift = value & 0x7F, 7
        while True:
            byte = self._stream[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 128:
                return value, position
            shift += 7
            if shift > self._longest:
                raise TraceError("a step holds a number that is wider than any of the machine's")

    def _next(self) -> int:
        value = self._stream[self.position]
        self.position += 1
        if value >= 128:
            value, self.position = self._rest(value, self.position)
        return value

    def _runs(self, left: int) -> Sequence[Run]:
        shape, runs = self._shape, []
        arrays = len(shape.arrays)
        while left:
            code = self._next()
            if code == 0 and left == 3:
                break
            if code == 0 or not arrays:
                raise TraceError("a step writes to an array that the machine does not have")
            number, count = (code - 1) % arrays, (code - 1) // arrays + 1
            if count > len(self._stream) - self.position:
                raise TraceError("the steps of a chunk end in the middle of a step")
            array = shape.arrays[number]
            zigzag = self._next()
            first = self._indices[number] + (-(zigzag + 1 >> 1) if zigzag & 1 else zigzag >> 1)
            self._indices[number] = first = first & ((1 << array.index_width) - 1)
            if array.cell_width <= 8:
                values: Sequence[int] = self._stream[self.position : self.position + count]
                self.position += count
                if len(values) < count:
                    raise TraceError("the steps of a chunk end in the middle of a step")
            else:
                values = [self._next() for _ in range(count)]
            if max(values) >> array.cell_width:
                raise TraceError(f"a step writes a value that does not fit a cell of {array.name}")
            runs.append((number, first, values))
            if left < 3:
                left -= 1
        return runs


def apply_change(shape: Shape, state: State, change: Change) -> None:
    """Changes `state` in place as `change` says."""
    _, move, mask, numbers, runs = change
    state[shape.counter] = state[shape.counter] + move & (1 << shape.counter_width) - 1
    while mask:
        name = shape.flags[(mask & -mask).bit_length() - 1]
        state[name] = not state[name] if name in shape.truth else 1 - state[name]
        mask &= mask - 1
    for number, difference in numbers:
        name = shape.numbers[number]
        state[name] = state[name] + difference & (1 << shape.widths[number]) - 1
    for array, first, values in runs:
        array_shape = shape.arrays[array]
        cells, last = state[array_shape.name], (1 << array_shape.index_width) - 1
        for offset, value in enumerate(values):
            cells[first + offset & last] = value
