"""The oracles by name, each with the states and the instructions that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ringproof.model.machine import Instruction, Machine
from ringproof.traces.interpreter import Interpreter

from .comparison import Oracle, cases
from .deviations import Deviation
from .ia32_steps import Case
from .validation import Progress, Validation, validate

Draw = Callable[[Interpreter, int, Sequence[Instruction]], Iterable[Case]]


@dataclass(frozen=True)
class Source:
    """An oracle and how cases for it are drawn; `fits` says of which instructions."""

    make: Callable[[], Oracle]
    draw: Draw
    deviations: Sequence[Deviation]
    fits: Callable[[Instruction], bool] = lambda instruction: True

    def validate(
        self, machine: Machine, *, steps: int, seed: int, only: Sequence[str] = (), progress: Progress | None = None
    ) -> Validation:
        """A run over the instructions that fit, or those of the rows in `only`."""
        oracle = self.make()
        chosen = [i for i in machine.instructions if self.fits(i) and (not only or i.name in only)]

        def drawn(interpreter: Interpreter) -> Iterable[Case]:
            return self.draw(interpreter, seed, chosen)

        run = validate(machine, oracle, drawn, self.deviations, steps=steps, seed=seed, progress=progress)
        run.forms = tuple(i.id for i in chosen)
        return run


def _unicorn() -> Source:
    from .unicorn_deviations import UNICORN
    from .unicorn_ia32 import UnicornIA32

    return Source(UnicornIA32, cases, UNICORN)


def _host() -> Source:
    from .host_cases import fits, host_cases
    from .host_deviations import HOST
    from .host_processor import HostProcessor

    return Source(HostProcessor, host_cases, HOST, fits)


SOURCES: dict[str, Callable[[], Source]] = {"unicorn": _unicorn, "host": _host}


def source(name: str) -> Source:
    """The oracle `name`."""
    return SOURCES[name]()
