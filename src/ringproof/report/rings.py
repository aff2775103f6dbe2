"""The ring diagram: the machine's levels as concentric rings, the most privileged innermost."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

from ringproof.model.machine import Machine

SIZE = 300
MIDDLE = SIZE / 2
OUTERMOST = 146.0


@dataclass(frozen=True)
class Ring:
    """A level's ring: its radii, and where its name stands."""

    name: str
    value: int
    inner: float
    outer: float
    guest: bool

    @property
    def label_y(self) -> float:
        """The baseline of the name, below the ring's upper edge."""
        return round(MIDDLE - self.outer + min(self.outer - self.inner, 34) / 2 + 4, 1)

    @property
    def middle(self) -> float:
        """The radius at which marks stand."""
        return round(self.outer * 0.62 if self.inner == 0 else (self.inner + self.outer) / 2, 1)


def rings(machine: Machine) -> list[Ring]:
    """The rings, the outermost first, as they are drawn."""
    count = len(machine.levels)
    innermost = max(OUTERMOST / max(count, 2), 44.0)
    step = (OUTERMOST - innermost) / max(count - 1, 1)
    found = [
        Ring(name, value, 0.0 if n == 0 else round(innermost + step * (n - 1), 1), round(innermost + step * n, 1),
             name == machine.guest)
        for n, (name, value) in enumerate(machine.levels.items())
    ]  # fmt: skip
    return found[::-1]


def direction(run: int, runs: int, *, before: bool) -> tuple[float, float]:
    """The direction, from the middle, of a run's mark; that of the state before stands a little aside."""
    angle = {1: 90.0, 2: 140.0 - 100.0 * run}[runs] + (16.0 if before else 0.0)
    return cos(angle * pi / 180), sin(angle * pi / 180)
