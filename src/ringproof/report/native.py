"""A kernel described for the page: where components lie in its memory, what its numbers mean, and the module.

The page's script knows this description and nothing of a machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import BitVecSort, bits
from ringproof.traces.native import control, memory
from ringproof.traces.native.cache import compiled_kernel, usual_folder
from ringproof.traces.native.entries import operand_slots
from ringproof.traces.native.kernel import Kernel
from ringproof.traces.native.layout import FRAME_BYTES, HEADER_BYTES, PAGE_BYTES, NativeError, bytes_of

LARGEST_MODULE = 16 << 20
"""A larger module, in bytes, is left out of the page."""

MEMORY_LIMIT = 1 << 27
"""How many bytes of pages a run in the page may take."""


@dataclass(frozen=True)
class Native:
    """The module as bytes, and its description as plain data."""

    content: bytes
    description: dict[str, Any]


def describe(machine: Machine) -> Native:
    """The module of `machine`. Raises NativeError where there is none, or where it is too large for a page."""
    kernel, _ = compiled_kernel(_fetching(machine), usual_folder())
    if len(kernel.content) > LARGEST_MODULE:
        raise NativeError(
            f"the module of {machine.name} has {len(kernel.content)} bytes; a page takes at most {LARGEST_MODULE}"
        )
    return Native(kernel.content, _description(machine, kernel))


def _fetching(machine: Machine) -> Machine:
    """`machine`, or where it does not say how it fetches, one whose memory holds nothing but zero words.

    Its instructions are executed one at a time by their operands, so that it does not matter what is fetched.
    """
    if machine.fetch is not None:
        return machine
    sort = machine.components[machine.counter].sort if machine.counter else None
    if not isinstance(sort, BitVecSort):
        raise NativeError(f"{machine.name} has no program counter")
    width = machine.word.width
    return replace(machine, fetch=lambda cpu: bits(0, width))


def _description(machine: Machine, kernel: Kernel) -> dict[str, Any]:
    layout = kernel.layout
    slots = {name: [slot.offset, bytes_of(machine.components[name].sort)] for name, slot in layout.slots.items()}
    arrays = {
        place.name: {
            "number": place.number,
            "bytes": place.cell_bytes,
            "first": place.default,
            "table": None if place.flat else place.table,
            "shift": place.cells_shift,
        }
        for place in layout.arrays.values()
    }
    traps = {
        number: {
            "name": cause.name,
            "details": [[name, kernel.traps.slot(n).offset, -(-width // 8)] for n, (name, width) in enumerate(details)],
        }
        for (cause, details), number in kernel.traps.numbers.items()
    }
    return {
        "slots": slots,
        "arrays": arrays,
        "traps": traps,
        "forms": [instruction.syntax for instruction in machine.instructions],
        "lengths": None if machine.stored is None else [_length(i, kernel) for i in machine.instructions],
        "steps": machine.fetch is not None,
        "world": kernel.world,
        "heap": -(-(kernel.world + layout.top) // 16) * 16,
        "limit": MEMORY_LIMIT,
        "page": PAGE_BYTES,
        "header": HEADER_BYTES,
        "frame": FRAME_BYTES,
        "growth": memory.GROWTH,
        "log": kernel.log,
        "entry": kernel.entry,
        "cells": kernel.handler,
        "number": kernel.number,
        "at": {
            "heap": memory.HEAP,
            "heapEnd": memory.HEAP_END,
            "heapLimit": memory.HEAP_LIMIT,
            "owned": memory.OWNED,
            "logEnd": memory.LOG_END,
            "trap": control.TRAP,
            "nested": control.NESTED,
            "last": control.LAST,
        },
        "reasons": {"done": control.LIMIT_REACHED, "stuck": control.STUCK, "full": control.NO_ROOM},
        "firstOperand": kernel.first_operand,
    }


def _length(instruction: Instruction, kernel: Kernel) -> int | tuple[int, int]:
    """How many of the fetched bytes are the instruction's, or where a decoded entry says it: the place and its size."""
    length = instruction.encoding.length
    if length.is_constant:
        return int(length.value)
    slots, _ = operand_slots(instruction, kernel.first_operand, None)
    return slots["$length"].offset, bytes_of(length.sort)


def operation(
    machine: Machine, description: Mapping[str, Any], instruction: Instruction, fields: Mapping[str, int]
) -> dict[str, Any]:
    """What the page writes to execute `instruction` by itself: its number, and its operands' places and values."""
    slots, _ = operand_slots(instruction, description["firstOperand"], None)
    operands = []
    for name, slot in slots.items():
        key = name.removeprefix("$")
        variable = instruction.encoding.variables.get(key)
        sort = instruction.encoding.length.sort if variable is None else variable.sort
        operands.append([slot.offset, bytes_of(sort), hex(fields[key])])
    return {"number": machine.instructions.index(instruction) + 1, "operands": operands}
