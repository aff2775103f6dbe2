"""A host and its guest: the ordinary system of the IA-32 tests in root operation, and a window of memory for the guest.

Tables of second-level translation, the VMCS and the VMCB are written as the manuals draw them, not by the model.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any

from ringproof.model.catalog import load
from ringproof.model.ia32.encoding import from_bytes
from ringproof.traces.interpreter import Interpreter, Trapped
from tests.ia32.worlds import World, segment, told

PAGES, WINDOW, BOUND = 0x40000, 0x100000, 0x10000
HOST_RETURN, HOST_STACK = 0x9000, 0x10000
GUEST_GDT, GUEST_IDT, GUEST_CODE, GUEST_STACK = 0x1000, 0x2000, 0x4000, 0x8000
GUEST_CS, GUEST_DS = 0x08, 0x10


@cache
def interpreter(name: str) -> Interpreter:
    return Interpreter(load(name))


class NonRootWorld(World):
    """A state of the machine `name` in root operation at CPL 0, with a window that second-level tables map."""

    def __init__(self, name: str, **components: Any) -> None:
        super().__init__(0)
        self.interpreter = interpreter(name)
        values = self.state
        self.state = self.interpreter.initial()
        self.state |= values
        self.state |= {"window_bound": BOUND, **components}
        self.guest_poke(GUEST_GDT + GUEST_CS, segment(0x9B))
        self.guest_poke(GUEST_GDT + GUEST_DS, segment(0x93))

    def guest_poke(self, address: int, content: bytes) -> None:
        """Writes bytes at a guest-physical address."""
        self.poke(WINDOW + address, content)

    def long(self, address: int, value: int) -> None:
        """Writes eight bytes."""
        self.poke(address, struct.pack("<Q", value))

    def run(self, text: str) -> str:
        found = self.interpreter.decode(from_bytes(bytes.fromhex(text)))
        assert found is not None, f"{text} is no instruction"
        return told(self.interpreter.execute(*found, self.state))

    def step(self, text: str = "") -> str:
        """Fetches, executes and delivers; an instruction given is put where the program counter is first."""
        base = self.state["window_base"]
        self.poke(base + self.state["CS_base"] + self.state["EIP"], bytes.fromhex(text))
        return told(self.interpreter.step(self.state).trapped)

    def deliver(self, trapped: Trapped) -> None:
        assert self.interpreter.deliver(trapped, self.state) is None

    @property
    def in_guest(self) -> bool:
        return bool(self.state["operation"])
