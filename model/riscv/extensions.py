"""The instructions of extensions that the model leaves out: what a program needed that met one as illegal.

Unprivileged ISA manual, version 20240411: the listings of instructions, and the chapters of each extension; for H, the
privileged manual. Reserved words of the same opcodes are counted in: a program is only asked which one stopped it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .causes import RESERVED
from .cpu import M

LOAD_FP, STORE_FP, OP_FP, OP_V, SYSTEM = 0b0000111, 0b0100111, 0b1010011, 0b1010111, 0b1110011
OP, OP_32, OP_IMM, OP_IMM_32, MISC_MEM = 0b0110011, 0b0111011, 0b0010011, 0b0011011, 0b0001111
FUSED = (0b1000011, 0b1000111, 0b1001011, 0b1001111)
BY_FORMAT = ("F", "D", "Zfh", "Q")
BY_WIDTH = {1: "Zfh", 2: "F", 3: "D", 4: "Q"}
BIT_MANIPULATION = {
    OP: {0x04, 0x05, 0x10, 0x14, 0x20, 0x24, 0x30, 0x34},
    OP_32: {0x04, 0x10, 0x30},
    OP_IMM: {0x04, 0x05, 0x14, 0x15, 0x24, 0x25, 0x30, 0x31, 0x34, 0x35},
    OP_IMM_32: {0x04, 0x05, 0x30},
}
"""By opcode, the upper seven bits of instructions of Zba, Zbb, Zbc, Zbs, Zbkb and Zbkx."""


def extension_of(word: int, xlen: int) -> str | None:
    """The extension with an instruction at `word`, where the model leaves it out.

    >>> [extension_of(word, 64) for word in (0x003FD073, 0x02A5F553, 0x2000, 0x0E05D5B3, 0x00000013)]
    ['F', 'D', 'D', 'Zicond', None]
    """
    if word & 3 != 3:
        return _of_compressed(word & 0xFFFF, xlen)
    opcode, middle, top = word & 0x7F, word >> 12 & 7, word >> 25 & 0x7F
    if opcode in (LOAD_FP, STORE_FP):
        return BY_WIDTH.get(middle, "V")
    if opcode == OP_FP or opcode in FUSED:
        return BY_FORMAT[top & 3]
    if opcode == OP_V:
        return "V"
    if opcode == SYSTEM:
        return _of_system(middle, word >> 20, top)
    if opcode == OP and top == 0x07:
        return "Zicond"
    if opcode == MISC_MEM and middle == 2:
        return "Zicbom or Zicboz"
    return "B or Zbk" if top in BIT_MANIPULATION.get(opcode, ()) else None


def _of_compressed(word: int, xlen: int) -> str | None:
    quadrant, middle = word & 3, word >> 13
    if quadrant == 1 or middle not in (1, 3, 5, 7):
        return None
    if middle in (1, 5):
        return "D"
    return "F" if xlen == 32 else None


def _of_system(middle: int, csr: int, top: int) -> str | None:
    if middle == 0:
        return "H" if top in (0x11, 0x31) else None
    if middle == 4 or csr >> 8 & 3 == 2:
        return "H"
    if csr in (0x001, 0x002, 0x003):
        return "F"
    return "V" if csr in (0x008, 0x009, 0x00A, 0x00F, 0xC20, 0xC21, 0xC22) else None


def left_out(state: Mapping[str, int], xlen: int) -> str | None:
    """The extension of the illegal instruction that led to the level that the hart is at, if it is one left out."""
    cause, value = ("mcause", "mtval") if state["priv"] == M else ("scause", "stval")
    return extension_of(state[value], xlen) if state[cause] == RESERVED.vector else None


def handlers(state: Mapping[str, int]) -> tuple[int, ...]:
    """The addresses that exceptions go to, in M-mode and in S-mode."""
    return tuple(state[vector] & ~3 for vector in ("mtvec", "stvec"))
