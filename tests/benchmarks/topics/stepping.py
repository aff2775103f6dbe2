"""Single steps from Python, and traces of 50 steps from random states, in thousands of steps a second, on ia32.

A random state has random registers, random bytes where it executes, and flat segments; a trace ends at its first
trap, since unicorn delivers none.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.engine import Reason

from ..contenders.ringproof import engine
from ..contenders.unicorn import INSTALLED
from ..measuring import Row, most
from ..programs import PROGRAMS
from ..programs.ia32 import MEMORY_END, STACK, START, STOP, image, stack

SINGLE = 5000
TRACES, LENGTH = 200, 50
NAMES = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
PROGRAM = PROGRAMS["records"]


def rows() -> Iterator[Row]:
    steps = {"unicorn": _unicorn_steps, "kernel": _kernel_steps, "interpreter": _interpreter_steps}
    yield Row("single steps", "thousand steps/s", most(steps), "unicorn")
    traces = {"unicorn": _unicorn_traces, "kernel": _kernel_traces, "interpreter": _interpreter_traces}
    yield Row("random traces", "thousand steps/s", most(traces), "unicorn")


def _rate(steps: int, start: float) -> float:
    return steps / (time.perf_counter() - start) / 1e3


def unicorn() -> tuple[Any, Any]:
    from unicorn import UC_ARCH_X86, UC_MODE_32, Uc
    from unicorn import x86_const as x86

    uc = Uc(UC_ARCH_X86, UC_MODE_32)
    uc.mem_map(0, MEMORY_END)
    return uc, x86


def _unicorn_steps() -> float | str:
    if not INSTALLED:
        return "not installed"
    uc, x86 = unicorn()
    uc.mem_write(START, image(PROGRAM.name))
    uc.mem_write(STACK, stack(PROGRAM.size))
    uc.reg_write(x86.UC_X86_REG_ESP, STACK)
    at, start = START, time.perf_counter()
    for _ in range(SINGLE):
        uc.emu_start(at, STOP, count=1)
        at = uc.reg_read(x86.UC_X86_REG_EIP)
    return _rate(SINGLE, start)


def _kernel_steps() -> float:
    native = engine("ia32")
    native.load(PROGRAM.initial(native.machine, PROGRAM.size))
    start = time.perf_counter()
    for _ in range(SINGLE):
        native.step(1)
    return _rate(SINGLE, start)


def _interpreter_steps() -> float:
    reference = Interpreter(engine("ia32").machine)
    state = PROGRAM.initial(reference.machine, PROGRAM.size)
    for _ in range(SINGLE // 5):
        reference.step(state)
    start = time.perf_counter()
    for _ in range(SINGLE):
        reference.step(state)
    return _rate(SINGLE, start)


def random_states() -> Iterator[tuple[dict[str, int], bytes]]:
    rng = random.Random("random traces")
    for _ in range(TRACES):
        yield {name: rng.randrange(MEMORY_END) for name in NAMES}, rng.randbytes(256)


def _unicorn_traces() -> float | str:
    if not INSTALLED:
        return "not installed"
    from unicorn import UcError

    uc, x86 = unicorn()
    registers = {name: getattr(x86, f"UC_X86_REG_{name}") for name in NAMES}
    steps, start = 0, time.perf_counter()
    for values, code in random_states():
        uc.mem_write(START, code)
        for name, value in values.items():
            uc.reg_write(registers[name], value)
        at = START
        for _ in range(LENGTH):
            try:
                uc.emu_start(at, STOP, count=1)
            except UcError:
                break
            steps += 1
            at = uc.reg_read(x86.UC_X86_REG_EIP)
    return _rate(steps, start)


def _states(base: State) -> Iterator[State]:
    for values, code in random_states():
        memory = base["memory"].copy()
        memory.update(enumerate(code, START))
        yield base | values | {"memory": memory}


def _kernel_traces() -> float:
    native = engine("ia32")
    base = PROGRAM.initial(native.machine, 0)
    steps, start = 0, time.perf_counter()
    for state in _states(base):
        native.load(state)
        run = native.step(LENGTH)
        steps += run.steps + (run.reason is Reason.STUCK)
    return _rate(steps, start)


def _interpreter_traces() -> float:
    reference = Interpreter(engine("ia32").machine)
    base = PROGRAM.initial(reference.machine, 0)
    steps, start = 0, time.perf_counter()
    for state in _states(base):
        for _ in range(LENGTH):
            steps += 1
            if reference.step(state).trapped is not None:
                break
    return _rate(steps, start)
