"""Symbolic is concrete, for every instruction of every machine: z3 and the interpreter give the same step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from random import Random

import pytest

from ringproof.model.catalog import CATALOG
from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.oracles.ia32_steps import Steps
from ringproof.traces.oracles.ia32_worlds import world

from .single_steps import disagreements, observed, random_fields, random_state

pytestmark = pytest.mark.slow


@cache
def interpreter(name: str) -> Interpreter:
    return Interpreter(CATALOG[name].build())


@pytest.mark.parametrize("machine", CATALOG)
def test_random_states(machine: str) -> None:
    runner = interpreter(machine)
    count = 20 if machine.startswith("third-generation") else 3
    found: list[str] = []
    for instruction in runner.machine.instructions:
        source = Random(instruction.id)
        cases = [(random_state(runner.machine, source), random_fields(instruction, source)) for _ in range(count)]
        found += disagreements(runner, instruction, cases)[0]
    assert not found, found[0]


def test_states_that_ia32_can_be_in() -> None:
    """Descriptors, gates and stacks as processors hold them, so that most instructions get past their checks."""
    runner = interpreter("ia32")
    steps = Steps(runner, Random(1), world(1))

    def drawn(instruction: Instruction, count: int) -> Iterator[tuple[State, Mapping[str, int]]]:
        for _ in range(count):
            case = steps.draw(instruction)
            if case is not None:
                yield observed(case.state), case.fields

    found: list[str] = []
    completing = 0
    for instruction in runner.machine.instructions:
        differences, completed = disagreements(runner, instruction, drawn(instruction, 5))
        found += differences
        completing += completed > 0
    assert not found, found[0]
    assert completing > 0.8 * len(runner.machine.instructions)
