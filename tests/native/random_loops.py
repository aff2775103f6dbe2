"""Random programs that loop, for comparing regions: code is written where the control goes, until it can jump back."""

from __future__ import annotations

from collections.abc import Iterator

from ringproof.model.machine import Machine
from ringproof.traces.generation.bases import copied
from ringproof.traces.generation.traces import Generator, Start
from ringproof.traces.interpreter import State, Trapped
from ringproof.traces.native.engine import Engine
from ringproof.traces.python_code import Cells

ATTEMPTS, CHOICES = 4, 12
"""Programs tried for a trace, and instructions tried for a place in one."""

FEWEST, MOST = 2, 16
"""How many fresh instructions a loop and the way to it have."""

ENDURING = 200
"""A program that gets stuck before so many steps is passed over."""

HANDLERS = 6
"""Subroutines tried for the location of a trap that is not delivered for want of one."""

JUMPS = {"JRST": "y", "JMP": "", "JAL": "imm", "JUMP": "a"}
"""The instruction that jumps, and its field for where; JMP and JAL are relative. The JUMP of a PDP-10 never jumps."""


def put_loop(generator: Generator, start: Start, engine: Engine) -> bool:
    """Writes a loop into a trace's first state; whether one was found that runs on."""
    array = generator.checks.fetching.array
    for _ in range(ATTEMPTS):
        written = Walk(generator, start).written()
        if written is None:
            continue
        before = {index: start.first[array][index] for index in written}
        start.first[array].update(written)
        engine.load(start.first)
        if engine.step(ENDURING).steps == ENDURING:
            return True
        start.first[array].update(before)
    return False


class Walk:
    """One run from a trace's first state, with code written ahead of it."""

    def __init__(self, generator: Generator, start: Start) -> None:
        self._generator, self._start, self._stream = generator, start, start.stream
        self._machine, self._fetching = generator.machine, generator.checks.fetching
        self._written: dict[int, int] = {}
        self._visited: list[tuple[int, int]] = []
        """The program counters that code was written for, and where it lies."""

    def written(self) -> dict[int, int] | None:
        """The cells of a program that came back to where it was; None where it did not."""
        state, wanted = copied(self._start.first), FEWEST + self._stream.draw() % (MOST - FEWEST)
        for number in range(MOST):
            place = self._fetching.place(state)
            if place is None:
                return None
            if place.index in self._written:
                return self._written
            self._visited.append((state[self._machine.counter], place.index))
            fresh, back = self._fresh(first=number == 0), self._back(state)
            for code in (*back, *fresh) if number >= wanted else (*fresh, *back):
                after = self._after(state, place.index, code)
                if after is not None:
                    state = after
                    break
            else:
                return None
        return None

    def _after(self, state: State, index: int, code: list[int]) -> State | None:
        """The state after the step that this code makes; the code is kept. None where the machine is stuck then."""
        interpreter, array = self._generator.interpreter, self._fetching.array
        cells = {(index + position) % self._fetching.size: cell for position, cell in enumerate(code)}
        found = copied(state)
        found[array].update(cells)
        trapped = interpreter.attempt(found).trapped
        if trapped is not None and not self._deliver(trapped, found, cells):
            return None
        if self._fetching.place(found) is None:
            return None
        self._written.update(cells)
        return found

    def _deliver(self, trapped: Trapped, state: State, cells: dict[int, int]) -> bool:
        """Delivers a trap, with a subroutine's call in the location that it goes through where that helps."""
        array, machine = self._fetching.array, self._machine
        if machine.deliver is None:
            return False
        reading = _Noting(state[array])
        if self._generator.interpreter.deliver(trapped, {**state, array: reading}) is None:
            self._generator.interpreter.deliver(trapped, state)
            return True
        call = next((i for i in machine.instructions if i.name == "JSR"), None)
        if call is None or reading.last is None or reading.last in self._written:
            return False
        before = state[array][reading.last]
        for _ in range(HANDLERS):
            fields = {"y": self._start.base.pool[self._stream.draw() % len(self._start.base.pool)] % (1 << 18)}
            state[array][reading.last] = call.encoding.assemble({**dict.fromkeys(call.encoding.fields, 0), **fields})
            cells[reading.last] = state[array][reading.last]
            if self._generator.interpreter.deliver(trapped, state) is None:
                return True
        state[array][reading.last] = before
        del cells[reading.last]
        return False

    def _fresh(self, *, first: bool) -> Iterator[list[int]]:
        """Code of the target's form, or of any."""
        programs, stream = self._generator.programs, self._stream
        for _ in range(CHOICES):
            known = programs.of(self._start.target.form) if first else programs.every
            template = known[stream.draw() % len(known)]
            yield programs.cells(programs.assemble(template, stream, self._start.base.pool), template.cells)

    def _back(self, state: State) -> Iterator[list[int]]:
        """Jumps to where the walk has been, furthest first, where the same code lies there still."""
        for counter, index in self._visited[:-1]:
            place = self._fetching.place({**state, self._machine.counter: counter})
            if place is not None and place.index == index:
                yield from jumps(self._machine, counter, state[self._machine.counter] - counter)


class _Noting(Cells):
    """An array's cells for one delivery; `last` is the index that was read last, and nothing is written."""

    def __init__(self, cells: Cells) -> None:
        super().__init__()
        self._cells = cells
        self.last: int | None = None

    def __getitem__(self, index: int) -> int:
        self.last = index
        return self._cells[index]

    def __setitem__(self, index: int, value: int) -> None:
        pass


def jumps(machine: Machine, counter: int, distance: int) -> Iterator[list[int]]:
    """The code of a jump to `counter`, which is so far back; nothing where a short jump does not reach it."""
    jump = next((i for name in JUMPS for i in machine.instructions if i.name == name), None)
    if jump is None:
        raise ValueError(f"no jump of {machine.name} is known, so that its programs cannot be made to loop")
    fields = dict.fromkeys(jump.encoding.fields, 0)
    if jump.name == "JMP":
        yield from [[0xEB, (-distance - 2) % 256]] if -128 <= -distance - 2 < 0 else []
    elif jump.name == "JAL":
        if 0 < distance < 1 << 20:
            back = -distance % (1 << jump.encoding.fields["imm"].width)
            yield [*jump.encoding.assemble({**fields, "imm": back}).to_bytes(4, "little")]
    else:
        yield [jump.encoding.assemble({**fields, JUMPS[jump.name]: counter})]
