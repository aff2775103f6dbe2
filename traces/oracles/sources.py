"""The oracles by name, each with the states and the instructions that it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ringproof.model.machine import Instruction, Machine
from ringproof.traces.interpreter import Interpreter

from .comparison import Comparer, Oracle, cases
from .deviations import Deviation
from .ia32_steps import Case
from .validation import Progress, Validation, validate

Draw = Callable[[Interpreter, int, Sequence[Instruction]], Iterable[Case]]


@dataclass(frozen=True)
class Source:
    """An oracle and how cases for it are drawn.

    `fits` says of which instructions it is asked, `covers` which of those a run must have compared. The steps
    are shared out to the `configurations`; where there are none, the machine is taken as it is.
    """

    make: Callable[[], Oracle]
    draw: Draw
    deviations: Sequence[Deviation]
    fits: Callable[[Instruction], bool] = lambda instruction: True
    covers: Callable[[Instruction], bool] = lambda instruction: True
    configurations: Sequence[Mapping[str, int]] = ()
    comparer: type[Comparer] = Comparer

    def validate(
        self, machine: Machine, *, steps: int, seed: int, only: Sequence[str] = (), progress: Progress | None = None
    ) -> Validation:
        """A run over the instructions that fit, or those of the rows in `only`."""
        oracle = self.make()
        chosen = [i for i in machine.instructions if self.fits(i) and (not only or i.name in only)]

        def drawn(interpreter: Interpreter) -> Iterable[Case]:
            return self.draw(interpreter, seed, chosen)

        machines = [configured(machine, values) for values in self.configurations] or [machine]
        run = None
        for number, each in enumerate(machines, 1):
            limit = steps * number // len(machines)
            run = validate(
                each,
                oracle,
                drawn,
                self.deviations,
                steps=limit,
                seed=seed,
                progress=progress,
                goal=steps,
                run=run,
                comparer=self.comparer,
            )
        assert run is not None
        run.forms = tuple(i.id for i in chosen if only or self.covers(i))
        return run


def configured(machine: Machine, values: Mapping[str, int]) -> Machine:
    """The machine with a configuration: `values`, and 0 for the rest of it."""
    found = replace(machine, assumptions=dict(machine.assumptions))
    names = [a.name for a in machine.assumptions.values() if a.scope == "configuration"]
    found.assuming({name: str(values.get(name, 0)) for name in names})
    return found


def _unicorn() -> Source:
    from .unicorn_deviations import UNICORN
    from .unicorn_ia32 import UnicornIA32

    return Source(UnicornIA32, cases, UNICORN)


def _unicorn_riscv() -> Source:
    from ringproof.model.riscv import rv64

    from .riscv_comparison import RiscVComparer, csr_values
    from .riscv_steps import CONFIGURATION, riscv_cases
    from .unicorn_riscv import CSRS, UnicornRiscV
    from .unicorn_riscv_deviations import UNICORN

    return Source(
        lambda: UnicornRiscV(csr_values(rv64(), CSRS)), riscv_cases, UNICORN, configurations=(CONFIGURATION,),
        comparer=RiscVComparer,
    )  # fmt: skip


def _host() -> Source:
    from .host_cases import fits, host_cases
    from .host_deviations import HOST
    from .host_processor import HostProcessor

    return Source(HostProcessor, host_cases, HOST, fits)


def _bochs() -> Source:
    from .bochs_deviations import BOCHS
    from .bochs_ia32 import CONFIGURATIONS, BochsIA32
    from .probes.every_form import is_system

    oracle = BochsIA32()
    return Source(lambda: oracle, oracle.draw, BOCHS, covers=is_system, configurations=CONFIGURATIONS)


SOURCES: dict[str, dict[str, Callable[[], Source]]] = {
    "ia32": {"unicorn": _unicorn, "bochs": _bochs, "host": _host},
    "rv64": {"unicorn": _unicorn_riscv},
}
"""By machine, the oracles that there are of it."""


def source(name: str, machine: str = "ia32") -> Source:
    """The oracle `name` of a machine."""
    return SOURCES[machine][name]()
