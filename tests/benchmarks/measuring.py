"""Rows of figures, and contenders that take turns."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 3


class WrongResult(Exception):
    """A contender did not find what the program must find: its figure would mean nothing."""


@dataclass(frozen=True)
class Row:
    """Figures in `unit` by contender, or why there is none; `against` names the one that is compared with."""

    name: str
    unit: str
    figures: Mapping[str, float | str]
    against: str | None = None

    def ratio(self, contender: str) -> float | None:
        """How many times the compared figure this contender's is."""
        figure, other = self.figures[contender], self.figures.get(self.against or "")
        if contender == self.against or isinstance(figure, str) or not isinstance(other, float) or not other:
            return None
        return figure / other


def most(contenders: Mapping[str, Callable[[], float | str]], rounds: int = ROUNDS) -> dict[str, float | str]:
    """The largest figure of each contender, for rates; all take their turn in each round."""
    return _chosen(contenders, rounds, max)


def least(contenders: Mapping[str, Callable[[], float | str]], rounds: int = ROUNDS) -> dict[str, float | str]:
    """The smallest figure of each contender, for times."""
    return _chosen(contenders, rounds, min)


def _chosen(
    contenders: Mapping[str, Callable[[], float | str]], rounds: int, better: Callable[[float, float], float]
) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for _ in range(rounds):
        for name, run in contenders.items():
            before = found.get(name)
            if isinstance(before, str):
                continue
            figure = run()
            found[name] = figure if before is None or isinstance(figure, str) else better(before, figure)
    return found


def computer() -> dict[str, str | int | float]:
    """What the figures were measured on, and how busy it was."""
    load = os.getloadavg()[0]
    cores = os.cpu_count() or 1
    return {"processor": _processor(), "cores": cores, "load": round(load, 2), "python": platform.python_version()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
