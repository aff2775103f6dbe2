"""What the code of a region works with: components as constants and variables, and terms over these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ringproof.model.terms import Term, concat, topological

from ..emit import Emitter, Support
from ..graph import Plan, run_length
from ..layout import ArrayPlace
from ..memory import Memory
from ..wasm import Function
from .specialize import Cell

Next = int | Term | tuple[int, Any, Any]
"""The next program counter: known, a value, or a choice by a local variable."""


class ReadOnly(Memory):
    """Memory for code that never allocates."""

    def _allocator(self, place: ArrayPlace) -> int:
        return -1


class VariableEmitter(Emitter):
    """Variables are in local variables."""

    def __init__(self, f: Function, plan: Plan, support: Support, bound: Mapping[int, int]) -> None:
        super().__init__(f, plan, {}, support)
        self._bound = bound
        self._locals.update({key: (number,) for key, number in bound.items()})

    def _var(self, node: Term) -> None:
        self.f.get(self._bound[id(node)])


@dataclass
class Values:
    """The components, as constants and bound variables, and the cells whose content is known."""

    scalars: dict[str, Term]
    cells: dict[Cell, Term]

    def copy(self) -> Values:
        return Values(dict(self.scalars), dict(self.cells))


class Part(Enum):
    """What of an instruction is written: all; before a join, its conditions, with its values if others rest on them;
    after the join, the rest."""

    WHOLE = "whole"
    AHEAD = "ahead"
    CONDITIONS = "conditions"
    REST = "rest"


@dataclass(frozen=True)
class Leaving:
    """How the region is left before an instruction: the values and the counter, and how many steps are not taken."""

    values: Values
    counter: Term
    undone: int


def loads_of(roots: list[Term]) -> list[Term]:
    """Joins of 2, 4 or 8 neighbouring cells below `roots` whose places rest on no other read."""
    found: dict[Term, None] = {}
    for node in topological(roots):
        if node.op != "concat":
            continue
        position = 0
        while position < len(node.args):
            count = run_length(node.args, position)
            if count > 1:
                parts = node.args[position : position + count]
                if not any(inner.op == "select" for inner in topological([part.args[1] for part in parts])):
                    found[concat(*parts)] = None
            position += count
    return sorted(found, key=lambda load: -load.width)
