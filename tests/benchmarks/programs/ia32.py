"""The programs of IA-32, and the flat world in ring 0 that they start in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells, default_value

from . import results
from .program import Program

IMAGES = Path(__file__).with_name("images")
START = 0x101000
STOP = 0x100F00
STACK = 0x180000
MEMORY_END = 0x1000000
"""The programs use no address at or above it."""

SEGMENTS = ("ES", "SS", "DS", "FS", "GS")


def image(name: str) -> bytes:
    """The code of a program, for the address START."""
    return (IMAGES / f"{name}.bin").read_bytes()


def stack(size: int) -> bytes:
    """What is on the stack, at STACK: where to return to, and the size."""
    return STOP.to_bytes(4, "little") + size.to_bytes(4, "little")


def _initial(name: str) -> Callable[[Machine, int], State]:
    def initial(machine: Machine, size: int) -> State:
        state: State = {part: default_value(c.sort) for part, c in machine.components.items()}
        for segment in SEGMENTS:
            state |= {f"{segment}_limit": 0xFFFFFFFF, f"{segment}_access": 0x93}
            if f"{segment}_big" in state:
                state[f"{segment}_big"] = True
        state |= {"CS_limit": 0xFFFFFFFF, "CS_access": 0x9B, "CR0": 0x11, "EIP": START, "ESP": STACK}
        cells = dict(enumerate(image(name), START)) | dict(enumerate(stack(size), STACK))
        state["memory"] = Cells(cells, 0)
        return state

    return initial


def _program(name: str, kind: str, text: str, small: int, size: int, expected: Callable[[int], int]) -> Program:
    return Program(
        name.replace("_", "-"), text, kind, "ia32", STOP, small, size, _initial(name), lambda s: int(s["EAX"]), expected
    )


PROGRAMS = (
    _program("primes", "program", "sieve of Eratosthenes", 60, 400_000, results.primes),
    _program("crc32", "program", "CRC-32 by a table", 40, 700_000, results.crc32),
    _program("quicksort", "program", "sorting random words", 24, 60_000, results.quicksort),
    _program("matrix", "program", "product of integer matrices", 4, 110, results.matrix),
    _program("strings", "program", "STOS, MOVS, SCAS, CMPS with REP", 1, 3_000, results.strings),
    _program("interpreter", "program", "an interpreter of bytes", 8, 100_000, results.interpreter),
    _program("records", "program", "records, texts, indirect calls, division", 1, 6_000, results.records),
    _program("loop_registers", "loop", "four instructions on registers", 50, 2_500_000, results.loop_registers),
    _program("loop_memory", "loop", "reads and writes of one word", 50, 1_700_000, results.loop_memory),
    _program("loop_calls", "loop", "push, call, return", 50, 1_400_000, results.loop_calls),
    _program("trap_calls", "trap", "INT from ring 3 to ring 0, and IRET", 20, 2_000_000, results.count),
    _program("trap_emulation", "trap", "CLI in ring 3 faults and is emulated", 20, 1_000_000, results.count),
)
