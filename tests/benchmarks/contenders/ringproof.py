"""Ours: the reference interpreter, the native kernel, and blocks above it."""

from __future__ import annotations

import time
from functools import cache

from ringproof.model.catalog import load
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.native.blocks.tier import Blocks
from ringproof.traces.native.engine import Engine

from ..measuring import WrongResult
from ..programs import Program

MANY = 1 << 40
INTERPRETED = 20_000
"""Steps that the interpreter is measured on."""


@cache
def engine(machine: str) -> Engine:
    return Engine(load(machine))


@cache
def _interpreter(machine: str) -> Interpreter:
    return Interpreter(load(machine))


def check(who: str, program: Program, size: int, result: int) -> None:
    """Raises WrongResult unless it is the program's."""
    if result != program.expected(size):
        raise WrongResult(f"{who} found {result} in {program.name} of {size}, not {program.expected(size)}")


def _run(program: Program) -> tuple[int, float]:
    native = engine(program.machine)
    native.load(program.initial(native.machine, program.size))
    start = time.perf_counter()
    run = native.step(MANY, until=program.stop)
    took = time.perf_counter() - start
    check("the kernel", program, program.size, program.result(native.state()))
    return run.steps, took


@cache
def steps(program: Program) -> int:
    """How many steps the program takes at its size."""
    return _run(program)[0]


def kernel(program: Program) -> float:
    """The native kernel, without the time to load the state."""
    count, took = _run(program)
    return count / took / 1e6


@cache
def _blocks(machine: str) -> Blocks:
    return Blocks(Engine(load(machine)))


def blocks(program: Program) -> float:
    """Regions above the kernel, as they are once they are made: the program runs a first time for that."""
    tier = _blocks(program.machine)
    for _ in range(2):
        tier.load(program.initial(tier.engine.machine, program.size))
        start = time.perf_counter()
        run = tier.step(MANY, until=program.stop)
        took = time.perf_counter() - start
        check("blocks", program, program.size, program.result(tier.state()))
    return run.steps / took / 1e6


def interpreter(program: Program) -> float:
    """The reference interpreter, on the first steps of the program, each instruction's Python being there."""
    reference = _interpreter(program.machine)
    for _ in range(2):
        state = program.initial(reference.machine, program.size)
        start = time.perf_counter()
        reference.run(state, INTERPRETED)
        took = time.perf_counter() - start
    return INTERPRETED / took / 1e6
