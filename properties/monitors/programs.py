"""From a failing square to a program: a few instructions whose run under the monitor is visibly not the run alone.

A counterexample is one state and one instruction, and often what differs after it is a mode or a resource, which no
program sees at once. So from an ordinary state, or one close to it, the offending instruction is put at the program
counter, and then instructions after it, shortest programs first, until a component of the program or a cell of its
memory differs. The search is bounded: that it finds nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringproof.model.machine import Role
from ringproof.traces.generation.code import Fetching
from ringproof.traces.monitored import System, Together

from ..definitions import unequal
from .divergence import Divergence, of_start
from .runs import Declined, Runs, Taken
from .starting import Part, Starts, ordinary
from .witness import SystemWitness, decode, word_of
from .words import stored_cells, variants

LONGEST = 4
"""Programs take at most so many steps."""

BUDGET = 4000
"""How many programs are run for one instruction."""


@dataclass(frozen=True)
class Draft:
    """A program under construction: its words, the state that has them in memory, where they lie, and its run."""

    words: tuple[int, ...]
    start: Together
    code: frozenset[int]
    run: tuple[Taken, ...]


class Programs:
    """The search for programs against one system. `others` are further words that differ under its monitor."""

    def __init__(self, system: System, name: str, others: Sequence[int] = (), budget: int = BUDGET) -> None:
        self.system, self.name, self.others, self.budget = system, name, others, budget
        self.machine = system.construction.guest
        self._starts, self._runs = Starts(system), Runs(system)
        self._fetching = Fetching(self.machine)
        self._left = 0
        self._pool: list[int] | None = None

    def against(self, witness: SystemWitness) -> Divergence | None:
        """A shortest program that was found for the instruction of `witness`, or None."""
        self._left = self.budget
        what, word = witness.property, word_of(self.system.placement, witness)
        decoded = self.system.guest.decode(word)
        if decoded is None:
            return None
        theirs = self.system.together(decode(self.system.placement, witness))
        usual = ordinary(self.system)
        if not self.system.permitted(usual):
            usual = theirs
        onwards = usual.guest[self.machine.counter] + 1
        firsts = dict.fromkeys([word, *variants(self.system.guest, decoded[0], [onwards])])
        for start in self._near(usual, theirs):
            drafts = [self._longer(Draft((), start, frozenset(), ()), first, what) for first in firsts]
            for draft in sorted((d for d in drafts if d is not None), key=self._detour):
                found = self._observed(draft, what)
                if found is not None:
                    found = self._closest(found, self._starts.parts(usual), what)
                    return of_start(
                        self.system.placement, self.name, what, decoded[0].name, found.start, len(found.run)
                    )
        return None

    def _near(self, usual: Together, theirs: Together) -> Iterator[Together]:
        """The ordinary state, then states with more and more of the counterexample's, as the monitor permits them."""
        given, own = self._starts.parts(theirs), self._starts.parts(usual)
        changed = {part: value for part, value in given.items() if own.get(part, 0) != value}
        missing = {part: 0 for part in own if part not in given}
        of_guest = {part: value for part, value in changed.items() if part[0] == "guest"}
        registers = {part: 0 for part in missing if self._is_register(part)}
        every: list[Mapping[Part, int]] = [{}, *({part: value} for part, value in changed.items())]
        for changes in [*every, of_guest, {**registers, **of_guest}, changed, {**missing, **changed}]:
            start = self._starts.changed(usual, changes)
            if start is not None:
                yield start

    def _is_register(self, part: Part) -> bool:
        """A scalar of the program's own, but for the program counter."""
        group, name, index = part
        if group != "guest" or index is not None or name == self.machine.counter:
            return False
        return self.machine.components[name].role is Role.PROGRAM

    def _longer(self, draft: Draft, word: int | None, what: str) -> Draft | None:
        """`draft` with `word` where it goes on (None: with what is there), run again from its start.

        None where that is no program: there is no room, or the model declines a step of it.
        """
        if self._left <= 0:
            return None
        code = {} if word is None else self._code(draft, word)
        name = self._fetching.array
        start = self._starts.changed(draft.start, {("guest", name, index): cell for index, cell in code.items()})
        steps = len(draft.run) + 1
        run = None if start is None or (word is not None and not code) else self._run(start, what, steps)
        if start is None or run is None or not (run[-1].parts or len(run) == steps):
            return None
        words = draft.words if word is None else (*draft.words, word)
        return Draft(words, start, draft.code | code.keys(), run)

    def _code(self, draft: Draft, word: int) -> dict[int, int]:
        """The cells of `word` where the program goes on; none where the fetch traps or something lies there."""
        state = draft.run[-1].alone if draft.run else draft.start.guest
        place, cells = self._fetching.place(state), stored_cells(self.system.guest, word, self._fetching.cell_width)
        if place is None:
            return {}
        name = self._fetching.array
        code = {(place.index + n) % self._fetching.size: cell for n, cell in enumerate(cells)}
        taken = draft.code & code.keys() or any(draft.start.guest[name][i] or state[name][i] for i in code)
        return {} if taken else code

    def _detour(self, draft: Draft) -> int:
        """0 where the program has parted or goes on right after its code, 1 where it goes on elsewhere."""
        last = draft.run[-1]
        place = None if last.parts else self._fetching.place(last.alone)
        return int(not last.parts and (place is None or place.index != max(draft.code) + 1))

    def _run(self, start: Together, what: str, steps: int) -> tuple[Taken, ...] | None:
        self._left -= 1
        try:
            return tuple(self._runs.follow(start, what, steps))
        except Declined:
            return None

    def _observed(self, draft: Draft, what: str) -> Draft | None:
        """A program that begins with `draft` and shows what is wrong after it; None where nothing is, or none is found.

        What is tried next is the same instruction again, those of `others`, and then every form; where there is no room
        for any, a step more.
        """
        if draft.run[-1].parts:
            return draft
        if not self._is_wrong(draft.run[-1]):
            return None
        following: list[int | None] = list(dict.fromkeys([draft.words[0], *self.others, *self._words()]))
        frontier = [draft]
        while frontier and len(frontier[0].run) < LONGEST:
            longer: list[Draft] = []
            for earlier in frontier:
                for word in following if self._code(earlier, earlier.words[0]) else [None]:
                    found = self._longer(earlier, word, what)
                    if found is not None and found.run[-1].parts:
                        return found
                    longer += [] if found is None else [found]
            frontier = longer
        return None

    def _is_wrong(self, taken: Taken) -> bool:
        """The virtual machine is not in the state that it would be in alone, or the host not as the map has it."""
        placed = self.system.place(taken.alone, taken.together.host, taken.together.kept)
        return bool(taken.hidden) or any(unequal(placed.host[n], taken.together.host[n]) for n in placed.host)

    def _words(self) -> list[int]:
        """Words of every form, those with the smallest operands first."""
        if self._pool is None:
            forms = [variants(self.system.guest, instruction) for instruction in self.machine.instructions]
            longest = max(map(len, forms))
            self._pool = [words[n] for n in range(longest) for words in forms if n < len(words)]
        return self._pool

    def _closest(self, draft: Draft, usual: Mapping[Part, int], what: str) -> Draft:
        """The same program from a start in which fewer parts differ from the ordinary state's, `usual`."""
        found = self._starts.parts(draft.start)
        for part in dict.fromkeys([*found, *usual]):
            group, name, index = part
            is_code = (group, name) == ("guest", self._fetching.array) and index in draft.code
            if is_code or usual.get(part, 0) == found.get(part, 0):
                continue
            start = self._starts.changed(draft.start, {part: usual.get(part, 0)})
            run = None if start is None else self._run(start, what, len(draft.run))
            if start is not None and run and run[-1].parts:
                draft = Draft(draft.words, start, draft.code, run)
        return draft
