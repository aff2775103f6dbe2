"""The host's own processor at CPL 3: one instruction in a 32-bit code segment (compatibility mode).

Real silicon is asked about everything unprivileged, unless a monitor or the kernel stands between: what they
show instead is in `host_deviations`. Compared are the general registers, EIP, the selectors, the flags but for TF
and RF, which single-stepping uses, memory, and the exception's vector and error code. The hidden parts of
segment registers are not shown, but what they do in the next case is.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from ringproof.model.ia32.encoding import SEGMENT_BYTES

from .answers import Answer, Cannot, Completed, OracleUnavailable, Raised
from .host_ptrace import Fault, HostError, Traced
from .host_tables import LDT_AT, LDT_ENTRIES, Memory, descriptor_request
from .ia32_worlds import SIZE as WINDOW

REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
HOST_REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi")
DATA_SEGMENTS = ("ES", "DS", "FS", "GS")
SETTABLE = {"CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "DF": 10, "OF": 11, "NT": 14, "RF": 16, "AC": 18}
SHOWN = {name: bit for name, bit in SETTABLE.items() if name != "RF"} | {"IF": 9, "VIF": 19, "VIP": 20, "ID": 21}
ID = 1 << 21
WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17})
BY_INSTRUCTION = frozenset({1, 3, 4})
PAGE_FAULT = 14
PREFIXES = frozenset({*SEGMENT_BYTES, 0x66, 0x67, 0xF0, 0xF2, 0xF3})
SYSTEM_CALLS = (b"\xcd\x80", b"\x0f\x34", b"\x0f\x05")
MODIFY_LDT, READ_LDT, WRITE_LDT = 154, 0, 0x11
POPF = b"\x9d"
CHUNK = 256


class HostProcessor:
    """Runs single instructions in a traced process. It must stay with the thread that made it."""

    name = "host"

    def __init__(self) -> None:
        try:
            self._traced = Traced(WINDOW)
            self._try()
        except (OSError, HostError) as error:
            raise OracleUnavailable(f"a traced process cannot be prepared on this host: {error}") from None
        self._tables = b""
        self.version = f"({_processor()}, {platform.system()} {platform.release()})"

    def close(self) -> None:
        """Ends the traced process."""
        self._traced.close()

    def _try(self) -> None:
        """Executes 40, which increments EAX in 32-bit code and is a prefix in 64-bit code."""
        traced = self._traced
        traced.place(0x200000)
        traced.memory[:2] = b"\x40\x90"
        registers = traced.registers
        registers.rip, registers.cs, registers.rax, registers.eflags = 0x200000, 0x23, 1, 2
        try:
            traced.load()
            fault = traced.step()
        except OSError as error:
            raise OracleUnavailable(f"this host refuses a 32-bit code segment: {error.strerror}") from None
        if fault or (registers.rip, registers.rax) != (0x200001, 2):
            raise OracleUnavailable("this host does not run 32-bit code segments")
        try:
            traced.syscall(MODIFY_LDT, READ_LDT, traced.argument(b""), 0)
        except OSError as error:
            raise OracleUnavailable(
                f"this host has no local descriptor tables (modify_ldt: {error.strerror})"
            ) from None

    # Running.

    def run(self, state: Mapping[str, Any], *, limit: int = 1) -> Answer:
        """Runs the instruction at CS:EIP of `state`, drawn by `host_cases`, at CPL 3.

        A string instruction with a repeat prefix is repeated, at most `limit` times, while EIP stays.
        """
        memory = state["memory"]
        if not isinstance(memory, Memory):
            raise TypeError(f"the memory of a state for the host must have its tables, not be {type(memory).__name__}")
        if _is_system_call(state):
            return Cannot("a system call")
        before = self._place(memory)
        self._set(state)
        traced, start = self._traced, state["EIP"]
        fault = None
        for _ in range(limit):
            fault = traced.step()
            if fault or traced.registers.rip != start:
                break
        written = _changed(memory.base, before, bytes(traced.memory))
        return _answer(start, fault, self._read(), written)

    def _place(self, memory: Memory) -> bytes:
        """Makes the process's memory and LDT those of the state; the memory's bytes."""
        traced = self._traced
        if memory.base != traced.base:
            traced.place(memory.base)
        if memory.tables is not self._tables:
            self._load_table(memory)
        traced.memory[:] = memory.content
        for address, value in memory.items():
            if 0 <= address - memory.base < WINDOW:
                traced.memory[address - memory.base] = value
        return bytes(traced.memory)

    def _load_table(self, memory: Memory) -> None:
        traced = self._traced
        for selector, item in memory.local.items():
            request = descriptor_request(selector >> 3, item)
            traced.syscall(MODIFY_LDT, WRITE_LDT, traced.argument(request), len(request))
        size = 8 * LDT_ENTRIES
        traced.syscall(MODIFY_LDT, READ_LDT, traced.argument(bytes(size)), size)
        if traced.argument_bytes(size) != memory.tables[LDT_AT : LDT_AT + size]:
            raise AssertionError("the kernel's LDT is not the one that was asked for")
        self._tables = memory.tables

    def _set(self, state: Mapping[str, Any]) -> None:
        traced = self._traced
        registers = traced.registers
        if bool(registers.eflags & ID) != state["ID"]:
            # The kernel lets no tracer change ID, but a program may.
            traced.execute(POPF, (ID * state["ID"] | 2).to_bytes(8, "little"))
        for ours, theirs in zip(REGISTERS, HOST_REGISTERS, strict=True):
            setattr(registers, theirs, state[ours])
        flags = 2
        for name, bit in SETTABLE.items():
            flags |= state[name] << bit
        registers.rip, registers.eflags = state["EIP"], flags
        registers.cs, registers.ss = state["CS_index"] << 2 | 3, state["SS_index"] << 2 | 3
        for name in DATA_SEGMENTS:
            setattr(registers, name.lower(), state[f"{name}_selector"])
        registers.fs_base, registers.gs_base = state["FS_base"], state["GS_base"]
        traced.load()

    def _read(self) -> dict[str, int]:
        registers = self._traced.registers
        after = {ours: int(getattr(registers, theirs)) for ours, theirs in zip(REGISTERS, HOST_REGISTERS, strict=True)}
        after["EIP"] = int(registers.rip)
        flags = int(registers.eflags)
        for name, bit in SHOWN.items():
            after[name] = flags >> bit & 1
        after["IOPL"] = flags >> 12 & 3
        after["CPL"] = int(registers.cs & 3)
        after["CS_index"], after["SS_index"] = int(registers.cs >> 2), int(registers.ss >> 2)
        for name in DATA_SEGMENTS:
            after[f"{name}_selector"] = int(getattr(registers, name.lower()))
        return after


def _answer(start: int, fault: Fault | None, after: dict[str, int], written: dict[int, int]) -> Answer:
    if fault is None:
        return Completed(after, written)
    vector = fault.vector
    if vector == PAGE_FAULT:
        return Cannot("page fault: an address outside of the program's memory")
    if vector in BY_INSTRUCTION:
        return Raised(vector, None, True, after, written)
    if after["EIP"] != start:
        # A load of SS holds the trap back until after the next instruction, which is HLT and faults.
        return Completed(after, written)
    return Raised(vector, fault.error_code if vector in WITH_ERROR_CODE else None, False, after, written)


def _is_system_call(state: Mapping[str, Any]) -> bool:
    memory, address = state["memory"], state["CS_base"] + state["EIP"]
    while memory[address & 0xFFFFFFFF] in PREFIXES:
        address += 1
    return bytes(memory[address + n & 0xFFFFFFFF] for n in range(2)) in SYSTEM_CALLS


def _changed(base: int, before: bytes, after: bytes) -> dict[int, int]:
    """The bytes that differ, by address."""
    if before == after:
        return {}
    found: dict[int, int] = {}
    for at in range(0, len(before), CHUNK):
        if before[at : at + CHUNK] != after[at : at + CHUNK]:
            found |= {base + n: after[n] for n in range(at, min(at + CHUNK, len(after))) if before[n] != after[n]}
    return found


def _processor() -> str:
    """The processor's name and whether something stands between it and the kernel, as the kernel tells."""
    with open("/proc/cpuinfo") as file:
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    known = {name.strip(): text.strip() for name, text in lines.items()}
    flags = known.get("flags", "").split()
    parts = [known.get("model name", "unnamed processor"), "UMIP" if "umip" in flags else "no UMIP"]
    return ", ".join([*parts, "under a hypervisor"] if "hypervisor" in flags else parts)
