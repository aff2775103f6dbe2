"""Which traces a round runs: some of every target, and more of those that have cells which were not met.

The targets of a round come in an order of the seed's, so that a round which time cuts short is not about the first
instructions alone.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cache

from ringproof.traces.generation.randomness import mix
from ringproof.traces.generation.traces import LONG, Generator

from .coverage import fates
from .lockstep import Cell

LONGEST = 32
"""Traces of a target in a round, at most, that are not run natively."""

FIRST_BLOCK = 256
"""Traces of a target in the first native round; in each round after it four times as many, up to `LONG`."""

EVERY = 4
"""Targets whose cells were all met have a block in the first of so many native rounds, the others in each."""


@dataclass(frozen=True)
class Stretch:
    """`count` traces of the target at `target`, from a serial on."""

    target: int
    serial: int
    count: int


class Plan:
    """The rounds of one campaign, which depend on nothing but its seed and what the rounds before have met."""

    def __init__(self, generator: Generator) -> None:
        self._targets = generator.targets
        self._serials = [0] * len(self._targets)
        self._order = sorted(range(len(self._targets)), key=lambda place: mix(generator.key ^ place))
        self._fates = cache(lambda form: fates(generator.machine, form))

    def _complete(self, met: Container[Cell], place: int) -> bool:
        """Whether all cells of a target were met."""
        target = self._targets[place]
        return all((target.form, target.level, fate) in met for fate in self._fates(target.form))

    def numbers(self, met: Container[Cell], rounds: int) -> list[int]:
        """The traces of the next round by number, after `rounds` of them."""
        most = min(LONGEST, 1 << rounds)
        numbers: list[int] = []
        for place in self._order:
            for _ in range(max(1, most // 4) if self._complete(met, place) else most):
                numbers.append(self._serials[place] * len(self._targets) + place)
                self._serials[place] += 1
        return numbers

    def stretches(self, met: Container[Cell], rounds: int) -> list[Stretch]:
        """What the next round runs natively, after `rounds` of them."""
        chosen = self._order
        if rounds % EVERY:
            chosen = [place for place in self._order if not self._complete(met, place)] or self._order
        count = min(LONG, FIRST_BLOCK << 2 * rounds)
        return [Stretch(place, LONG * (1 + rounds), count) for place in chosen]
