"""The kernel: a machine as one module that fetches, decodes, executes and delivers traps, for many steps at a time.

Memory holds control words, the details of the last trap, the fetched word, the log of the places that the last step
wrote, a table of decoded instructions (see `decoding`), found by the low bits of the program counter, and after these
the worlds, then their pages. Decoded instructions serve all worlds.

Exported are `run` (at most so many steps of a world), `record` (as `run`, and writes them down, see `recording_code`),
`step` (one, whose trap is returned), `deliver` (that trap), and `execute` (a decoded instruction).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, BitVec, Term, substitute, topological, var
from ringproof.traces.interpreter import UNDEFINED
from ringproof.traces.recording.shape import Shape

from .control import switch
from .decoding import RAW, Decoder, Fetched, writes_of
from .emit import Emitter, Support, write_slot
from .entries import Entry
from .graph import Graph, Plan
from .handlers import Handlers
from .layout import ENTRY, FRAME_BYTES, WORLD, Layout, NativeError, Slot, bytes_of
from .memory import CONTROL_BYTES, LOG_ENTRY_BYTES
from .outcomes import DETAIL_BYTES, OutcomeCode, TrapTable
from .recording_code import RecordingPlaces, Steps, define_recording, recordable
from .stepping import ENTRIES, Stepping
from .variants import implied, shortcut
from .wasm import I32, PAGE, Function, Module, Op

MOST_DETAILS = 16


@dataclass(frozen=True)
class Kernel:
    """The module as bytes, and what its memory and its numbers mean.

    `nested` is the address of the details of a trap that a delivery meets; `traps` has that of all others.
    `world` is the address of the first world, and `layout` what lies in one; `log` is where the log begins. `entry` is
    room for a decoded instruction, which has its number at `number` (from 1 in the machine's order, 0 for none),
    the number of what executes it at `handler`, and operands from `first_operand` on. `recording` has the places of the
    function `record`, None where the machine's steps cannot be recorded.
    """

    content: bytes
    layout: Layout
    traps: TrapTable
    nested: int
    world: int
    log: int
    entry: int
    handler: int
    number: int
    first_operand: int
    recording: RecordingPlaces | None


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
        self.traps = TrapTable(self.control.take(DETAIL_BYTES * MOST_DETAILS, 16))
        self.nested = self.control.take(DETAIL_BYTES * MOST_DETAILS, 16)
        self.word = Slot(self.control.take(bytes_of(machine.word)))
        words: list[Term] = []
        fetch = machine.fetch
        self.fetch = machine.run(lambda cpu: words.append(fetch(cpu)))
        self.fetched = Fetched.of(words[0])
        self.outcomes = [machine.outcome(instruction) for instruction in machine.instructions]
        self.entry = Entry(len(self.fetched.cells))
        self.entry_bytes = self.entry.size(machine.instructions)
        self.entries = self.control.take(ENTRIES * self.entry_bytes, 64)
        self.spare_entry = self.control.take(self.entry_bytes, 64)
        for outcome in (self.fetch, *self.outcomes):
            for trap in outcome.traps:
                self.traps.number(trap.cause, trap.details)
        self.undefined = self.traps.number(UNDEFINED, {})
        self.deliveries = self._delivery_outcomes()
        most = max(writes_of(dict(o.state)) for o in (*self.outcomes, self.fetch, *self.deliveries.values()))
        self.log_entries = 3 * (most + 1)
        self.log = self.control.take(self.log_entries * LOG_ENTRY_BYTES)
        self.support = Support.of(self.module, self.layout, (2 * most + 8) * FRAME_BYTES, logged=True)
        self.code = OutcomeCode(machine.variables, self.layout.slots, self.support, self.traps)

    def kernel(self) -> Kernel:
        machine, entry = self.machine, self.entry
        room = self.support.memory.room()
        meanings = list(zip(machine.instructions, self.outcomes, strict=True))
        self.handlers = Handlers(self.module, self.code, self.support, entry, meanings)
        known = self._known_at_decoding()
        late = Outcome(self.fetch.traps[: len(self.fetch.traps) - known], self.fetch.state)
        deliver = self._deliver()
        stepping = Stepping(
            machine, self.code, self.handlers, late, self.fetched, self.layout.slots[machine.counter], entry,
            self.entries, self.entry_bytes, self.log, self._decode(known), room, deliver,
        )  # fmt: skip
        step = self.module.define(stepping.step(), export=True)
        self.module.define(stepping.run(), export=True)
        execute = Function("execute", (I32, I32), (I32,))
        stepping.begin(execute)
        self.handlers.execute(execute)
        self.module.define(execute, export=True)
        recording = self._recording(Steps(step, deliver, room, self.log, self.log_entries))
        world = self.control.take(0, 64)
        content = self.module.encoded(-(-(world + self.layout.top) // PAGE) + 16)
        return Kernel(
            content, self.layout, self.traps, self.nested, world, self.log,
            self.spare_entry, entry.handler, entry.number, entry.first_operand, recording,
        )  # fmt: skip

    def _recording(self, steps: Steps) -> RecordingPlaces | None:
        """Adds the function that records, where the machine's steps can be recorded."""
        machine = self.machine
        if machine.counter not in machine.components or not recordable(Shape.of(machine)):
            return None
        return define_recording(Shape.of(machine), self.module, self.layout, self.control, self.support.memory, steps)

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

    def _decode(self, known: int) -> int:
        """Fills in the entry whose cells are there: the word, the `known` last traps of the fetch, the instruction."""
        entry, count = self.entry, self.handlers.count
        decoder = Decoder(self.machine, self.module, self.support, self.word, entry, self.handlers.choose)
        by_word = decoder.function(count + self.undefined)
        f = Function("fill", (I32,), ())
        traps = self.fetch.traps[len(self.fetch.traps) - known :]
        guards = substitute([trap.guard for trap in traps], self.fetched.replace)
        f.get(ENTRY)
        f.const(I32, 0)
        f.store(I32, 4, entry.number)
        condition = shortcut([self.fetched.word, *guards])
        if condition is not None:
            e = self._over_raw(f, None, condition)
            e.value(condition)
            f.if_()
        for truth in (True, False) if condition is not None else (None,):
            facts = implied(condition, truth=truth) if condition is not None and truth is not None else None
            e = self._over_raw(f, facts, self.fetched.word, *guards)
            write_slot(e, self.fetched.word, self.word)
            for trap, guard in zip(traps, guards, strict=True):
                if e.plan.graph.resolve(guard) is FALSE:
                    continue
                e.value(guard)
                f.if_()
                f.get(ENTRY)
                f.const(I32, count + self.traps.number(trap.cause, trap.details))
                f.store(I32, 4, entry.handler)
                f.op(Op.RETURN)
                f.end()
            if truth is not None:
                f.else_() if truth else f.end()
        f.get(ENTRY)
        f.get(ENTRY)
        f.call(by_word)
        f.store(I32, 4, entry.handler)
        return self.module.define(f)

    def _over_raw(self, f: Function, facts: Mapping[Term, bool] | None, *terms: Term) -> Emitter:
        """Where terms over the fetched cells of the entry are written, some conditions being known."""
        plan = Plan(Graph(facts))
        for term in terms:
            plan.use(term, plan.root)
        plan.settle()
        e = Emitter(f, plan, {RAW: Slot(0, 0)}, self.support)
        e.open(plan.root)
        return e

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
        code = self.code.leaving_details_at(self.nested)
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
                f, _ = code.function(f"deliver {trap}", outcome, slots)
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

        switch(f, len(numbers), selector, case)
        f.op(Op.UNREACHABLE)
        return self.module.define(f, export=True)


__all__ = ["Kernel", "build"]
