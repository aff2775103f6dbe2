"""Small programs to record: on the third generation machine a user program whose privileged instruction is skipped by a
supervisor, on ia32 a loop in ring 3 that calls ring 0 by a software interrupt."""

from __future__ import annotations

from pathlib import Path

from ringproof.model.catalog import named
from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.recording.form import Input, header_of
from ringproof.traces.recording.producer import ReferenceProducer
from ringproof.traces.recording.writing import record

from ..ia32 import worlds

SUPERVISOR, BASE, BOUNDS = 0x20, 0x100, 0x40


def psw(mode: int, counter: int, base: int, bounds: int) -> int:
    return mode << 49 | counter << 33 | base << 17 | bounds


def supervised(machine: Machine, *, addend: int = 3) -> State:
    """The user program adds `addend` again and again, and every fourth instruction traps."""
    interpreter = Interpreter(machine)

    def word(name: str, **operands: int) -> int:
        return interpreter.named(name).encoding.assemble(operands)

    state = interpreter.initial(M=1, l=BASE, b=BOUNDS)
    user = [word("ADD", a=0x10, b=0x11), word("ADD", a=0x11, b=0x12), word("LOAD PSW", a=0x13), word("JUMP", a=0)]
    system = [word("ADD", a=0x30, b=0), word("ADD", a=0x31, b=0x32), word("LOAD PSW", a=0)]
    state["E"].update({BASE + n: content for n, content in enumerate(user)})
    state["E"].update({SUPERVISOR + n: content for n, content in enumerate(system)})
    state["E"].update({1: psw(0, SUPERVISOR, 0, 1 << 16), BASE + 0x10: addend, 0x30: 1 << 33, 0x31: 1})
    return state


def calling() -> State:
    """EAX counts in ring 3, and INT 0x40 in every round; its handler counts in EBX and returns."""
    world = worlds.World(3)
    world.handler(0x40, worlds.gate(0xEE, worlds.code(0)))
    world.poke(worlds.CODE, bytes.fromhex("40 01 c2 89 14 24 cd 40 eb f6"))
    world.poke(worlds.ENTRY, bytes.fromhex("43 cf"))
    return {name: value if isinstance(value, dict) else int(value) for name, value in world.state.items()}


def recorded(
    folder: Path, name: str, machine: Machine, state: State, steps: int, inputs: list[Input] | None = None
) -> Path:
    """A trace of every step, in a file."""
    path = folder / f"{name}.trace"
    header = header_of(machine, state, kind="recorded", inputs=inputs)
    assert record(ReferenceProducer(machine), header, path, steps).steps == steps
    return path


def third_generation(folder: Path, steps: int, *, addend: int = 3, name: str = "supervised") -> Path:
    machine = named("third-generation")
    return recorded(folder, name, machine, supervised(machine, addend=addend), steps)


def ia32(folder: Path, steps: int) -> Path:
    return recorded(folder, "calling", named("ia32"), calling(), steps)
