"""Putting an instruction's code into states that were found without it.

A counterexample of the model fixes the instruction word, but its memory holds only what the instruction reads. To
run it elsewhere the code must lie at CS:EIP, where it may cover just that. Then EIP, the base of CS, its limit or ESP
are changed, if need be the base in the descriptor of CS too, in both states of a pair alike; whoever asks says which
of the arrangements still shows the claim.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from ringproof.model.ia32.encoding import to_bytes
from ringproof.model.machine import Instruction
from ringproof.traces.python_code import Cells

from .comparison import Comparer
from .ia32_states import State
from .ia32_steps import Case, length_of

MASK, PAGE = 0xFFFFFFFF, 0x1000
OFFSETS = (None, 0x10, 0x40, 0x100, 0x800, 0x1000, 0x7000)
STACKS = (None, 0x3000, 0x80003000)
MOVES = (0, 0x10000, 0x40000000, 0x91230000)


def arrangements(
    instruction: Instruction, fields: dict[str, int], word: int, states: Sequence[State]
) -> Iterator[list[Case]]:
    """The states with the code in them, first where they are, then with more and more about them changed."""
    code = to_bytes(word, length_of(instruction, fields))
    # The last limit is for a one-byte instruction that lies on the limit in its own segment's descriptor.
    choices = product((False, True), STACKS, (None, MASK, code[0]), MOVES, OFFSETS)
    for described, stack, limit, move, offset in choices:
        changes = {} if stack is None else {"ESP": stack}
        if offset is not None:
            changes["EIP"] = offset
        if limit is not None:
            changes["CS_limit"] = limit
        placed = [_placed({**state, **changes}, code, move) for state in states]
        for state in placed if described else ():
            _describe(state)
        yield [Case(instruction, fields, code, state) for state in placed]


class Stores(Cells):
    """A memory that notes where it is written, even with what was there."""

    __slots__ = ("places",)

    def __init__(self, cells: Cells) -> None:
        super().__init__(cells, cells.default)
        self.places: set[int] = set()

    def __setitem__(self, place: int, value: int) -> None:
        self.places.add(place)
        super().__setitem__(place, value)

    def copy(self) -> Stores:
        """This memory itself, so that what a run stores is known afterwards."""
        return self


def changes_its_code(comparer: Comparer, step: Case, within: int) -> bool:
    """Whether the step stores in a block of `within` bytes that has some of its code.

    What a change of the code itself does is left to the processor (SDM vol. 3, section 8.1.3), and emulators
    start an instruction again that stores in its own page.
    """
    memory = Stores(step.state["memory"])
    comparer.expect(step, {**step.state, "memory": memory})
    start = step.state["CS_base"] + step.state["EIP"]
    blocks = {(start + n & MASK) // within for n in range(len(step.code))}
    return not blocks.isdisjoint(place // within for place in memory.places)


def _placed(state: State, code: bytes, move: int) -> State:
    """A copy of `state` with CS moved by `move` and `code` at CS:EIP."""
    found = {**state, "memory": state["memory"].copy(), "CS_base": state["CS_base"] + move & MASK}
    start = found["CS_base"] + found["EIP"]
    for n, byte in enumerate(code):
        found["memory"][start + n & MASK] = byte
    return found


def _describe(state: State) -> None:
    """Gives the descriptor of CS in its table the base that CS has, for an instruction that loads CS anew."""
    table = state["LDTR_base"] if state["CS_index"] & 1 else state["GDTR_base"]
    address = table + (state["CS_index"] >> 1) * 8
    for place, shift in ((2, 0), (3, 8), (4, 16), (7, 24)):
        state["memory"][address + place & MASK] = state["CS_base"] >> shift & 0xFF
