"""Base pairs: two valid states that a program cannot tell apart, one of them where a monitor runs its guests.

The second state is the first with another mode, moved as a whole, or with one resource or device changed. What is
random here is a function of the seed, the level and the pair's place; traces start from these pairs with a few
program components changed and fresh code (see `traces`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, BoolSort, Sort, var, variables

from ..interpreter import Interpreter, State
from ..python_code import Cells, compile_terms
from ..relocation import Mover
from .code import Fetching, GenerationError, Place
from .programs import Programs
from .randomness import Stream, key
from .values import Lazy, biased, boundaries
from .wishes import grant

CONTROLLED = (Role.MODE, Role.RESOURCE, Role.DEVICE)
STRAIGHT = 24
"""How many program counters in a row have their code in a row."""

ATTEMPTS = 3000
TRIALS, TRIAL_STEPS = 6, 25

Spot = tuple[str, int | None]
"""What a trace may change: a scalar, or a cell of an array."""


@dataclass(frozen=True, eq=False)
class Base:
    """A pair (or a state alone, where `kind` is "alone"), and what traces from it are made with.

    `kind` is "mode", "location" or "resource", of the `component`; the second state is moved by `amount`. `pool` are
    values that mean something here, `spots` what a trace may change, and `code` where the program counter points.
    """

    kind: str
    component: str
    first: State
    second: State | None
    amount: int
    code: Place
    pool: tuple[int, ...]
    spots: tuple[Spot, ...]


def copied(state: State) -> State:
    """The state with arrays of its own."""
    return {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}


class Checks:
    """Which states of a machine are valid, which are in the guests' context, and which cells a program sees."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.fetching = Fetching(machine)
        self.mover = Mover(machine)
        own = machine.variables
        valid = machine.valid(own)
        self._valid, self._context = compile_terms(valid), compile_terms(machine.in_context(own))
        self.bound = {node.name for node in variables(valid)}
        """The components that validity depends on."""
        self.visible = self._compiled_visible()

    def _compiled_visible(self) -> Callable[[State, int], bool]:
        relocation = self.machine.relocation
        if relocation is None or relocation.visible is None:
            return lambda state, index: True
        sort = self.machine.components[relocation.memory].sort
        assert isinstance(sort, ArraySort)
        run = compile_terms([relocation.visible(self.machine.view(self.machine.variables), var("$at", sort.index))])
        return lambda state, index: bool(run({**state, "$at": index})[0])

    def valid(self, state: State) -> bool:
        return all(self._valid(state))

    def guest(self, state: State) -> bool:
        """At the guests' level, in the context."""
        return bool(state[self.machine.mode] == self.machine.guest_level) and all(self._context(state))


Draw = Callable[[Random, int], State]
"""A state of a level (its mode's value) that a random source gives; it need not be valid."""


class Bases:
    """The base pairs of a machine, made when they are asked for."""

    def __init__(self, interpreter: Interpreter, programs: Programs, checks: Checks, draw: Draw | None = None) -> None:
        self._interpreter, self._programs, self._checks = interpreter, programs, checks
        self._machine = interpreter.machine
        self._draw = draw or self._generic
        memory = checks.fetching.array
        relocation = self._machine.relocation
        moved = set() if relocation is None else checks.mover.moved
        self._apart = [
            c.name
            for c in self._machine.components.values()
            if c.role in CONTROLLED and c.name != self._machine.mode and c.name not in moved
        ]
        if relocation is not None and relocation.visible is not None:
            self._apart.append(memory)

    def base(self, seed: int, level: int, number: int) -> Base:
        """The pair `number` of a level. Raises GenerationError where no state can be found."""
        rng = Random(key(seed, number * 64 + level + 1))
        for _ in range(ATTEMPTS):
            state, guest = self._draw(rng, level), level == self._machine.guest_level
            if guest and not self._checks.guest(state):
                continue
            place = self._usable(state)
            if place is None:
                continue
            pool = self._pool(rng, state, place)
            first = self._settled(rng, state, place, pool)
            found = self._pair(rng, first, guest=guest)
            base = Base(*found[:2], first, found[2], found[3], place, pool, self._spots(first, place))
            return base if guest or base.second is not None else replace(base, kind="alone")
        level_name = next(name for name, value in self._machine.levels.items() if value == level)
        raise GenerationError(
            f"no valid state of {self._machine.name} at level {level_name} with code to run was found in {ATTEMPTS}"
            " random ones"
        )

    def _usable(self, state: State) -> Place | None:
        return self._checks.fetching.straight(state, STRAIGHT) if self._checks.valid(state) else None

    # The first state.

    def _generic(self, rng: Random, level: int) -> State:
        machine, state = self._machine, {}
        for component in machine.components.values():
            state[component.name] = _random(rng, component.sort, component.role)
        state[machine.mode] = level
        if rng.randrange(4):
            state[machine.counter] &= 0xFF
        context = machine.in_context(machine.variables) if level == machine.guest_level else []
        grant([*machine.valid(machine.variables), *context], state, machine.mode)
        return state

    def _pool(self, rng: Random, state: State, place: Place) -> tuple[int, ...]:
        """Boundaries, small numbers, where the code is, what the state holds, and a few numbers more."""
        machine = self._machine
        counter = state[machine.counter]
        scalars = [c for c in machine.components.values() if not isinstance(c.sort, ArraySort)]
        values = [int(state[c.name]) for c in scalars if _bits(c.sort) >= 8]
        near = [value + rng.randrange(-3, 4) for value in values]
        code = [counter + rng.randrange(-4, 2 * STRAIGHT) for _ in range(8)]
        small = [rng.randrange(64) for _ in range(12)]
        pool = [*boundaries(_bits(machine.components[machine.counter].sort)), *values, *near, *code, *small]
        pool += [place.index + rng.randrange(-4, 2 * STRAIGHT) for _ in range(4)] + [rng.getrandbits(64) for _ in "ab"]
        return tuple(value & ((1 << 64) - 1) for value in pool)

    def _settled(self, rng: Random, state: State, place: Place, pool: tuple[int, ...]) -> State:
        """The state with code after the program counter, and its lazy cells as far as some programs look at them."""
        stream = Stream(rng.getrandbits(64))
        array = self._checks.fetching.array
        self._write(state[array], place.index, stream, pool, 2 * STRAIGHT)
        if any(isinstance(value, Lazy) for value in state.values()):
            for _ in range(TRIALS):
                trial = copied(state)
                self._write(trial[array], place.index, stream, pool, STRAIGHT)
                for _ in range(TRIAL_STEPS):
                    self._interpreter.step(trial)
        return {name: value.settled() if isinstance(value, Lazy) else value for name, value in state.items()}

    def _write(self, cells: Cells, start: int, stream: Stream, pool: tuple[int, ...], count: int) -> None:
        programs, size = self._programs, self._checks.fetching.size
        index = start
        while index < start + count:
            template = programs.every[stream.draw() % len(programs.every)]
            for cell in programs.cells(programs.assemble(template, stream, pool), template.cells):
                cells[index % size] = cell
                index += 1

    def _spots(self, state: State, place: Place) -> tuple[Spot, ...]:
        checks, machine = self._checks, self._machine
        found: list[Spot] = []
        code = range(place.index, place.index + 3 * STRAIGHT + place.cells)
        for component in machine.components.values():
            name = component.name
            if name in checks.bound or name == machine.counter or component.role not in (Role.PROGRAM, Role.MEMORY):
                continue
            if not isinstance(component.sort, ArraySort):
                found.append((name, None))
                continue
            cells = sorted(state[name])
            if name == checks.fetching.array:
                cells = [index for index in cells if index not in code and checks.visible(state, index)]
            found += [(name, index) for index in cells[:48]]
        return tuple(found)

    # The second state.

    def _pair(self, rng: Random, first: State, *, guest: bool) -> tuple[str, str, State | None, int]:
        """The kind of the pair, its component, the second state and the amount; without a second state it is alone."""
        machine, checks = self._machine, self._checks
        kinds = ["mode", "resource", "resource", "location"] if guest else ["mode"]
        for _ in range(60):
            kind = rng.choice(kinds)
            if kind == "mode":
                others = [v for v in machine.levels.values() if v != first[machine.mode]]
                second: State = {**first, machine.mode: rng.choice(others) if guest else machine.guest_level}
                if (guest or checks.guest(second)) and self._usable(second) is not None:
                    return kind, machine.mode, second, 0
            elif kind == "location" and machine.relocation is not None:
                amount = 1 + rng.randrange((1 << machine.relocation.amount.width) - 1)
                second = checks.mover.move(first, amount)
                if self._usable(second) is not None:
                    return kind, "", second, amount
            elif kind == "resource" and self._apart:
                name = rng.choice(self._apart)
                varied = self._varied(rng, first, name)
                if varied is not None and self._usable(varied) is not None:
                    return kind, name, varied, 0
        return "alone", "", None, 0

    def _varied(self, rng: Random, first: State, name: str) -> State | None:
        sort = self._machine.components[name].sort
        old: Any = first[name]
        if not isinstance(sort, ArraySort):
            width = _bits(sort)
            new = old ^ 1 << rng.randrange(width) if rng.randrange(2) else biased(rng.getrandbits(64), width)
            return None if new == old else {**first, name: bool(new) if isinstance(sort, BoolSort) else new}
        known = sorted(old)
        near = rng.choice(known) + rng.randrange(-2, 3) if known else 0
        indices = [near, rng.randrange(16), rng.getrandbits(sort.index.width)]
        changed = old.copy()
        for index in {i % (1 << sort.index.width) for i in (indices + known if rng.randrange(2) else indices)}:
            if name != self._checks.fetching.array or not self._checks.visible(first, index):
                changed[index] = old[index] ^ 1 << rng.randrange(sort.value.width)
        return {**first, name: changed} if any(changed[i] != old[i] for i in changed) else None


def _bits(sort: Sort) -> int:
    assert not isinstance(sort, ArraySort)
    return 1 if isinstance(sort, BoolSort) else sort.width


def _random(rng: Random, sort: Sort, role: Role) -> Any:
    if isinstance(sort, ArraySort):
        seed = rng.getrandbits(64)
        return Lazy(seed, sort.value.width, [rng.getrandbits(sort.value.width) for _ in range(16)])
    if isinstance(sort, BoolSort):
        return not rng.randrange(4)
    return biased(rng.getrandbits(64), sort.width) if rng.randrange(2) else rng.getrandbits(sort.width)


__all__ = ["Base", "Bases", "Checks", "Draw", "Spot", "copied"]
