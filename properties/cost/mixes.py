"""Guest programs of a given instruction mix, for machines that have the instructions that they are written in.

A guest kernel and one user program that trap into each other for ever. Each round takes as many steps of each kind
as the mix says, so that the cost of a kind can be told from runs of different mixes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells, default_value

KERNEL, USER, DATA, SIZE = 16, 256, 512, 1024
WHOLE, RETURN, ZERO = DATA, DATA + 1, DATA + 2

NEEDED = ("MOVE", "ADD", "LOAD R", "LOAD PSW")


@dataclass(frozen=True)
class Mix:
    """How many steps of each kind a round has: general and privileged ones of the kernel, and general ones of the user.

    A round has two steps besides: the kernel returns by LOAD PSW, and the user program traps on a LOAD R.
    """

    kernel: int
    privileged: int
    user: int

    @property
    def round(self) -> int:
        """The steps of one round."""
        return self.kernel + self.privileged + self.user + 2

    @property
    def text(self) -> str:
        return f"{self.kernel} kernel, {self.privileged} privileged, {self.user} user"


FITTED = tuple(Mix(*each) for each in product((2, 40), (0, 20), (2, 60)))
HELD_OUT = (Mix(10, 1, 100), Mix(20, 5, 20), Mix(60, 2, 10), Mix(5, 30, 5))


def runs(machine: Machine) -> bool:
    """Whether the programs are ones of `machine`."""
    return set(NEEDED) <= {instruction.name for instruction in machine.instructions}


def guest(machine: Machine, mix: Mix) -> State:
    """The guest's state at the start of its user program."""
    forms = {instruction.name: instruction.encoding for instruction in machine.instructions}
    n = machine.components["P"].variable.width

    def psw(mode: int, counter: int) -> int:
        return mode << 3 * n + 1 | counter << 2 * n + 1 | SIZE

    general = [("MOVE", {"a": ZERO, "b": ZERO + 1}), ("ADD", {"a": ZERO, "b": ZERO + 1})]
    kernel = [general[i % 2] for i in range(mix.kernel)]
    kernel += [("LOAD R", {"a": WHOLE})] * mix.privileged + [("LOAD PSW", {"a": RETURN})]
    user = [general[i % 2] for i in range(mix.user)] + [("LOAD R", {"a": WHOLE})]
    cells = {1: psw(0, KERNEL), WHOLE: SIZE, RETURN: psw(1, USER)}
    for first, lines in ((KERNEL, kernel), (USER, user)):
        for address, (name, fields) in enumerate(lines, first):
            cells[address] = forms[name].assemble(fields)
    state: State = {name: default_value(component.sort) for name, component in machine.components.items()}
    placed = {"E": Cells(cells), "M": 1, "P": USER, "b": SIZE, "size": SIZE}
    return state | {name: value for name, value in placed.items() if name in state}
