"""What ran, as a program: every instruction with its place, its word, its assembly and how often it was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringproof.model.encoding import WORD
from ringproof.model.terms import Term, variables
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.python_code import Cells

from .stream import Change, Reason, apply_change
from .trace import Trace


@dataclass(frozen=True)
class Line:
    """An instruction that ran: where, its word and assembly, how often."""

    counter: int
    word: int
    text: str
    times: int


def program(trace: Trace) -> list[Line]:
    """The instructions that ran, by the program counter; a place that held several has a line for each."""
    fetching, shape = _Fetching(trace), trace.shape
    state = trace.state(0)
    counts: dict[tuple[int, int], int] = {}
    for change in trace.changes():
        if change[0] != Reason.INJECTED:
            word = fetching.word(state)
            if word is not None:
                key = (state[shape.counter], word)
                counts[key] = counts.get(key, 0) + 1
        apply_change(shape, state, change)
        fetching.note(change)
    return [Line(at, word, fetching.text(word), times) for (at, word), times in sorted(counts.items())]


class _Fetching(Interpreter):
    """Fetches words, and remembers them until something changes that a fetch reads."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(trace.machine)
        self._shape = trace.shape
        self._words: dict[int, int | None] = {}
        self._reads: set[tuple[int, int]] = set()
        read = {variable.name for variable in variables(self._fetch_terms())}
        self._flags = sum(1 << n for n, name in enumerate(trace.shape.flags) if name in read)
        self._numbers = {n for n, name in enumerate(trace.shape.numbers) if name in read}
        self._sizes = [1 << array.index_width for array in trace.shape.arrays]

    def _fetch_terms(self) -> list[Term]:
        machine, terms = self.machine, []
        outcome = machine.run(lambda cpu: terms.append(machine.fetch(cpu)))  # type: ignore[misc]
        return [*terms, *[term for trap in outcome.traps for term in (trap.guard, *trap.details.values())]]

    def word(self, state: State) -> int | None:
        """The word at the program counter, or None where its fetch traps."""
        counter = state[self._shape.counter]
        if counter not in self._words:
            seen = dict(state)
            for number, array in enumerate(self._shape.arrays):
                seen[array.name] = _SeenCells(state[array.name], number, self._reads)
            found: dict[str, int] = {}
            self._fetch(seen, found)
            self._words[counter] = found.get(WORD)
        return self._words[counter]

    def note(self, change: Change) -> None:
        """Forgets the words that may be others after `change`."""
        if not self._words:
            return
        if (
            change[2] & self._flags
            or any(number in self._numbers for number, _ in change[3])
            or any(
                (number, (first + offset) % self._sizes[number]) in self._reads
                for number, first, values in change[4]
                for offset in range(len(values))
            )
        ):
            self._words.clear()
            self._reads.clear()

    def text(self, word: int) -> str:
        """The assembly of `word`."""
        decoded = self.decode(word)
        return "(undefined)" if decoded is None else decoded[0].render(decoded[1])


class _SeenCells:
    """Cells that note in `reads` which of them are read."""

    def __init__(self, cells: Cells, number: int, reads: set[tuple[int, int]]) -> None:
        self._cells: Mapping[int, int] = cells
        self._number = number
        self._reads = reads

    def __getitem__(self, index: int) -> int:
        self._reads.add((self._number, index))
        return self._cells[index]
