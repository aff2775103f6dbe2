"""Running a program with the host that the public test programs expect: the words `tohost` and `fromhost`.

The protocol is that of the Berkeley host-target interface. The program writes `tohost`: an odd value is the end, with
the exit code above bit 0; a value of device 1, command 1, is a character to print; any other even value is the
address of eight words, a system call with its arguments, of which write and exit are known here. The host clears
`tohost`, and answers a call in `fromhost`.

Nothing tells the host that `tohost` was written, so it looks after a number of steps, few after something happened
and then more and more. What it writes is an input of the run, so that a run can be recorded, and replayed, alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ringproof.model.terms import ArraySort
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.form import Input
from ringproof.traces.recording.producer import Ending, Producer
from ringproof.traces.recording.shape import Shape

from .elf import Program
from .loading import HOST_BYTES, memory_of

SOONEST, LATEST = 1 << 8, 1 << 18
"""Steps until the host looks again."""

MOST_TRAPS = 1 << 10
"""So many traps are looked at in search of an instruction that the model leaves out."""

WRITE, EXIT, NOT_KNOWN = 64, 93, -38
LONGEST_WRITE = 1 << 16

Ended = Literal["exit", "limit", "until", "stuck", "memory", "interrupted"]


@dataclass(frozen=True)
class Outcome:
    """How a program ended: `code` is what it exited with, `ending` why it stopped otherwise.

    `left_out` names the extension, of those that the model leaves out, whose instruction it met last as illegal.
    """

    ended: Ended
    steps: int
    code: int | None
    console: bytes
    inputs: tuple[Input, ...]
    left_out: str | None
    ending: Ending | None


class Host:
    """One run of a program on `producer`, which `run` takes from a state to its end."""

    def __init__(self, producer: Producer, program: Program, output: Callable[[bytes], None] | None = None) -> None:
        assert producer.machine.programs is not None
        self._producer = producer
        self._conventions = producer.machine.programs
        self._memory = memory_of(producer.machine)
        sort = producer.machine.components[self._memory].sort
        assert isinstance(sort, ArraySort)
        self._index_bits = sort.index.width
        self._program = program
        self._output = output
        self._shape = Shape.of(producer.machine)
        self._printed_at = self._shape.scalars.index(self._conventions.printed)
        self._console = bytearray()
        self._inputs: list[Input] = []
        self._seen = self._steps = 0
        self._code: int | None = None

    def run(
        self, start: State, steps: int, *, until: int | None = None, progress: Callable[[int], None] | None = None
    ) -> Outcome:
        """Runs from `start` for at most `steps` steps. Ctrl-C ends the run too."""
        self._load(start)
        ending, interrupted = None, False
        try:
            ending = self._go(steps, until, progress)
        except KeyboardInterrupt:
            interrupted = True
        ended: Ended = "interrupted" if interrupted else "limit"
        if self._code is not None:
            ended = "exit"
        elif ending is not None:
            ended = ending.reason
        left_out = self._conventions.left_out(self._numbers())
        return Outcome(ended, self._steps, self._code, bytes(self._console), tuple(self._inputs), left_out, ending)

    def left_out(self, start: State, steps: int) -> str | None:
        """The extension, of those left out, of the first instruction in `steps` steps that is illegal for lack of it.

        Only traps are looked at that go where they go in the end.
        """
        self._load(start)
        self._go(steps, None, None)
        for handler in dict.fromkeys(self._conventions.handlers(self._numbers())):
            self._load(start)
            for _ in range(MOST_TRAPS):
                ending = self._go(steps, handler, None)
                if ending is None or ending.reason != "until":
                    break
                found = self._conventions.left_out(self._numbers())
                if found is not None:
                    return found
                self._steps += self._producer.advance(1).steps
        return None

    def _load(self, start: State) -> None:
        self._producer.load(start)
        self._seen = self._producer.scalars()[self._printed_at]
        self._steps, self._code = 0, None
        self._console.clear()
        self._inputs.clear()

    def _numbers(self) -> dict[str, int]:
        return dict(zip(self._shape.scalars, self._producer.scalars(), strict=True))

    def _go(self, steps: int, until: int | None, progress: Callable[[int], None] | None) -> Ending | None:
        """Goes on until `steps` steps were taken in all, or the program exits, or a run's end is met."""
        pause, ending = SOONEST, None
        while self._code is None and ending is None and self._steps < steps:
            produced = self._producer.advance(min(pause, steps - self._steps), until=until)
            self._steps += produced.steps
            ending = produced.ending
            pause = SOONEST if self._look(steps) else min(2 * pause, LATEST)
            if progress is not None:
                progress(self._steps)
        return ending

    def _look(self, steps: int) -> bool:
        """Takes what the program has printed and written to `tohost`; something had happened."""
        count = self._producer.scalars()[self._printed_at]
        printed = count != self._seen
        if printed:
            self._print(self._producer.cells(self._conventions.console, self._seen, count - self._seen))
            self._seen = count
        if self._program.tohost is None:
            return printed
        command = self._word(self._program.tohost)
        if not command:
            return printed
        answers = self._obey(command)
        if self._code is None and self._steps < steps:
            self._write({self._program.tohost: 0} | answers)
        return True

    def _obey(self, command: int) -> dict[int, int]:
        """Does what the program asks of the host; the words of memory that the host answers with."""
        device, function, payload = command >> 56, command >> 48 & 0xFF, command & (1 << 48) - 1
        if device == 1 and function == 1:
            self._print([payload & 0xFF])
        if device:
            return {}
        if payload & 1:
            self._code = payload >> 1
            return {}
        number, first, second, third = (self._word(payload + HOST_BYTES * n) for n in range(4))
        if number == EXIT:
            self._code = first
            return {}
        result = NOT_KNOWN % (1 << 64)
        if number == WRITE:
            result = min(third, LONGEST_WRITE)
            self._print(self._producer.cells(self._memory, second, result))
        answer = {payload: result}
        return answer if self._program.fromhost is None else answer | {self._program.fromhost: 1}

    def _write(self, words: dict[int, int]) -> None:
        """Gives words of memory these values, in one step that is an input of the run."""
        top = 1 << self._index_bits
        cells = Cells()
        for place, value in words.items():
            cells.update(((place + n) % top, byte) for n, byte in enumerate(value.to_bytes(HOST_BYTES, "little")))
        self._producer.inject({self._memory: cells})
        texts = {hex(index): hex(cell) for index, cell in cells.items()}
        self._inputs.append(Input(step=self._steps, values={self._memory: texts}))
        self._steps += 1

    def _print(self, content: list[int]) -> None:
        self._console += bytes(content)
        if self._output is not None:
            self._output(bytes(content))

    def _word(self, place: int) -> int:
        return int.from_bytes(bytes(self._producer.cells(self._memory, place, HOST_BYTES)), "little")
