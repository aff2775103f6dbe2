"""Programs of the third generation machine, assembled by the model's encodings.

Cells 0 and 1 hold the old and the new PSW of traps. A program's cells lie from PROGRAM on, its data from DATA on; the
supervisor's code starts at SUPERVISOR, at absolute addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells, default_value

from .program import Program

PROGRAM, DATA, SUPERVISOR = 16, 64, 128
STOP = 60
COUNT, SUM, ONE, NEXT = DATA, DATA + 1, DATA + 2, DATA + 3
ADDRESS_BITS = 16
Line = tuple[str, dict[str, int]]


def psw(mode: int, counter: int, base: int = 0, bound: int = 1 << ADDRESS_BITS) -> int:
    """(M, P, l, b) as one cell."""
    n = ADDRESS_BITS
    return mode << 3 * n + 1 | counter << 2 * n + 1 | base << n + 1 | bound


def _initial(program: list[Line], supervisor: list[Line], mode: int) -> Callable[[Machine, int], State]:
    def initial(machine: Machine, size: int) -> State:
        forms = {instruction.name: instruction for instruction in machine.instructions}
        cells = {1: psw(0, SUPERVISOR), COUNT: size, ONE: 1, NEXT: psw(0, 1, 0, 0)}
        for first, lines in ((PROGRAM, program), (SUPERVISOR, supervisor)):
            for address, (name, fields) in enumerate(lines, first):
                cells[address] = forms[name].encoding.assemble(fields)
        state: State = {name: default_value(component.sort) for name, component in machine.components.items()}
        return state | {"E": Cells(cells, 0), "M": mode, "P": PROGRAM, "b": 1 << ADDRESS_BITS}

    return initial


def _sum(state: Mapping[str, Any]) -> int:
    return int(state["E"][SUM])


_COUNT_DOWN: list[Line] = [
    ("SUBTRACT", {"a": ONE, "b": COUNT}),
    ("JUMP (zero)", {"a": COUNT, "b": STOP}),
    ("JUMP", {"a": PROGRAM}),
]
_ADD_COUNT: Line = ("ADD", {"a": COUNT, "b": SUM})
_ADD_ONE: Line = ("ADD", {"a": ONE, "b": SUM})
# The old PSW names the instruction that trapped; ADD passes it by.
_PASS_BY: list[Line] = [_ADD_ONE, ("ADD", {"a": NEXT, "b": 0}), ("LOAD PSW", {"a": 0})]

PROGRAMS = (
    Program(
        "third-generation-loop", "adding up numbers", "loop", "third-generation", STOP, 20, 2_500_000,
        _initial([_ADD_COUNT, *_COUNT_DOWN], [], 0), _sum, lambda size: size * (size + 1) // 2,
    ),
    Program(
        "third-generation-calls", "supervisor calls, counted", "trap", "third-generation-supervisor-call", STOP, 20,
        1_400_000, _initial([("SUPERVISOR CALL", {}), *_COUNT_DOWN], _PASS_BY, 1), _sum, lambda size: size,
    ),
    Program(
        "third-generation-emulation", "a privileged instruction that traps and is passed by", "trap",
        "third-generation", STOP, 20, 1_400_000,
        _initial([("LOAD R", {"a": DATA}), *_COUNT_DOWN], _PASS_BY, 1), _sum, lambda size: size,
    ),
)  # fmt: skip
