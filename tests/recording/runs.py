"""Runs to record: random states of every machine, and loops of two."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from ringproof.model.catalog import named
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.recording import NativeProducer, producer
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.form import Input, header_of
from ringproof.traces.recording.producer import Producer, ReferenceProducer
from ringproof.traces.recording.reading import read_trace
from ringproof.traces.recording.trace import Trace
from ringproof.traces.recording.writing import Recorded, record

from ..native import states

IA32_LOOP = bytes.fromhex("01c8 83c301 89d9 50 58 8b4610 894610 39d8 75f0 ebee")


@cache
def both(name: str) -> tuple[ReferenceProducer, Producer]:
    machine = named(name)
    return ReferenceProducer(machine), producer(machine)


def native(name: str) -> NativeProducer:
    found = both(name)[1]
    assert isinstance(found, NativeProducer)
    return found


def cell(opcode: int, a: int, b: int = 0) -> int:
    """An instruction of the third generation machine."""
    return opcode << 60 | a << 44 | b << 28


def loop(name: str) -> State:
    """A state from which a machine runs in a loop."""
    machine = named(name)
    state = Interpreter(machine).initial(**machine.start)
    if name == "ia32":
        state["memory"] = Cells({0x1000 + n: byte for n, byte in enumerate(IA32_LOOP)})
        state.update(EIP=0x1000, ESP=0x8000, ESI=0x4000)
    else:
        state["E"] = Cells({16: cell(2, 100, 101), 17: cell(0, 101, 102), 18: cell(5, 16), 100: 3})
        state.update(P=16)
    return state


def user_and_back() -> State:
    """The third generation machine goes to user mode and is trapped back, for ever."""
    user, supervisor = 1 << 49 | 20 << 33 | 1 << 16, 0 << 49 | 16 << 33 | 1 << 16
    state = loop("third-generation")
    state["E"] = Cells({1: supervisor, 16: cell(7, 30), 20: cell(0, 40, 41), 21: cell(7, 30), 30: user, 40: 5})
    return state


def random_state(name: str, seed: int) -> State:
    return states.state(random.Random(f"{name} {seed}"), named(name))


def recorded(
    path: Path,
    runner: Producer,
    state: State,
    steps: int,
    *,
    every_step: bool = True,
    inputs: list[Input] | None = None,
) -> Recorded:
    """Records a run into `path`."""
    kind = "recorded" if every_step else "derived"
    header = header_of(runner.machine, state, kind=kind, inputs=inputs)  # type: ignore[arg-type]
    return record(runner, header, path, steps)


def opened(path: Path, runner: Producer) -> Trace:
    return Trace(read_trace(path), runner.machine, runner)
