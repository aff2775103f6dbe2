"""WebAssembly modules as bytes: functions, their code, one memory, exports. WebAssembly core specification 2.0.

Only what the native engine needs is here. Instructions without operands are the constants of `Op`; the methods of
`Function` write those that have operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

I32: Final = 0x7F
I64: Final = 0x7E
EMPTY: Final = 0x40

PAGE: Final = 1 << 16
"""Bytes of a WebAssembly page, the unit of its memory's size."""


class Op:
    """Instructions of one byte. `I32 + number` and `I64 + number` differ by a fixed distance for most."""

    UNREACHABLE, END, ELSE, RETURN, DROP, SELECT = 0x00, 0x0B, 0x05, 0x0F, 0x1A, 0x1B
    I32_EQZ, I32_EQ, I32_NE, I32_LT_S, I32_LT_U, I32_GT_U, I32_LE_U, I32_GE_U = (
        0x45, 0x46, 0x47, 0x48, 0x49, 0x4B, 0x4D, 0x4F,
    )  # fmt: skip
    I64_EQZ, I64_EQ, I64_NE, I64_LT_S, I64_LT_U, I64_GT_U, I64_LE_U, I64_GE_U = (
        0x50, 0x51, 0x52, 0x53, 0x54, 0x56, 0x58, 0x5A,
    )  # fmt: skip
    I32_ADD, I32_SUB, I32_MUL, I32_DIV_S, I32_DIV_U, I32_REM_S, I32_REM_U = range(0x6A, 0x71)
    I32_AND, I32_OR, I32_XOR, I32_SHL, I32_SHR_S, I32_SHR_U = range(0x71, 0x77)
    I64_ADD, I64_SUB, I64_MUL, I64_DIV_S, I64_DIV_U, I64_REM_S, I64_REM_U = range(0x7C, 0x83)
    I64_AND, I64_OR, I64_XOR, I64_SHL, I64_SHR_S, I64_SHR_U = range(0x83, 0x89)
    WRAP, EXTEND_U = 0xA7, 0xAD
    I32_EXTEND8_S, I32_EXTEND16_S, I64_EXTEND8_S, I64_EXTEND16_S, I64_EXTEND32_S = range(0xC0, 0xC5)


LOADS: Final = {(I32, 1): 0x2D, (I32, 2): 0x2F, (I32, 4): 0x28, (I64, 1): 0x31, (I64, 2): 0x33, (I64, 4): 0x35} | {
    (I64, 8): 0x29
}
"""Loads that zero-extend, by type and size in bytes."""

STORES: Final = {(I32, 1): 0x3A, (I32, 2): 0x3B, (I32, 4): 0x36, (I64, 1): 0x3C, (I64, 2): 0x3D, (I64, 4): 0x3E} | {
    (I64, 8): 0x37
}


@cache
def unsigned(value: int) -> bytes:
    """LEB128 of a non-negative integer."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@cache
def signed(value: int) -> bytes:
    """Signed LEB128."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


@cache
def constant(kind: int, value: int) -> bytes:
    """The instruction that pushes `value` (0 <= value < 2**32 or 2**64) as `kind`."""
    width = 32 if kind == I32 else 64
    if not 0 <= value < 1 << width:
        raise ValueError(f"{value} is no unsigned number of {width} bits")
    return bytes([0x41 if kind == I32 else 0x42]) + signed(value - (1 << width) if value >> (width - 1) else value)


class Function:
    """A function under construction; `code` holds its instructions so far, `depth` the open blocks.

    A branch names its target by the depth that the block has inside: `mark = f.block()` ... `f.branch(mark)`.
    """

    def __init__(self, name: str, parameters: Sequence[int], results: Sequence[int]) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.results = tuple(results)
        self.code = bytearray()
        self.depth = 0
        self._locals: list[int] = []

    def local(self, kind: int) -> int:
        """A new local variable, zero at first."""
        self._locals.append(kind)
        return len(self.parameters) + len(self._locals) - 1

    def op(self, *codes: int) -> None:
        self.code += bytes(codes)

    def const(self, kind: int, value: int) -> None:
        self.code += constant(kind, value)

    def get(self, number: int) -> None:
        self.code += b"\x20" + unsigned(number)

    def set(self, number: int) -> None:
        self.code += b"\x21" + unsigned(number)

    def tee(self, number: int) -> None:
        self.code += b"\x22" + unsigned(number)

    def load(self, kind: int, size: int, offset: int) -> None:
        """Loads `size` bytes at the address on the stack plus `offset`, zero-extended; alignment is not assumed."""
        self.code += bytes([LOADS[kind, size], 0]) + unsigned(offset)

    def store(self, kind: int, size: int, offset: int) -> None:
        """Stores the low `size` bytes of the value on the stack at the address below it plus `offset`."""
        self.code += bytes([STORES[kind, size], 0]) + unsigned(offset)

    def call(self, number: int) -> None:
        self.code += b"\x10" + unsigned(number)

    def grow_memory(self) -> None:
        self.code += b"\x40\x00"

    def copy_memory(self) -> None:
        """Takes the address to write, the address to read, and the number of bytes."""
        self.code += b"\xfc\x0a\x00\x00"

    # Blocks.

    def block(self, kind: int = EMPTY) -> int:
        return self._open(0x02, kind)

    def loop(self) -> int:
        return self._open(0x03, EMPTY)

    def if_(self, kind: int = EMPTY) -> int:
        return self._open(0x04, kind)

    def else_(self) -> None:
        self.code.append(Op.ELSE)

    def end(self) -> None:
        self.code.append(Op.END)
        self.depth -= 1

    def _open(self, code: int, kind: int) -> int:
        self.code += bytes([code, kind])
        self.depth += 1
        return self.depth

    def branch(self, mark: int) -> None:
        self.code += b"\x0c" + unsigned(self.depth - mark)

    def branch_if(self, mark: int) -> None:
        self.code += b"\x0d" + unsigned(self.depth - mark)

    def branch_table(self, marks: Sequence[int], default: int) -> None:
        self.code += b"\x0e" + unsigned(len(marks))
        for mark in (*marks, default):
            self.code += unsigned(self.depth - mark)

    def encoded(self) -> bytes:
        """The function as the code section has it. All blocks must have been ended."""
        assert self.depth == 0, f"{self.name} has {self.depth} blocks that do not end"
        runs: list[list[int]] = []
        for kind in self._locals:
            if runs and runs[-1][1] == kind:
                runs[-1][0] += 1
            else:
                runs.append([1, kind])
        head = unsigned(len(runs)) + b"".join(unsigned(count) + bytes([kind]) for count, kind in runs)
        body = head + bytes(self.code) + b"\x0b"
        return unsigned(len(body)) + body


class Module:
    """A module under construction: functions by number, and one memory, exported as `memory`."""

    def __init__(self) -> None:
        self._functions: list[Function | None] = []
        self._types: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self._exports: list[tuple[str, int]] = []
        self._data: list[tuple[int, bytes]] = []

    def reserve(self) -> int:
        """The number of a function that is defined later."""
        self._functions.append(None)
        return len(self._functions) - 1

    def define(self, function: Function, number: int | None = None, *, export: bool = False) -> int:
        """Adds `function`, as the reserved `number` if one is given; its number."""
        number = self.reserve() if number is None else number
        self._functions[number] = function
        self._types.setdefault((function.parameters, function.results), len(self._types))
        if export:
            self._exports.append((function.name, number))
        return number

    def data(self, address: int, content: bytes) -> None:
        """What memory holds at `address` at first."""
        self._data.append((address, content))

    def encoded(self, pages: int) -> bytes:
        """The module with a memory of at least `pages` pages."""
        functions = [f for f in self._functions if f is not None]
        assert len(functions) == len(self._functions), "a function was reserved and never defined"
        types = [
            b"\x60" + unsigned(len(p)) + bytes(p) + unsigned(len(r)) + bytes(r)
            for p, r in sorted(self._types, key=self._types.__getitem__)
        ]
        numbers = [unsigned(self._types[f.parameters, f.results]) for f in functions]
        exports = [name_bytes("memory") + b"\x02\x00"] + [
            name_bytes(n) + b"\x00" + unsigned(i) for n, i in self._exports
        ]
        data = [
            b"\x00" + constant(I32, address) + b"\x0b" + unsigned(len(content)) + content
            for address, content in self._data
        ]
        return b"\0asm\x01\0\0\0" + b"".join(
            [
                section(1, types),
                section(3, numbers),
                section(5, [b"\x00" + unsigned(pages)]),
                section(7, exports),
                section(10, [f.encoded() for f in functions]),
                section(11, data) if data else b"",
            ]
        )


def name_bytes(text: str) -> bytes:
    """A name as a module has it."""
    raw = text.encode()
    return unsigned(len(raw)) + raw


def section(number: int, items: list[bytes]) -> bytes:
    """A section of so many items."""
    body = unsigned(len(items)) + b"".join(items)
    return bytes([number]) + unsigned(len(body)) + body
