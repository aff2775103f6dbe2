"""Base states of IA-32 with root and non-root operation: IA-32's own, in a window, with a monitor's controls around."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

from ringproof.model.ia32.machine import CR4_BITS
from ringproof.model.ia32_svm import intercepts, vmcb
from ringproof.model.ia32_svm.switch import HOST, state_words
from ringproof.model.ia32_vmx import controls, fields
from ringproof.model.ia32_vmx.switch import saved_guest
from ringproof.model.machine import Machine

from ..interpreter import Interpreter, State
from ..oracles.ia32_states import draw_registers, draw_state, load_segments
from ..oracles.ia32_worlds import World
from ..oracles.unicorn_memory import Image
from ..python_code import compile_terms
from .bases import Draw
from .ia32 import WORLDS, drawn_world

PAGE = 0x1000
LAST_PAGE = (1 << 32) - PAGE
Fill = Callable[[Random, State, State], None]
"""Puts what decides on guests into a state; the second state is another one, of ring 0, to save or to restore."""


def vmx_drawing(interpreter: Interpreter) -> Draw:
    """Draws states of an operation under VMX."""
    machine = interpreter.machine
    words = controls.control_words(machine.constants())
    save = _words(machine, lambda: saved_guest(machine.cpu(machine.variables, machine.constants())))  # type: ignore[arg-type]

    def fill(rng: Random, state: State, other: State) -> None:
        inside = state["operation"]
        for name in ("VMX_on", "VMCS_current", "VMCS_launched"):
            state[name] = int(inside or rng.random() < 0.8)
        state["VMCS_address"], state["timer"] = LAST_PAGE, rng.choice((0, 1, 2, 5, 1000, rng.getrandbits(32)))
        area = state["VMCS"]
        area.update(words | save(other))
        area.update(
            {fields.GUEST_TIMER: rng.randrange(9), fields.HOST_EIP: other["EIP"], fields.HOST_ESP: other["ESP"]}
        )
        area.update({field: other[name] for name, field in fields.HOST_CR.items()})
        area.update({field: rng.randrange(1, 9) << 3 for field in fields.HOST_SELECTOR.values()})

    return _drawing(interpreter, fill)


def svm_drawing(interpreter: Interpreter) -> Draw:
    """Draws states of an operation under SVM."""
    machine = interpreter.machine
    words = intercepts.intercept_words({name: int(term.value) for name, term in machine.constants().items()})
    save = _words(machine, lambda: state_words(machine.cpu(machine.variables, machine.constants()), HOST))  # type: ignore[arg-type]

    def fill(rng: Random, state: State, other: State) -> None:
        state["VMCB"], state["GIF"] = LAST_PAGE, int(rng.random() < 0.9)
        state["HSAVE"].update(save(other))
        control = 1 << vmcb.V_INTR_MASKING | int(rng.random() < 0.1) << vmcb.V_IRQ
        for offset, value in {**words, vmcb.INTERRUPT_CONTROL: control}.items():
            state["memory"].update({LAST_PAGE + offset + n: value >> 8 * n & 0xFF for n in range(4)})

    return _drawing(interpreter, fill)


def _words(machine: Machine, terms: Callable[[], Mapping[int, Any]]) -> Callable[[State], dict[int, int]]:
    """The values of terms over a machine's variables, by number."""

    @cache
    def compiled() -> tuple[list[int], Callable[[State], tuple[Any, ...]]]:
        found = terms()
        return list(found), compile_terms(list(found.values()))

    def read(state: State) -> dict[int, int]:
        numbers, run = compiled()
        return dict(zip(numbers, map(int, run(state)), strict=True))

    return read


def _drawing(interpreter: Interpreter, fill: Fill) -> Draw:
    fixed = sum(1 << bit for bit_name, bit in CR4_BITS.items() if interpreter.machine.assumptions[bit_name].value)

    def draw(rng: Random, level: int) -> State:
        world = drawn_world(rng.randrange(WORLDS))
        state, other = draw_state(rng, world, interpreter.initial), draw_state(rng, world, interpreter.initial)
        _at_ring_0(rng, world, other)
        for each in (state, other):
            each["CR4"] = fixed
        state["operation"] = level
        state["window_base"] = level * PAGE * rng.choice((0, 1, 5, 256))
        state["window_bound"] = LAST_PAGE - state["window_base"]
        state["INTR"], state["INTR_vector"] = int(rng.random() < 0.1), rng.randrange(32)
        memory = state["memory"]
        state["memory"] = Image(memory.content, memory.base + state["window_base"], memory)
        fill(rng, state, other)
        return state

    return draw


def _at_ring_0(rng: Random, world: World, state: State) -> None:
    state["CPL"] = 0
    load_segments(rng, world, state, 0)
    draw_registers(rng, world, state)
