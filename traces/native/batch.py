"""Batches of random traces inside the module: generation, both states in lockstep, Theorem 1's condition, coverage.

What a trace is, `generation.traces` and `properties.campaign.lockstep` say in Python; this writes the same down once
more in WebAssembly, for traces that start from one base pair. The condition is approximated from above where a cell of
an array of resources or a reserved cell is written with the value that it had: traces with a suspect step are listed
by number, and whoever asks runs them again in Python.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.terms import ArraySort, all_of, var, variables

from ..generation.randomness import GOLDEN
from .batch_lockstep import Locals, LockstepCode
from .batch_places import (
    ADD64,
    CONTROLLED,
    MOST_SUSPECTS,
    MUL64,
    XOR64,
    Shape,
    load_word,
    mix,
    mix_function,
    store_word,
)
from .wasm import I32, I64, PAGE, Function, Op


@dataclass(frozen=True)
class Places:
    """Addresses in the module's memory, and the numbers of traps."""

    content: bytes
    builder: BatchBuilder
    first_world: int
    second_world: int
    heap: int


class BatchBuilder(LockstepCode):
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
        b = Locals(f)
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


__all__ = ["BatchBuilder", "Places", "Shape"]
