"""A trace run and watched: two states that a program cannot tell apart, step by step on the reference interpreter.

The condition of Theorem 1, operationally. Where an instruction does not trap at the guests' level in one of the two
states, it is not privileged there. So in neither state may it have changed mode, resources, devices or reserved cells
without a trap, and if it trapped in neither, the program must still see the same in both. A trap is delivered, or
skipped as a monitor does that emulates an instruction without effect; then both states go on as a pair.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from ringproof.model.cpu import Kind
from ringproof.model.machine import Instruction
from ringproof.traces.generation.bases import copied
from ringproof.traces.generation.randomness import SECOND, WORD, mix
from ringproof.traces.generation.traces import Generator, Start
from ringproof.traces.interpreter import State, Step, Trapped
from ringproof.traces.python_code import Cells

from ..definitions import Semantics

STEPS = 50
"""The most steps of each state in a trace."""

NO_INSTRUCTION = -1
COMPLETES, CHANGES = "completes", "changes mode or resources"
DECLINED = (Kind.UNSUPPORTED, Kind.UNPREDICTABLE)

Cell: TypeAlias = tuple[int, int, str]
"""Of the coverage: a form's place (or NO_INSTRUCTION), the mode's value before, a trap's cause or how it completes."""


@dataclass(frozen=True, eq=False)
class Suspect:
    """A step after which the condition did not hold: the states before it, and the claim that they may show.

    `guest` is the state, of the two, at the guests' level in which the instruction does not trap.
    """

    trace: int
    step: int
    instruction: Instruction
    word: int
    claim: str
    component: str
    states: tuple[State, ...]
    guest: State
    amount: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What is violated: one counterexample is enough for each."""
        return self.instruction.id, self.claim, self.component


@dataclass(eq=False)
class Watched:
    """What a trace did: steps of all states together, cells of the coverage, suspects.

    The digest is of the way that the program counter takes, and of what the last states hold outside memory.
    """

    steps: int = 0
    cells: Counter[Cell] = field(default_factory=Counter)
    suspects: list[Suspect] = field(default_factory=list)
    digest: int = 0
    ended: str = "all steps taken"
    listing: list[str] = field(default_factory=list)


class Lockstep:
    """Runs traces of one generator."""

    def __init__(self, semantics: Semantics, generator: Generator) -> None:
        self.semantics, self.generator = semantics, generator
        self.machine = semantics.machine
        self._numbers = {instruction: n for n, instruction in enumerate(self.machine.instructions)}

    def run(self, number: int, *, listed: bool = False) -> Watched:
        """The trace `number`; `listed` adds a line of text for each step."""
        start = self.generator.start(number)
        watched = Watched(digest=mix(number))
        pair = [start.first] if start.second is None else [start.first, start.second]
        while watched.steps < STEPS * len(pair):
            # A fetch may change mode or resources too; what the instruction does begins after it.
            words = [self.semantics.interpreter.fetch(state) for state in pair]
            before = [copied(state) for state in pair]
            steps = [self._perform(*fetched, state) for fetched, state in zip(words, pair, strict=True)]
            self._note(watched, before, pair, steps, listed=listed)
            found = self._suspect(start, watched.steps, before, pair, steps)
            watched.steps += len(pair)
            if found is not None:
                watched.suspects.append(found)
                pair = pair[:1]
            trapped = [step.trapped is not None for step in steps]
            if any(trapped):
                pair = self._go_on(start, watched, pair, steps)
                if not pair:
                    break
            elif len(pair) == 2 and self._views(before, pair, start):
                # Neither state was a guest's, or a change of mode or resources let the views part.
                pair = pair[:1]
            watched.digest = mix(watched.digest ^ int(pair[0][self.machine.counter]))
        for state in pair:
            for value in state.values():
                if not isinstance(value, Cells):
                    watched.digest = _joined(watched.digest, int(value))
        watched.digest = mix(watched.digest ^ watched.steps + len(watched.suspects))
        return watched

    def _perform(self, word: int | None, trapped: Trapped | None, state: State) -> Step:
        if trapped is not None or word is None:
            return Step(None, None, {}, trapped)
        return self.semantics.interpreter.perform(word, state)

    # Coverage.

    def _note(
        self, watched: Watched, before: list[State], after: list[State], steps: list[Step], *, listed: bool
    ) -> None:
        texts = []
        for old, new, step in zip(before, after, steps, strict=True):
            place = NO_INSTRUCTION if step.instruction is None else self._numbers[step.instruction]
            if step.trapped is not None:
                fate = step.trapped.cause.name
            else:
                fate = CHANGES if self.semantics.changed(old, new) else COMPLETES
            watched.cells[place, int(old[self.machine.mode]), fate] += 1
            level = next(name for name, value in self.machine.levels.items() if value == old[self.machine.mode])
            texts.append(f"{level}: {fate}")
        if listed:
            step = steps[0]
            text = "(no instruction)" if step.instruction is None else step.instruction.render(step.fields)
            watched.listing.append(f"{text}; {', '.join(texts)}")

    # The property.

    def _suspect(
        self, start: Start, number: int, before: list[State], after: list[State], steps: list[Step]
    ) -> Suspect | None:
        step = steps[0]
        if step.instruction is None or any(s.word != step.word for s in steps):
            return None
        checks = self.generator.checks
        complete = [s.trapped is None for s in steps]
        guests = [state for state, done in zip(before, complete, strict=True) if done and checks.guest(state)]
        if not guests:
            return None
        guest = guests[0]

        def suspect(claim: str, component: str, states: tuple[State, ...], amount: int = 0) -> Suspect:
            assert step.instruction is not None and step.word is not None
            return Suspect(
                start.number, number, step.instruction, step.word, claim, component, states, guest, amount
            )  # fmt: skip

        for old, new, done in zip(before, after, complete, strict=True):
            if done and (self.semantics.changed(old, new) or self.semantics.reserved_changed(old, new)):
                return suspect("control", "", (old,))
        if len(steps) == 2 and all(complete) and self._views(before, after, start):
            base = start.base
            component = base.component if base.kind == "resource" else ""
            return suspect(base.kind, component, (before[0], before[1]), base.amount)
        return None

    def _views(self, before: list[State], after: list[State], start: Start) -> list[str]:
        return self.semantics.views_differ(before[0], after[0], after[1], start.base.amount)

    # Traps.

    def _go_on(self, start: Start, watched: Watched, pair: list[State], steps: list[Step]) -> list[State]:
        """The states that go on after a trap in one of them: both past the instruction, or the first alone."""
        if not all(step.trapped is not None for step in steps):
            pair, steps = pair[:1], steps[:1]
        trapped = steps[0].trapped
        if trapped is None:
            return pair
        declined = any(s.trapped is not None and s.trapped.cause.kind in DECLINED for s in steps)
        if all(s.instruction is not None and s.word == steps[0].word for s in steps) and (
            declined or start.stream.draw() & 3
        ):
            for state in pair:
                self._skip(steps[0], state)
            return pair
        if declined or self.machine.deliver is None:
            watched.ended = f"no way on after {trapped.cause.name}"
            return []
        nested = self.semantics.interpreter.deliver(trapped, pair[0])
        if nested is not None:
            watched.ended = f"{nested.cause.name} while {trapped.cause.name} was delivered"
            return []
        return pair[:1]

    def _skip(self, step: Step, state: State) -> None:
        """The program counter moves past the instruction, and nothing else happens."""
        assert step.instruction is not None
        length = step.instruction.encoding.length
        size = length.value if length.is_constant else step.fields["length"]
        counter = self.machine.counter
        width = self.machine.components[counter].variable.width
        state[counter] = state[counter] + size & ((1 << width) - 1)


def _joined(digest: int, value: int) -> int:
    """The digest with a value of any width, 64 bits at a time; it is mixed when all have joined."""
    while True:
        digest, value = (digest * SECOND + (value & WORD)) & WORD, value >> 64
        if not value:
            return digest


__all__ = ["CHANGES", "COMPLETES", "NO_INSTRUCTION", "STEPS", "Cell", "Lockstep", "Suspect", "Watched"]
