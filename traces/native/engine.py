"""A machine run natively, step for step as the reference interpreter runs it.

>>> from ringproof.model.third_generation import third_generation
>>> engine = Engine(third_generation())
>>> state = engine.initial(b=8)
>>> engine.load(state)
>>> run = engine.step(3)
>>> run.steps, run.reason.value, engine.state()["P"]
(3, 'limit reached', 3)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import BitVec
from ringproof.traces.interpreter import Interpreter, State, Trapped

from .cache import compiled_kernel, usual_folder
from .control import COUNT, NESTED, STOP_ARMED, STOP_VALUE, STUCK, TRAP
from .entries import operand_slots
from .kernel import Kernel
from .layout import NativeError, bytes_of
from .outcomes import TrapTable
from .runtime import Running
from .store import Store

DEFAULT_LIMIT = 1 << 28


class Reason(Enum):
    """Why a run ended."""

    LIMIT = "limit reached"
    STOPPED = "stop address reached"
    STUCK = "a trap that is not delivered"
    NO_ROOM = "memory limit reached"


REASONS = (Reason.LIMIT, Reason.STOPPED, Reason.STUCK, Reason.NO_ROOM)


@dataclass(frozen=True)
class Run:
    """How many steps were completed, why no more were, and for STUCK the trap and what its delivery met."""

    steps: int
    reason: Reason
    trapped: Trapped | None = None
    nested: Trapped | None = None


class Engine:
    """The native counterpart of `Interpreter`, for one machine; it holds one current state.

    `memory_limit` bounds the pages of the machine's arrays, in bytes: a run ends before the step that might need more.
    The kernel is kept on disk (see `cache`).
    """

    def __init__(self, machine: Machine, *, memory_limit: int = DEFAULT_LIMIT) -> None:
        self.machine = machine
        self._kernel, code = compiled_kernel(machine, usual_folder())
        self._running = code.start()
        self._sorts = {name: component.sort for name, component in machine.components.items()}
        kernel = self._kernel
        self._store = Store(
            self._running,
            kernel.layout,
            self._sorts,
            memory_limit,
            heap=kernel.world + kernel.layout.top,
            world=kernel.world,
        )
        self._signatures = {number: signature for signature, number in self._kernel.traps.numbers.items()}
        self._numbers = {instruction: n + 1 for n, instruction in enumerate(machine.instructions)}

    @property
    def kernel(self) -> Kernel:
        """What the module's memory and numbers mean."""
        return self._kernel

    @property
    def running(self) -> Running:
        """The running module."""
        return self._running

    def initial(self, **values: Any) -> State:
        """The state with every component zero but for `values`."""
        return Interpreter(self.machine).initial(**values)

    def load(self, state: Mapping[str, Any]) -> None:
        """Makes `state` the current one. Raises NativeError where it does not fit the machine or the limit."""
        self._store.load(state)

    def state(self) -> State:
        """The current state; of arrays, the cells that differ from the default."""
        return self._store.state()

    def step(self, count: int = 1, *, until: int | None = None) -> Run:
        """Takes at most `count` steps, and none once the program counter is `until`."""
        if not 0 <= count < 1 << 63:
            raise NativeError(f"a number of steps is from 0 to 2**63 - 1, not {count}")
        return self._ended(self._take("run", count, until))

    def _take(self, function: str, count: int, until: int | None) -> int:
        """Calls a function that takes steps of the current state; its result."""
        self._running.write(STOP_ARMED, int(until is not None).to_bytes(4, "little"))
        self._running.write(STOP_VALUE, (until or 0).to_bytes(8, "little"))
        return self._running.call(function, count, self._kernel.world)

    def _taken(self) -> int:
        """How many steps the last call took."""
        return int.from_bytes(self._running.read(COUNT, 8), "little")

    def _ended(self, result: int) -> Run:
        """What the last call's result says."""
        steps = self._taken()
        if result != STUCK:
            return Run(steps, REASONS[result])
        kernel = self._kernel
        delivery = replace(kernel.traps, details=kernel.nested)
        nested = None if self.machine.deliver is None else self._trapped(self._number(NESTED), delivery)
        return Run(steps, Reason.STUCK, self._trapped(self._number(TRAP), kernel.traps), nested)

    def execute(self, instruction: Instruction, fields: Mapping[str, int]) -> Trapped | None:
        """Runs one instruction with the given operands on the current state; a trap is returned, not delivered."""
        kernel = self._kernel
        slots, _ = operand_slots(instruction, kernel.first_operand, None)
        if not self._running.call("room"):
            raise NativeError("the memory limit leaves no room for a step")
        for name, slot in slots.items():
            key = name.removeprefix("$")
            variable = instruction.encoding.variables.get(key)
            size = bytes_of(instruction.encoding.length.sort if variable is None else variable.sort)
            self._running.write(kernel.entry + slot.offset, fields[key].to_bytes(size, "little"))
        self._running.write(kernel.entry + kernel.number, self._numbers[instruction].to_bytes(4, "little"))
        return self._trapped(self._running.call("execute", kernel.entry, kernel.world), kernel.traps)

    def _number(self, address: int) -> int:
        return int.from_bytes(self._running.read(address, 4), "little")

    def _trapped(self, number: int, traps: TrapTable) -> Trapped | None:
        """The trap of this number, with the details that were left for it where `traps` says."""
        if not number:
            return None
        cause, details = self._signatures[number]
        values = {
            name: self._store.get(traps.slot(position), BitVec(width)) for position, (name, width) in enumerate(details)
        }
        return Trapped(cause, values, dict(details))
