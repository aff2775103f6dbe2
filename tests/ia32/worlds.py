"""An ordinary 32-bit system, small enough to reason about: flat segments for every ring, gates, a TSS and an LDT.

Everything is in memory as the processor reads it; the tests change single descriptors of it. Written from the
manual (SDM vol. 3, chapters 3, 5, 6 and 7), not from the model.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from ringproof.model.ia32 import ia32
from ringproof.model.ia32.encoding import from_bytes
from ringproof.traces.interpreter import Interpreter, Trapped

GDT, LDT, IDT, TSS, CODE = 0x1000, 0x2000, 0x3000, 0x4000, 0x8000
STACK = (0x10000, 0x11000, 0x12000, 0x13000)  # by ring; they grow down
ENTRY = 0xA000  # where gates lead

# Selectors, without RPL. Code and data of ring r are 0x08 and 0x10 plus 0x10 * r.
CONFORMING, TASK, LOCAL, FREE = 0x48, 0x50, 0x58, 0x60
TABLE_LIMIT = 0x7F


def code(ring: int) -> int:
    """The selector of ring `ring`'s flat code segment, with its RPL."""
    return 0x08 + 0x10 * ring | ring


def data(ring: int) -> int:
    """The selector of ring `ring`'s flat data segment, with its RPL."""
    return 0x10 + 0x10 * ring | ring


def segment(access: int, *, base: int = 0, limit: int = 0xFFFFFFFF, big: bool = True) -> bytes:
    """A code, data or system segment's descriptor; `limit` in bytes. SDM vol. 3, figure 3-8."""
    granular = limit > 0xFFFFF
    units = limit >> 12 if granular else limit
    flags = granular << 7 | big << 6 | units >> 16
    return struct.pack("<HHBBBB", units & 0xFFFF, base & 0xFFFF, base >> 16 & 0xFF, access, flags, base >> 24)


def gate(access: int, selector: int, offset: int = ENTRY, count: int = 0) -> bytes:
    """A call, interrupt, trap or task gate's descriptor. SDM vol. 3, figures 5-8 and 6-2."""
    return struct.pack("<HHBBH", offset & 0xFFFF, selector, count, access, offset >> 16)


@cache
def interpreter() -> Interpreter:
    return Interpreter(ia32())


class World:
    """A state of the machine at `ring`, about to run code at linear address `CODE`."""

    def __init__(self, ring: int = 3, **components: Any) -> None:
        self.state = interpreter().initial()
        self._tables()
        top = STACK[ring]
        self.state |= {"CPL": ring, "EIP": CODE, "ESP": top, "CR0": 0x11, "IF": 1}
        for name, selector in (("CS", code(ring)), ("SS", data(ring))):
            self.state[f"{name}_index"] = selector >> 2
        self.state |= {"CS_access": 0x9B | ring << 5, "SS_access": 0x93 | ring << 5}
        for name in ("ES", "DS", "FS", "GS"):
            self.state |= {f"{name}_selector": data(ring), f"{name}_access": 0x93 | ring << 5, f"{name}_big": 1}
        for name in ("ES", "CS", "SS", "DS", "FS", "GS"):
            self.state |= {f"{name}_base": 0, f"{name}_limit": 0xFFFFFFFF}
        self.state |= components

    def _tables(self) -> None:
        self.state |= {"GDTR_base": GDT, "GDTR_limit": TABLE_LIMIT, "IDTR_base": IDT, "IDTR_limit": 0x7FF}
        for name, selector, base, limit, access in (
            ("LDTR", LOCAL, LDT, 0x1F, 0x82), ("TR", TASK, TSS, 0x67, 0x8B)
        ):  # fmt: skip
            self.state |= {f"{name}_selector": selector, f"{name}_base": base}
            self.state |= {f"{name}_limit": limit, f"{name}_access": access}
        for ring in range(4):
            self.define(code(ring), segment(0x9A | ring << 5))
            self.define(data(ring), segment(0x92 | ring << 5))
            if ring < 3:
                self.poke(TSS + 4 + 8 * ring, struct.pack("<IH", STACK[ring], data(ring)))
        self.define(CONFORMING, segment(0x9E))
        self.define(TASK, segment(0x8B, base=TSS, limit=0x67))
        self.define(LOCAL, segment(0x82, base=LDT, limit=0x1F))
        self.poke(TSS + 0x66, struct.pack("<H", 0x68))

    def poke(self, address: int, content: bytes) -> None:
        """Writes bytes at a linear address."""
        for n, byte in enumerate(content):
            self.state["memory"][address + n] = byte

    def peek(self, address: int, size: int = 4) -> int:
        """The number of `size` bytes at a linear address."""
        return sum(self.state["memory"][address + n] << 8 * n for n in range(size))

    def define(self, selector: int, content: bytes) -> None:
        """Puts a descriptor into the GDT or the LDT."""
        self.poke((LDT if selector & 4 else GDT) + (selector & 0xFFF8), content)

    def handler(self, vector: int, content: bytes) -> None:
        """Puts a gate into the IDT."""
        self.poke(IDT + 8 * vector, content)

    def push(self, *values: int) -> None:
        """Pushes doublewords onto the stack before the instruction runs, the last one lowest."""
        for value in values:
            self.state["ESP"] -= 4
            self.poke(self.state["ESP"], struct.pack("<I", value))

    def run(self, text: str) -> str:
        """Executes the instruction of hexadecimal bytes; "" or the trap: its name, error code and kind."""
        found = interpreter().decode(from_bytes(bytes.fromhex(text)))
        assert found is not None, f"{text} is no instruction"
        return told(interpreter().execute(*found, self.state))

    def step(self, text: str) -> str:
        """Fetches and executes the instruction, and delivers its trap; "" or the trap, as `run` tells it."""
        self.poke(self.state["EIP"], bytes.fromhex(text))
        return told(interpreter().step(self.state).trapped)

    def selector(self, name: str) -> int:
        """The visible part of a segment register."""
        if name in ("CS", "SS"):
            return int(self.state[f"{name}_index"] << 2 | self.state["CPL"])
        return int(self.state[f"{name}_selector"])

    def __getitem__(self, name: str) -> Any:
        return self.state[name]


def told(trapped: Trapped | None) -> str:
    """A trap as tests write it: "#GP(0x18) privilege"."""
    if trapped is None:
        return ""
    code = trapped.details.get("error_code")
    return f"{trapped.cause.name}{'' if code is None else f'({code:#x})'} {trapped.cause.kind.value}"
