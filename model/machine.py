"""What a machine is: components with roles, configuration, context, instructions, and what it leaves out.

A machine is declared once and read by everything else; it holds terms, never solver objects. Sources:
Popek and Goldberg 1974, section 2, for the division of the state; the roles extend it to real machines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from .cpu import Cause, Cpu, Outcome, View
from .encoding import Encoding
from .programs import Programs
from .terms import FALSE, ArraySort, BitVecSort, BoolSort, Sort, Term, any_of, bits, boolean, var


class Role(Enum):
    """What a component is to a guest: its own, or what decides what it can reach."""

    PROGRAM = "program"
    MODE = "mode"
    RESOURCE = "resource"
    MEMORY = "memory"
    CLOCK = "clock"
    DEVICE = "device"


PROGRAM, MODE, RESOURCE = Role.PROGRAM, Role.MODE, Role.RESOURCE
MEMORY, CLOCK, DEVICE = Role.MEMORY, Role.CLOCK, Role.DEVICE


class MachineError(ValueError):
    """A machine, an assumption or an encoding is not well formed; the message says what was expected."""

    exit_code = 2


@dataclass(frozen=True, eq=False)
class Component:
    """One named part of the state."""

    name: str
    sort: Sort
    role: Role
    text: str

    @property
    def variable(self) -> Term:
        return var(self.name, self.sort)


@dataclass(frozen=True, eq=False)
class Assumption:
    """A named value that every verdict rests on: a configuration bit, or a setting of the context.

    `holds(state, value)` is the Bool that a state must satisfy. A configuration (scope "configuration")
    binds every state; a setting of the deprivileged context (scope "context") only those in which a monitor
    runs guests.
    """

    name: str
    value: int
    text: str
    scope: str
    width: int
    holds: Callable[[View, Term], Term] | None = None

    @property
    def term(self) -> Term:
        return bits(self.value, self.width) if self.width else boolean(bool(self.value))


@dataclass(frozen=True, eq=False)
class Invariant:
    """What holds in every state that the machine can be in, in words and as a Bool over a state."""

    text: str
    holds: Callable[[View], Term]


@dataclass(frozen=True)
class GuestContext:
    """A way to run guests, by name: which levels they were written for, where they run, and what is assumed then.

    Guests were written for the level `top` and those below it, and run at the level `guest`; both by name. `assumed`
    are values of assumptions, as `--assume` takes them.
    """

    text: str
    top: str
    guest: str
    assumed: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Relocation:
    """The paper's r + x: every base moves by x together, and the memory with them.

    `amount` is the sort of x. `offset(x)` is how many addresses the memory moves, as wide as an address;
    `bases(state, x)` gives the moved value of each base by name; `memory` names the array that moves.
    `visible(state, address)` says which cells belong to the program's own view (all, where it is None).
    """

    amount: BitVecSort
    memory: str
    offset: Callable[[Term], Term]
    bases: Callable[[View, Term], Mapping[str, Term]]
    visible: Callable[[View, Term], Term] | None = None


@dataclass(frozen=True, eq=False)
class Instruction:
    """One instruction form: its row in the classification, its assembly form, its encoding, its meaning."""

    name: str
    syntax: str
    encoding: Encoding
    meaning: Callable[..., None]
    text: str
    render: Callable[[Mapping[str, int]], str]

    @property
    def id(self) -> str:
        return f"{self.syntax} [{self.encoding.text}]"


@dataclass(eq=False)
class Machine:
    """A machine with privilege levels.

    `levels` are the values of the component `mode`, from the most to the least privileged, by name;
    `guest` names the one at which a monitor runs its guests, and `counter` the program counter's component.
    `begin(cpu, length)` advances the program
    counter before an instruction's meaning runs. `fetch(cpu)` reads the instruction word at the program
    counter, and `deliver(cpu, cause, details)` carries out a trap; both are needed only to run programs.
    `stored(word, length)` gives the bytes of an instruction as they lie in memory, where a word is not just the cells.
    `reserved(state, address)` says which cells of the relocation's memory an instruction must not change without
    a trap, as if they were resources: those outside what the program sees, unless it is given.
    `start` has the values, where they are not zero, of a state that programs can be run from.
    `saved` names the resources in which a trap leaves what it came from, which decide nothing about where it goes.
    `programs` has the conventions of program files, where there are any.
    `contexts` are ways to run guests, of which `chosen` is the name of the one that was chosen, if any was.
    `built` is the catalogue's: the entry and the `parts` as they were when it built the machine.
    """

    name: str
    summary: str
    source: str
    word: BitVecSort
    mode: str
    levels: Mapping[str, int]
    guest: str
    counter: str = ""
    cpu: type[Cpu] = Cpu
    begin: Callable[[Cpu, Term], None] | None = None
    fetch: Callable[[Cpu], Term] | None = None
    deliver: Callable[[Cpu, Cause, Mapping[str, Term]], None] | None = None
    stored: Callable[[int, int], bytes] | None = None
    relocation: Relocation | None = None
    reserved: Callable[[View, Term], Term] | None = None
    components: dict[str, Component] = field(default_factory=dict)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    invariants: list[Invariant] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    undefined: list[Encoding] = field(default_factory=list)
    omitted: list[Encoding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    start: Mapping[str, int] = field(default_factory=dict)
    saved: frozenset[str] = frozenset()
    programs: Programs | None = None
    contexts: dict[str, GuestContext] = field(default_factory=dict)
    chosen: str = ""
    built: tuple[object, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        relocation = self.relocation
        if self.reserved is None and relocation is not None and relocation.visible is not None:
            seen = relocation.visible
            self.reserved = lambda state, address: ~seen(state, address)

    # Declaring.

    def component(self, name: str, sort: Sort, role: Role, text: str = "") -> None:
        """Declares one part of the state."""
        if name in self.components or name in self.assumptions:
            raise MachineError(f"{self.name} already has a component or assumption named {name}")
        self.components[name] = Component(name, sort, role, text)

    def configuration(
        self, name: str, value: int, text: str, *, width: int = 0, holds: Callable[[View, Term], Term] | None = None
    ) -> None:
        """Declares what is fixed for a run; `cpu.NAME` reads it as a constant (a Bool when `width` is 0)."""
        self.assumptions[name] = Assumption(name, value, text, "configuration", width, holds)

    def context(self, name: str, value: int, text: str, *, width: int = 0, holds: Callable[[View, Term], Term]) -> None:
        """Declares a setting under which a monitor runs guests."""
        self.assumptions[name] = Assumption(name, value, text, "context", width, holds)

    def invariant(self, text: str, holds: Callable[[View], Term]) -> None:
        """Declares what holds in every state; it is printed with every verdict that rests on it."""
        self.invariants.append(Invariant(text, holds))

    def leave_out(self, *texts: str) -> None:
        """Declares what the model leaves out, in words."""
        self.left_out.extend(texts)

    def add(
        self,
        name: str,
        syntax: str,
        encoding: Encoding,
        meaning: Callable[..., None],
        render: Callable[[Mapping[str, int]], str] | None = None,
    ) -> None:
        """Declares one instruction form; `meaning(cpu, **fields)` is run once, on symbolic operands."""
        text = " ".join((meaning.__doc__ or "").split())
        show = render or (lambda fields: syntax.format(**fields))
        self.instructions.append(Instruction(name, syntax, encoding, meaning, text, show))

    def instruction(
        self, name: str, syntax: str, encoding: Encoding
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """`add` as a decorator of the meaning."""

        def declare(meaning: Callable[..., None]) -> Callable[..., None]:
            self.add(name, syntax, encoding, meaning)
            return meaning

        return declare

    def assuming(self, changes: Mapping[str, str]) -> None:
        """Changes the value of assumptions, as `--assume NAME=VALUE` does; the mode's name sets the guest level.

        The name `context` chooses one of `contexts`, before all else.
        Raises MachineError for a name or a value that the machine does not have.
        """
        if "context" in changes and "context" not in self.assumptions:
            self._choose(changes["context"])
            changes = {name: text for name, text in changes.items() if name != "context"}
        for name, text in changes.items():
            if name == self.mode:
                known = {str(value): level for level, value in self.levels.items()} | {
                    level: level for level in self.levels
                }
                if text not in known:
                    raise MachineError(f"{name} is one of {', '.join(self.levels)}, not {text!r}")
                if known[text] == next(iter(self.levels)):
                    raise MachineError(f"guests cannot run at {known[text]}, the most privileged level")
                self.guest = known[text]
                continue
            if name not in self.assumptions:
                names = ", ".join([self.mode, *self.assumptions])
                raise MachineError(f"{self.name} has no assumption named {name!r}; it has {names}")
            old = self.assumptions[name]
            try:
                value = {"true": 1, "false": 0}[text.lower()] if text.lower() in ("true", "false") else int(text, 0)
                if not 0 <= value < (1 << max(old.width, 1)):
                    raise ValueError
            except ValueError:
                raise MachineError(
                    f"{name} is a number from 0 to {(1 << max(old.width, 1)) - 1}, not {text!r}"
                ) from None
            self.assumptions[name] = Assumption(name, value, old.text, old.scope, old.width, old.holds)

    def _choose(self, name: str) -> None:
        if name not in self.contexts:
            there = f"it has {', '.join(self.contexts)}" if self.contexts else "it has none"
            raise MachineError(f"{self.name} has no context named {name!r}; {there}")
        context = self.contexts[name]
        below = list(self.levels).index(context.top)
        self.levels = dict(list(self.levels.items())[below:])
        self.guest, self.chosen = context.guest, name
        self.assuming(context.assumed)

    # Reading.

    @property
    def assumed(self) -> dict[str, int | str]:
        """The context that was chosen, the guests' level, and the value of every assumption, by name."""
        chosen = {"context": self.chosen} if self.chosen else {}
        return {**chosen, self.mode: self.guest, **{a.name: a.value for a in self.assumptions.values()}}

    @property
    def parts(self) -> tuple[object, ...]:
        """What outcomes depend on but the values of assumptions: the same objects, the same outcomes."""
        declared = (self.name, self.word, self.mode, self.counter, self.cpu, self.begin, self.fetch, self.deliver)
        levels = (*self.levels, *self.levels.values())
        components = self.components.values()
        return (*declared, *levels, *components, *self.instructions, *self.undefined, *self.omitted)

    @cached_property
    def variables(self) -> dict[str, Term]:
        """The variable of each component: the state that instructions are built over."""
        return {name: component.variable for name, component in self.components.items()}

    @property
    def top(self) -> int:
        """The value of the most privileged mode."""
        return next(iter(self.levels.values()))

    @property
    def guest_level(self) -> int:
        return self.levels[self.guest]

    def constants(self) -> dict[str, Term]:
        """The configuration as constants, by name."""
        return {a.name: a.term for a in self.assumptions.values() if a.scope == "configuration"}

    def view(self, state: Mapping[str, Term]) -> View:
        return View({**self.constants(), **state})

    def valid(self, state: Mapping[str, Term]) -> list[Term]:
        """What every state satisfies: a level in the mode, the invariants, the configuration."""
        view = self.view(state)
        mode = state[self.mode]
        levels = list(self.levels.values())
        known = [] if _covers(mode.sort, levels) else [any_of(*[mode == _constant(v, mode.sort) for v in levels])]
        holds = [i.holds(view) for i in self.invariants]
        fixed = [a.holds(view, a.term) for a in self.assumptions.values() if a.scope == "configuration" and a.holds]
        return known + holds + fixed

    def in_context(self, state: Mapping[str, Term]) -> list[Term]:
        """The settings under which guests are run, without the level itself."""
        view = self.view(state)
        return [a.holds(view, a.term) for a in self.assumptions.values() if a.scope == "context" and a.holds]

    def at_level(self, value: int) -> Term:
        """The constant of the mode component for a level's value."""
        return _constant(value, self.components[self.mode].sort)

    def outcome(self, instruction: Instruction) -> Outcome:
        """What `instruction` does to the state of `variables`, over its encoding's field variables."""
        return self.run(lambda cpu: instruction.meaning(cpu, **instruction.encoding.variables), instruction.encoding)

    def run(self, meaning: Callable[[Cpu], None], encoding: Encoding | None = None) -> Outcome:
        """The outcome of `meaning` from the state of `variables`; with an encoding, after `begin`."""
        cpu = self.cpu(self.variables, self.constants())
        if encoding is not None and self.begin is not None:
            self.begin(cpu, encoding.length_over_fields)
        meaning(cpu)
        return cpu.outcome()


def _constant(value: int, sort: Sort) -> Term:
    if isinstance(sort, BoolSort):
        return boolean(bool(value))
    assert not isinstance(sort, ArraySort)
    return bits(value, sort.width)


def _covers(sort: Sort, levels: list[int]) -> bool:
    width = sort.width if isinstance(sort, BitVecSort) else 1
    return len(set(levels)) == 1 << width


__all__ = [
    "CLOCK", "DEVICE", "FALSE", "MEMORY", "MODE", "PROGRAM", "RESOURCE", "Assumption", "Component", "GuestContext",
    "Instruction", "Invariant", "Machine", "MachineError", "Relocation", "Role",
]  # fmt: skip
