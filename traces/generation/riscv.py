"""Base states of RISC-V: code and data in physical memory, registers that point there, and PMP entries that allow it.

Translation is off, so that the code at the program counter lies where it says. A state that the guests' context asks
for is one whose settings are made so (see `wishes`).
"""

from __future__ import annotations

from random import Random

from ringproof.model.terms import BitVecSort, BoolSort, Sort

from ..interpreter import Interpreter, State
from ..python_code import Cells
from .bases import Draw
from .values import Lazy, biased
from .wishes import grant

CODE, SPAN = 0x8000_0000, 0x1000
ALLOWS_ALL = 0x1F
NEVER = (1 << 64) - 1


def drawing(interpreter: Interpreter) -> Draw:
    """Draws states of a level, as the configuration has them; half of them have what the context asks for."""
    machine = interpreter.machine
    own = machine.variables
    valid, context = machine.valid(own), machine.in_context(own)

    def draw(rng: Random, level: int) -> State:
        state: State = interpreter.initial()
        for name, component in machine.components.items():
            if isinstance(component.sort, BoolSort):
                state[name] = not rng.randrange(4)
            elif isinstance(component.sort, BitVecSort):
                state[name] = biased(rng.getrandbits(64), component.sort.width)
        xlen = _width(machine.components[machine.counter].sort)
        state["X"] = Cells({n: _register(rng, xlen) for n in range(1, 32)})
        state["pmpcfg"], state["pmpaddr"] = _protection(rng)
        state["memory"] = Lazy(rng.getrandbits(64), 8, [rng.getrandbits(8) for _ in range(16)])
        state |= {"PC": CODE + 4 * rng.randrange(SPAN >> 2), "C": True, "frame": 0, "satp_on": False, "waiting": False}
        state |= {"MPP": rng.choice((0, 1, 3)), "MPRV": False, "mtime": rng.getrandbits(32), "mtimecmp": NEVER}
        if rng.randrange(2):
            state["mie"] = 0
        state[machine.mode] = level
        grant([*valid, *(context if rng.randrange(2) else [])], state, machine.mode)
        return state

    return draw


def _width(sort: Sort) -> int:
    assert isinstance(sort, BitVecSort)
    return sort.width


def _register(rng: Random, xlen: int) -> int:
    if rng.randrange(2):
        return CODE + rng.randrange(2 * SPAN)
    return biased(rng.getrandbits(64), xlen)


def _protection(rng: Random) -> tuple[Cells, Cells]:
    """The first entries are any, the one after them allows everything."""
    entries = rng.randrange(3)
    config = {n: rng.getrandbits(8) & 0x9F for n in range(entries)} | {entries: ALLOWS_ALL}
    address = {n: biased(rng.getrandbits(64), 32) for n in range(entries)} | {entries: (1 << 32) - 1}
    return Cells(config), Cells(address)
