"""What the code of a batch is made of: places in memory, reading and writing cells, the random function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ringproof.model.cpu import Kind
from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, Term

from ..generation.randomness import FIRST, GOLDEN, SECOND
from .emit import Emitter
from .graph import Graph, Plan
from .kernel import _Builder
from .layout import ArrayPlace, NativeError, Slot
from .memory import LOG_ENTRY_BYTES
from .wasm import I32, I64, Function, Op

CONTROLLED = (Role.MODE, Role.RESOURCE, Role.DEVICE)
DECLINED = (Kind.UNSUPPORTED, Kind.UNPREDICTABLE)
SPOT_BYTES, TEMPLATE_BYTES, OPERANDS = 24, 80, 5
CODE_BYTES = 16
"""Bytes of an instruction's code, at most."""
IN_ENTRY = 1 << 31
MOST_SPOTS, MOST_POOL, MOST_SUSPECTS = 256, 512, 256
XOR64, SHR64, SHL64, MUL64, AND64, OR64, ADD64 = (
    Op.I64_XOR, Op.I64_SHR_U, Op.I64_SHL, Op.I64_MUL, Op.I64_AND, Op.I64_OR, Op.I64_ADD,
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """What of a campaign the code depends on: steps of a trace, fresh instructions, templates, the code's array."""

    steps: int
    fresh: int
    templates: int
    array: str


class BatchPlaces(_Builder):
    """A kernel with room for batches. Raises NativeError for components that they cannot take."""

    mix: int
    draw: int
    puts: dict[int, int]
    reads: dict[int, int]
    write_spot: int
    keep: list[int]
    visible: int | None
    reserved: int | None

    def __init__(self, machine: Machine, shape: Shape) -> None:
        super().__init__(machine)
        self.shape = shape
        for component in machine.components.values():
            sort = component.sort
            width = sort.value.width if isinstance(sort, ArraySort) else getattr(sort, "width", 1)
            if width > 64:
                raise NativeError(f"{component.name} has values of {width} bits; a batch takes at most 64")
        if any(term is not machine.variables[name] for name, term in self.fetch.state.items()):
            raise NativeError(f"the fetch of {machine.name} changes the state, which no batch takes yet")
        take = self.control.take
        self.stream = take(8)
        self.offset, self.paired, self.code_index = take(4), take(4), take(4)
        self.form_first, self.form_count = take(4), take(4)
        self.spot_count, self.pool_count, self.worlds = take(4), take(4), take(8)
        self.steps_done, self.digest, self.suspect_count = take(8), take(8), take(4)
        self.at = take(8)
        self.spots, self.pool = take(SPOT_BYTES * MOST_SPOTS, 8), take(8 * MOST_POOL, 8)
        self.suspects = take(8 * MOST_SUSPECTS, 8)
        self.templates = take(TEMPLATE_BYTES * shape.templates, 8)
        self.fresh_code = take(shape.fresh * CODE_BYTES * -(-self.code_array.cell_bytes // 8) + CODE_BYTES, 8)
        logs = (shape.steps + 4 + shape.fresh) * (self.log_entries + CODE_BYTES) * LOG_ENTRY_BYTES
        self.written = [take(logs, 8), take(logs, 8)]
        self.written_end = [take(4), take(4)]
        self.inline = self.layout.inline - self.layout.first
        self.saved, self.shadow = take(2 * self.inline, 64), take(2 * self.inline, 64)
        self.controlling = take(len(machine.instructions) + 1, 8)
        self.lengths = take(4 * (len(machine.instructions) + 1), 8)
        self.declined = take(len(self.traps.numbers) + 1, 8)
        self.levels = list(machine.levels.values())
        # More traps get a number when their delivery is written; no step ends in one of those.
        self.step_traps = {number: cause for (cause, _), number in self.traps.numbers.items()}
        self.fate_names = list(dict.fromkeys([cause.name for cause in self.step_traps.values()]))
        self.fates = 2 + len(self.fate_names)
        self.fate_of = take(4 * (len(self.step_traps) + 1), 8)
        self.cells = (len(machine.instructions) + 1) * len(self.levels) * self.fates
        self.coverage, self.met, self.met_times = (take(4 * self.cells, 8) for _ in range(3))
        self.met_count = take(4)

    @property
    def code_array(self) -> ArrayPlace:
        return self.layout.arrays[self.shape.array]

    def _index_mask(self, place: ArrayPlace) -> int:
        return (1 << place.index_width) - 1

    def _world(self, f: Function, number: int) -> None:
        load_word(f, I32, self.worlds + 4 * number)

    def _predicate(self, name: str, term: Term) -> int:
        """The function of (anything, world) that says whether a Bool over the state and `$at` holds."""
        f = Function(name, (I32, I32), (I32,))
        plan = Plan(Graph())
        plan.use(term, plan.root)
        plan.settle()
        e = Emitter(f, plan, {**self.layout.slots, "$at": Slot(self.at)}, self.support)
        e.open(plan.root)
        e.value(term)
        return self.module.define(f)

    def _draw(self) -> Function:
        f = Function("draw", (), (I64,))
        stream, value = f.local(I64), f.local(I64)
        load_word(f, I64, self.stream)
        f.set(stream)
        draw(f, stream, value)
        store_word(f, I64, self.stream, lambda: f.get(stream))
        f.get(value)
        return f

    def _put(self, place: ArrayPlace) -> Function:
        """Writes a cell, and logs that: index, world, value."""
        f = Function(f"put {place.name}", (I32, I32, I64), ())
        entry, low = f.local(I32), f.local(I32)
        masked(f, 2, place.value_width)
        f.set(2)
        if place.value_width > 32:
            self.support.memory.write(f, place.name, 0, 2, entry)
        else:
            f.get(2)
            f.op(Op.WRAP)
            f.set(low)
            self.support.memory.write(f, place.name, 0, low, entry)
        return f

    def _read(self, place: ArrayPlace) -> Function:
        """Reads a cell: index, world."""
        f = Function(f"get {place.name}", (I32, I32), (I64,))
        f.get(0)
        self.support.memory.read(f, place.name, 0)
        if place.value_width <= 32:
            f.op(Op.EXTEND_U)
        return f


@contextmanager
def each(f: Function, at: int, end: Callable[[], None], size: int) -> Iterator[None]:
    """Code for each `size` bytes from the local variable `at`, which moves on, to what `end` pushes."""
    done = f.block()
    again = f.loop()
    f.get(at)
    end()
    f.op(Op.I32_GE_U)
    f.branch_if(done)
    yield
    advance(f, at, size)
    f.branch(again)
    f.end()
    f.end()


def advance(f: Function, local: int, size: int) -> None:
    f.get(local)
    f.const(I32, size)
    f.op(Op.I32_ADD)
    f.set(local)


def load_word(f: Function, kind: int, address: int) -> None:
    f.const(I32, 0)
    f.load(kind, 4 if kind == I32 else 8, address)


def store_word(f: Function, kind: int, address: int, *pushes: Callable[[], None]) -> None:
    f.const(I32, 0)
    for push in pushes:
        push()
    f.store(kind, 4 if kind == I32 else 8, address)


def store_low(f: Function) -> None:
    f.op(Op.WRAP)
    f.store(I32, 4, 0)


def masked(f: Function, local: int, width: int) -> None:
    f.get(local)
    f.const(I64, (1 << width) - 1)
    f.op(AND64)


def mix(f: Function, local: int) -> None:
    """Mixes the local variable of 64 bits, as `randomness.mix` does."""
    for shift, factor in ((30, FIRST), (27, SECOND)):
        f.get(local)
        f.get(local)
        f.const(I64, shift)
        f.op(SHR64, XOR64)
        f.const(I64, factor)
        f.op(MUL64)
        f.set(local)
    f.get(local)
    f.get(local)
    f.const(I64, 31)
    f.op(SHR64, XOR64)
    f.set(local)


def mix_function() -> Function:
    f = Function("mix", (I64,), (I64,))
    mix(f, 0)
    f.get(0)
    return f


def draw(f: Function, stream: int, local: int) -> None:
    """The next number of the stream in one local variable, into the other."""
    f.get(stream)
    f.const(I64, GOLDEN)
    f.op(ADD64)
    f.tee(stream)
    f.set(local)
    mix(f, local)
