"""Symbolic is concrete, for every instruction of every machine: z3 and the interpreter give the same step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from random import Random
from typing import Any, TypeAlias

import pytest

from ringproof.model.catalog import CATALOG
from ringproof.model.cpu import Cause, Cpu
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import BitVec, Term, var
from ringproof.traces.interpreter import Interpreter, State, Trapped
from ringproof.traces.oracles.ia32_steps import Steps
from ringproof.traces.oracles.ia32_worlds import world

from ..catalogue import parameters
from .single_steps import disagreements, number, observed, of_instruction, random_fields, random_state

pytestmark = pytest.mark.slow
REAL = ("pdp10-ka10", "pdp10-ki10", "ia32")
Widths: TypeAlias = tuple[tuple[str, int], ...]


@cache
def interpreter(name: str) -> Interpreter:
    return Interpreter(CATALOG[name].build())


@pytest.mark.parametrize("machine", parameters(CATALOG))
def test_random_states(machine: str) -> None:
    runner = interpreter(machine)
    count = 20 if machine.startswith("third-generation") else 3
    found: list[str] = []
    for instruction in runner.machine.instructions:
        source = Random(instruction.id)
        cases = [(random_state(runner.machine, source), random_fields(instruction, source)) for _ in range(count)]
        found += of_instruction(runner, instruction, cases)[0]
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
        differences, completed = of_instruction(runner, instruction, drawn(instruction, 5))
        found += differences
        completing += completed > 0
    assert not found, found[0]
    assert completing > 0.8 * len(runner.machine.instructions)


@pytest.mark.parametrize("machine", [name for name in CATALOG if name in ("third-generation", *REAL)])
def test_deliveries_of_traps(machine: str) -> None:
    """What the machine does with each cause and the widths of its details, as instructions give them."""
    runner = interpreter(machine)
    model = runner.machine
    assert model.deliver is not None
    kinds = {
        (trap.cause, tuple((name, term.width) for name, term in trap.details.items()))
        for instruction in model.instructions
        for trap in runner.outcome(instruction).traps
    }
    assert kinds
    for cause, widths in sorted(kinds, key=str):
        source = Random(cause.name)
        details = {name: var(f"${name}", BitVec(width)) for name, width in widths}
        outcome = model.run(partial(_deliver, model, cause, details))

        def execute(values: Mapping[str, int], state: State, cause: Cause = cause, widths: Widths = widths) -> Any:
            return runner.deliver(Trapped(cause, values, dict(widths)), state)

        cases = [(random_state(model, source), {n: number(source, w) for n, w in widths}) for _ in range(6)]
        assert disagreements(model, outcome, execute, cases)[0] == [], cause


def _deliver(machine: Machine, cause: Cause, details: Mapping[str, Term], cpu: Cpu) -> None:
    assert machine.deliver is not None
    machine.deliver(cpu, cause, details)
