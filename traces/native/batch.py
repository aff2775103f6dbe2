"""Batches of random traces inside the module: generation, both states in lockstep, Theorem 1's condition, coverage.

What a trace is, `generation.traces` and `properties.campaign.lockstep` say in Python; this writes the same down once
more in WebAssembly, for traces that start from one base pair. The condition is approximated from above where a cell of
an array of resources or a reserved cell is written with the value that it had: traces with a suspect step are listed
by number, and whoever asks runs them again in Python.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.terms import ArraySort, BitVecSort, all_of, var, variables

from ..generation.randomness import GOLDEN
from .batch_places import (
    ADD64,
    AND64,
    CONTROLLED,
    IN_ENTRY,
    MOST_SUSPECTS,
    MUL64,
    XOR64,
    Shape,
    load_word,
    mix,
    mix_function,
    store_word,
)
from .batch_watching import WatchingCode
from .control import LAST
from .layout import bytes_of
from .memory import HEAP_LOW, LOG_END
from .wasm import I32, I64, PAGE, Function, Op


@dataclass(frozen=True)
class Places:
    """Addresses in the module's memory, and the numbers of traps."""

    content: bytes
    builder: BatchBuilder
    first_world: int
    second_world: int
    heap: int


class BatchBuilder(WatchingCode):
    """A kernel with the function `batch`."""

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
        self.mix = self.module.define(mix_function())
        self.keep = [self.module.define(self._keep(number)) for number in range(2)]
        self.restores = [self.module.define(self._restore(number)) for number in range(2)]
        self.drop_pages = self.module.define(self._drop_pages())
        self.draw = self.module.define(self._draw())
        self.puts = {place.number: self.module.define(self._put(place)) for place in self.layout.arrays.values()}
        self.reads = {place.number: self.module.define(self._read(place)) for place in self.layout.arrays.values()}
        machine = self.machine
        own = machine.variables
        level = machine.at_level(machine.guest_level)
        guest = all_of(own[machine.mode] == level, *machine.in_context(own))
        self.guest = self._predicate("guest", guest)
        read = [machine.components[v.name] for v in variables([guest])]
        self.guest_reads_arrays = any(isinstance(component.sort, ArraySort) for component in read)
        self.guest_is_steady = all(c.role in CONTROLLED or isinstance(c.sort, ArraySort) for c in read)
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
        self.generate = self.module.define(self._generate())
        self.changed = self.module.define(self._changed())
        self.copy_to_shadow = self.module.define(self._shadow())
        self.log_changes = self.module.define(self._log_changes())
        self.scalars_differ = self.module.define(self._scalars_differ())
        self.cells_differ = self.module.define(self._cells_differ())
        self.hash = self.module.define(self._hash())
        self.level = self.module.define(self._level())
        self.total = self.module.define(self._total())
        self.module.define(self._batch(), export=True)

    def _batch(self) -> Function:
        """Runs traces: the campaign's key, the first number, the stride, how many. Returns 0."""
        f = Function("batch", (I64, I64, I64, I32), (I32,))
        b = _Locals(f)
        for number in range(2):
            self._world(f, number)
            f.set(b.world[number])
            self._look_at_mode(f, b, number)
            f.get(b.level[number])
            f.set(b.first_level[number])
            f.get(b.guest[number])
            f.set(b.first_guest[number])
        traces = f.loop()
        store_word(f, I64, self.stream, lambda: self._key_of(f))
        f.get(1)
        f.set(b.path)
        mix(f, b.path)
        f.call(self.generate)
        load_word(f, I32, self.paired)
        f.set(b.pair)
        for number in range(2):
            f.const(I32, self.saved + number * self.inline)
            f.set(b.shadow[number])
            f.get(b.first_level[number])
            f.set(b.level[number])
            if self.guest_reads_arrays:
                self._look_at_context(f, b, number)
            else:
                f.get(b.first_guest[number])
                f.set(b.guest[number])
        for local in (b.steps, b.suspects, b.ended):
            f.const(I32, 0)
            f.set(local)
        self._trace(f, b)
        f.get(b.ended)
        f.op(Op.I32_EQZ)
        f.if_()
        f.get(b.world[0])
        f.get(b.path)
        f.call(self.hash)
        f.set(b.path)
        f.get(b.pair)
        f.if_()
        f.get(b.world[1])
        f.get(b.path)
        f.call(self.hash)
        f.set(b.path)
        f.end()
        f.end()
        f.call(self.restores[0])
        load_word(f, I32, self.paired)
        f.if_()
        f.call(self.restores[1])
        f.end()
        self._many_pages(f)
        f.if_()
        f.call(self.drop_pages)
        f.end()
        f.get(b.path)
        f.get(b.steps)
        f.get(b.suspects)
        f.op(Op.I32_ADD, Op.EXTEND_U, XOR64)
        f.set(b.path)
        mix(f, b.path)
        f.get(b.suspects)
        f.if_()
        load_word(f, I32, self.suspect_count)
        f.const(I32, MOST_SUSPECTS)
        f.op(Op.I32_LT_U)
        f.if_()
        load_word(f, I32, self.suspect_count)
        f.const(I32, 3)
        f.op(Op.I32_SHL)
        f.get(1)
        f.store(I64, 8, self.suspects)
        f.end()
        store_word(
            f, I32, self.suspect_count,
            lambda: load_word(f, I32, self.suspect_count), lambda: f.const(I32, 1), lambda: f.op(Op.I32_ADD),
        )  # fmt: skip
        f.end()
        store_word(
            f,
            I64,
            self.digest,
            lambda: load_word(f, I64, self.digest),
            lambda: f.get(b.path),
            lambda: f.op(ADD64),
        )
        store_word(
            f, I64, self.steps_done,
            lambda: load_word(f, I64, self.steps_done), lambda: f.get(b.steps), lambda: f.op(Op.EXTEND_U, ADD64),
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
        f.call(self.drop_pages)
        f.call(self.total)
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

    def _look_at_mode(self, f: Function, b: _Locals, number: int) -> None:
        """Notes a world's level, and whether it is a guest's state: so until something controlled or read changes."""
        f.get(b.world[number])
        f.call(self.level)
        f.set(b.level[number])
        if self.guest_is_steady:
            self._look_at_context(f, b, number)

    def _look_at_context(self, f: Function, b: _Locals, number: int) -> None:
        f.const(I32, 0)
        f.get(b.world[number])
        f.call(self.guest)
        f.set(b.guest[number])

    def _look_again(self, f: Function, b: _Locals, number: int) -> None:
        """After a change of something controlled."""
        f.const(I32, self.shadow + number * self.inline)
        f.tee(b.shadow[number])
        f.get(b.world[number])
        f.call(self.copy_to_shadow)
        self._look_at_mode(f, b, number)

    def _step_world(self, f: Function, b: _Locals, number: int) -> None:
        """One step of a world: its trap, what it changed, and its coverage."""
        if not self.guest_is_steady:
            self._look_at_context(f, b, number)
        # What the step is judged by is how it was before it.
        f.get(b.level[number])
        f.set(b.mode)
        f.get(b.guest[number])
        f.set(b.was_guest[number])
        load_word(f, I32, self.written_end[number])
        f.set(b.log[number])
        f.const(I32, 0)
        f.get(b.world[number])
        f.call(self._numbers["step"])
        f.set(b.trap[number])
        load_word(f, I32, LOG_END)
        f.const(I32, self.log)
        f.op(Op.I32_NE)
        f.if_()
        f.call(self.keep[number])
        if self.guest_reads_arrays:
            self._look_at_context(f, b, number)
        f.end()
        load_word(f, I32, self.written_end[number])
        f.set(b.log_end[number])
        load_word(f, I32, LAST)
        f.tee(b.entry[number])
        f.if_(I32)
        f.get(b.entry[number])
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
        f.const(I32, 0)
        f.set(b.scalar)
        f.get(b.instruction[number])
        f.load(I32, 1, self.controlling)
        f.if_()
        f.get(b.shadow[number])
        f.get(b.world[number])
        f.call(self.changed)
        f.tee(b.scalar)
        f.if_()
        self._look_again(f, b, number)
        f.end()
        f.end()
        f.get(b.log[number])
        f.get(b.log_end[number])
        f.op(Op.I32_NE)
        f.if_()
        f.get(b.log[number])
        f.get(b.world[number])
        f.get(b.log_end[number])
        f.call(self.log_changes)
        f.tee(b.change[number])
        f.const(I32, 1)
        f.op(Op.I32_AND)
        f.get(b.scalar)
        f.op(Op.I32_OR)
        f.set(b.scalar)
        f.end()
        f.get(b.change[number])
        f.get(b.scalar)
        f.op(Op.I32_OR)
        f.const(I32, 0)
        f.op(Op.I32_NE)
        f.set(b.change[number])
        f.end()
        f.get(b.mode)
        f.get(b.instruction[number])
        f.get(b.trap[number])
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.load(I32, 4, self.fate_of)
        f.get(b.scalar)
        f.get(b.trap[number])
        f.op(Op.SELECT)
        self._note(f, b.place, b.count)

    def _trace(self, f: Function, b: _Locals) -> None:
        end = f.block()
        again = f.loop()
        load_word(f, I32, HEAP_LOW)
        f.if_()
        f.call(self._numbers["room"])
        f.op(Op.I32_EQZ)
        f.if_()
        f.op(Op.UNREACHABLE)
        f.end()
        f.end()
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
        self._step_world(f, b, 1)
        self._judge_pair(f, b)
        f.else_()
        f.get(b.was_guest[0])
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
        f.get(b.path)
        f.get(b.world[0])
        f.load(I64, size, slot.offset)
        f.op(XOR64)
        f.set(b.path)
        mix(f, b.path)
        f.branch(again)
        f.end()
        f.end()

    def _judge_pair(self, f: Function, b: _Locals) -> None:
        """Sets `bad` where the condition does not hold, and `apart` where the views part after two completions."""
        for number in range(2):
            f.get(b.trap[number])
            f.op(Op.I32_EQZ)
            f.get(b.was_guest[number])
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
        self._logged_cells_differ(f, b, 0)
        f.if_(I32)
        f.const(I32, 1)
        f.else_()
        self._logged_cells_differ(f, b, 1)
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

    def _logged_cells_differ(self, f: Function, b: _Locals, number: int) -> None:
        """Pushes whether programs see a difference in the cells that the last step of a world wrote."""
        f.get(b.log[number])
        f.get(b.log_end[number])
        f.op(Op.I32_NE)
        f.if_(I32)
        f.get(b.log[number])
        f.get(b.world[0])
        f.get(b.log_end[number])
        f.get(b.world[1])
        if number:
            load_word(f, I32, self.offset)
        else:
            f.const(I32, 0)
        f.call(self.cells_differ)
        f.else_()
        f.const(I32, 0)
        f.end()

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
            f.set(b.ended)
            f.call(self.keep[0])
            f.get(b.ended)
            f.branch_if(end)
            self._look_again(f, b, 0)
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
        # A length, or with the highest bit set where the entry has it.
        f.get(b.instruction[0])
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.load(I32, 4, self.lengths)
        f.tee(b.scalar)
        f.const(I32, IN_ENTRY)
        f.op(Op.I32_AND)
        f.if_(I32)
        f.get(b.scalar)
        f.const(I32, IN_ENTRY - 1)
        f.op(Op.I32_AND)
        f.get(b.entry[0])
        f.op(Op.I32_ADD)
        f.load(I32, 4, 0)
        f.else_()
        f.get(b.scalar)
        f.end()
        f.op(Op.EXTEND_U)
        f.op(ADD64)
        f.const(I64, (1 << component.sort.width) - 1)
        f.op(AND64)
        if size == 8:
            f.store(I64, 8, slot.offset)
        else:
            f.op(Op.WRAP)
            f.store(I32, 4, slot.offset)


class _Locals:
    """The local variables of the batch."""

    def __init__(self, f: Function) -> None:
        def two() -> tuple[int, int]:
            return f.local(I32), f.local(I32)

        self.world, self.guest, self.trap, self.change, self.instruction = two(), two(), two(), two(), two()
        self.pair, self.was, self.steps, self.suspects = f.local(I32), f.local(I32), f.local(I32), f.local(I32)
        self.first_level, self.first_guest, self.was_guest = two(), two(), two()
        self.entry, self.level, self.shadow, self.log, self.log_end = two(), two(), two(), two(), two()
        self.path, self.place, self.count = f.local(I64), f.local(I32), f.local(I32)
        self.mode, self.scalar = f.local(I32), f.local(I32)
        self.bad, self.apart, self.any, self.all, self.declined, self.ended = (f.local(I32) for _ in range(6))


__all__ = ["BatchBuilder", "Places", "Shape"]
