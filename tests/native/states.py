"""Random states and operands for comparing the engine with the interpreter, biased so that instructions complete."""

from __future__ import annotations

import random
from typing import Any

from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import ArraySort, BoolSort, Sort
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

_FLAT = {f"{name}_limit": 0xFFFFFFFF for name in ("ES", "CS", "SS", "DS", "FS", "GS")}
_DATA = {f"{name}_access": 0x93 for name in ("ES", "SS", "DS", "FS", "GS")}
_IA32 = {**_FLAT, **_DATA, "CS_access": 0x9B, "halted": False, "GDTR_limit": 0xFFFF, "IDTR_limit": 0xFFFF}
_WINDOW = {"window_bound": 0xFFFFF000, "INTR": False}
FRIENDLY: dict[str, dict[str, Any]] = {
    "ia32": _IA32,
    "ia32-vmx": {**_IA32, **_WINDOW, "VMX_on": True, "VMCS_current": True},
    "ia32-svm": {**_IA32, **_WINDOW},
    "pdp10-ka10": {"bound": 0xFF, "executing": False},
    "pdp10-ki10": {"MODE": 0, "executing": False},
}
"""Values in half of the states: with random ones, hardly any instruction of these machines completes."""


def number(rng: random.Random, width: int) -> int:
    """A number of `width` bits, often an edge, a small one, or one bit."""
    top = (1 << width) - 1
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice((0, 1, top, top >> 1, (top >> 1) + 1))
    if kind == 1:
        return rng.randrange(64) & top
    return 1 << rng.randrange(width) if kind == 2 else rng.getrandbits(width)


def value(rng: random.Random, sort: Sort) -> Any:
    if isinstance(sort, ArraySort):
        cells = {number(rng, sort.index.width): number(rng, sort.value.width) for _ in range(24)}
        first = number(rng, sort.index.width)
        near = {(first + n) % (1 << sort.index.width): number(rng, sort.value.width) for n in range(24)}
        return Cells({**cells, **near}, number(rng, sort.value.width))
    return bool(rng.getrandbits(1)) if isinstance(sort, BoolSort) else number(rng, sort.width)


def state(rng: random.Random, machine: Machine) -> State:
    made = {name: value(rng, component.sort) for name, component in machine.components.items()}
    return made | FRIENDLY.get(machine.name, {}) if rng.getrandbits(1) else made


def operands(rng: random.Random, machine: Machine, instruction: Instruction) -> dict[str, int]:
    """Random fields; the length is a small number."""
    fields = {name: number(rng, term.width) for name, term in instruction.encoding.fields.items()}
    if not instruction.encoding.length.is_constant:
        fields["length"] = rng.randrange(1, 12)
    return fields
