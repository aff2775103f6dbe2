"""Which region runs: a function that enters regions by the program counter, and else lets the kernel take a step.

It counts how often a place is reached by a backward move or from a region. When that is often enough it returns, so
that a region can be made. Its own memory has a table of places, found by some bits of the program counter.
"""

from __future__ import annotations

from ringproof.model.machine import Machine

from ..control import LIMIT_REACHED, NO_ROOM
from ..layout import WORLD, Layout, bytes_of
from ..memory import HEAP_LOW
from ..runtime import Running
from ..wasm import I32, I64, LOADS, PAGE, STORES, Function, Op, unsigned
from .module import LinkedModule

HOT = NO_ROOM + 1
"""A place was reached often; besides the kernel's reasons."""

TAKEN, PLACE, INSIDE = 0, 8, 16
"""Addresses in the own memory: steps taken, the place that was reached often, those of the steps that regions took."""

TABLE, PLACES, PLACE_BYTES = 64, 1 << 12, 32
HITS, REGIONS, REGIONS_OF_PLACE = 8, 16, 4
"""In an entry, after its program counter: how often it was reached, and the regions that start there (0: no more)."""

MOST_REGIONS = 1 << 12


def _load(f: Function, kind: int, size: int, offset: int) -> None:
    f.code += bytes([LOADS[kind, size], 0x40, 1]) + unsigned(offset)


def _store(f: Function, kind: int, size: int, offset: int) -> None:
    f.code += bytes([STORES[kind, size], 0x40, 1]) + unsigned(offset)


def entry_of(counter: int) -> int:
    """The address of a place's entry."""
    return TABLE + ((counter ^ counter >> 12) & (PLACES - 1)) * PLACE_BYTES


def dispatcher(machine: Machine, layout: Layout, threshold: int) -> bytes:
    """The module; it imports the kernel's memory and its `run`."""
    module = LinkedModule()
    module.import_memory()
    step = module.import_function((I64, I32), (I32,))
    region = module.type((I64, I32), (I64,))
    module.table("table", MOST_REGIONS)
    module.own_memory(-(-(TABLE + PLACES * PLACE_BYTES) // PAGE))
    f = Function("enter", (I64, I32), (I32,))
    count, counter, last, taken, inside = (f.local(I64) for _ in range(5))
    entry, moved, reason, found = (f.local(I32) for _ in range(4))

    def finish(push: int | None) -> None:
        f.const(I32, 0)
        f.get(count)
        _store(f, I64, 8, TAKEN)
        f.const(I32, 0)
        f.get(inside)
        _store(f, I64, 8, INSIDE)
        if push is None:
            f.get(reason)
        else:
            f.const(I32, push)
        f.op(Op.RETURN)

    f.const(I32, 1)
    f.set(moved)
    again = f.loop()
    f.get(count)
    f.get(0)
    f.op(Op.I64_GE_U)
    f.if_()
    finish(LIMIT_REACHED)
    f.end()
    f.get(WORLD)
    size = bytes_of(machine.components[machine.counter].sort)
    f.load(I64, size, layout.slots[machine.counter].offset)
    f.set(counter)
    f.get(counter)
    f.get(counter)
    f.const(I64, 12)
    f.op(Op.I64_SHR_U, Op.I64_XOR, Op.WRAP)
    f.const(I32, PLACES - 1)
    f.op(Op.I32_AND)
    f.const(I32, PLACE_BYTES.bit_length() - 1)
    f.op(Op.I32_SHL)
    f.const(I32, TABLE)
    f.op(Op.I32_ADD)
    f.tee(entry)
    _load(f, I64, 8, 0)
    f.get(counter)
    f.op(Op.I64_EQ)
    f.const(I32, 0)
    f.load(I32, 4, HEAP_LOW)
    f.op(Op.I32_EQZ, Op.I32_AND)
    f.if_()
    none = f.block()
    for number in range(REGIONS_OF_PLACE):
        f.get(entry)
        _load(f, I32, 4, REGIONS + 4 * number)
        f.tee(found)
        f.op(Op.I32_EQZ)
        f.branch_if(none)
        f.get(0)
        f.get(count)
        f.op(Op.I64_SUB)
        f.get(WORLD)
        f.get(found)
        f.code += b"\x11" + unsigned(region) + b"\x00"
        f.tee(taken)
        f.op(Op.I64_EQZ, Op.I32_EQZ)
        f.if_()
        f.get(count)
        f.get(taken)
        f.op(Op.I64_ADD)
        f.set(count)
        f.get(inside)
        f.get(taken)
        f.op(Op.I64_ADD)
        f.set(inside)
        f.const(I32, 1)
        f.set(moved)
        f.branch(again)
        f.end()
    f.end()
    f.end()
    f.get(moved)
    f.get(counter)
    f.get(last)
    f.op(Op.I64_LE_U, Op.I32_OR)
    f.if_()
    _count(f, entry, counter)
    f.get(entry)
    _load(f, I32, 4, HITS)
    f.const(I32, threshold)
    f.op(Op.I32_EQ)
    f.if_()
    f.const(I32, 0)
    f.get(counter)
    _store(f, I64, 8, PLACE)
    finish(HOT)
    f.end()
    f.end()
    f.const(I32, 0)
    f.set(moved)
    f.get(counter)
    f.set(last)
    f.const(I64, 1)
    f.get(WORLD)
    f.call(step)
    f.tee(reason)
    f.if_()
    finish(None)
    f.end()
    f.get(count)
    f.const(I64, 1)
    f.op(Op.I64_ADD)
    f.set(count)
    f.branch(again)
    f.end()
    f.op(Op.UNREACHABLE)
    module.define(f, export=True)
    return module.linked()


def _count(f: Function, entry: int, counter: int) -> None:
    """Counts a place; it takes over an entry that has no regions."""
    f.get(entry)
    _load(f, I64, 8, 0)
    f.get(counter)
    f.op(Op.I64_NE)
    f.get(entry)
    _load(f, I32, 4, REGIONS)
    f.op(Op.I32_EQZ, Op.I32_AND)
    f.if_()
    f.get(entry)
    f.get(counter)
    _store(f, I64, 8, 0)
    f.get(entry)
    f.const(I32, 0)
    _store(f, I32, 4, HITS)
    f.end()
    f.get(entry)
    _load(f, I64, 8, 0)
    f.get(counter)
    f.op(Op.I64_EQ)
    f.if_()
    f.get(entry)
    f.get(entry)
    _load(f, I32, 4, HITS)
    f.const(I32, 1)
    f.op(Op.I32_ADD)
    _store(f, I32, 4, HITS)
    f.end()


def put_place(running: Running, counter: int, hits: int, regions: list[int]) -> None:
    """Gives a place its entry; the first regions are tried first, and there is room for a few."""
    kept = (regions[:REGIONS_OF_PLACE] + [0] * REGIONS_OF_PLACE)[:REGIONS_OF_PLACE]
    numbers = b"".join([n.to_bytes(4, "little") for n in (hits, 0, *kept)])
    running.write(entry_of(counter), counter.to_bytes(8, "little") + numbers)
