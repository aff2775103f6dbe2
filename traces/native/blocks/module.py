"""Modules that share a memory and a table with others: imports, tables and elements on top of `wasm.Module`."""

from __future__ import annotations

from ..wasm import I32, Function, Module, constant, name_bytes, section, unsigned

FUNCREF = 0x70


class LinkedModule(Module):
    """A module under construction whose memory is the first memory that it imports.

    All imports come from the module named `""`. Imported functions have the lowest numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self._imports: list[bytes] = []
        self._imported = 0
        self._tables: list[bytes] = []
        self._memories: list[bytes] = []
        self._exported: list[bytes] = []
        self._elements: list[bytes] = []

    def import_memory(self) -> None:
        self._imports.append(name_bytes("") + name_bytes("memory") + b"\x02\x00\x00")

    def import_table(self) -> None:
        self._imports.append(name_bytes("") + name_bytes("table") + b"\x01" + bytes([FUNCREF]) + b"\x00\x00")

    def import_function(self, parameters: tuple[int, ...], results: tuple[int, ...]) -> int:
        """The number of a function with this type; all are imported before any is defined."""
        self._imports.append(
            name_bytes("") + name_bytes("function") + b"\x00" + unsigned(self.type(parameters, results))
        )
        self._imported += 1
        return self._imported - 1

    def type(self, parameters: tuple[int, ...], results: tuple[int, ...]) -> int:
        return self._types.setdefault((parameters, results), len(self._types))

    def table(self, name: str, size: int) -> None:
        """Adds a table of functions and exports it."""
        self._tables.append(bytes([FUNCREF]) + b"\x00" + unsigned(size))
        self._exported.append(name_bytes(name) + b"\x01\x00")

    def own_memory(self, pages: int) -> None:
        """Adds a memory besides the imported one, number 1, and exports it as `memory`."""
        self._memories.append(b"\x00" + unsigned(pages))
        self._exported.append(name_bytes("memory") + b"\x02\x01")

    def element(self, position: int, function: int) -> None:
        """Puts a function into the table."""
        self._elements.append(b"\x00" + constant(I32, position) + b"\x0b" + unsigned(1) + unsigned(function))

    def reserve(self) -> int:
        return super().reserve() + self._imported

    def define(self, function: Function, number: int | None = None, *, export: bool = False) -> int:
        number = self.reserve() if number is None else number
        self._functions[number - self._imported] = function
        self.type(function.parameters, function.results)
        if export:
            self._exports.append((function.name, number))
        return number

    def linked(self) -> bytes:
        """The module's bytes."""
        functions = [f for f in self._functions if f is not None]
        assert len(functions) == len(self._functions), "a function was reserved and never defined"
        types = [
            b"\x60" + unsigned(len(p)) + bytes(p) + unsigned(len(r)) + bytes(r)
            for p, r in sorted(self._types, key=self._types.__getitem__)
        ]
        exports = [*self._exported, *[name_bytes(n) + b"\x00" + unsigned(i) for n, i in self._exports]]
        numbers = [unsigned(self._types[f.parameters, f.results]) for f in functions]
        parts = [
            (1, types), (2, self._imports), (3, numbers), (4, self._tables), (5, self._memories), (7, exports),
            (9, self._elements), (10, [f.encoded() for f in functions]),
        ]  # fmt: skip
        return b"\0asm\x01\0\0\0" + b"".join([section(number, items) for number, items in parts if items])
