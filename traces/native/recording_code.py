"""The function `record`: as `run`, and every step is written to a buffer as the step stream has it.

`ringproof.traces.recording.stream` says what the stream is. What a step changed is found by comparing the world's
scalars with a copy from before, eight bytes at a time, and by the log of the places that it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringproof.traces.recording.shape import Shape

from .control import COUNT, LIMIT_REACHED, NESTED, NO_ROOM, STOP_ARMED, STOP_VALUE, STOPPED, STUCK, TRAP
from .layout import WORLD, ArrayPlace, Layout, bytes_of
from .memory import HEAP_LOW, LOG_END, LOG_ENTRY_BYTES, Memory
from .wasm import I32, I64, Function, Module, Op

BUFFER_BYTES = 1 << 18
FULL = NO_ROOM + 1
"""Besides the reasons of `run`: the buffer has no room for another step."""

WIDEST = 64
"""Machines with wider numbers or cells, or with more flags, are not recorded natively."""


@dataclass(frozen=True)
class RecordingPlaces:
    """Addresses: the buffer and where writing it stopped, the copy of the scalars and its size, the program counter's
    last move, and for each array its last index."""

    buffer: int
    end: int
    shadow: int
    scalars_bytes: int
    move: int
    indices: int


@dataclass(frozen=True)
class _Scalar:
    number: int
    offset: int
    size: int
    width: int


def recordable(shape: Shape) -> bool:
    """Whether the steps of a machine of this shape can be recorded natively."""
    widths = [shape.counter_width, len(shape.flags), *shape.widths, *[array.cell_width for array in shape.arrays]]
    return max(widths) <= WIDEST


@dataclass(frozen=True)
class Steps:
    """The functions of a kernel that steps are made of, and its log: where it begins, how many entries it can have."""

    step: int
    deliver: int | None
    room: int
    log: int
    log_entries: int


def define_recording(
    shape: Shape, module: Module, layout: Layout, control: Layout, memory: Memory, steps: Steps
) -> RecordingPlaces:
    """Adds `record` to the module."""
    recording = _Recording(shape, module, layout, control, memory, steps)
    module.define(recording.function(), export=True)
    return recording.places


class _Recording:
    """Writes the code that records a step into a function, `WORLD` being its second parameter."""

    def __init__(
        self, shape: Shape, module: Module, layout: Layout, control: Layout, memory: Memory, steps: Steps
    ) -> None:
        self._steps = steps
        self._shape = shape
        self._layout = layout
        self._memory = memory
        self._log = steps.log
        sorts = shape.machine.components
        scalars = {
            name: _Scalar(number, layout.slots[name].offset, bytes_of(sorts[name].sort), width)
            for names, widths in ((shape.flags, [1] * len(shape.flags)), (shape.numbers, shape.widths))
            for number, (name, width) in enumerate(zip(names, widths, strict=True))
        }
        self._flags = [scalars[name] for name in shape.flags]
        self._numbers = [scalars[name] for name in shape.numbers]
        slot = layout.slots[shape.counter]
        size = max((layout.slots[n].offset + bytes_of(sorts[n].sort) for n in shape.scalars), default=0)
        size = -(-size // 8) * 8
        self._counter = _Scalar(0, slot.offset, bytes_of(sorts[shape.counter].sort), shape.counter_width)
        self.places = RecordingPlaces(
            buffer=control.take(BUFFER_BYTES, 64), end=control.take(8), shadow=control.take(size, 64),
            scalars_bytes=size, move=control.take(8), indices=control.take(8 * max(len(shape.arrays), 1)),
        )  # fmt: skip
        longest = 64 + 12 * len(self._numbers) + steps.log_entries * (16 + 10 * 8)
        self._last_start = self.places.buffer + BUFFER_BYTES - longest
        self._arrays: Sequence[ArrayPlace] = [layout.arrays[array.name] for array in shape.arrays]
        self._put = module.define(_put())

    # The loop.

    def function(self) -> Function:
        """Takes at most so many steps (the first parameter) of a world; returns why no more."""
        f = Function("record", (I64, I32), (I32,))
        self._count_taken, self._trap, self._reason = f.local(I64), f.local(I32), f.local(I32)
        self._declare(f)
        self._leave_where(f, NO_ROOM, self._no_room)
        again = f.loop()
        self._leave_where(f, LIMIT_REACHED, self._all_taken)
        self._leave_where(f, FULL, self._buffer_full)
        f.const(I32, 0)
        f.load(I32, 4, HEAP_LOW)
        f.if_()
        self._leave_where(f, NO_ROOM, self._no_room)
        f.end()
        self._leave_where(f, STOPPED, self._at_stop)
        f.const(I32, 0)
        f.get(WORLD)
        f.call(self._steps.step)
        f.tee(self._trap)
        f.op(Op.I32_EQZ, Op.I32_EQZ)
        f.tee(self._reason)
        f.if_()
        self._deliver(f)
        f.end()
        self._write_step(f)
        f.get(self._count_taken)
        f.const(I64, 1)
        f.op(Op.I64_ADD)
        f.set(self._count_taken)
        f.branch(again)
        f.end()
        f.op(Op.UNREACHABLE)
        return f

    def _declare(self, f: Function) -> None:
        """Declares the local variables; the buffer is empty."""
        self._at, self._head, self._start = f.local(I32), f.local(I32), f.local(I32)
        self._move, self._difference, self._mask = f.local(I64), f.local(I64), f.local(I64)
        self._value, self._count, self._index = f.local(I64), f.local(I32), f.local(I32)
        self._entry, self._last, self._array = f.local(I32), f.local(I32), f.local(I32)
        self._cells, self._cell = f.local(I32), f.local(I32)
        f.const(I32, self.places.buffer)
        f.set(self._at)
        f.const(I32, 0)
        f.load(I64, 8, self.places.move)
        f.set(self._move)

    def _leave_where(self, f: Function, reason: int, condition: Callable[[Function], None]) -> None:
        """Ends the run for `reason` where the condition holds; leaves the stream's end and the context."""
        condition(f)
        f.if_()
        self._leave(f, reason)
        f.end()

    def _leave(self, f: Function, reason: int) -> None:
        f.const(I32, 0)
        f.get(self._count_taken)
        f.store(I64, 8, COUNT)
        f.const(I32, 0)
        f.get(self._at)
        f.store(I32, 4, self.places.end)
        f.const(I32, 0)
        f.get(self._move)
        f.store(I64, 8, self.places.move)
        f.const(I32, reason)
        f.op(Op.RETURN)

    def _no_room(self, f: Function) -> None:
        f.call(self._steps.room)
        f.op(Op.I32_EQZ)

    def _all_taken(self, f: Function) -> None:
        f.get(self._count_taken)
        f.get(0)
        f.op(Op.I64_GE_U)

    def _buffer_full(self, f: Function) -> None:
        f.get(self._at)
        f.const(I32, self._last_start)
        f.op(Op.I32_GT_U)

    def _at_stop(self, f: Function) -> None:
        f.const(I32, 0)
        f.load(I32, 4, STOP_ARMED)
        self._load(f, self._counter, old=False)
        f.const(I32, 0)
        f.load(I64, 8, STOP_VALUE)
        f.op(Op.I64_EQ, Op.I32_AND)

    def _deliver(self, f: Function) -> None:
        """Delivers the trap, or ends the run: the step then was not taken."""
        f.const(I32, 0)
        f.get(self._trap)
        f.store(I32, 4, TRAP)
        if self._steps.deliver is None:
            self._leave(f, STUCK)
            return
        f.get(self._trap)
        f.get(WORLD)
        f.call(self._steps.deliver)
        f.tee(self._trap)
        f.if_()
        f.const(I32, 0)
        f.get(self._trap)
        f.store(I32, 4, NESTED)
        self._leave(f, STUCK)
        f.end()

    def _write_step(self, f: Function) -> None:
        """Writes the step that was taken."""
        f.get(self._reason)
        f.set(self._head)
        f.get(self._at)
        f.tee(self._start)
        self._add(f, 1)
        f.set(self._at)
        self._counter_move(f)
        self._turned_flags(f)
        self._changed_numbers(f)
        self._written_runs(f)
        f.get(self._start)
        f.get(self._head)
        f.store(I32, 1, 0)

    # Pieces.

    @staticmethod
    def _add(f: Function, number: int) -> None:
        f.const(I32, number)
        f.op(Op.I32_ADD)

    def _byte(self, f: Function, push: Callable[[], None]) -> None:
        """Writes the byte that `push` pushes."""
        f.get(self._at)
        push()
        f.store(I32, 1, 0)
        f.get(self._at)
        self._add(f, 1)
        f.set(self._at)

    def _write_value(self, f: Function) -> None:
        """Writes the local variable `value` as LEB128."""
        f.get(self._value)
        f.const(I64, 128)
        f.op(Op.I64_LT_U)
        f.if_()
        f.get(self._at)
        f.get(self._value)
        f.store(I64, 1, 0)
        f.get(self._at)
        self._add(f, 1)
        f.set(self._at)
        f.else_()
        f.get(self._at)
        f.get(self._value)
        f.call(self._put)
        f.set(self._at)
        f.end()

    def _signed(self, f: Function, width: int) -> None:
        """The i64 on the stack, taken as a signed number of `width` bits."""
        if width < 64:
            f.const(I64, 64 - width)
            f.op(Op.I64_SHL)
            f.const(I64, 64 - width)
            f.op(Op.I64_SHR_S)

    def _zigzag(self, f: Function) -> None:
        """Sets `value` to the code of the signed `difference`."""
        f.get(self._difference)
        f.const(I64, 1)
        f.op(Op.I64_SHL)
        f.get(self._difference)
        f.const(I64, 63)
        f.op(Op.I64_SHR_S, Op.I64_XOR)
        f.set(self._value)

    def _load(self, f: Function, scalar: _Scalar, *, old: bool) -> None:
        """Pushes a scalar, now or as it was, as i64."""
        if old:
            f.const(I32, 0)
        else:
            f.get(WORLD)
        f.load(I64, scalar.size, scalar.offset + (self.places.shadow if old else 0))

    def _keep(self, f: Function, offset: int, size: int) -> None:
        """Copies a piece of the scalars to the copy."""
        f.const(I32, 0)
        f.get(WORLD)
        f.load(I64, size, offset)
        f.store(I64, size, offset + self.places.shadow)

    def _counter_move(self, f: Function) -> None:
        counter = self._counter
        self._load(f, counter, old=False)
        self._load(f, counter, old=True)
        f.op(Op.I64_SUB)
        self._signed(f, counter.width)
        f.tee(self._difference)
        f.get(self._move)
        f.op(Op.I64_EQ)
        f.if_()
        self._mark(f, 128)
        f.else_()
        self._zigzag(f)
        self._write_value(f)
        f.get(self._difference)
        f.set(self._move)
        f.end()
        self._keep(f, counter.offset, counter.size)

    def _mark(self, f: Function, bits: int) -> None:
        f.get(self._head)
        f.const(I32, bits)
        f.op(Op.I32_OR)
        f.set(self._head)

    def _words(self, scalars: Sequence[_Scalar]) -> dict[int, list[_Scalar]]:
        """The scalars by the eight bytes in which they lie."""
        words: dict[int, list[_Scalar]] = {}
        for scalar in scalars:
            words.setdefault(scalar.offset // 8 * 8, []).append(scalar)
        return words

    def _compare(self, f: Function, word: int) -> None:
        """Pushes the bits of eight bytes of scalars that differ from the copy."""
        f.get(WORLD)
        f.load(I64, 8, word)
        f.const(I32, 0)
        f.load(I64, 8, word + self.places.shadow)
        f.op(Op.I64_XOR)

    def _turned_flags(self, f: Function) -> None:
        f.const(I64, 0)
        f.set(self._mask)
        for word, flags in self._words(self._flags).items():
            self._compare(f, word)
            f.tee(self._value)
            f.op(Op.I64_EQZ, Op.I32_EQZ)
            f.if_()
            for flag in flags:
                f.get(self._mask)
                f.get(self._value)
                if flag.offset > word:
                    f.const(I64, 32)
                    f.op(Op.I64_SHR_U)
                f.const(I64, 1)
                f.op(Op.I64_AND)
                f.const(I64, flag.number)
                f.op(Op.I64_SHL, Op.I64_OR)
                f.set(self._mask)
                self._keep(f, flag.offset, flag.size)
            f.end()
        f.get(self._mask)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        f.if_()
        self._mark(f, 4)
        f.get(self._mask)
        f.set(self._value)
        self._write_value(f)
        f.end()

    def _changed_numbers(self, f: Function) -> None:
        f.const(I32, 0)
        f.set(self._count)
        for word, numbers in self._words(self._numbers).items():
            self._compare(f, word)
            f.op(Op.I64_EQZ, Op.I32_EQZ)
            f.if_()
            for number in numbers:
                self._load(f, number, old=False)
                self._load(f, number, old=True)
                f.op(Op.I64_SUB)
                f.tee(self._difference)
                f.op(Op.I64_EQZ, Op.I32_EQZ)
                f.if_()
                f.const(I64, number.number + 1)
                f.set(self._value)
                self._write_value(f)
                f.get(self._difference)
                self._signed(f, number.width)
                f.set(self._difference)
                self._zigzag(f)
                self._write_value(f)
                self._count_one(f)
                self._keep(f, number.offset, number.size)
                f.end()
            f.end()
        self._end_list(f, 3)

    def _count_one(self, f: Function) -> None:
        f.get(self._count)
        self._add(f, 1)
        f.set(self._count)

    def _end_list(self, f: Function, shift: int) -> None:
        """Writes the end of a list of three and more, and how many there are into the head."""
        f.get(self._count)
        f.const(I32, 2)
        f.op(Op.I32_GT_U)
        f.if_()
        self._byte(f, lambda: f.const(I32, 0))
        f.const(I32, 3)
        f.set(self._count)
        f.end()
        f.get(self._head)
        f.get(self._count)
        f.const(I32, shift)
        f.op(Op.I32_SHL, Op.I32_OR)
        f.set(self._head)

    # Cells.

    def _written_runs(self, f: Function) -> None:
        if not self._arrays:
            return
        f.const(I32, 0)
        f.load(I32, 4, LOG_END)
        f.tee(self._last)
        f.const(I32, self._log)
        f.tee(self._entry)
        f.op(Op.I32_GT_U)
        f.if_()
        f.const(I32, 0)
        f.set(self._count)
        runs = f.loop()
        self._take_entry(f)
        self._join_entries(f)
        self._run_head(f)
        self._run_cells(f)
        self._count_one(f)
        f.get(self._entry)
        f.get(self._last)
        f.op(Op.I32_LT_U)
        f.branch_if(runs)
        f.end()
        self._end_list(f, 5)
        f.end()

    def _field(self, f: Function, size: int, offset: int) -> None:
        f.get(self._entry)
        f.load(I32, size, offset)

    def _next_entry(self, f: Function) -> None:
        f.get(self._entry)
        self._add(f, LOG_ENTRY_BYTES)
        f.set(self._entry)

    def _take_entry(self, f: Function) -> None:
        self._field(f, 4, 0)
        f.set(self._index)
        self._entry_array(f)
        f.set(self._array)
        self._field(f, 2, 6)
        f.set(self._cells)
        self._next_entry(f)

    def _entry_array(self, f: Function) -> None:
        """Pushes the stream's number of the entry's array; the layout numbers arrays in another order."""
        f.const(I32, 0)
        for number, place in enumerate(self._arrays[1:], start=1):
            f.const(I32, number)
            self._field(f, 2, 4)
            f.const(I32, place.number)
            f.op(Op.I32_NE, Op.SELECT)

    def _of_array(self, f: Function, value: Callable[[ArrayPlace], int]) -> None:
        """Pushes a number that depends on the array alone."""
        f.const(I32, value(self._arrays[0]))
        for number, place in enumerate(self._arrays[1:], start=1):
            if value(place) != value(self._arrays[0]):
                f.const(I32, value(place))
                f.get(self._array)
                f.const(I32, number)
                f.op(Op.I32_NE, Op.SELECT)

    def _join_entries(self, f: Function) -> None:
        """Adds the entries that go on upwards to the one taken."""
        done = f.block()
        again = f.loop()
        f.get(self._entry)
        f.get(self._last)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        self._entry_array(f)
        f.get(self._array)
        f.op(Op.I32_NE)
        f.branch_if(done)
        f.get(self._index)
        f.get(self._cells)
        f.op(Op.I32_ADD)
        self._of_array(f, lambda place: (1 << place.index_width) - 1)
        f.op(Op.I32_AND)
        self._field(f, 4, 0)
        f.op(Op.I32_NE)
        f.branch_if(done)
        f.get(self._cells)
        self._field(f, 2, 6)
        f.op(Op.I32_ADD)
        f.set(self._cells)
        self._next_entry(f)
        f.branch(again)
        f.end()
        f.end()

    def _run_head(self, f: Function) -> None:
        f.get(self._cells)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.const(I32, len(self._arrays))
        f.op(Op.I32_MUL)
        f.get(self._array)
        f.op(Op.I32_ADD)
        self._add(f, 1)
        f.op(Op.EXTEND_U)
        f.set(self._value)
        self._write_value(f)
        f.get(self._index)
        f.op(Op.EXTEND_U)
        f.get(self._array)
        f.const(I32, 3)
        f.op(Op.I32_SHL)
        f.load(I64, 8, self.places.indices)
        f.op(Op.I64_SUB)
        self._of_array(f, lambda place: 64 - place.index_width)
        f.op(Op.EXTEND_U)
        f.tee(self._value)
        f.op(Op.I64_SHL)
        f.get(self._value)
        f.op(Op.I64_SHR_S)
        f.set(self._difference)
        f.get(self._array)
        f.const(I32, 3)
        f.op(Op.I32_SHL)
        f.get(self._index)
        f.op(Op.EXTEND_U)
        f.store(I64, 8, self.places.indices)
        self._zigzag(f)
        self._write_value(f)

    def _run_cells(self, f: Function) -> None:
        again = f.loop()
        outside = f.block()
        marks = [f.block() for _ in self._arrays]
        f.get(self._array)
        f.branch_table(list(reversed(marks)), outside)
        for place in self._arrays:
            f.end()
            f.get(self._index)
            self._memory.read(f, place.name, self._cell)
            if place.value_width <= 32:
                f.op(Op.EXTEND_U)
            f.set(self._value)
            if place.value_width <= 8:
                f.get(self._at)
                f.get(self._value)
                f.store(I64, 1, 0)
                f.get(self._at)
                self._add(f, 1)
                f.set(self._at)
            else:
                self._write_value(f)
            f.branch(outside)
        f.end()
        f.get(self._index)
        self._add(f, 1)
        self._of_array(f, lambda place: (1 << place.index_width) - 1)
        f.op(Op.I32_AND)
        f.set(self._index)
        f.get(self._cells)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(self._cells)
        f.branch_if(again)
        f.end()


def _put() -> Function:
    """Writes a number as LEB128; the address after it."""
    f = Function("put number", (I32, I64), (I32,))
    again = f.loop()
    f.get(0)
    f.get(1)
    f.const(I64, 127)
    f.op(Op.I64_AND)
    f.get(1)
    f.const(I64, 127)
    f.op(Op.I64_GT_U)
    f.op(Op.EXTEND_U)
    f.const(I64, 7)
    f.op(Op.I64_SHL, Op.I64_OR)
    f.store(I64, 1, 0)
    f.get(0)
    f.const(I32, 1)
    f.op(Op.I32_ADD)
    f.set(0)
    f.get(1)
    f.const(I64, 7)
    f.op(Op.I64_SHR_U)
    f.tee(1)
    f.op(Op.I64_EQZ, Op.I32_EQZ)
    f.branch_if(again)
    f.end()
    f.get(0)
    return f
