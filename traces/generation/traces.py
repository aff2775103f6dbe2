"""A trace as a function of the campaign's seed and the trace's number.

A number names a *target*, an instruction form at a privilege level, and a serial: `number = serial * targets + target`.
The trace starts from a base pair of that level. It changes some of what the program may change, alike in both states,
and puts fresh code at the program counter: first the target's form, then any.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BoolSort

from ..interpreter import Interpreter, State
from .bases import Base, Bases, Checks, Draw, copied
from .programs import Programs
from .randomness import Stream, key, mix, pick

PAIRS_PER_LEVEL = 4096
"""How many base pairs a level has. They are made when a trace asks for them."""

SERIALS_PER_BASE, LONG = 16, 4096
"""So many traces of a target in a row start from the same pair; from serial `LONG` on that many do."""

FRESH = 6
"""Instructions of fresh code, the target's first."""


@dataclass(frozen=True)
class Target:
    """An instruction form, by its place in the machine, at a level, by the mode's value."""

    form: int
    level: int


@dataclass(frozen=True, eq=False)
class Start:
    """Where a trace starts; `stream` goes on to give what the trace decides on its way."""

    number: int
    target: Target
    base: Base
    first: State
    second: State | None
    stream: Stream


class Generator:
    """The traces of a machine under one seed. Raises GenerationError where the machine cannot be run."""

    def __init__(self, machine: Machine, seed: int, interpreter: Interpreter | None = None) -> None:
        self.machine, self.seed = machine, seed
        self.interpreter = interpreter or Interpreter(machine)
        self.checks = Checks(machine)
        self.programs = Programs(self.interpreter, self.checks.fetching.cell_width)
        self._bases = Bases(self.interpreter, self.programs, self.checks, _drawing(self.interpreter))
        self.levels = tuple(machine.levels.values())
        self.targets = [Target(form, level) for form in range(len(machine.instructions)) for level in self.levels]
        self.key = key(seed & (1 << 64) - 1, 1)
        self._base = lru_cache(maxsize=512)(self._bases.base)

    def base(self, target: int, serial: int) -> Base:
        """The base pair of a target's trace."""
        block = serial // SERIALS_PER_BASE if serial < LONG else LONG + serial // LONG
        bits = mix(self.key ^ key(target, block))
        return self._base(self.key, self.targets[target].level, pick(bits, PAIRS_PER_LEVEL))

    def start(self, number: int) -> Start:
        """How the trace `number` starts."""
        serial, place = divmod(number, len(self.targets))
        target, base = self.targets[place], self.base(place, serial)
        stream = Stream(key(self.key, number))
        first = copied(base.first)
        second = None if base.second is None else copied(base.second)
        self._change(base, stream, first, second)
        self._write(base, stream, target.form, first, second)
        return Start(number, target, base, first, second, stream)

    def offset(self, base: Base) -> int:
        """How far the code's array of the second state is moved against the first's."""
        return self.checks.mover.offset(base.amount) if base.amount else 0

    def _change(self, base: Base, stream: Stream, first: State, second: State | None) -> None:
        for _ in range(stream.draw() & 3 if base.spots else 0):
            bits = stream.draw()
            name, index = base.spots[pick(bits, len(base.spots))]
            value = base.pool[pick(bits >> 16, len(base.pool))] if bits >> 32 & 7 else stream.draw()
            sort = self.machine.components[name].sort
            if isinstance(sort, ArraySort):
                assert index is not None
                self._put(base, name, index, value & ((1 << sort.value.width) - 1), first, second)
                continue
            new = bool(value & 1) if isinstance(sort, BoolSort) else value & ((1 << sort.width) - 1)
            first[name] = new
            if second is not None:
                second[name] = new

    def _write(self, base: Base, stream: Stream, form: int, first: State, second: State | None) -> None:
        programs, index = self.programs, base.code.index
        for number in range(FRESH):
            known = programs.every if number else programs.of(form)
            template = known[pick(stream.draw(), len(known))]
            for cell in programs.cells(programs.assemble(template, stream, base.pool), template.cells):
                self._put(base, self.checks.fetching.array, index, cell, first, second)
                index = (index + 1) % self.checks.fetching.size

    def _put(self, base: Base, name: str, index: int, value: int, first: State, second: State | None) -> None:
        """Writes a cell in both states; in the second where the relocation has moved it."""
        first[name][index] = value
        if second is not None:
            moved = self.offset(base) if name == self.checks.fetching.array else 0
            second[name][(index + moved) % self.checks.fetching.size if moved else index] = value


def _drawing(interpreter: Interpreter) -> Draw | None:
    """How a machine's first states are drawn, where it has a way of its own (a line in `DRAWINGS`)."""
    make = DRAWINGS.get(interpreter.machine.name)
    return None if make is None else make(interpreter)


def _ia32(interpreter: Interpreter) -> Draw:
    from .ia32 import drawing

    return drawing(interpreter)


def _vmx(interpreter: Interpreter) -> Draw:
    from .ia32_non_root import vmx_drawing

    return vmx_drawing(interpreter)


def _svm(interpreter: Interpreter) -> Draw:
    from .ia32_non_root import svm_drawing

    return svm_drawing(interpreter)


def _riscv(interpreter: Interpreter) -> Draw:
    from .riscv import drawing

    return drawing(interpreter)


DRAWINGS = {"ia32": _ia32, "ia32-vmx": _vmx, "ia32-svm": _svm, "rv64": _riscv, "rv32": _riscv}
"""The machines whose states need more structure than random components have."""


__all__ = ["Generator", "Start", "Target"]
