"""Running an instruction once, on symbolic operands: guarded writes, traps, and the outcome they make.

A meaning is written imperatively, as a manual writes it: `cpu.PC = cpu.PC + 1`, `cpu.trap(cause, when=...)`,
`with cpu.when(condition):`. The result is one `Outcome` for all operand values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from .terms import TRUE, Term, all_of, any_of, bits, boolean, ite
from .terms.choice import coerce


class Kind(Enum):
    """Why an instruction traps (or, for `UNSUPPORTED`, why the model declines to say what it does)."""

    PRIVILEGE = "privilege"
    MEMORY = "memory"
    PROGRAM = "program"
    UNDEFINED = "undefined"
    UNPREDICTABLE = "unpredictable"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Cause:
    """A cause of traps: its name in the manual, its kind, and its vector number where the machine has one."""

    name: str
    kind: Kind
    vector: int | None = None


@dataclass(frozen=True, eq=False)
class Trap:
    """One place where an instruction may trap: it does when `guard` holds and no earlier trap's guard does."""

    cause: Cause
    guard: Term
    details: Mapping[str, Term]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What an instruction does: its traps in order of priority, else the next value of every component.

    `choices` are the terms by which it picks one of the entry points that the machine's tables declare.
    """

    traps: tuple[Trap, ...]
    state: Mapping[str, Term]
    choices: tuple[Term, ...] = ()

    def trapping(self, *kinds: Kind) -> Term:
        """The Bool that says that it traps, for one of `kinds` if any are given."""
        if not kinds:
            return any_of(*[trap.guard for trap in self.traps])
        earlier: list[Term] = []
        hits: list[Term] = []
        for trap in self.traps:
            if trap.cause.kind in kinds:
                hits.append(trap.guard & ~any_of(*earlier))
            else:
                earlier.append(trap.guard)
        return any_of(*hits)


class View:
    """A state to read by attribute: `view.PC` is the term of the component or the configuration `PC`."""

    def __init__(self, values: Mapping[str, Term]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Term:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"the machine has no component or configuration named {name}") from None


class Cpu:
    """The machine while one instruction runs. Components read and write as attributes.

    A write inside `when(condition)` happens where the condition holds. A trap discards every write, so
    the order of writes and later traps does not matter; the first trap that applies wins.
    """

    def __init__(self, state: Mapping[str, Term], constants: Mapping[str, Term]) -> None:
        object.__setattr__(self, "_state", dict(state))
        object.__setattr__(self, "_constants", constants)
        object.__setattr__(self, "_guards", [])
        object.__setattr__(self, "_traps", [])
        object.__setattr__(self, "_choices", [])

    def __getattr__(self, name: str) -> Any:
        state: dict[str, Term] = object.__getattribute__(self, "_state")
        if name in state:
            return state[name]
        constants: Mapping[str, Term] = object.__getattribute__(self, "_constants")
        if name in constants:
            return constants[name]
        raise AttributeError(f"the machine has no component or configuration named {name}")

    def __setattr__(self, name: str, value: Term | int | bool) -> None:
        state: dict[str, Term] = self._state
        if name not in state:
            raise AttributeError(f"the machine has no component named {name} to write")
        old = state[name]
        state[name] = ite(self.guard, _coerce(value, old), old)

    def get(self, name: str) -> Term:
        """The component `name`, for names that are computed."""
        return self.__getattr__(name)  # type: ignore[no-any-return]

    def put(self, name: str, value: Term | int | bool) -> None:
        """Writes the component `name`, for names that are computed."""
        self.__setattr__(name, value)

    @property
    def guard(self) -> Term:
        """The conjunction of the conditions around this point."""
        return all_of(*self._guards)

    @contextmanager
    def when(self, condition: Term | bool) -> Iterator[None]:
        """What is written and trapped inside happens where `condition` holds."""
        self._guards.append(boolean(condition) if isinstance(condition, bool) else condition)
        try:
            yield
        finally:
            self._guards.pop()

    def trap(self, cause: Cause, *, when: Term | bool = True, **details: Term | int) -> None:
        """Traps with `cause` where `when` holds and no earlier trap applies.

        `details` (an error code, the address) are bit-vectors, or integers taken as 32 bits.
        """
        guard = all_of(self.guard, when)
        known = {key: bits(value, 32) if isinstance(value, int) else value for key, value in details.items()}
        if guard.op != "const" or guard is TRUE:
            self._traps.append(Trap(cause, guard, known))

    @contextmanager
    def causes(self, change: Callable[[Cause], Cause]) -> Iterator[None]:
        """What traps inside does so with the cause that `change` makes of its own."""
        start = len(self._traps)
        yield
        self._traps[start:] = [replace(trap, cause=change(trap.cause)) for trap in self._traps[start:]]

    def choose_entry(self, choice: Term) -> None:
        """The instruction may pick an entry point by `choice`, say a gate's selector; it is no more than a choice."""
        self._choices.append(choice)

    def outcome(self) -> Outcome:
        """The traps and the next state so far."""
        return Outcome(tuple(self._traps), dict(self._state), tuple(self._choices))


def _coerce(value: Term | int | bool, like: Term) -> Term:
    return coerce(value, like.sort)
