"""A diverging program told: where it starts, its instructions, what each run makes of them, and what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ringproof.traces.generation.code import Fetching
from ringproof.traces.interpreter import State, Step
from ringproof.traces.monitored import Monitored, System, Together
from ringproof.traces.python_code import Cells

from .obligations import CONTROL
from .region import Region
from .runs import Apart, Taken
from .sentences import told
from .starting import Starts, ordinary
from .words import stored_cells


@dataclass(frozen=True)
class Line:
    """One instruction: the program counter, the assembly, its code as it lies in memory, and both runs in words."""

    address: str
    assembly: str
    code: str
    alone: str
    monitored: str


@dataclass(frozen=True)
class Told:
    """A program in words.

    The guest is as `ordinary` says but for `start`, the program's own code left out; `kept` is what the monitor keeps,
    and what the host has for itself that it ordinarily has not.
    `differences` are those after the last line, `unseen` those before that the program did not see.
    """

    ordinary: str
    start: tuple[str, ...]
    kept: tuple[str, ...]
    lines: tuple[Line, ...]
    differences: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The program and its end."""
        last, code = self.lines[-1], "; ".join(line.assembly for line in self.lines)
        shown = ", ".join(self.differences[:3])
        more = f" and {len(self.differences) - 3} more" if len(self.differences) > 3 else ""
        where = f"`{code}`: alone it" if len(self.lines) == 1 else f"`{code}`: alone the last instruction"
        return f"{where} {last.alone}; under the monitor {last.monitored}. Then {shown}{more}."


def tell(system: System, what: str, start: Together, run: list[Taken]) -> Told:
    """The program that starts at `start` and was run both ways; it speaks against the property `what`."""
    fetching = Fetching(system.construction.guest)
    lines, code, before = [], set[int](), start.guest
    for taken in run:
        line, own = _line(system, fetching, before, taken)
        lines.append(line)
        code |= own
        before = taken.alone
    return Told(
        ordinary=system.placement.ordinary_text or "as its machine does by itself",
        start=tuple(_conditions(system, start, fetching.array, code)),
        kept=tuple(_of_monitor(system, start)),
        lines=tuple(lines),
        differences=tuple(_differences(what, run[-1])),
        unseen=tuple(_unseen(run, lines)),
    )


def _line(system: System, fetching: Fetching, before: State, taken: Taken) -> tuple[Line, set[int]]:
    """One step, and the cells of its code."""
    word, place = taken.step.word, fetching.place(before)
    cells = [] if word is None else stored_cells(system.guest, word, fetching.cell_width)
    line = Line(
        address=number(before[system.construction.guest.counter]),
        assembly=_assembly(system, word, taken.monitored.step.word),
        code=" ".join(f"{cell:0{-(-fetching.cell_width // 4)}x}" for cell in cells),
        alone=did(taken.step),
        monitored=did_under(taken.monitored),
    )
    return line, set() if place is None else {(place.index + n) % fetching.size for n in range(len(cells))}


def _assembly(system: System, alone: int | None, monitored: int | None) -> str:
    """What is executed; where the two runs fetch otherwise, what each does."""
    one, two = ("nothing" if word is None else told(system, word) for word in (alone, monitored))
    if alone == monitored:
        return "(fetch)" if alone is None else one
    return f"{one} (alone), {two} (under the monitor)"


def did(step: Step) -> str:
    """What the guest's own machine did."""
    return "completes" if step.trapped is None else f"traps ({step.trapped.cause.name})"


def did_under(monitored: Monitored) -> str:
    """What host and monitor did."""
    if monitored.by == "interpreted":
        return "the monitor interprets it"
    if monitored.trapped is None:
        return "it runs directly"
    acts = {
        "emulated": "the monitor emulates it",
        "reflected": "the monitor reflects the trap into the guest",
        "served": "the monitor sees to an event of the host's own",
    }
    return f"the host traps ({monitored.trapped.cause.name}) and {acts[monitored.by]}"


def _differences(what: str, last: Taken) -> list[str]:
    """What differs after the last step: what a program sees, then what the property objects to besides."""
    found = [_both(apart) for apart in last.apart]
    changed = what == CONTROL and last.monitored.trapped is None
    return found + [f"the guest has changed {_of_host(shown)}" if changed else shown for shown in last.shown]


def _unseen(run: list[Taken], lines: list[Line]) -> Iterator[str]:
    """Each hidden difference with the instruction that it comes from."""
    told: set[Apart] = set()
    for taken, line in zip(run[:-1], lines, strict=False):
        yield from (f"{_both(apart)} after {line.assembly}" for apart in taken.hidden if apart not in told)
        told |= set(taken.hidden)


def _both(apart: Apart) -> str:
    return f"{_place(apart)} is {number(apart.alone)} alone and {number(apart.monitored)} under the monitor"


def _of_host(shown: str) -> str:
    name, of, _ = shown.partition(" of the host")
    return f"the host's {name}" if of else f"the host's {shown}"


def _conditions(system: System, start: Together, array: str, code: set[int]) -> list[str]:
    """What of the guest is not as it ordinarily is."""
    machine, region, found = system.construction.guest, Region(system), []
    described = bool(system.placement.ordinary_text)
    usual = ordinary(system).guest if described else system.guest.initial(**machine.start)
    for name in machine.components:
        value, other = start.guest[name], usual[name]
        if not isinstance(value, Cells):
            if value != other:
                found.append(f"{name} = {number(value)}")
            continue
        own = code if name == array else set()
        apart = [index for index in sorted({*value, *other} - own) if value[index] != other[index]]
        if name == system.placement.memory:
            apart = [index for index in apart if region.owns(start, index)]
        found += [f"{name}[{number(index)}] = {number(value[index])}" for index in apart]
    return found


def _of_monitor(system: System, start: Together) -> list[str]:
    """What the monitor keeps, and what of the host's own is not as it ordinarily is."""
    parts, usual = (Starts(system).parts(each) for each in (start, ordinary(system)))
    described = ordinary(system).kept if system.placement.ordinary_text else {}
    found = [f"{name} = {number(value)}" for name, value in start.kept.items() if value != described.get(name, 0)]
    return found + [
        f"the host's {_place(Apart(name, index, 0, 0))} = {number(value)}"
        for (group, name, index), value in parts.items()
        if group == "host" and usual.get((group, name, index), 0) != value
    ]


def _place(apart: Apart) -> str:
    return apart.name if apart.index is None else f"{apart.name}[{number(apart.index)}]"


def number(value: int) -> str:
    """A value as it is written: up to 9 as it is, else in hexadecimal."""
    return str(int(value)) if int(value) < 10 else hex(value)
