"""The steps of a trace as code: both states side by side, Theorem 1's condition after each step, and how they go on.

`properties.campaign.lockstep` says the same in Python.
"""

from __future__ import annotations

from ringproof.model.terms import BitVecSort

from .batch_places import (
    ADD64,
    AND64,
    IN_ENTRY,
    XOR64,
    load_word,
    mix,
)
from .batch_watching import WatchingCode
from .control import LAST
from .layout import bytes_of
from .memory import HEAP_LOW, LOG_END
from .wasm import I32, I64, Function, Op


class LockstepCode(WatchingCode):
    """Writes what a trace does after it was generated."""

    _numbers: dict[str, int]
    guest: int
    guest_is_steady: bool
    guest_reads_arrays: bool
    level: int
    changed: int
    copy_to_shadow: int
    log_changes: int
    scalars_differ: int
    cells_differ: int

    def _look_at_mode(self, f: Function, b: Locals, number: int) -> None:
        """Notes a world's level, and whether it is a guest's state: so until something controlled or read changes."""
        f.get(b.world[number])
        f.call(self.level)
        f.set(b.level[number])
        if self.guest_is_steady:
            self._look_at_context(f, b, number)

    def _look_at_context(self, f: Function, b: Locals, number: int) -> None:
        f.const(I32, 0)
        f.get(b.world[number])
        f.call(self.guest)
        f.set(b.guest[number])

    def _look_again(self, f: Function, b: Locals, number: int) -> None:
        """After a change of something controlled."""
        f.const(I32, self.shadow + number * self.inline)
        f.tee(b.shadow[number])
        f.get(b.world[number])
        f.call(self.copy_to_shadow)
        self._look_at_mode(f, b, number)

    def _step_world(self, f: Function, b: Locals, number: int) -> None:
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

    def _trace(self, f: Function, b: Locals) -> None:
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

    def _judge_pair(self, f: Function, b: Locals) -> None:
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

    def _logged_cells_differ(self, f: Function, b: Locals, number: int) -> None:
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

    def _after(self, f: Function, b: Locals, end: int) -> None:
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

    def _skip(self, f: Function, b: Locals, number: int) -> None:
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


class Locals:
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
