"""The kernel: a machine as one module that fetches, decodes, executes and delivers traps, for many steps at a time.

Memory holds control words, the details of the last trap, the fetched word, the log of the places that the last step
wrote, a table of decoded instructions (see `decoding`), found by the low bits of the program counter, and after these
the worlds, then their pages. Decoded instructions serve all worlds.

Exported are `run` (at most so many steps of a world), `step` (one, whose trap is returned), `deliver` (that trap), and
`execute` (a decoded instruction).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import BitVec, BitVecSort, Term, substitute, topological, var
from ringproof.traces.interpreter import UNDEFINED

from .decoding import RAW, Decoder, Fetched, operand_slots, writes_of
from .emit import Emitter, Support, push_base, write_slot
from .graph import Graph, Plan
from .layout import ENTRY, FRAME_BYTES, WORLD, Layout, NativeError, Slot, bytes_of
from .memory import CONTROL_BYTES, HEAP_LOW, LOG_END, LOG_ENTRY_BYTES
from .outcomes import Leave, OutcomeCode, TrapTable, leave_function
from .variants import deciding
from .wasm import I32, I64, PAGE, Function, Module, Op

COUNT, TRAP, NESTED, STOP_ARMED, STOP_VALUE, LAST = 24, 32, 36, 40, 48, 56
"""Addresses of control words: steps taken, the last trap's number, that of its delivery, where to stop, and the last
step's decoded instruction (0 where its fetch trapped)."""

ENTRIES = 1024
LIMIT_REACHED, STOPPED, STUCK, NO_ROOM = range(4)
"""Why a run ended: all steps taken, at the place to stop, a trap that is not delivered, the memory limit."""


@dataclass(frozen=True)
class Kernel:
    """The module as bytes, and what its memory and its numbers mean.

    `world` is the address of the first world, and `layout` what lies in one; `log` is where the log begins. `entry` is
    room for a decoded instruction, which has its number at `number` (from 1 in the machine's order, 0 for none),
    the number of what executes it at `handler`, and operands from `first_operand` on.
    """

    content: bytes
    layout: Layout
    traps: TrapTable
    world: int
    log: int
    entry: int
    handler: int
    number: int
    first_operand: int


def build(machine: Machine) -> Kernel:
    """The kernel of `machine`. Raises NativeError where it does not say how it fetches, or is too large."""
    return _Builder(machine).kernel()


class _Builder:
    def __init__(self, machine: Machine) -> None:
        if machine.fetch is None:
            raise NativeError(f"{machine.name} does not say how it fetches instructions")
        self.machine = machine
        self.module = Module()
        self.layout = Layout(base=WORLD)
        self.layout.place({name: c.sort for name, c in machine.components.items()})
        self.control = Layout(CONTROL_BYTES)
        self.traps = TrapTable(self.control.take(16 * 16, 16))
        self.word = Slot(self.control.take(bytes_of(machine.word)))
        words: list[Term] = []
        fetch = machine.fetch
        self.fetch = machine.run(lambda cpu: words.append(fetch(cpu)))
        self.fetched = Fetched.of(words[0])
        self.outcomes = [machine.outcome(instruction) for instruction in machine.instructions]
        self.handler = 8 * len(self.fetched.cells)
        self.number = self.handler + 4
        self.first_operand = self.handler + 8
        self.variants = [deciding(outcome) for outcome in self.outcomes]
        sizes = [operand_slots(i, self.first_operand, 0)[1] for i in machine.instructions]
        self.entry_bytes = 1 << (max(sizes, default=self.first_operand) - 1).bit_length()
        self.entries = self.control.take(ENTRIES * self.entry_bytes, 64)
        self.spare_entry = self.control.take(self.entry_bytes, 64)
        for outcome in (self.fetch, *self.outcomes):
            for trap in outcome.traps:
                self.traps.number(trap.cause, trap.details)
        self.undefined = self.traps.number(UNDEFINED, {})
        self.deliveries = self._delivery_outcomes()
        most = max(writes_of(dict(o.state)) for o in (*self.outcomes, self.fetch, *self.deliveries.values()))
        self.log = self.control.take(3 * (most + 1) * LOG_ENTRY_BYTES)
        self.support = Support.of(self.module, self.layout, (2 * most + 8) * FRAME_BYTES, logged=True)
        self.code = OutcomeCode(machine.variables, self.layout.slots, self.support, self.traps)

    def kernel(self) -> Kernel:
        room = self.support.memory.room()
        self.functions = self._handlers()
        self._execute()
        decode = self._decode(len(self.functions))
        self._step(decode)
        self._run(room, decode, self._deliver())
        world = self.control.take(0, 64)
        content = self.module.encoded(-(-(world + self.layout.top) // PAGE) + 16)
        return Kernel(
            content, self.layout, self.traps, world, self.log,
            self.spare_entry, self.handler, self.number, self.first_operand,
        )  # fmt: skip

    # Executing.

    def _slots(self, instruction: Instruction) -> dict[str, Slot]:
        """Where a decoded entry has the variables of an instruction's operands."""
        slots, _ = operand_slots(instruction, self.first_operand, ENTRY)
        return {f"${name}" if not name.startswith("$") else name: slot for name, slot in slots.items()}

    def _handlers(self) -> list[int]:
        """The functions that execute: one for each instruction, or two, one for each truth of what decides."""
        functions: list[int] = []
        self.first_handler: list[int] = []
        for instruction, outcome, condition in zip(
            self.machine.instructions, self.outcomes, self.variants, strict=True
        ):
            self.first_handler.append(len(functions))
            for facts in ({},) if condition is None else ({condition: True}, {condition: False}):
                f, _ = self.code.function(instruction.id, outcome, self._slots(instruction), facts=facts)
                f.const(I32, 0)
                functions.append(self.module.define(f))
        return functions

    def _choose(self, f: Function, entry: int, position: int) -> None:
        """Pushes the number, from 1, of what executes a decoded instruction."""
        assert entry == ENTRY
        condition, first = self.variants[position], self.first_handler[position]
        if condition is None:
            f.const(I32, first + 1)
            return
        plan = Plan(Graph())
        plan.use(condition, plan.root)
        plan.settle()
        e = Emitter(f, plan, self._slots(self.machine.instructions[position]), self.support)
        f.const(I32, first + 1)
        f.const(I32, first + 2)
        e.value(condition)
        f.op(Op.SELECT)

    def _dispatch(self, f: Function, entry: int, handlers: list[int], leave: Leave) -> None:
        """Leaves with what executing the decoded entry returns; what is numbered above the handlers is a trap."""

        def case(position: int) -> None:
            f.get(entry)
            f.get(WORLD)
            f.call(handlers[position])

        def selector() -> None:
            f.get(entry)
            f.load(I32, 4, self.handler)
            f.const(I32, 1)
            f.op(Op.I32_SUB)

        _switch(f, len(handlers), selector, case, leave)
        f.get(entry)
        f.load(I32, 4, self.handler)
        f.const(I32, len(handlers))
        f.op(Op.I32_SUB)

    def _execute(self) -> None:
        """Executes the instruction whose number and operands are in an entry."""
        f = Function("execute", (I32, I32), (I32,))
        self._begin(f)

        def case(position: int) -> None:
            functions = self.functions[self.first_handler[position] :][: 1 if self.variants[position] is None else 2]
            if len(functions) == 2:
                self._choose(f, ENTRY, position)
                f.const(I32, self.first_handler[position] + 1)
                f.op(Op.I32_EQ)
                f.if_(I32)
            for number, function in enumerate(functions):
                if number:
                    f.else_()
                f.get(ENTRY)
                f.get(WORLD)
                f.call(function)
            if len(functions) == 2:
                f.end()

        def selector() -> None:
            f.get(ENTRY)
            f.load(I32, 4, self.number)
            f.const(I32, 1)
            f.op(Op.I32_SUB)

        _switch(f, len(self.outcomes), selector, case)
        f.op(Op.UNREACHABLE)
        self.module.define(f, export=True)

    def _begin(self, f: Function) -> None:
        """The log is empty, and no instruction was reached."""
        f.const(I32, 0)
        f.const(I32, self.log)
        f.store(I32, 4, LOG_END)
        f.const(I32, 0)
        f.const(I32, 0)
        f.store(I32, 4, LAST)

    # Fetching and decoding.

    def _known_at_decoding(self) -> int:
        """How many of the fetch's last traps depend on the fetched cells alone."""
        count = 0
        for trap in reversed(self.fetch.traps):
            guard = substitute([trap.guard], self.fetched.replace)
            if trap.details or any(n.op == "var" and n.name != RAW for n in topological(guard)):
                break
            count += 1
        return count

    def _decode(self, count: int) -> int:
        """Fills in the entry whose cells are there: the word, the traps that it decides, the instruction.

        What is numbered above the `count` handlers is a trap.
        """
        decoder = Decoder(
            self.machine, self.module, self.support, self.word, self.first_operand, self.number, self._choose
        )
        by_word = decoder.function(count + self.undefined)
        f = Function("fill", (I32,), ())
        known = self._known_at_decoding()
        traps = self.fetch.traps[len(self.fetch.traps) - known :]
        guards = substitute([trap.guard for trap in traps], self.fetched.replace)
        plan = Plan(Graph())
        for term in (self.fetched.word, *guards):
            plan.use(term, plan.root)
        plan.settle()
        e = Emitter(f, plan, {RAW: Slot(0, 0)}, self.support)
        e.open(plan.root)
        write_slot(e, self.fetched.word, self.word)
        f.get(ENTRY)
        f.const(I32, 0)
        f.store(I32, 4, self.number)
        for trap, guard in zip(traps, guards, strict=True):
            e.value(guard)
            f.if_()
            f.get(0)
            f.const(I32, count + self.traps.number(trap.cause, trap.details))
            f.store(I32, 4, self.handler)
            f.op(Op.RETURN)
            f.end()
        f.get(0)
        f.get(0)
        f.call(by_word)
        f.store(I32, 4, self.handler)
        return self.module.define(f)

    def _step(self, decode: int) -> None:
        """The function that fetches, decodes and executes one instruction, and returns the number of its trap, or 0."""

        def start() -> Function:
            f = Function("step", (I32, I32), (I32,))
            self._begin(f)
            return f

        f = self._one_step(decode, start, leave_function)
        self.module.define(f, export=True)

    def _one_step(self, decode: int, start: Callable[[], Function], leave: Leave) -> Function:
        """Code for one step, after what `start` begins; a trap's number is left, at the end pushed."""
        machine, cells = self.machine, self.fetched.cells
        counter = machine.variables[machine.counter]
        assert isinstance(counter.sort, BitVecSort)
        mark = counter[min(counter.width, ENTRIES.bit_length() - 1) - 1 : 0]
        known = self._known_at_decoding()
        outcome = Outcome(self.fetch.traps[: len(self.fetch.traps) - known], self.fetch.state)
        f, found = self.code.function("step", outcome, results=(*cells, mark), start=start, leave=leave)
        entry = f.local(I32)
        f.get(found[-1])
        f.const(I32, self.entry_bytes.bit_length() - 1)
        f.op(Op.I32_SHL)
        f.const(I32, self.entries)
        f.op(Op.I32_ADD)
        f.set(entry)
        f.get(entry)
        f.load(I32, 4, self.handler)
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
        f.call(decode)
        f.end()
        f.const(I32, 0)
        f.get(entry)
        f.store(I32, 4, LAST)
        self._dispatch(f, entry, self.functions, leave)
        return f

    # Traps.

    def _delivery_outcomes(self) -> dict[int, Outcome]:
        machine, deliver = self.machine, self.machine.deliver
        if deliver is None:
            return {}
        outcomes: dict[int, Outcome] = {}
        for (cause, details), number in self.traps.numbers.items():
            given = {name: var(f"${name}", BitVec(width)) for name, width in details}
            outcomes[number] = machine.run(lambda cpu, cause=cause, given=given: deliver(cpu, cause, given))  # type: ignore[misc]
        return outcomes

    def _deliver(self) -> int | None:
        if not self.deliveries:
            return None
        numbers: dict[int, int] = {}
        made: dict[tuple[object, ...], int] = {}
        for (_, details), trap in list(self.traps.numbers.items()):
            outcome = self.deliveries.get(trap)
            if outcome is None:
                continue
            key = (
                tuple(details),
                tuple((t.cause, id(t.guard), *map(id, t.details.values())) for t in outcome.traps),
                tuple(map(id, outcome.state.values())),
            )
            if key not in made:
                slots = {f"${name}": self.traps.slot(n) for n, (name, _) in enumerate(details)}
                f, _ = self.code.function(f"deliver {trap}", outcome, slots)
                f.const(I32, 0)
                made[key] = self.module.define(f)
            numbers[trap] = made[key]
        f = Function("deliver", (I32, I32), (I32,))

        def case(position: int) -> None:
            f.const(I32, 0)
            f.get(WORLD)
            f.call(numbers[position + 1])

        def selector() -> None:
            f.get(0)
            f.const(I32, 1)
            f.op(Op.I32_SUB)

        _switch(f, len(numbers), selector, case)
        f.op(Op.UNREACHABLE)
        return self.module.define(f, export=True)

    # Running.

    def _run(self, room: int, decode: int, deliver: int | None) -> None:
        """Takes at most so many steps (its first parameter) of a world."""
        count = trap = again = out = 0

        def start() -> Function:
            nonlocal count, trap, again, out
            f = Function("run", (I64, I32), (I32,))
            count, trap = f.local(I64), f.local(I32)
            f.call(room)
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
            f.call(room)
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
            self._begin(f)
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

        f = self._one_step(decode, start, lambda f: f.branch(out))
        f.end()
        f.tee(trap)
        f.if_()
        note(TRAP, trap)
        if deliver is not None:
            f.get(trap)
            f.get(WORLD)
            f.call(deliver)
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
        self.module.define(f, export=True)

    def _stop_condition(self, f: Function) -> None:
        """Pushes whether the program counter is where to stop, if there is such a place."""
        machine = self.machine
        slot, sort = self.layout.slots[machine.counter], machine.components[machine.counter].sort
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


def _switch(
    f: Function,
    count: int,
    selector: Callable[[], None],
    case: Callable[[int], None],
    leave: Leave = leave_function,
) -> None:
    """Leaves with what `case` pushes for the number that `selector` pushes; goes on where that is not below `count`."""
    outside = f.block()
    marks = [f.block() for _ in range(count)]
    selector()
    f.branch_table(list(reversed(marks)), outside)
    for position in range(count):
        f.end()
        case(position)
        leave(f)
    f.end()


__all__ = ["LIMIT_REACHED", "NO_ROOM", "STOPPED", "STUCK", "Kernel", "build"]
