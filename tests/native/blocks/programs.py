"""Random programs that loop, with traps that return: for IA-32 a descriptor table, gates and handlers."""

from __future__ import annotations

import random
from typing import Any

from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import ArraySort, BitVecSort
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

from ..states import number, value

GDT, IDT, TSS, STACK, HANDLERS, CODE = 0x1000, 0x2000, 0x2800, 0x3800, 0x4000, 0x5000
USER_STACK, DATA = 0x7000, 0x6000
WITH_ERROR_CODE = (8, 10, 11, 12, 13, 14, 17)


def put(cells: Cells, address: int, content: bytes) -> None:
    for offset, byte in enumerate(content):
        cells[address + offset] = byte


def descriptor(access: int) -> bytes:
    """A flat segment of 4 GiB."""
    return bytes([0xFF, 0xFF, 0, 0, 0, access, 0xCF, 0])


def gate(offset: int, kind: int = 0xEE) -> bytes:
    return offset.to_bytes(2, "little") + b"\x08\0\0" + bytes([kind]) + (offset >> 16).to_bytes(2, "little")


def protected(cells: Cells, *, skipped: int = 2) -> dict[str, Any]:
    """Components of IA-32 with tables in `cells`: every trap skips some bytes and returns."""
    task = GDT + 0x28
    put(cells, GDT, bytes(8) + b"".join(descriptor(access) for access in (0x9B, 0x93, 0xFB, 0xF3)))
    put(cells, task, bytes([0x67, 0, TSS & 0xFF, TSS >> 8, 0, 0x8B, 0, 0]))
    put(cells, TSS + 4, STACK.to_bytes(4, "little") + b"\x10\0\0\0")
    skip = b"\x83\x04\x24" + bytes([skipped]) + b"\xcf"
    put(cells, HANDLERS, skip)
    put(cells, HANDLERS + 0x10, b"\x83\xc4\x04" + skip)
    for vector in range(256):
        handler = HANDLERS + (0x10 if vector in WITH_ERROR_CODE else 0)
        put(cells, IDT + 8 * vector, gate(handler))
    flat = {f"{name}_limit": 0xFFFFFFFF for name in ("ES", "CS", "SS", "DS", "FS", "GS")}
    selectors = {f"{name}_selector": 0x23 for name in ("ES", "DS", "FS", "GS")}
    access = {f"{name}_access": 0xF3 for name in ("ES", "SS", "DS", "FS", "GS")}
    return (
        {**flat, **selectors, **access, "CS_access": 0xFB, "CPL": 3, "CS_index": 6, "SS_index": 8, "IF": True}
        | {"GDTR_base": GDT, "GDTR_limit": 0x2F, "IDTR_base": IDT, "IDTR_limit": 0x7FF, "CR0": 1}
        | {"TR_selector": 0x28, "TR_base": TSS, "TR_limit": 0x67, "TR_access": 0x8B, "EIP": CODE, "ESP": USER_STACK}
    )


def kernel_mode() -> dict[str, Any]:
    """What `protected` differs by in ring 0."""
    access = {f"{name}_access": 0x93 for name in ("ES", "SS", "DS", "FS", "GS")}
    selectors = {f"{name}_selector": 0x10 for name in ("ES", "DS", "FS", "GS")}
    return {**access, **selectors, "CS_access": 0x9B, "CPL": 0, "CS_index": 2, "SS_index": 4}


def word(rng: random.Random, instruction: Instruction, near: int) -> int:
    """A word of the instruction with random operands, small numbers being common."""
    while True:
        fields = {}
        for name, term in instruction.encoding.fields.items():
            width = term.width
            fields[name] = rng.randrange(near) % (1 << width) if rng.random() < 0.8 else number(rng, width)
        try:
            return instruction.encoding.assemble(fields)
        except ValueError:
            continue


def instruction_bytes(rng: random.Random, machine: Machine, interpreter: Any) -> bytes:
    """An instruction of a byte machine as it lies in memory; one without operands of memory far away is common."""
    while True:
        instruction = rng.choice(machine.instructions)
        encoded = word(rng, instruction, 8)
        found = interpreter.decode(encoded)
        if found is None or machine.stored is None:
            continue
        length = found[1].get("length")
        if length is None:
            length = found[0].encoding.length.value
        return machine.stored(encoded, length)


def program(rng: random.Random, machine: Machine, interpreter: Any) -> State:
    """A state from which a random program runs."""
    state: State = {
        name: Cells({}, 0) if isinstance(c.sort, ArraySort) else 0 for name, c in machine.components.items()
    }
    assert machine.relocation is not None
    memory = Cells({}, 0)
    state[machine.relocation.memory] = memory
    if "priv" in state:
        return risc_v(rng, machine, interpreter, state)
    if machine.stored is None:
        state |= machine.start
        for name, component in machine.components.items():
            if isinstance(component.sort, BitVecSort) and rng.random() < 0.03 and name != machine.counter:
                state[name] = value(rng, component.sort)
        size = rng.choice((24, 40))
        # The accumulators of a PDP-10 hide the lowest cells.
        first = 16 if "AC" in state else 0
        state[machine.counter] = first
        for address in range(first, first + size):
            memory[address] = word(rng, rng.choice(machine.instructions), first + size)
        if "maps" in state:
            # The first pages of core, readable and writable, for executive and user.
            state["maps"] = Cells({n: 1 << 17 | 1 << 15 | n for n in range(8)}, 0)
        if first:
            # Where traps go: JSR 400, and there JRST 2,@400.
            memory[0o41] = memory[0o61] = 0o264 << 27 | 0o400
            memory[0o401] = 0o254 << 27 | 2 << 23 | 1 << 22 | 0o400
        if rng.random() < 0.5:
            jump = next(i for i in machine.instructions if i.name in ("JUMP", "JRST"))
            fields = {**dict.fromkeys(jump.encoding.fields, 0), **({"y": first} if first else {})}
            memory[first + size - 1] = jump.encoding.assemble(fields)
        if rng.random() < 0.5:
            for name in ("MODE", "USER", "M"):
                if name in state:
                    state[name] = 1
        return state
    state |= protected(memory, skipped=rng.choice((0, 1, 2, 3)))
    if rng.random() < 0.4:
        state |= kernel_mode()
    for register in ("EAX", "ECX", "EDX", "EBX", "EBP", "ESI", "EDI"):
        state[register] = rng.choice((rng.randrange(256), DATA + rng.randrange(64), CODE + rng.randrange(80)))
    address = CODE
    for _ in range(rng.choice((4, 8, 16))):
        content = instruction_bytes(rng, machine, interpreter)
        put(memory, address, content)
        address += len(content)
    back = CODE - (address + 5)
    put(memory, address, b"\xe9" + (back % (1 << 32)).to_bytes(4, "little"))
    return state


def risc_v(rng: random.Random, machine: Machine, interpreter: Any, state: State) -> State:
    """A loop of random instructions at M-mode, or below it where the first PMP entry allows everything."""
    state |= machine.start
    start = state["PC"]
    state["mtvec"] = start
    state["priv"] = rng.choice((3, 3, 1, 0))
    state["pmpaddr"], state["pmpcfg"] = Cells({0: (1 << 32) - 1}), Cells({0: 0x1F})
    state["X"] = Cells({n: rng.choice((rng.randrange(256), start + 0x1000 + rng.randrange(64))) for n in range(1, 32)})
    memory, address = state["memory"], start
    for _ in range(rng.choice((4, 8, 16))):
        content = instruction_bytes(rng, machine, interpreter)
        put(memory, address, content)
        address += len(content)
    jump = interpreter.named("JAL")
    put(memory, address, jump.encoding.assemble({"rd": 0, "imm": (start - address) % (1 << 21)}).to_bytes(4, "little"))
    return state


__all__ = ["kernel_mode", "program", "protected", "put"]
