"""Small PDP-10 systems to run instructions and programs on. Words, addresses and codes are octal, as in the manual."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from ringproof.model.cpu import Kind
from ringproof.model.machine import Machine
from ringproof.model.pdp10 import ka10, ki10
from ringproof.traces.interpreter import Interpreter, Step, Trapped
from ringproof.traces.python_code import Cells

ONES = (1 << 36) - 1
LEAST = 1 << 35
"""The word that stands for -2**35."""

START, OPERAND = 0o1000, 0o1500
MACHINES = {"ka10": ka10, "ki10": ki10}
FLAG_BITS = {"OV": 35, "CRY0": 34, "CRY1": 33, "FOV": 32, "BIS": 31, "FXU": 24, "DCK": 23}
"""The program's flags by their place in a PC word, counted from the right; User is 30, User In-Out 29."""

USER_BIT, UIO_BIT, PUBLIC_BIT = 1 << 30, 1 << 29, 1 << 28
KERNEL, SUPERVISOR, CONCEALED, PUBLIC = range(4)
ACCESS, PUBLIC_PAGE, WRITABLE = 1 << 17, 1 << 16, 1 << 15

SOME = [0, 1, 2, ONES, ONES - 1, LEAST, LEAST - 1, LEAST + 1, 0o777777, 0o777777_000000, 0o400000, 0o1_000001]
words = st.one_of(st.sampled_from(SOME), st.integers(0, ONES))
halves = st.one_of(st.sampled_from([0, 1, 0o377777, 0o400000, 0o777777]), st.integers(0, 0o777777))
flags = st.fixed_dictionaries({name: st.booleans() for name in FLAG_BITS})


def signed(word: int, width: int = 36) -> int:
    """The number that a word stands for."""
    return word - (1 << width) if word >> (width - 1) else word


def op(code: int, ac: int = 0, y: int = 0, x: int = 0, i: int = 0) -> int:
    """An instruction word."""
    return code << 27 | ac << 23 | i << 22 | x << 18 | y


def io(function: int, device: int, y: int) -> int:
    """An in-out instruction: function 0 to 7 for BLKI, DATAI, BLKO, DATAO, CONO, CONI, CONSZ, CONSO."""
    return 0o7 << 33 | (device >> 2) << 26 | function << 23 | y


def halfwords(left: int, right: int) -> int:
    return left << 18 | right


@cache
def interpreter(name: str) -> Interpreter:
    return Interpreter(MACHINES[name]())


def machine(name: str) -> Machine:
    return interpreter(name).machine


@cache
def _pages(public: bool) -> Cells:
    rights = ACCESS | WRITABLE | (PUBLIC_PAGE if public else 0)
    users = {page: rights | page for page in range(0o1000)}
    return Cells(users | {0o1000 + page: rights | 0o340 + page for page in range(0o40)})


class World:
    """A machine in executive (kernel) mode about to run what is at START; a KI10 has page n at n, all of them writable
    and, where `public` says so, public, but for the executive's unmapped pages."""

    def __init__(self, name: str = "ka10", *, public: bool = False, **components: Any) -> None:
        self.name = name
        self.interpreter = interpreter(name)
        self.state = self.interpreter.initial(PC=START)
        if name == "ka10":
            self.state |= {"bound": 0o377, "Pl": 0o377}
        else:
            self.state["maps"] = _pages(public).copy()
        self.set(**components)

    @property
    def core(self) -> Cells:
        return self.state["core"]  # type: ignore[no-any-return]

    @property
    def ac(self) -> Cells:
        return self.state["AC"]  # type: ignore[no-any-return]

    def load(self, *program: int, at: int = START) -> World:
        """Puts words in core, at an absolute address."""
        for n, word in enumerate(program):
            self.core[at + n] = word
        return self

    def set(self, **components: Any) -> World:
        self.state |= components
        if self.name == "ki10":
            tables = {"user_table": self.state["UBR"], "executive_table": self.state["EBR"]}
            self.state |= tables | {"executive_map": self.state["MODE"] < CONCEALED}
        return self

    def acs(self, values: dict[int, int]) -> World:
        self.ac.update(values)
        return self

    def step(self) -> Step:
        """One instruction; a trap is delivered."""
        return self.interpreter.step(self.state)

    def run(self, *program: int) -> World:
        """Runs a program from START until it has halted; it must do so within 1000 steps, and never meet what the
        model does not support."""
        self.load(*program)
        for _ in range(1000):
            if self.state["halted"]:
                return self
            step = self.step()
            assert step.trapped is None or step.trapped.cause.kind is not Kind.UNSUPPORTED, step
        raise AssertionError(f"no halt; PC is {self.state['PC']:o}")

    def one(self, word: int) -> World:
        """Runs the instruction `word` as if it were at START; it must not trap."""
        trapped = self.try_one(word)
        assert trapped is None, trapped
        return self

    def try_one(self, word: int) -> Trapped | None:
        """Runs the instruction `word`, delivering nothing."""
        found = self.interpreter.decode(word)
        assert found is not None, f"{word:012o} is no instruction"
        return self.interpreter.execute(*found, self.state)

    @property
    def skipped(self) -> bool:
        """The instruction at START skipped; else it went on to the next."""
        assert self.state["PC"] in (START + 1, START + 2)
        return bool(self.state["PC"] == START + 2)

    @property
    def flags(self) -> dict[str, bool]:
        return {name: bool(self.state[name]) for name in FLAG_BITS}


def user_world(*, Rl: int = 0o20000, Pl: int = 1, **components: Any) -> World:
    """A KA10 in user mode: the low segment is the Pl + 1 blocks from Rl on; no high segment unless Ph is given."""
    return World(USER=True, Rl=Rl, Pl=Pl, base=Rl, bound=Pl, **components)


def pc_word(address: int, **bits: bool) -> int:
    """A PC word with flags by name."""
    places = FLAG_BITS | {"USER": 30, "UIO": 29, "PUBLIC": 28}
    return sum(1 << places[name] for name, value in bits.items() if value) | address
