"""Harts to run single instructions and programs on."""

from __future__ import annotations

from functools import cache
from typing import Any

from ringproof.model.catalog import load
from ringproof.traces.interpreter import Interpreter, State, Step
from ringproof.traces.python_code import Cells

CODE, DATA, TABLES = 0x8000_0000, 0x8000_2000, 0x8000_4000
U, S, M = 0, 1, 3
VALID, READ, WRITE, EXECUTE, USER, ACCESSED, DIRTY = 1, 2, 4, 8, 16, 64, 128
KERNEL_PAGE = VALID | READ | WRITE | EXECUTE | ACCESSED | DIRTY


@cache
def hart(name: str = "rv64", **assume: str) -> Interpreter:
    machine = load(name)
    machine.assuming(assume)
    return Interpreter(machine)


def word(interpreter: Interpreter, name: str, **fields: int) -> int:
    """The word of an instruction; operands that are not given are zero."""
    instruction = interpreter.named(name)
    return instruction.encoding.assemble({**dict.fromkeys(instruction.encoding.fields, 0), **fields})


def write(cells: Cells, place: int, value: int, size: int = 4) -> None:
    for n in range(size):
        cells[place + n] = value >> 8 * n & 0xFF


def state(interpreter: Interpreter, *code: int, registers: dict[int, int] | None = None, **values: Any) -> State:
    """M-mode after a reset, with code where PC is, everybody allowed everything by the first PMP entry."""
    found = interpreter.initial(**{**interpreter.machine.start, "pmpaddr": Cells({0: (1 << 54) - 1}),
                                   "pmpcfg": Cells({0: 0x1F}), **values})  # fmt: skip
    found["X"] = Cells(registers or {})
    for n, each in enumerate(code):
        write(found["memory"], CODE + 4 * n, each)
    return found


def identity(found: State, *, rights: int = KERNEL_PAGE, page: int | None = None, page_rights: int = 0) -> State:
    """Turns Sv39 on with a table that maps the 2 MiB at CODE on themselves, but `page` with other rights."""
    memory = found["memory"]
    write(memory, TABLES + 8 * (CODE >> 30), (TABLES + 0x1000) >> 12 << 10 | VALID, 8)
    write(memory, TABLES + 0x1000 + 8 * (CODE >> 21 & 0x1FF), (TABLES + 0x2000) >> 12 << 10 | VALID, 8)
    for number in range(8):
        at = (CODE >> 12) + number
        here = page_rights if at == page else rights
        write(memory, TABLES + 0x2000 + 8 * (at & 0x1FF), at << 10 | here, 8)
    found["satp_on"], found["satp_PPN"] = True, TABLES >> 12
    return found


def step(interpreter: Interpreter, found: State) -> Step:
    """One step; its trap is not delivered."""
    return interpreter.attempt(found)


def cause(interpreter: Interpreter, found: State) -> int | None:
    """The number of the exception that the next step meets, if it meets one."""
    trapped = step(interpreter, found).trapped
    return None if trapped is None else trapped.cause.vector
