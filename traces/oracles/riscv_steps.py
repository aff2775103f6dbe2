"""Random single steps of RISC-V: an instruction with random operands in a random state with page tables.

Code is at `CODE`, data at `DATA`, each in a page of its own, both by physical and, in S- and U-mode, by virtual
address: the page tables map the whole region on itself, with rights that are drawn anew for each case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.python_code import Cells

from .ia32_steps import Case
from .unicorn_memory import Image

BASE, SIZE = 0x8000_0000, 0x8000
CODE, DATA, TABLES = BASE + 0x1000, BASE + 0x2000, BASE + 0x4000
PAGES = SIZE >> 12
VALID, READ, WRITE, EXECUTE, USER, ACCESSED, DIRTY = 1, 2, 4, 8, 16, 64, 128
EVERYTHING = VALID | READ | WRITE | EXECUTE | ACCESSED | DIRTY
CONFIGURATION = {
    "pmp_entries": 1, "misaligned": 1, "translation": 1, "machine_mode": 1, "update_accessed": 1,
    "reserved_csrs_trap": 1,
}  # fmt: skip
"""What unicorn's hart is like: it sets A and D of page-table entries itself."""

NAPOT_ALL, PERMITS_ALL = (1 << 54) - 1, 0x1F
NOP = (0x13).to_bytes(4, "little")


@dataclass(frozen=True)
class RiscVCase(Case):
    """One step to compare: `code` stands at PC of `state`."""

    @property
    def ring(self) -> int:
        return int(self.state["priv"])


class Steps:
    """Draws cases from a seed."""

    def __init__(self, interpreter: Interpreter, rng: Random) -> None:
        self.interpreter, self.rng = interpreter, rng
        self._content = bytes(rng.getrandbits(8) for _ in range(SIZE))

    def draw(self, instruction: Instruction) -> RiscVCase | None:
        """A case of `instruction`, or None when the operands drawn are not an encoding of it."""
        rng = self.rng
        fields = {name: rng.getrandbits(term.width) for name, term in instruction.encoding.fields.items()}
        if "op" in fields:
            fields["op"] = rng.choice((1, 2, 3, 5, 6, 7))
        word = instruction.encoding.assemble(fields)
        decoded = self.interpreter.decode(word)
        if decoded is None or decoded[0] is not instruction:
            return None
        state = self._state()
        length = 4 if word & 3 == 3 else 2
        state["PC"] = rng.choice((CODE, CODE + 2, CODE + 0x800, CODE + 0x1000 - length))
        code = word.to_bytes(4, "little")[:length]
        cells: Cells = state["memory"]
        for n, byte in enumerate(code + NOP * 2):
            cells[state["PC"] + n] = byte
        if instruction.name.startswith(("csr mip", "csr sip")):
            state["mie"] = 0  # nothing that it makes pending is taken at once
        return RiscVCase(instruction, decoded[1], code, state)

    def _state(self) -> dict[str, Any]:
        rng = self.rng
        state: dict[str, Any] = self.interpreter.initial()
        state["X"] = Cells({n: self._register() for n in range(1, 32)})
        state["priv"] = rng.choice((3, 3, 1, 0))
        for name in ("SIE", "MIE", "SPIE", "MPIE", "SPP", "SUM", "MXR"):
            state[name] = rng.randrange(2) == 1
        state["MPP"] = rng.choice((0, 1, 3))
        state["MPRV"] = state["priv"] == 3 and not rng.randrange(4)
        state["C"] = True
        for name in ("mtvec", "stvec"):
            state[name] = self._number() & ~2
        for name in ("mscratch", "sscratch", "mcause", "scause", "mtval", "stval"):
            state[name] = self._number()
        for name in ("mepc", "sepc"):
            state[name] = rng.choice((DATA, CODE + 0x400, rng.getrandbits(64))) & ~1
        for name in ("mcounteren", "scounteren"):
            state[name] = rng.choice((0, 7, rng.getrandbits(32)))
        for name in ("medeleg", "mideleg", "mie"):
            state[name] = rng.getrandbits(self.interpreter.machine.components[name].sort.width)  # type: ignore[union-attr]
        state["pmpaddr"], state["pmpcfg"] = Cells({0: NAPOT_ALL}), Cells({0: PERMITS_ALL})
        state["mtimecmp"] = (1 << 64) - 1
        state["satp_on"] = rng.randrange(3) > 0
        state["satp_PPN"] = TABLES >> 12
        state["memory"] = Image(self._content, BASE)
        self._tables(state)
        return state

    def _number(self) -> int:
        """A number of 64 bits: a boundary, a small one, or any."""
        rng = self.rng
        kind = rng.randrange(3)
        if kind == 0:
            return (rng.choice((0, 1 << 31, 1 << 63, 1 << 64)) + rng.randrange(-1, 2)) % (1 << 64)
        return rng.randrange(64) if kind == 1 else rng.getrandbits(64)

    def _register(self) -> int:
        rng = self.rng
        kind = rng.randrange(5)
        if kind == 0:
            return DATA + rng.randrange(0x1000)
        if kind == 4:
            return DATA + 8 * rng.randrange(0x200)
        if kind == 1:
            return rng.choice((DATA, DATA + 0x1000, CODE)) + rng.randrange(-16, 17)
        return self._number()

    def _tables(self, state: dict[str, Any]) -> None:
        """Three levels of tables that map the region, and leaves whose rights fit now and then do not."""
        rng, cells = self.rng, state["memory"]
        self._entry(cells, TABLES + 8 * (BASE >> 30), (TABLES + 0x1000) >> 12 << 10 | VALID)
        middle = (TABLES + 0x2000) >> 12 << 10 | VALID
        if not rng.randrange(12):
            middle = BASE >> 12 << 10 | self._rights(state)
        self._entry(cells, TABLES + 0x1000 + 8 * (BASE >> 21 & 0x1FF), middle)
        for page in range(PAGES):
            number = (BASE >> 12) + page
            self._entry(cells, TABLES + 0x2000 + 8 * (number & 0x1FF), number << 10 | self._rights(state))

    def _rights(self, state: dict[str, Any]) -> int:
        rng = self.rng
        rights = EVERYTHING | (USER if state["priv"] == 0 else 0)
        if not rng.randrange(4):
            rights ^= 1 << rng.randrange(5)
        return rights

    @staticmethod
    def _entry(cells: Cells, place: int, value: int) -> None:
        for n in range(8):
            cells[place + n] = value >> 8 * n & 0xFF


def riscv_cases(interpreter: Interpreter, seed: int, instructions: Sequence[Instruction]) -> Iterator[RiscVCase]:
    """Endless cases from a seed: each instruction in turn."""
    rng = Random(seed)
    steps = Steps(interpreter, rng)
    while True:
        order = list(instructions)
        rng.shuffle(order)
        for instruction in order:
            case = steps.draw(instruction)
            if case is not None:
                yield case
