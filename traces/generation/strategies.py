"""Hypothesis strategies over the campaigns' generators: states, pairs of states, and programs of a machine.

A state is a base state with a few components changed, so it shrinks to fewer and smaller changes. Strategies keep to
valid states by filtering.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

from hypothesis import strategies as st

from ringproof.model.machine import Machine, Role
from ringproof.model.terms import ArraySort, BoolSort

from ..interpreter import State
from .bases import Base, copied
from .traces import Generator

SEED = 1
BASES = 16
"""How many base pairs of a level the strategies start from."""

Pair: TypeAlias = tuple[State, State]


@lru_cache(maxsize=8)
def _generator(machine: Machine) -> Generator:
    return Generator(machine, SEED)


def states(machine: Machine) -> st.SearchStrategy[State]:
    """Valid states of `machine` with code at the program counter."""
    generator = _generator(machine)
    changes = st.dictionaries(*_changes(machine), max_size=4) if _changeable(machine) else st.just({})
    return (
        st.builds(lambda base, change: {**copied(base.first), **change}, _bases(machine, generator.levels), changes)
        .filter(generator.checks.valid)
    )  # fmt: skip


def pairs(machine: Machine) -> st.SearchStrategy[Pair]:
    """Pairs of valid states that a program cannot tell apart, at least one at the guests' level in its context."""
    found = _bases(machine, (machine.guest_level,)).filter(lambda base: base.second is not None)
    return found.map(lambda base: (copied(base.first), copied(base.second or base.first)))


def programs(machine: Machine, *, longest: int = 8) -> st.SearchStrategy[list[int]]:
    """Programs as the cells of their code, the first first; they shrink to fewer instructions."""
    generator = _generator(machine)
    every = generator.programs.every

    def code(place: int, operands: int) -> list[int]:
        template = every[place]
        filled = template.code
        for operand in template.operands:
            filled |= (operands & ((1 << operand.width) - 1)) << operand.low
        return generator.programs.cells(filled, template.cells)

    one = st.builds(code, st.integers(0, len(every) - 1), st.integers(0, (1 << 32) - 1))
    return st.lists(one, min_size=1, max_size=longest).map(lambda parts: [cell for part in parts for cell in part])


def placed(machine: Machine, state: State, program: list[int]) -> State:
    """`state` with a program at its program counter. Raises ValueError where its fetch traps."""
    fetching = _generator(machine).checks.fetching
    place = fetching.place(state)
    if place is None:
        raise ValueError("the fetch of this state traps; a state that runs was expected")
    found = copied(state)
    for number, cell in enumerate(program):
        found[fetching.array][(place.index + number) % fetching.size] = cell
    return found


def _bases(machine: Machine, levels: tuple[int, ...]) -> st.SearchStrategy[Base]:
    generator = _generator(machine)
    places = [target for target, each in enumerate(generator.targets) if each.form == 0 and each.level in levels]
    return st.builds(
        lambda place, serial: generator.base(place, serial * 16), st.sampled_from(places), st.integers(0, BASES - 1)
    )


def _changeable(machine: Machine) -> list[str]:
    """The program's scalars that validity does not depend on, but for the program counter."""
    bound = _generator(machine).checks.bound
    return [
        c.name
        for c in machine.components.values()
        if c.role is Role.PROGRAM
        and not isinstance(c.sort, ArraySort | BoolSort)
        and c.name not in bound
        and c.name != machine.counter
    ]


def _changes(machine: Machine) -> tuple[st.SearchStrategy[str], st.SearchStrategy[Any]]:
    width = min(machine.components[name].variable.width for name in _changeable(machine))
    return st.sampled_from(_changeable(machine)), st.integers(0, (1 << width) - 1)


__all__ = ["pairs", "placed", "programs", "states"]
