"""The engine equals the reference interpreter: every instruction from random states, and every step of programs."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

import pytest

from ringproof.model.catalog import CATALOG, load
from ringproof.model.cpu import Cause, Cpu, Kind
from ringproof.model.terms import Term, bits
from ringproof.model.third_generation import third_generation
from ringproof.traces.interpreter import Interpreter, Trapped
from ringproof.traces.native.engine import Engine, Reason
from ringproof.traces.native.layout import NativeError
from ringproof.traces.native.store import canonical
from ringproof.traces.python_code import Cells

from ..catalogue import parameters
from .states import operands, state

THIRD_GENERATION = [name for name in CATALOG if name.startswith("third-generation")]
LARGE = [name for name in CATALOG if name not in THIRD_GENERATION]


@cache
def both(name: str) -> tuple[Interpreter, Engine]:
    machine = load(name)
    return Interpreter(machine), Engine(machine)


def check_every_instruction(name: str, states: int) -> None:
    interpreter, engine = both(name)
    rng = random.Random(name)
    completed = set()
    for instruction in interpreter.machine.instructions:
        for _ in range(states):
            before, fields = state(rng, interpreter.machine), operands(rng, interpreter.machine, instruction)
            engine.load(before)
            after = {n: v.copy() if hasattr(v, "copy") else v for n, v in before.items()}
            trapped = interpreter.execute(instruction, fields, after)
            assert engine.execute(instruction, fields) == trapped, instruction.id
            assert canonical(engine.state()) == canonical(after), instruction.id
            if trapped is None:
                completed.add(instruction.id)
    # A comparison in which everything traps would show little.
    assert len(completed) > len(interpreter.machine.instructions) * 0.8


@pytest.mark.parametrize("name", ["third-generation"])
def test_every_instruction_quickly(name: str) -> None:
    check_every_instruction(name, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", THIRD_GENERATION)
def test_every_instruction_of_the_third_generation(name: str) -> None:
    check_every_instruction(name, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", parameters(LARGE))
def test_every_instruction_of_a_large_machine(name: str) -> None:
    check_every_instruction(name, 12)


def check_steps(name: str, runs: int, steps: int, stride: int = 1) -> None:
    """Random states run as programs: the same state and the same trap after every `stride` steps."""
    interpreter, engine = both(name)
    rng = random.Random(f"steps of {name}")
    completed = 0
    for _ in range(runs):
        current = state(rng, interpreter.machine)
        engine.load(current)
        for _ in range(0, steps, stride):
            run = engine.step(stride)
            last = None
            for _ in range(run.steps + (run.reason is Reason.STUCK)):
                last = interpreter.step(current)
            completed += run.steps
            assert canonical(engine.state()) == canonical(current)
            if run.reason is Reason.STUCK:
                assert last is not None and run.trapped == last.trapped
                break
            assert (run.steps, run.reason) == (stride, Reason.LIMIT)
    assert completed > runs


def test_a_trap_of_a_delivery_leaves_the_details_of_the_trap_delivered() -> None:
    def fetch(cpu: Cpu) -> Term:
        cpu.trap(Cause("fetch fails", Kind.MEMORY), place=cpu.get("P") + 3)
        return cpu.get("E")[cpu.get("P")]

    def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        cpu.trap(Cause("delivery fails", Kind.MEMORY), place=details["place"] + 1 if details else bits(0, 16))

    machine = third_generation()
    machine.fetch, machine.deliver = fetch, deliver
    engine = Engine(machine)
    engine.load(engine.initial(P=100))
    run = engine.step()
    assert run.reason is Reason.STUCK
    assert run.trapped is not None and run.nested is not None
    assert (run.trapped.cause.name, run.trapped.details) == ("fetch fails", {"place": 103})
    assert (run.nested.cause.name, run.nested.details) == ("delivery fails", {"place": 104})


def test_steps_quickly() -> None:
    check_steps("third-generation", 5, 8)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CATALOG))
def test_every_step_of_random_programs(name: str) -> None:
    check_steps(name, 60, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", THIRD_GENERATION)
def test_long_random_programs(name: str) -> None:
    check_steps(name, 4, 20_000, 5_000)


def test_a_run_stops_at_an_address() -> None:
    _, engine = both("third-generation")
    engine.load(engine.initial(b=100))
    run = engine.step(50, until=7)
    assert (run.steps, run.reason, engine.state()["P"]) == (7, Reason.STOPPED, 7)


def test_a_state_that_does_not_fit_is_refused_in_one_sentence() -> None:
    _, engine = both("third-generation")
    with pytest.raises(NativeError, match=r"^M is a number of 1 bits, not 2$"):
        engine.load(engine.initial(M=2))


def test_a_run_ends_before_the_step_that_might_need_more_memory_than_the_limit() -> None:
    engine = Engine(load("third-generation"), memory_limit=1)
    engine.load(engine.initial(b=100))
    assert engine.step(10).reason is Reason.NO_ROOM
    assert engine.state()["P"] == 0


def test_pages_are_allocated_when_written() -> None:
    """The pages of a program that writes into every page are allocated one by one."""
    _, engine = both("third-generation")
    cells = Cells({n: 2 << 60 | n << 44 | (n * 512 % 65536) << 28 for n in range(512)}, 1)
    engine.load(engine.initial(b=65536, E=cells))
    assert engine.step(400).steps == 400


def test_a_trap_is_reported_with_its_cause() -> None:
    interpreter, engine = both("third-generation")
    instruction = interpreter.named("LOAD PSW")
    engine.load(engine.initial(b=100, M=1))
    trapped = engine.execute(instruction, {"a": 3})
    assert isinstance(trapped, Trapped) and trapped.cause.name == "privilege trap"
