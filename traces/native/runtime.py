"""All that the project asks of wasmtime: compile a module, keep it as bytes, run it, reach its memory.

wasmtime's major versions break often, so nothing else imports it. A call costs tens of microseconds: callers enter
once for many steps.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakSet

import wasmtime

from .layout import NativeError

GUARD = 1 << 28
"""Address space kept free after each memory. At offsets below it, compiled code need not compare addresses with the
memory's size; a world whose arrays have large tables of pages lies at offsets past wasmtime's usual 32 MiB."""

_open: WeakSet[Running] = WeakSet()
_forked = False


@atexit.register
def _close() -> None:
    """Closes what still runs: wasmtime's own finalizers complain when Python has already taken itself apart."""
    for running in list(_open):
        running.close()
    _engine().close()


@cache
def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.parallel_compilation = not _forked
    config.memory_guard_size = GUARD
    return wasmtime.Engine(config)


def _after_fork() -> None:
    """A forked process compiles in one thread: it would wait for those that its parent started and it does not have."""
    global _forked
    _forked = True
    _open.clear()
    _engine.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def runtime_identity() -> str:
    """What compiled code depends on besides the module: wasmtime's version, the processor, the system."""
    version = importlib.metadata.version("wasmtime")
    pointer = ctypes.sizeof(ctypes.c_void_p)
    return f"wasmtime {version} {GUARD} {platform.machine()} {_processor()} {platform.system()} {pointer}"


def _processor() -> str:
    """The processor's features where the system lists them, since compiled code uses what it finds."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith(("flags", "Features")):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


class Code:
    """A compiled module."""

    def __init__(self, module: wasmtime.Module) -> None:
        self._module = module

    @classmethod
    def compile(cls, content: bytes) -> Code:
        return cls(wasmtime.Module(_engine(), content))

    @classmethod
    def deserialize(cls, content: bytes) -> Code:
        """The module of bytes that `serialize` gave. They are machine code: only bytes known to be ours may be.

        Raises NativeError where they are another wasmtime's.
        """
        try:
            return cls(wasmtime.Module.deserialize(_engine(), content))
        except wasmtime.WasmtimeError as error:
            raise NativeError(f"the compiled code is not this wasmtime's: {error}") from error

    def serialize(self) -> bytes:
        return bytes(self._module.serialize())

    def start(self) -> Running:
        return Running(self._module)


class Running:
    """An instance with its memory. Addresses are checked against the memory's size."""

    def __init__(self, module: wasmtime.Module, imports: Sequence[tuple[Running, str]] = ()) -> None:
        self._store: wasmtime.Store = imports[0][0]._store if imports else wasmtime.Store(_engine())
        given = [running._exports[name] for running, name in imports]
        self._exports: Any = wasmtime.Instance(self._store, module, given).exports(self._store)
        memory = self._exports.get("memory")
        if memory is not None:
            assert isinstance(memory, wasmtime.Memory)
            self._memory = memory
        if not imports:
            _open.add(self)

    def join(self, code: Code, imports: Sequence[tuple[Running, str]]) -> Running:
        """An instance beside this one, of a module that imports these exports, in this order."""
        return Running(code._module, imports)

    def close(self) -> None:
        self._store.close()

    def call(self, name: str, *arguments: int) -> int:
        """Calls an exported function of integers with one result."""
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        result: Any = function(self._store, *arguments)
        return int(result)

    @property
    def size(self) -> int:
        """The size of memory in bytes."""
        return self._memory.data_len(self._store)

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes from `address` on."""
        return ctypes.string_at(self._address(address, size), size)

    def write(self, address: int, content: bytes) -> None:
        ctypes.memmove(self._address(address, len(content)), content, len(content))

    def clear(self, address: int, size: int) -> None:
        ctypes.memset(self._address(address, size), 0, size)

    def grow(self, pages: int) -> None:
        """Adds pages of 64 KiB. Raises wasmtime's error where there is no room."""
        self._memory.grow(self._store, pages)

    def _address(self, address: int, size: int) -> int:
        if not 0 <= address <= address + size <= self.size:
            raise IndexError(f"{size} bytes at {address} are outside a memory of {self.size} bytes")
        # Memory moves when it grows, so its place is asked for each time.
        return ctypes.addressof(self._memory.data_ptr(self._store).contents) + address
