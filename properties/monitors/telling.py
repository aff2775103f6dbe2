"""A diverging program told: where it starts, its instructions, what each run makes of them, and what differs."""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.machine import Role
from ringproof.traces.generation.code import Fetching
from ringproof.traces.interpreter import Step
from ringproof.traces.monitored import Monitored, System, Together
from ringproof.traces.python_code import Cells

from .region import Region
from .runs import Apart, Taken
from .sentences import told
from .words import stored_cells


@dataclass(frozen=True)
class Line:
    """One instruction: the program counter, the assembly, its code as it lies in memory, and both runs in words."""

    address: int
    assembly: str
    code: str
    alone: str
    monitored: str
    by: str


def lines(system: System, start: Together, run: list[Taken]) -> list[Line]:
    """The instructions of a program, one for each step."""
    machine, width = system.construction.guest, Fetching(system.construction.guest).cell_width
    found, before = [], start.guest
    for taken in run:
        word = taken.step.word
        cells = [] if word is None else stored_cells(system.guest, word, width)
        code = " ".join(f"{cell:0{-(-width // 4)}x}" for cell in cells)
        assembly = told(system, word) if word is not None else "no instruction is reached"
        address = before[machine.counter]
        found.append(Line(address, assembly, code, did(taken.step), did_under(taken.monitored), taken.monitored.by))
        before = taken.alone
    return found


def did(step: Step) -> str:
    """What the guest's own machine did."""
    return "completes" if step.trapped is None else f"traps: {step.trapped.cause.name}"


def did_under(monitored: Monitored) -> str:
    """What host and monitor did."""
    if monitored.by == "interpreted":
        return "the monitor interprets it"
    if monitored.trapped is None:
        return "runs directly on the host"
    acts = {"emulated": "the monitor emulates it", "reflected": "the monitor reflects the trap"}
    return f"the host traps ({monitored.trapped.cause.name}); {acts[monitored.by]}"


def differences(system: System, run: list[Taken]) -> list[str]:
    """What differs after the last step, a place each: what a program sees, then what else the monitor has lost."""
    last = run[-1]
    found = [f"{_place(apart)} is {_number(apart.alone)} alone, {_number(apart.monitored)} under the monitor"
             for apart in last.apart]  # fmt: skip
    return [*found, *last.shown]


def unseen(run: list[Taken]) -> list[str]:
    """What differed before the last step without the program seeing it."""
    return list(dict.fromkeys(name for taken in run[:-1] for name in taken.hidden))


def conditions(system: System, start: Together, run: list[Taken]) -> tuple[list[str], list[str]]:
    """What the program starts from where that is not the machine's own start, and what the monitor keeps.

    The program's own code is left out.
    """
    machine, memory = system.construction.guest, system.placement.memory
    code = _code(system, start, run)
    found = []
    for name, component in machine.components.items():
        value, usual = start.guest[name], machine.start.get(name, 0)
        if not isinstance(value, Cells):
            if value != usual:
                found.append(f"{name} = {_number(value)}")
            continue
        cells = Region(system).inside(start) if component.role is Role.MEMORY and name == memory else value
        own = code if name == Fetching(machine).array else set()
        found += [f"{name}[{_number(i)}] = {_number(c)}" for i, c in sorted(cells.items()) if c and i not in own]
    return found, [f"{name} = {_number(value)}" for name, value in start.kept.items()]


def _code(system: System, start: Together, run: list[Taken]) -> set[int]:
    """The cells that hold the program."""
    fetching, found, before = Fetching(system.construction.guest), set[int](), start.guest
    for taken in run:
        place = fetching.place(before)
        if place is not None and taken.step.word is not None:
            cells = stored_cells(system.guest, taken.step.word, fetching.cell_width)
            found |= {(place.index + n) % fetching.size for n in range(len(cells))}
        before = taken.alone
    return found


def story(system: System, start: Together, run: list[Taken]) -> str:
    """The program and its end in one sentence."""
    code = "; ".join(line.assembly for line in lines(system, start, run))
    last = lines(system, start, run)[-1]
    shown = differences(system, run)
    listed = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
    return f"{code}: alone the last instruction {last.alone}; under the monitor {_clause(last)}. Then {listed}."


def _clause(line: Line) -> str:
    return f"it {line.monitored}" if line.by == "direct" else line.monitored


def _place(apart: Apart) -> str:
    return apart.name if apart.index is None else f"{apart.name}[{_number(apart.index)}]"


def _number(value: int) -> str:
    return str(int(value)) if int(value) < 10 else hex(value)
