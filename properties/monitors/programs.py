"""From a failing square to a program: a few instructions whose run under the monitor is visibly not the run alone.

A counterexample is one state and one instruction, and often what differs after it is a mode or a resource, which no
program sees at once. So from an ordinary state, or one close to it, the offending instruction is put at the program
counter, and then instructions after it, shortest programs first, until a component of the program or a cell of its
memory differs. The search is bounded: that it finds nothing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from ringproof.model.machine import Instruction, Role
from ringproof.model.terms import variables
from ringproof.traces.generation.code import Fetching
from ringproof.traces.monitored import System, Together

from ..definitions import unequal
from .divergence import Divergence, of_start
from .runs import Declined, Runs, Taken
from .starting import Part, Starts, ordinary
from .witness import SystemWitness, decode, word_of
from .words import MOST, stored_cells, variants

LONGEST = 4
"""Programs take at most so many steps."""

BUDGET = 1500
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
        self._pool: dict[Instruction, list[int]] = {}
        self._read: dict[Instruction, frozenset[str]] = {}

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
                if self._left <= 0:
                    return None
                if not self._is_wrong(draft.run):
                    continue
                # Close to the ordinary state first: what else the counterexample has may be in an observer's way.
                nearer = self._closest(draft, self._starts.parts(usual), what, self._is_wrong)
                found = self._observed(nearer, what)
                if found is not None:
                    parts = partial(self._parts, what=what)
                    found = self._closest(found, self._starts.parts(usual), what, parts)
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
        for changes in [
            *every,
            *self._moved(of_guest, given, own),
            of_guest,
            {**registers, **of_guest},
            changed,
            {**missing, **changed},
        ]:
            start = self._starts.changed(usual, changes)
            if start is not None:
                yield start

    def _moved(
        self, changes: Mapping[Part, int], given: Mapping[Part, int], usual: Mapping[Part, int]
    ) -> Iterator[Mapping[Part, int]]:
        """The cells of `changes` as far from where each register ordinarily points as from where it did."""
        memory, size = self._fetching.array, self._fetching.size
        for register, value in usual.items():
            if self._is_register(register):
                away = value - given.get(register, 0)
                cells = {i: cell for (group, name, i), cell in changes.items() if (group, name) == ("guest", memory)}
                yield {("guest", memory, (i + away) % size): cell for i, cell in cells.items() if i is not None}

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

        What is tried next is the same instruction again, those of `others`, and then every form, those first that read
        what is wrong; where there is no room for any, a step more.
        """
        if draft.run[-1].parts:
            return draft
        wrong = self._wrong(draft.run[-1])
        frontier = [draft]
        while frontier and self._left > 0 and len(frontier[0].run) < LONGEST:
            longer: list[Draft] = []
            for earlier in frontier:
                for word in self._next(earlier, wrong):
                    found = self._longer(earlier, word, what)
                    if self._left <= 0:
                        return None
                    if found is None:
                        continue
                    if not found.run[-1].parts:
                        longer.append(found)
                    elif self._follows(found.run, what):
                        return found
            frontier = longer
        return None

    def _next(self, draft: Draft, wrong: frozenset[str]) -> Iterator[int | None]:
        if not self._code(draft, draft.words[0]):
            return iter([None])
        return chain([draft.words[0], *self.others], self._words(wrong))

    def _wrong(self, taken: Taken) -> frozenset[str]:
        """What of the virtual machine is not as it would be alone, and what of the host is not as the map has it."""
        placed = self.system.place(taken.alone, taken.together.host, taken.together.kept).host
        unlike = [name for name in placed if unequal(placed[name], taken.together.host[name])]
        return frozenset([*(apart.name for apart in taken.hidden), *unlike])

    def _is_wrong(self, run: tuple[Taken, ...]) -> bool:
        """The runs part in the last step, or something is wrong after it that the program does not see."""
        return run[-1].parts or bool(self._wrong(run[-1]))

    def _parts(self, run: tuple[Taken, ...], what: str) -> bool:
        """The runs part in the last step because of what came before."""
        return run[-1].parts and self._follows(run, what)

    def _follows(self, run: tuple[Taken, ...], what: str) -> bool:
        """The last step parts because of those before: where the guest is placed afresh before it, it does not."""
        if len(run) < 2:
            return True
        before = run[-2]
        fresh = self.system.place(before.alone, before.together.host, before.together.kept)
        alone = self._run(fresh, what, 1)
        return alone is None or not alone[-1].parts

    def _words(self, wrong: frozenset[str]) -> Iterator[int]:
        """Words of every form, those first that read what is wrong, and of these those with the smallest operands."""
        for reads in (True, False):
            for n in range(MOST):
                for form in self.machine.instructions:
                    if bool(self._reads(form) & wrong) is reads and n < len(self._of_form(form)):
                        yield self._of_form(form)[n]

    def _of_form(self, form: Instruction) -> list[int]:
        if form not in self._pool:
            self._pool[form] = variants(self.system.guest, form)
        return self._pool[form]

    def _reads(self, instruction: Instruction) -> frozenset[str]:
        """The components that an instruction reads."""
        if instruction not in self._read:
            outcome = self.system.guest.outcome(instruction)
            changed = [term for name, term in outcome.state.items() if term is not self.machine.variables[name]]
            details = [term for trap in outcome.traps for term in (trap.guard, *trap.details.values())]
            self._read[instruction] = frozenset(node.name for node in variables([*changed, *details]))
        return self._read[instruction]

    def _closest(
        self, draft: Draft, usual: Mapping[Part, int], what: str, wanted: Callable[[tuple[Taken, ...]], bool]
    ) -> Draft:
        """The same program from a start in which fewer parts differ from the ordinary state's, its run as `wanted`."""
        found = self._starts.parts(draft.start)
        for part in dict.fromkeys([*found, *usual]):
            group, name, index = part
            is_code = (group, name) == ("guest", self._fetching.array) and index in draft.code
            if is_code or usual.get(part, 0) == found.get(part, 0):
                continue
            start = self._starts.changed(draft.start, {part: usual.get(part, 0)})
            run = None if start is None else self._run(start, what, len(draft.run))
            if start is not None and run and len(run) == len(draft.run) and wanted(run):
                draft = Draft(draft.words, start, draft.code, run)
        return draft
