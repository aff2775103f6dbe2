"""The programs find what they must: on the reference interpreter, on the native kernel, and in unicorn."""

from __future__ import annotations

import pytest

from ringproof.traces.interpreter import Interpreter

from .contenders.ringproof import MANY, engine
from .contenders.unicorn import INSTALLED, run
from .programs import IA32, PROGRAMS, THIRD_GENERATION, Program


def check_interpreted(program: Program) -> None:
    interpreter = Interpreter(engine(program.machine).machine)
    state = program.initial(interpreter.machine, program.small)
    counter = interpreter.machine.counter
    interpreter.run(state, 30_000, lambda state: bool(state[counter] == program.stop))
    assert (state[counter], program.result(state)) == (program.stop, program.expected(program.small))


def check_native(program: Program) -> None:
    native = engine(program.machine)
    for size in (program.small, program.size):
        native.load(program.initial(native.machine, size))
        run = native.step(MANY, until=program.stop)
        assert (run.reason.value, program.result(native.state())) == ("stop address reached", program.expected(size))
    assert run.steps > 4_000_000


@pytest.mark.parametrize("program", [pytest.param(p, id=p.name) for p in THIRD_GENERATION])
def test_programs_of_the_third_generation_on_the_interpreter(program: Program) -> None:
    check_interpreted(program)


@pytest.mark.slow
@pytest.mark.parametrize("program", [pytest.param(p, id=p.name) for p in IA32])
def test_programs_of_ia32_on_the_interpreter(program: Program) -> None:
    check_interpreted(program)


@pytest.mark.slow
@pytest.mark.parametrize("program", [pytest.param(p, id=name) for name, p in PROGRAMS.items()])
def test_programs_on_the_kernel(program: Program) -> None:
    check_native(program)


@pytest.mark.skipif(not INSTALLED, reason="unicorn is not installed")
@pytest.mark.parametrize("program", [pytest.param(p, id=p.name) for p in IA32 if p.kind != "trap"])
def test_programs_of_ia32_in_unicorn(program: Program) -> None:
    """A wrong result raises; unicorn delivers no traps."""
    assert run(program, program.small) > 0
