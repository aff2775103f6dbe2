"""Batches of random traces inside the module: generation, both states in lockstep, Theorem 1's condition, coverage.

What a trace is, `generation.traces` and `properties.campaign.lockstep` say in Python; this writes the same down once
more in WebAssembly, for traces that start from one base pair. The condition is approximated from above where a
reserved cell is written with the value that it had: traces with a suspect step are listed by number,
and whoever asks runs them again in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringproof.model.cpu import Kind
from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, BitVecSort, Term, all_of, var

from ..generation.randomness import FIRST, GOLDEN, SECOND
from .control import LAST
from .emit import Emitter
from .graph import Graph, Plan
from .kernel import _Builder
from .layout import ENTRY, FRAME_BYTES, HEADER_BYTES, WORLD, ArrayPlace, NativeError, Slot, bytes_of
from .memory import HEAP, HEAP_LOW, LOG_END, LOG_ENTRY_BYTES, OWNED
from .wasm import I32, I64, PAGE, Function, Op

CONTROLLED = (Role.MODE, Role.RESOURCE, Role.DEVICE)
DECLINED = (Kind.UNSUPPORTED, Kind.UNPREDICTABLE)
SPOT_BYTES, TEMPLATE_BYTES, OPERANDS = 24, 80, 5
MOST_SPOTS, MOST_POOL, MOST_SUSPECTS = 256, 128, 256
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


@dataclass(frozen=True)
class Places:
    """Addresses in the module's memory, and the numbers of traps."""

    content: bytes
    builder: BatchBuilder
    first_world: int
    second_world: int
    heap: int


class BatchBuilder(_Builder):
    """A kernel with the function `batch`. Raises NativeError for components that it cannot take."""

    def __init__(self, machine: Machine, shape: Shape) -> None:
        super().__init__(machine)
        self.shape = shape
        for component in machine.components.values():
            sort = component.sort
            width = sort.value.width if isinstance(sort, ArraySort) else getattr(sort, "width", 1)
            if width > 64:
                raise NativeError(f"{component.name} has values of {width} bits; a batch takes at most 64")
            if isinstance(sort, ArraySort) and component.role in CONTROLLED:
                raise NativeError(
                    f"{component.name} is an array of role {component.role.value}, which no batch takes yet"
                )
        if any(term is not machine.variables[name] for name, term in self.fetch.state.items()):
            raise NativeError(f"the fetch of {machine.name} changes the state, which no batch takes yet")
        self.length = self._one_length()
        take = self.control.take
        self.stream, self.path = take(8), take(8)
        self.offset, self.paired, self.code_index = take(4), take(4), take(4)
        self.form_first, self.form_count = take(4), take(4)
        self.spot_count, self.pool_count, self.worlds = take(4), take(4), take(8)
        self.steps_done, self.digest, self.suspect_count = take(8), take(8), take(4)
        self.at, self.frames = take(8), take(4)
        self.spots, self.pool = take(SPOT_BYTES * MOST_SPOTS, 8), take(8 * MOST_POOL, 8)
        self.suspects = take(8 * MOST_SUSPECTS, 8)
        self.templates = take(TEMPLATE_BYTES * shape.templates, 8)
        self.first_log = take(self.log_entries * LOG_ENTRY_BYTES, 8)
        self.inline = self.layout.inline - self.layout.first
        self.saved, self.shadow = take(2 * self.inline, 64), take(2 * self.inline, 64)
        self.declined = take(len(self.traps.numbers) + 1, 8)
        self.levels = list(machine.levels.values())
        self.fates = 2 + len(self.traps.numbers)
        self.cells = (len(machine.instructions) + 1) * len(self.levels) * self.fates
        self.coverage = take(4 * self.cells, 8)

    def places(self) -> Places:
        """The module and where things are in it."""
        super().kernel()
        self._numbers = {f.name: n for n, f in enumerate(self.module._functions) if f is not None}
        self._define()
        first = self.control.take(0, 64)
        size = -(-self.layout.top // 64) * 64
        heap = first + 2 * size
        content = self.module.encoded(-(-heap // PAGE) + 64)
        return Places(content, self, first, first + size, heap)

    def _define(self) -> None:
        self.mix = self.module.define(_mix())
        self.draw = self.module.define(self._draw())
        self.puts = {place.number: self.module.define(self._put(place)) for place in self.layout.arrays.values()}
        self.reads = {place.number: self.module.define(self._read(place)) for place in self.layout.arrays.values()}
        machine = self.machine
        own = machine.variables
        level = machine.at_level(machine.guest_level)
        self.guest = self._predicate("guest", all_of(own[machine.mode] == level, *machine.in_context(own)))
        relocation = machine.relocation
        self.visible = self.reserved = None
        if relocation is not None:
            sort = machine.components[relocation.memory].sort
            assert isinstance(sort, ArraySort)
            at = var("$at", sort.index)
            view = machine.view(own)
            if relocation.visible is not None:
                self.visible = self._predicate("visible", relocation.visible(view, at))
            if machine.reserved is not None:
                self.reserved = self._predicate("reserved", machine.reserved(view, at))
        self.write_spot = self.module.define(self._write_spot())
        self.restore = self.module.define(self._restore())
        self.generate = self.module.define(self._generate())
        self.changed = self.module.define(self._changed())
        self.log_changes = self.module.define(self._log_changes())
        self.scalars_differ = self.module.define(self._scalars_differ())
        self.cells_differ = self.module.define(self._cells_differ())
        self.hash = self.module.define(self._hash())
        self.note = self.module.define(self._note())
        self.module.define(self._batch(), export=True)

    # Small parts.

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
        f.const(I32, 0)
        _load(f, I64, self.stream)
        f.const(I64, GOLDEN)
        f.op(ADD64)
        f.store(I64, 8, self.stream)
        _load(f, I64, self.stream)
        f.call(self.mix)
        return f

    def _put(self, place: ArrayPlace) -> Function:
        """Writes a cell: index, world, value."""
        f = Function(f"put {place.name}", (I32, I32, I64), ())
        entry, low = f.local(I32), f.local(I32)
        _store(f, I32, LOG_END, lambda: f.const(I32, self.log))
        _masked(f, 2, place.value_width)
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

    def _index_mask(self, place: ArrayPlace) -> int:
        return (1 << place.index_width) - 1

    @property
    def code_array(self) -> ArrayPlace:
        return self.layout.arrays[self.shape.array]

    # Starting over.

    def _restore(self) -> Function:
        """Gives both worlds the base pair's scalars and pages again."""
        f = Function("restore", (), ())
        frame, entry, search, value = f.local(I32), f.local(I32), f.local(I32), f.local(I32)
        for number in range(2):
            self._world(f, number)
            f.const(I32, self.layout.first)
            f.op(Op.I32_ADD)
            f.const(I32, self.saved + number * self.inline)
            f.const(I32, self.inline)
            f.copy_memory()
        _load(f, I32, OWNED)
        f.set(frame)
        done = f.block()
        again = f.loop()
        f.get(frame)
        _load(f, I32, HEAP)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        # The entry that this page had: of a base page with the same array, page and world, else the default page.
        f.const(I32, 0)
        f.set(value)
        _load(f, I32, self.frames)
        f.set(search)
        found = f.block()
        looking = f.loop()
        f.get(search)
        _load(f, I32, OWNED)
        f.op(Op.I32_GE_U)
        f.branch_if(found)
        for at in (0, 4, 8):
            f.get(search)
            f.load(I32, 4, at)
            f.get(frame)
            f.load(I32, 4, at)
            f.op(Op.I32_EQ)
            if at:
                f.op(Op.I32_AND)
        f.if_()
        f.get(search)
        f.const(I32, HEADER_BYTES)
        f.op(Op.I32_ADD)
        f.set(value)
        f.branch(found)
        f.end()
        f.get(search)
        f.const(I32, FRAME_BYTES)
        f.op(Op.I32_ADD)
        f.set(search)
        f.branch(looking)
        f.end()
        f.end()
        for place in self.layout.arrays.values():
            if place.flat:
                continue
            f.get(frame)
            f.load(I32, 4, 0)
            f.const(I32, place.number)
            f.op(Op.I32_EQ)
            f.if_()
            f.get(frame)
            f.load(I32, 4, 4)
            f.const(I32, 2)
            f.op(Op.I32_SHL)
            f.get(frame)
            f.load(I32, 4, 8)
            f.op(Op.I32_ADD)
            f.set(entry)
            f.get(entry)
            f.get(value)
            f.if_(I32)
            f.get(value)
            f.const(I32, place.default)
            f.op(Op.I32_SUB)
            f.get(frame)
            f.load(I32, 4, 8)
            f.op(Op.I32_SUB)
            f.else_()
            f.const(I32, 0)
            f.end()
            f.store(I32, 4, place.table)
            f.end()
        f.get(frame)
        f.const(I32, FRAME_BYTES)
        f.op(Op.I32_ADD)
        f.set(frame)
        f.branch(again)
        f.end()
        f.end()
        _store(f, I32, HEAP, lambda: _load(f, I32, OWNED))
        _store(f, I32, HEAP_LOW, lambda: f.const(I32, 0))
        return f

    def _world(self, f: Function, number: int) -> None:
        _load(f, I32, self.worlds + 4 * number)

    # Generation.

    def _write_spot(self) -> Function:
        """Writes a value to a spot of both worlds: the spot's address, the value."""
        f = Function("write spot", (I32, I64), ())
        index = f.local(I32)
        for number in range(2):
            if number:
                _load(f, I32, self.paired)
                f.op(Op.I32_EQZ)
                f.if_()
                f.op(Op.RETURN)
                f.end()
            f.get(0)
            f.load(I32, 4, 0)
            f.op(Op.I32_EQZ)
            f.if_()
            self._world(f, number)
            f.get(0)
            f.load(I32, 4, 4)
            f.op(Op.I32_ADD)
            f.set(index)
            for size in (4, 8):
                f.get(0)
                f.load(I32, 4, 16)
                f.const(I32, size)
                f.op(Op.I32_EQ)
                f.if_()
                f.get(index)
                f.get(1)
                f.get(0)
                f.load(I64, 8, 8)
                f.op(AND64)
                f.store(I64, size, 0) if size == 8 else _store_low(f)
                f.end()
            f.end()
            for place in self.layout.arrays.values():
                f.get(0)
                f.load(I32, 4, 0)
                f.const(I32, place.number + 1)
                f.op(Op.I32_EQ)
                f.if_()
                f.get(0)
                f.load(I32, 4, 4)
                if number and place is self.code_array:
                    _load(f, I32, self.offset)
                    f.op(Op.I32_ADD)
                f.const(I32, self._index_mask(place))
                f.op(Op.I32_AND)
                self._world(f, number)
                f.get(1)
                f.call(self.puts[place.number])
                f.end()
        return f

    def _generate(self) -> Function:
        """Changes both states and writes fresh code, from the stream."""
        f = Function("generate", (), ())
        count, number, template, cells, shift = (f.local(I32) for _ in range(5))
        bits, value, low, high = (f.local(I64) for _ in range(4))
        index, operand = f.local(I32), f.local(I32)

        def pick(source: int, drop: int, count_of: Callable[[], None]) -> None:
            f.get(source)
            if drop:
                f.const(I64, drop)
                f.op(SHR64)
            f.const(I64, 0xFFFF)
            f.op(AND64)
            f.op(Op.WRAP)
            count_of()
            f.op(Op.I32_MUL)
            f.const(I32, 16)
            f.op(Op.I32_SHR_U)

        def pooled(drop: int) -> None:
            """Pushes the pool's value that `bits` past `drop` choose."""
            pick(bits, drop, lambda: _load(f, I32, self.pool_count))
            f.const(I32, 3)
            f.op(Op.I32_SHL)
            f.load(I64, 8, self.pool)

        _load(f, I32, self.spot_count)
        f.if_()
        f.call(self.draw)
        f.op(Op.WRAP)
        f.const(I32, 3)
        f.op(Op.I32_AND)
        f.set(count)
        f.end()
        out = f.block()
        again = f.loop()
        f.get(count)
        f.op(Op.I32_EQZ)
        f.branch_if(out)
        f.call(self.draw)
        f.set(bits)
        f.get(bits)
        f.const(I64, 7 << 32)
        f.op(AND64, Op.I64_EQZ)
        f.if_(I64)
        f.call(self.draw)
        f.else_()
        pooled(16)
        f.end()
        f.set(value)
        pick(bits, 0, lambda: _load(f, I32, self.spot_count))
        f.const(I32, SPOT_BYTES)
        f.op(Op.I32_MUL)
        f.const(I32, self.spots)
        f.op(Op.I32_ADD)
        f.get(value)
        f.call(self.write_spot)
        f.get(count)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.set(count)
        f.branch(again)
        f.end()
        f.end()

        _load(f, I32, self.code_index)
        f.set(index)
        instructions = f.loop()
        f.call(self.draw)
        f.set(bits)
        f.get(number)
        f.if_(I32)
        pick(bits, 0, lambda: f.const(I32, self.shape.templates))
        f.else_()
        pick(bits, 0, lambda: _load(f, I32, self.form_count))
        _load(f, I32, self.form_first)
        f.op(Op.I32_ADD)
        f.end()
        f.const(I32, TEMPLATE_BYTES)
        f.op(Op.I32_MUL)
        f.const(I32, self.templates)
        f.op(Op.I32_ADD)
        f.set(template)
        for local, at in ((low, 0), (high, 8)):
            f.get(template)
            f.load(I64, 8, at)
            f.set(local)
        f.get(template)
        f.load(I64, 8, 16)
        f.get(template)
        f.load(I64, 8, 24)
        f.op(OR64, Op.I64_EQZ, Op.I32_EQZ)
        f.if_()
        for local, at in ((low, 16), (high, 24)):
            f.call(self.draw)
            f.get(template)
            f.load(I64, 8, at)
            f.op(AND64)
            f.get(local)
            f.op(OR64)
            f.set(local)
        f.end()
        self._operands(f, template, operand, shift, bits, value, low, high, pooled)
        f.get(template)
        f.load(I32, 4, 32)
        f.set(cells)
        writing = f.loop()
        for world in range(2):
            if world:
                _load(f, I32, self.paired)
                f.if_()
            f.get(index)
            if world:
                _load(f, I32, self.offset)
                f.op(Op.I32_ADD)
                f.const(I32, self._index_mask(self.code_array))
                f.op(Op.I32_AND)
            self._world(f, world)
            f.get(low)
            f.call(self.puts[self.code_array.number])
            if world:
                f.end()
        width = self.code_array.value_width
        if width < 64:
            f.get(low)
            f.const(I64, width)
            f.op(SHR64)
            f.get(high)
            f.const(I64, 64 - width)
            f.op(SHL64, OR64)
            f.set(low)
            f.get(high)
            f.const(I64, width)
            f.op(SHR64)
            f.set(high)
        else:
            f.get(high)
            f.set(low)
        f.get(index)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.const(I32, self._index_mask(self.code_array))
        f.op(Op.I32_AND)
        f.set(index)
        f.get(cells)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(cells)
        f.branch_if(writing)
        f.end()
        f.get(number)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.tee(number)
        f.const(I32, self.shape.fresh)
        f.op(Op.I32_LT_U)
        f.branch_if(instructions)
        f.end()
        return f

    def _operands(
        self, f: Function, template: int, operand: int, shift: int, bits: int, value: int, low: int, high: int,
        pooled: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Joins the template's operands to the code in `low` and `high`."""
        f.const(I32, 0)
        f.set(operand)
        done = f.block()
        again = f.loop()
        f.get(operand)
        f.get(template)
        f.load(I32, 4, 36)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        f.call(self.draw)
        f.set(bits)
        f.get(bits)
        f.const(I64, 7)
        f.op(AND64, Op.WRAP)
        f.tee(shift)
        f.const(I32, 5)
        f.op(Op.I32_LT_U)
        f.if_(I64)
        pooled(3)
        f.else_()
        f.get(bits)
        f.const(I64, 3)
        f.op(SHR64)
        f.const(I64, 0x3F)
        f.const(I64, (1 << 64) - 1)
        f.get(shift)
        f.const(I32, 7)
        f.op(Op.I32_LT_U, Op.SELECT, AND64)
        f.end()
        # Operands are 8 bytes each from 40 on: the lowest bit, then the width (1 to 64).
        f.const(I64, (1 << 64) - 1)
        f.const(I64, 64)
        self._operand_word(f, template, operand, 4)
        f.op(Op.EXTEND_U, Op.I64_SUB, SHR64, AND64)
        f.set(value)
        self._operand_word(f, template, operand, 0)
        f.tee(shift)
        f.const(I32, 64)
        f.op(Op.I32_LT_U)
        f.if_()
        f.get(value)
        f.get(shift)
        f.op(Op.EXTEND_U, SHL64)
        f.get(low)
        f.op(OR64)
        f.set(low)
        f.get(shift)
        f.if_()
        f.get(value)
        f.const(I64, 64)
        f.get(shift)
        f.op(Op.EXTEND_U, Op.I64_SUB, SHR64)
        f.get(high)
        f.op(OR64)
        f.set(high)
        f.end()
        f.else_()
        f.get(value)
        f.get(shift)
        f.const(I32, 64)
        f.op(Op.I32_SUB, Op.EXTEND_U, SHL64)
        f.get(high)
        f.op(OR64)
        f.set(high)
        f.end()
        f.get(operand)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.set(operand)
        f.branch(again)
        f.end()
        f.end()

    def _operand_word(self, f: Function, template: int, operand: int, at: int) -> None:
        f.get(template)
        f.get(operand)
        f.const(I32, 3)
        f.op(Op.I32_SHL, Op.I32_ADD)
        f.load(I32, 4, 40 + at)

    # Watching.

    def _scalars(self, roles: Sequence[Role]) -> list[tuple[Slot, int]]:
        return [
            (self.layout.slots[component.name], bytes_of(component.sort))
            for component in self.machine.components.values()
            if component.role in roles and not isinstance(component.sort, ArraySort)
        ]

    def _changed(self) -> Function:
        """Whether a controlled scalar of a world is not what its shadow says: the shadow, the world."""
        f = Function("changed", (I32, I32), (I32,))
        f.const(I64, 0)
        for slot, size in self._scalars(CONTROLLED):
            f.get(1)
            f.load(I64, size, slot.offset)
            f.get(0)
            f.load(I64, size, slot.offset - self.layout.first)
            f.op(XOR64, OR64)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        return f

    def _scalars_differ(self) -> Function:
        """Whether the program's scalars differ in two worlds."""
        f = Function("scalars differ", (I32, I32), (I32,))
        f.const(I64, 0)
        for slot, size in self._scalars((Role.PROGRAM,)):
            for world in (0, 1):
                f.get(world)
                f.load(I64, size, slot.offset)
            f.op(XOR64, OR64)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        return f

    def _entries(self, f: Function, body: Callable[[int, int, int], None]) -> None:
        """For each entry of the log from the first parameter to the local variable after the parameters."""
        array, index, count = f.local(I32), f.local(I32), f.local(I32)
        done = f.block()
        again = f.loop()
        f.get(0)
        f.get(2)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        for local, size, at in ((index, 4, 0), (array, 2, 4), (count, 2, 6)):
            f.get(0)
            f.load(I32, size, at)
            f.set(local)
        body(array, index, count)
        f.get(0)
        f.const(I32, LOG_ENTRY_BYTES)
        f.op(Op.I32_ADD)
        f.set(0)
        f.branch(again)
        f.end()
        f.end()

    def _log_changes(self) -> Function:
        """Whether the log from (first) to (third parameter) has a reserved cell of the world (second)."""
        f = Function("log changes", (I32, I32, I32), (I32,))
        reserved = self.reserved

        def body(array: int, index: int, count: int) -> None:
            assert reserved is not None
            f.get(array)
            f.const(I32, self.code_array.number)
            f.op(Op.I32_EQ)
            f.if_()
            again = f.loop()
            self._ask(f, reserved, index, self.code_array)
            f.if_()
            f.const(I32, 1)
            f.op(Op.RETURN)
            f.end()
            self._next_cell(f, index, count)
            f.branch_if(again)
            f.end()
            f.end()

        if reserved is not None:
            self._entries(f, body)
        f.const(I32, 0)
        return f

    def _ask(self, f: Function, predicate: int, index: int, place: ArrayPlace, world: int = 1) -> None:
        f.const(I32, self.at)
        f.get(index)
        f.const(I32, self._index_mask(place))
        f.op(Op.I32_AND)
        f.store(I32, 4, 0)
        f.const(I32, 0)
        f.get(world)
        f.call(predicate)

    def _next_cell(self, f: Function, index: int, count: int) -> None:
        f.get(index)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.set(index)
        f.get(count)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(count)

    def _cells_differ(self) -> Function:
        """Whether logged cells that a program sees differ: log, first world, log's end, second world, log's offset."""
        f = Function("cells differ", (I32, I32, I32, I32, I32), (I32,))

        def body(array: int, index: int, count: int) -> None:
            for place in self.layout.arrays.values():
                if self.machine.components[place.name].role not in (Role.PROGRAM, Role.MEMORY):
                    continue
                mask = self._index_mask(place)
                f.get(array)
                f.const(I32, place.number)
                f.op(Op.I32_EQ)
                f.if_()
                if place is self.code_array:
                    f.get(index)
                    f.get(4)
                    f.op(Op.I32_SUB)
                    f.set(index)
                again = f.loop()
                f.get(index)
                f.const(I32, mask)
                f.op(Op.I32_AND)
                f.get(1)
                f.call(self.reads[place.number])
                f.get(index)
                if place is self.code_array:
                    _load(f, I32, self.offset)
                    f.op(Op.I32_ADD)
                f.const(I32, mask)
                f.op(Op.I32_AND)
                f.get(3)
                f.call(self.reads[place.number])
                f.op(Op.I64_NE)
                f.if_()
                if self.visible is not None and place is self.code_array:
                    self._ask(f, self.visible, index, place)
                    f.if_()
                f.const(I32, 1)
                f.op(Op.RETURN)
                if self.visible is not None and place is self.code_array:
                    f.end()
                f.end()
                self._next_cell(f, index, count)
                f.branch_if(again)
                f.end()
                f.end()

        self._entries(f, body)
        f.const(I32, 0)
        return f

    def _hash(self) -> Function:
        """Mixes the scalars of a world into the path."""
        f = Function("hash", (I32,), ())
        for slot, size in self._scalars(tuple(Role)):
            f.const(I32, 0)
            _load(f, I64, self.path)
            f.get(0)
            f.load(I64, size, slot.offset)
            f.op(XOR64)
            f.call(self.mix)
            f.store(I64, 8, self.path)
        return f

    def _mix_in(self, f: Function, *pushes: Callable[[], None]) -> None:
        f.const(I32, 0)
        _load(f, I64, self.path)
        for push in pushes:
            push()
        f.op(XOR64)
        f.call(self.mix)
        f.store(I64, 8, self.path)

    def _note(self) -> Function:
        """Counts a step's cell: the mode before, the instruction's number, the fate."""
        f = Function("note", (I32, I32, I32), ())
        place = f.local(I32)
        for number, level in enumerate(self.levels):
            f.get(0)
            f.const(I32, int(level))
            f.op(Op.I32_EQ)
            f.if_()
            f.const(I32, number)
            f.set(place)
            f.end()
        f.get(1)
        f.const(I32, len(self.levels))
        f.op(Op.I32_MUL)
        f.get(place)
        f.op(Op.I32_ADD)
        f.const(I32, self.fates)
        f.op(Op.I32_MUL)
        f.get(2)
        f.op(Op.I32_ADD)
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.tee(place)
        f.get(place)
        f.load(I32, 4, self.coverage)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.store(I32, 4, self.coverage)
        return f

    # The batch.

    def _batch(self) -> Function:
        """Runs traces: the campaign's key, the first number, the stride, how many. Returns 0."""
        f = Function("batch", (I64, I64, I64, I32), (I32,))
        b = _Locals(f)
        f.call(self.restore)
        traces = f.loop()
        _store(f, I64, self.stream, lambda: self._key_of(f))
        _store(f, I64, self.path, lambda: f.get(1), lambda: f.call(self.mix))
        f.call(self.generate)
        for number in range(2):
            self._world(f, number)
            f.set(b.world[number])
            self._keep_shadow(f, b, number)
        _load(f, I32, self.paired)
        f.set(b.pair)
        for local in (b.steps, b.suspects, b.ended):
            f.const(I32, 0)
            f.set(local)
        self._trace(f, b)
        f.get(b.ended)
        f.op(Op.I32_EQZ)
        f.if_()
        f.get(b.world[0])
        f.call(self.hash)
        f.get(b.pair)
        f.if_()
        f.get(b.world[1])
        f.call(self.hash)
        f.end()
        f.end()
        f.call(self.restore)
        self._mix_in(f, lambda: f.get(b.steps), lambda: f.get(b.suspects), lambda: f.op(Op.I32_ADD, Op.EXTEND_U))
        f.get(b.suspects)
        f.if_()
        _load(f, I32, self.suspect_count)
        f.const(I32, MOST_SUSPECTS)
        f.op(Op.I32_LT_U)
        f.if_()
        _load(f, I32, self.suspect_count)
        f.const(I32, 3)
        f.op(Op.I32_SHL)
        f.get(1)
        f.store(I64, 8, self.suspects)
        f.end()
        _store(
            f, I32, self.suspect_count,
            lambda: _load(f, I32, self.suspect_count), lambda: f.const(I32, 1), lambda: f.op(Op.I32_ADD),
        )  # fmt: skip
        f.end()
        _store(
            f,
            I64,
            self.digest,
            lambda: _load(f, I64, self.digest),
            lambda: _load(f, I64, self.path),
            lambda: f.op(ADD64),
        )
        _store(
            f, I64, self.steps_done,
            lambda: _load(f, I64, self.steps_done), lambda: f.get(b.steps), lambda: f.op(Op.EXTEND_U, ADD64),
        )  # fmt: skip
        f.get(1)
        f.get(2)
        f.op(ADD64)
        f.set(1)
        f.get(3)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(3)
        f.branch_if(traces)
        f.end()
        f.const(I32, 0)
        return f

    def _key_of(self, f: Function) -> None:
        """Pushes `key(campaign's key, number)`."""
        f.get(0)
        f.const(I64, GOLDEN)
        f.op(ADD64)
        f.call(self.mix)
        f.get(1)
        f.const(I64, GOLDEN)
        f.op(MUL64, ADD64)
        f.call(self.mix)

    def _keep_shadow(self, f: Function, b: _Locals, number: int) -> None:
        f.const(I32, self.shadow + number * self.inline)
        f.get(b.world[number])
        f.const(I32, self.layout.first)
        f.op(Op.I32_ADD)
        f.const(I32, self.inline)
        f.copy_memory()

    def _step_world(self, f: Function, b: _Locals, number: int) -> None:
        """One step of a world: whether it was at the guests' level, its trap, what it changed, and its coverage."""
        f.const(I32, 0)
        f.get(b.world[number])
        f.call(self.guest)
        f.set(b.guest[number])
        mode = self.layout.slots[self.machine.mode]
        f.get(b.world[number])
        f.load(I32, 4, mode.offset)
        f.set(b.mode)
        f.const(I32, 0)
        f.get(b.world[number])
        f.call(self._numbers["step"])
        f.set(b.trap[number])
        _load(f, I32, LAST)
        f.tee(b.entry)
        f.if_(I32)
        f.get(b.entry)
        f.load(I32, 4, self.entry.number)
        f.else_()
        f.const(I32, 0)
        f.end()
        f.set(b.instruction[number])
        f.const(I32, 0)
        f.set(b.change[number])
        f.get(b.trap[number])
        f.op(Op.I32_EQZ)
        f.if_()
        f.const(I32, self.shadow + number * self.inline)
        f.get(b.world[number])
        f.call(self.changed)
        f.tee(b.scalar)
        f.if_()
        self._keep_shadow(f, b, number)
        f.end()
        f.const(I32, self.log)
        f.get(b.world[number])
        _load(f, I32, LOG_END)
        f.call(self.log_changes)
        f.get(b.scalar)
        f.op(Op.I32_OR)
        f.set(b.change[number])
        f.end()
        f.get(b.mode)
        f.get(b.instruction[number])
        f.get(b.trap[number])
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.get(b.scalar)
        f.get(b.trap[number])
        f.op(Op.SELECT)
        f.call(self.note)

    def _trace(self, f: Function, b: _Locals) -> None:
        end = f.block()
        again = f.loop()
        f.get(b.steps)
        f.const(I32, self.shape.steps)
        f.get(b.pair)
        f.op(Op.I32_SHL, Op.I32_GE_U)
        f.branch_if(end)
        f.const(I32, 0)
        f.set(b.scalar)
        self._step_world(f, b, 0)
        f.const(I32, 0)
        f.set(b.bad)
        f.get(b.pair)
        f.if_()
        self._copy_log(f, b)
        self._step_world(f, b, 1)
        self._judge_pair(f, b)
        f.else_()
        f.get(b.guest[0])
        f.get(b.change[0])
        f.op(Op.I32_AND)
        f.get(b.instruction[0])
        f.const(I32, 0)
        f.op(Op.I32_NE, Op.I32_AND)
        f.set(b.bad)
        f.const(I32, 0)
        f.set(b.apart)
        f.end()
        f.get(b.steps)
        f.const(I32, 1)
        f.get(b.pair)
        f.op(Op.I32_ADD, Op.I32_ADD)
        f.set(b.steps)
        f.get(b.suspects)
        f.get(b.bad)
        f.op(Op.I32_ADD)
        f.set(b.suspects)
        self._after(f, b, end)
        slot = self.layout.slots[self.machine.counter]
        size = bytes_of(self.machine.components[self.machine.counter].sort)
        self._mix_in(f, lambda: f.get(b.world[0]), lambda: f.load(I64, size, slot.offset))
        f.branch(again)
        f.end()
        f.end()

    def _copy_log(self, f: Function, b: _Locals) -> None:
        """Keeps the log of the first world's step, of mostly no or one entry, which the second's overwrites."""
        f.const(I32, 0)
        f.set(b.logged)
        done = f.block()
        again = f.loop()
        f.get(b.logged)
        f.const(I32, self.log)
        f.op(Op.I32_ADD)
        _load(f, I32, LOG_END)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        f.get(b.logged)
        f.get(b.logged)
        f.load(I64, 8, self.log)
        f.store(I64, 8, self.first_log)
        f.get(b.logged)
        f.const(I32, LOG_ENTRY_BYTES)
        f.op(Op.I32_ADD)
        f.set(b.logged)
        f.branch(again)
        f.end()
        f.end()

    def _judge_pair(self, f: Function, b: _Locals) -> None:
        """Sets `bad` where the condition does not hold, and `apart` where the views part after two completions."""
        for number in range(2):
            f.get(b.trap[number])
            f.op(Op.I32_EQZ)
            f.get(b.guest[number])
            f.op(Op.I32_AND)
        f.op(Op.I32_OR)
        f.get(b.instruction[0])
        f.const(I32, 0)
        f.op(Op.I32_NE, Op.I32_AND)
        f.set(b.scalar)
        f.const(I32, 0)
        f.set(b.apart)
        f.get(b.trap[0])
        f.get(b.trap[1])
        f.op(Op.I32_OR, Op.I32_EQZ)
        f.if_()
        f.get(b.world[0])
        f.get(b.world[1])
        f.call(self.scalars_differ)
        f.if_(I32)
        f.const(I32, 1)
        f.else_()
        f.const(I32, self.first_log)
        f.get(b.world[0])
        f.get(b.logged)
        f.const(I32, self.first_log)
        f.op(Op.I32_ADD)
        f.get(b.world[1])
        f.const(I32, 0)
        f.call(self.cells_differ)
        f.if_(I32)
        f.const(I32, 1)
        f.else_()
        f.const(I32, self.log)
        f.get(b.world[0])
        _load(f, I32, LOG_END)
        f.get(b.world[1])
        _load(f, I32, self.offset)
        f.call(self.cells_differ)
        f.end()
        f.end()
        f.set(b.apart)
        f.end()
        f.get(b.change[0])
        f.get(b.change[1])
        f.get(b.apart)
        f.op(Op.I32_OR, Op.I32_OR)
        f.get(b.scalar)
        f.op(Op.I32_AND)
        f.set(b.bad)

    def _after(self, f: Function, b: _Locals, end: int) -> None:
        """What goes on after the step: see `Lockstep.run` and `Lockstep._go_on`."""
        f.get(b.pair)
        f.set(b.was)
        f.get(b.trap[0])
        f.get(b.was)
        f.if_(I32)
        f.get(b.trap[1])
        f.else_()
        f.const(I32, 0)
        f.end()
        f.op(Op.I32_OR)
        f.set(b.any)
        f.get(b.bad)
        f.get(b.apart)
        f.op(Op.I32_OR)
        f.if_()
        f.const(I32, 0)
        f.set(b.pair)
        f.end()
        f.get(b.any)
        f.if_()
        # Both must trap to go on as a pair.
        f.get(b.trap[0])
        f.const(I32, 0)
        f.op(Op.I32_NE)
        f.get(b.was)
        f.op(Op.I32_EQZ)
        f.get(b.trap[1])
        f.const(I32, 0)
        f.op(Op.I32_NE, Op.I32_OR, Op.I32_AND)
        f.set(b.all)
        f.get(b.all)
        f.op(Op.I32_EQZ)
        f.if_()
        f.const(I32, 0)
        f.set(b.pair)
        f.const(I32, 0)
        f.set(b.was)
        f.end()
        f.get(b.trap[0])
        f.if_()
        f.get(b.trap[0])
        f.load(I32, 1, self.declined)
        f.get(b.was)
        f.if_(I32)
        f.get(b.trap[1])
        f.load(I32, 1, self.declined)
        f.else_()
        f.const(I32, 0)
        f.end()
        f.op(Op.I32_OR)
        f.set(b.declined)
        f.get(b.instruction[0])
        f.if_(I32)
        f.get(b.declined)
        f.if_(I32)
        f.const(I32, 1)
        f.else_()
        f.call(self.draw)
        f.op(Op.WRAP)
        f.const(I32, 3)
        f.op(Op.I32_AND)
        f.end()
        f.else_()
        f.const(I32, 0)
        f.end()
        f.if_()
        self._skip(f, b, 0)
        f.get(b.pair)
        f.if_()
        self._skip(f, b, 1)
        f.end()
        f.else_()
        f.get(b.declined)
        f.tee(b.ended)
        f.branch_if(end)
        if "deliver" not in self._numbers:
            f.const(I32, 1)
            f.set(b.ended)
            f.branch(end)
        else:
            f.get(b.trap[0])
            f.get(b.world[0])
            f.call(self._numbers["deliver"])
            f.tee(b.ended)
            f.branch_if(end)
            self._keep_shadow(f, b, 0)
            f.const(I32, 0)
            f.set(b.pair)
        f.end()
        f.end()
        f.end()

    def _skip(self, f: Function, b: _Locals, number: int) -> None:
        """The program counter of a world moves past the instruction that the last entry holds."""
        component = self.machine.components[self.machine.counter]
        assert isinstance(component.sort, BitVecSort)
        slot, size = self.layout.slots[self.machine.counter], bytes_of(component.sort)
        f.get(b.world[number])
        f.get(b.world[number])
        f.load(I64, size, slot.offset)
        f.const(I64, self.length)
        f.op(ADD64)
        f.const(I64, (1 << component.sort.width) - 1)
        f.op(AND64)
        if size == 8:
            f.store(I64, 8, slot.offset)
        else:
            f.op(Op.WRAP)
            f.store(I32, 4, slot.offset)

    def _one_length(self) -> int:
        """The length of every instruction."""
        lengths = [i.encoding.length for i in self.machine.instructions]
        if any(not length.is_constant or length.value != lengths[0].value for length in lengths):
            raise NativeError(f"{self.machine.name} has instructions of several lengths, which no batch takes yet")
        return int(lengths[0].value)


class _Locals:
    """The local variables of the batch."""

    def __init__(self, f: Function) -> None:
        def two() -> tuple[int, int]:
            return f.local(I32), f.local(I32)

        self.world, self.guest, self.trap, self.change, self.instruction = two(), two(), two(), two(), two()
        self.pair, self.was, self.steps, self.suspects = f.local(I32), f.local(I32), f.local(I32), f.local(I32)
        self.mode, self.entry, self.scalar, self.logged = f.local(I32), f.local(I32), f.local(I32), f.local(I32)
        self.bad, self.apart, self.any, self.all, self.declined, self.ended = (f.local(I32) for _ in range(6))


def _load(f: Function, kind: int, address: int) -> None:
    f.const(I32, 0)
    f.load(kind, 4 if kind == I32 else 8, address)


def _store(f: Function, kind: int, address: int, *pushes: Callable[[], None]) -> None:
    f.const(I32, 0)
    for push in pushes:
        push()
    f.store(kind, 4 if kind == I32 else 8, address)


def _store_low(f: Function) -> None:
    f.op(Op.WRAP)
    f.store(I32, 4, 0)


def _masked(f: Function, local: int, width: int) -> None:
    f.get(local)
    f.const(I64, (1 << width) - 1)
    f.op(AND64)


def _mix() -> Function:
    f = Function("mix", (I64,), (I64,))
    for shift, factor in ((30, FIRST), (27, SECOND)):
        f.get(0)
        f.get(0)
        f.const(I64, shift)
        f.op(SHR64, XOR64)
        f.const(I64, factor)
        f.op(MUL64)
        f.set(0)
    f.get(0)
    f.get(0)
    f.const(I64, 31)
    f.op(SHR64, XOR64)
    return f


__all__ = ["ENTRY", "WORLD", "BatchBuilder", "Places", "Shape"]
