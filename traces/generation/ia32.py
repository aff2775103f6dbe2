"""Base states of IA-32: real descriptor tables, gates, stacks and a task state, as `ia32_worlds` makes them."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from ringproof.model.ia32.machine import CR4_BITS, IO_MAP_BASE

from ..interpreter import Interpreter, State
from ..oracles.ia32_states import draw_registers, draw_state, load_segments
from ..oracles.ia32_worlds import World, world
from ..oracles.unicorn_memory import Image
from .bases import Draw

WORLDS = 24


def drawing(interpreter: Interpreter) -> Draw:
    """Draws states of a level. Half of them have what the guests' context asks for."""
    assumptions = interpreter.machine.assumptions
    fixed = sum(1 << bit for name, bit in CR4_BITS.items() if assumptions[name].value)

    def draw(rng: Random, level: int) -> State:
        chosen = drawn_world(rng.randrange(WORLDS))
        state = draw_state(rng, chosen, interpreter.initial)
        if state["CPL"] != level:
            state["CPL"] = level
            load_segments(rng, chosen, state, level)
            draw_registers(rng, chosen, state)
        state["CR4"] = fixed
        memory = state["memory"]
        state["memory"] = Image(memory.content, memory.base, memory)
        if rng.randrange(2):
            state["IOPL"] = assumptions["IOPL"].value
            for n in range(2):
                state["memory"][state["TR_base"] + IO_MAP_BASE + n & 0xFFFFFFFF] = 0xFF
        return state

    return draw


@lru_cache(maxsize=WORLDS)
def drawn_world(number: int) -> World:
    """A world by its number, made once."""
    return world(number)
