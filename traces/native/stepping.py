"""The code of one step, and of the loop that takes many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import BitVecSort

from .control import COUNT, LAST, LIMIT_REACHED, NESTED, NO_ROOM, STOP_ARMED, STOP_VALUE, STOPPED, STUCK, TRAP
from .decoding import Fetched
from .emit import push_base
from .entries import Entry
from .handlers import Handlers
from .layout import WORLD, Slot, bytes_of
from .memory import HEAP_LOW, LOG_END
from .outcomes import Leave, OutcomeCode, leave_function
from .wasm import I32, I64, Function, Op

ENTRIES = 1024


@dataclass(frozen=True)
class Stepping:
    """Writes steps. `fetch` has the traps that decoding does not know; `entries` is where the `ENTRIES` decoded
    instructions begin, of `entry_bytes` each; `decode` is the function that fills one in, `room` that which makes
    room for a step, `deliver` that which delivers a trap, if there is one."""

    machine: Machine
    code: OutcomeCode
    handlers: Handlers
    fetch: Outcome
    fetched: Fetched
    counter: Slot
    entry: Entry
    entries: int
    entry_bytes: int
    log: int
    decode: int
    room: int
    deliver: int | None

    def begin(self, f: Function) -> None:
        """The log is empty, and no instruction was reached."""
        f.const(I32, 0)
        f.const(I32, self.log)
        f.store(I32, 4, LOG_END)
        f.const(I32, 0)
        f.const(I32, 0)
        f.store(I32, 4, LAST)

    def step(self) -> Function:
        """The function that fetches, decodes and executes one instruction, and returns the number of its trap, or 0."""

        def start() -> Function:
            f = Function("step", (I32, I32), (I32,))
            self.begin(f)
            return f

        return self._one_step(start, leave_function)

    def _one_step(self, start: Callable[[], Function], leave: Leave) -> Function:
        """Code for one step, after what `start` begins; a trap's number is left, at the end pushed."""
        machine, cells = self.machine, self.fetched.cells
        counter = machine.variables[machine.counter]
        assert isinstance(counter.sort, BitVecSort)
        mark = counter[min(counter.width, ENTRIES.bit_length() - 1) - 1 : 0]
        f, found = self.code.function("step", self.fetch, results=(*cells, mark), start=start, leave=leave)
        entry = f.local(I32)
        f.get(found[-1])
        f.const(I32, self.entry_bytes.bit_length() - 1)
        f.op(Op.I32_SHL)
        f.const(I32, self.entries)
        f.op(Op.I32_ADD)
        f.set(entry)
        f.get(entry)
        f.load(I32, 4, self.entry.handler)
        f.op(Op.I32_EQZ)
        for number, cell in enumerate(found[:-1]):
            f.get(entry)
            f.load(I64, 8, 8 * number)
            f.get(cell)
            f.op(Op.I64_NE, Op.I32_OR)
        f.if_()
        for number, cell in enumerate(found[:-1]):
            f.get(entry)
            f.get(cell)
            f.store(I64, 8, 8 * number)
        f.get(entry)
        f.call(self.decode)
        f.end()
        f.const(I32, 0)
        f.get(entry)
        f.store(I32, 4, LAST)
        self.handlers.dispatch(f, entry, leave)
        return f

    def run(self) -> Function:
        """The function that takes at most so many steps (its first parameter) of a world; it returns why it ended."""
        count = trap = again = out = 0

        def start() -> Function:
            nonlocal count, trap, again, out
            f = Function("run", (I64, I32), (I32,))
            count, trap = f.local(I64), f.local(I32)
            f.call(self.room)
            f.op(Op.I32_EQZ)
            f.if_()
            finish(f, NO_ROOM)
            f.end()
            again = f.loop()
            f.get(count)
            f.get(0)
            f.op(Op.I64_GE_U)
            f.if_()
            finish(f, LIMIT_REACHED)
            f.end()
            f.const(I32, 0)
            f.load(I32, 4, HEAP_LOW)
            f.if_()
            f.call(self.room)
            f.op(Op.I32_EQZ)
            f.if_()
            finish(f, NO_ROOM)
            f.end()
            f.end()
            self._stop_condition(f)
            f.if_()
            finish(f, STOPPED)
            f.end()
            out = f.block(I32)
            self.begin(f)
            return f

        def finish(f: Function, reason: int) -> None:
            f.const(I32, 0)
            f.get(count)
            f.store(I64, 8, COUNT)
            f.const(I32, reason)
            f.op(Op.RETURN)

        def note(address: int, number: int) -> None:
            f.const(I32, 0)
            f.get(number)
            f.store(I32, 4, address)

        f = self._one_step(start, lambda f: f.branch(out))
        f.end()
        f.tee(trap)
        f.if_()
        note(TRAP, trap)
        if self.deliver is not None:
            f.get(trap)
            f.get(WORLD)
            f.call(self.deliver)
            f.tee(trap)
            f.if_()
            note(NESTED, trap)
            finish(f, STUCK)
            f.end()
        else:
            finish(f, STUCK)
        f.end()
        f.get(count)
        f.const(I64, 1)
        f.op(Op.I64_ADD)
        f.set(count)
        f.branch(again)
        f.end()
        f.op(Op.UNREACHABLE)
        return f

    def _stop_condition(self, f: Function) -> None:
        """Pushes whether the program counter is where to stop, if there is such a place."""
        slot, sort = self.counter, self.machine.components[self.machine.counter].sort
        f.const(I32, 0)
        f.load(I32, 4, STOP_ARMED)
        f.if_(I32)
        push_base(f, slot.base)
        if bytes_of(sort) == 4:
            f.load(I64, 4, slot.offset)
        else:
            f.load(I64, 8, slot.offset)
        f.const(I32, 0)
        f.load(I64, 8, STOP_VALUE)
        f.op(Op.I64_EQ)
        f.else_()
        f.const(I32, 0)
        f.end()
