"""Watching as code: what a step changed, whether two programs see the same, coverage and digest."""

from __future__ import annotations

from collections.abc import Sequence

from ringproof.model.machine import Role
from ringproof.model.terms import ArraySort

from ..generation.randomness import SECOND
from .batch_generation import GenerationCode
from .batch_places import ADD64, CONTROLLED, MUL64, OR64, SHL64, XOR64, advance, each, load_word, store_word
from .layout import PAGE_BYTES, ArrayPlace, Slot, bytes_of
from .wasm import I32, I64, Function, Op

SEEN = (Role.PROGRAM, Role.MEMORY)


class WatchingCode(GenerationCode):
    """Writes the functions that look at worlds after a step."""

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
        for offset, size in joined(self._scalars(CONTROLLED)):
            f.get(1)
            f.load(I64, size, offset)
            f.get(0)
            f.load(I64, size, offset - self.layout.first)
            f.op(XOR64, OR64)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        return f

    def _shadow(self) -> Function:
        """Copies the controlled scalars of a world (second) to a shadow (first)."""
        f = Function("shadow", (I32, I32), ())
        for offset, size in joined(self._scalars(CONTROLLED)):
            f.get(0)
            f.get(1)
            f.load(I64, size, offset)
            f.store(I64, size, offset - self.layout.first)
        return f

    def _scalars_differ(self) -> Function:
        """Whether the program's scalars differ in two worlds."""
        f = Function("scalars differ", (I32, I32), (I32,))
        f.const(I64, 0)
        for offset, size in joined(self._scalars((Role.PROGRAM,))):
            for world in (0, 1):
                f.get(world)
                f.load(I64, size, offset)
            f.op(XOR64, OR64)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        return f

    def _log_changes(self) -> Function:
        """What the log from (first) to (third) has of the world (second): 1 for controlled, 2 for reserved cells."""
        f = Function("log changes", (I32, I32, I32), (I32,))
        result = f.local(I32)
        reserved = self.reserved
        controlled = [p for p in self.layout.arrays.values() if self.machine.components[p.name].role in CONTROLLED]

        def found(bit: int) -> None:
            f.get(result)
            f.const(I32, bit)
            f.op(Op.I32_OR)
            f.set(result)

        def body(place: ArrayPlace, index: int, count: int) -> None:
            if place in controlled:
                found(1)
            if reserved is None or place is not self.code_array:
                return
            again = f.loop()
            self._ask(f, reserved, index, place)
            f.if_()
            found(2)
            f.end()
            self._next_cell(f, index, count)
            f.branch_if(again)
            f.end()

        places = [*controlled, *([] if reserved is None or self.code_array in controlled else [self.code_array])]
        if places:
            self._entries(f, 0, 2, places, body)
        f.get(result)
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
        advance(f, index, 1)
        f.get(count)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.tee(count)

    def _cells_differ(self) -> Function:
        """Whether logged cells that a program sees differ: log, first world, log's end, second world, log's offset."""
        f = Function("cells differ", (I32, I32, I32, I32, I32), (I32,))

        def body(place: ArrayPlace, index: int, count: int) -> None:
            mask = self._index_mask(place)
            if place is self.code_array:
                f.get(index)
                f.get(4)
                f.op(Op.I32_SUB)
                f.set(index)
            if place is self.code_array and place.cell_bytes == 1:
                self._same_bytes(f, place, index, count)
                f.op(Op.I32_EQZ)
                f.if_()
            again = f.loop()
            f.get(index)
            f.const(I32, mask)
            f.op(Op.I32_AND)
            f.get(1)
            f.call(self.reads[place.number])
            f.get(index)
            if place is self.code_array:
                load_word(f, I32, self.offset)
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
            if place is self.code_array and place.cell_bytes == 1:
                f.end()

        seen = [p for p in self.layout.arrays.values() if self.machine.components[p.name].role in SEEN]
        self._entries(f, 0, 2, seen, body)
        f.const(I32, 0)
        return f

    def _same_bytes(self, f: Function, place: ArrayPlace, index: int, count: int) -> None:
        """Pushes whether up to 8 bytes in one page are the same in both worlds; of others it says no."""
        first, second = f.local(I32), f.local(I32)
        for local, moved in ((first, False), (second, True)):
            f.get(index)
            if moved:
                load_word(f, I32, self.offset)
                f.op(Op.I32_ADD)
            f.const(I32, self._index_mask(place))
            f.op(Op.I32_AND)
            f.set(local)
        f.get(count)
        f.const(I32, 8)
        f.op(Op.I32_LE_U)
        for local in (first, second):
            self._within(f, place, local)
            f.const(I32, PAGE_BYTES - 8)
            f.op(Op.I32_LE_U, Op.I32_AND)
        f.if_(I32)
        for local, world in ((first, 1), (second, 3)):
            self._cell_address(f, place, local, world)
            f.load(I64, 8, 0)
        f.op(XOR64)
        f.const(I64, 64)
        f.get(count)
        f.const(I32, 3)
        f.op(Op.I32_SHL, Op.EXTEND_U, Op.I64_SUB, SHL64, Op.I64_EQZ)
        f.else_()
        f.const(I32, 0)
        f.end()

    def _hash(self) -> Function:
        """Adds the scalars of a world to a digest: the world, the digest."""
        f = Function("hash", (I32, I64), (I64,))
        f.get(1)
        for slot, size in self._scalars(tuple(Role)):
            f.const(I64, SECOND)
            f.op(MUL64)
            f.get(0)
            f.load(I64, size, slot.offset)
            f.op(ADD64)
        return f

    def _level(self) -> Function:
        """Where the coverage begins of what a world does at its level."""
        f = Function("level", (I32,), (I32,))
        place = f.local(I32)
        slot = self.layout.slots[self.machine.mode]
        for number, level in enumerate(self.levels):
            f.get(0)
            f.load(I32, 4, slot.offset)
            f.const(I32, int(level))
            f.op(Op.I32_EQ)
            f.if_()
            f.const(I32, 4 * self.fates * number)
            f.set(place)
            f.end()
        f.get(place)
        return f

    def _note(self, f: Function, place: int, count: int) -> None:
        """Counts a step's cell: on the stack what the level adds to the place, the instruction's number, the fate; the
        local variables are to use."""
        f.const(I32, 2)
        f.op(Op.I32_SHL)
        f.set(place)
        f.const(I32, 4 * self.fates * len(self.levels))
        f.op(Op.I32_MUL)
        f.get(place)
        f.op(Op.I32_ADD, Op.I32_ADD)
        f.tee(place)
        f.load(I32, 4, self.coverage)
        f.tee(count)
        f.op(Op.I32_EQZ)
        f.if_()
        # The first time in this batch.
        load_word(f, I32, self.met_count)
        f.get(place)
        f.store(I32, 4, self.met)
        store_word(
            f, I32, self.met_count,
            lambda: load_word(f, I32, self.met_count), lambda: f.const(I32, 4), lambda: f.op(Op.I32_ADD),
        )  # fmt: skip
        f.end()
        f.get(place)
        f.get(count)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.store(I32, 4, self.coverage)

    def _total(self) -> Function:
        """Puts how often each cell was met beside the list of cells, and begins the coverage afresh."""
        f = Function("total", (), ())
        at, place = f.local(I32), f.local(I32)
        with each(f, at, lambda: load_word(f, I32, self.met_count), 4):
            f.get(at)
            f.get(at)
            f.load(I32, 4, self.met)
            f.tee(place)
            f.load(I32, 4, self.coverage)
            f.store(I32, 4, self.met_times)
            f.get(place)
            f.const(I32, 0)
            f.store(I32, 4, self.coverage)
        return f


def joined(scalars: Sequence[tuple[Slot, int]]) -> list[tuple[int, int]]:
    """Offsets and sizes of words that hold the scalars, two neighbours of 4 bytes in one."""
    words: list[tuple[int, int]] = []
    for slot, size in sorted(scalars, key=lambda scalar: scalar[0].offset):
        if words and size == 4 and words[-1] == (slot.offset - 4, 4):
            words[-1] = (slot.offset - 4, 8)
        else:
            words.append((slot.offset, size))
    return words
