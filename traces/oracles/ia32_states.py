"""Random but real states of IA-32: what a processor could hold in one of the worlds of `ia32_worlds`.

Segment registers hold what loading their selectors from the world's tables would give, so every privilege
and type rule of the machine's invariants holds. General registers are biased to what makes instructions do
something: pointers into segments, selectors, small counts, boundary values.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .ia32_descriptors import Descriptor
from .ia32_worlds import GDT_AT, HALT, IDT_AT, SIZE, World
from .unicorn_memory import Image

State = dict[str, Any]
BOUNDARIES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MODEL_SPECIFIC = (0x10, 0x174, 0x175, 0x176)
PLAIN_FLAGS = ("CF", "PF", "AF", "ZF", "SF", "DF", "OF", "IF", "ID", "AC")
FLAT = Descriptor(0, 0xFFFFFFFF, 0)


def word(rng: Random, world: World) -> int:
    """A value of 32 bits: a boundary, a small or a random number, a selector, or an address."""
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(BOUNDARIES)
    if kind < 0.22:
        return rng.choice(MODEL_SPECIFIC)
    if kind < 0.35:
        return rng.randrange(64)
    if kind < 0.6:
        return selector(rng, world) | rng.getrandbits(16) << 16 * rng.getrandbits(1)
    if kind < 0.75:
        return world.data_address(rng) & 0xFFFFFFFF
    return rng.getrandbits(32)


def selector(rng: Random, world: World) -> int:
    """A selector: most often of a descriptor of the world, with any RPL; sometimes null or beyond the tables."""
    kind = rng.random()
    if kind < 0.9:
        of_kind = rng.choices(world.kinds, (3, 3, 2, 2))[0] or world.kinds[0]
        return rng.choice(of_kind) | rng.choice((0, 0, 0, 1, 2, 3, 3))
    if kind < 0.95:
        return rng.randrange(4)
    return rng.getrandbits(16)


def far_pointer(rng: Random, world: World, cpl: int) -> tuple[int, int]:
    """A selector and an offset to jump to: code that may run at `cpl`, a call gate, or anything."""
    kind = rng.random()
    chosen, start = selector(rng, world), 0
    if kind < 0.45:
        code = rng.choice(world.code_segments(cpl))
        chosen, start = code | rng.randrange(cpl + 1), world.descriptors[code].base
    elif kind < 0.65 and (gates := world.callable_gates(cpl)):
        chosen = rng.choice(gates) | rng.randrange(cpl + 1)
    return chosen, world.code_address(rng) - start & 0xFFFFFFFF


def draw_state(rng: Random, world: World, initial: Callable[[], State]) -> State:
    """A state of `world`; `initial` gives a state in which every component is zero."""
    state = initial()
    state["memory"] = Image(world.content, world.base, default=HALT)
    cpl = state["CPL"] = rng.choice((0, 0, 1, 2, 3, 3))
    load_segments(rng, world, state, cpl)
    _load_tables(rng, world, state)
    for name in PLAIN_FLAGS:
        state[name] = rng.getrandbits(1)
    for name in ("VIF", "VIP", "RF", "NT"):
        state[name] = int(rng.random() < 0.04)
    state["IOPL"] = rng.choice((0, 0, 1, 2, 3, 3))
    state["CR0"] = 1 | rng.choice((0x10, 0x10, 0x16, 0x1E, 0x50034 & ~0x20 | rng.getrandbits(4) & ~1))
    state["CR2"], state["CR3"] = rng.getrandbits(32), rng.getrandbits(20) << 12
    for number in range(4):
        state[f"DR{number}"] = rng.getrandbits(32)
    state["DR6"], state["DR7"] = 0xFFFF0FF0 | rng.getrandbits(4), 0x400
    draw_registers(rng, world, state)
    for number in MODEL_SPECIFIC[1:]:
        state["MSR"][number] = selector(rng, world) if number == 0x174 else word(rng, world)
    port = state["EDX"] & 0xFFFF
    state["IO"].update({port + n & 0xFFFF: rng.getrandbits(8) for n in range(4)})
    return state


def load_segments(rng: Random, world: World, state: State, cpl: int) -> None:
    """Segment registers with segments of the world that ring `cpl` may hold."""
    for name, candidates in (("CS", world.code_segments(cpl)), ("SS", world.stack_segments(cpl))):
        chosen = rng.choice(candidates)
        state[f"{name}_index"] = chosen >> 2
        _hidden(state, name, world.descriptors[chosen])
    candidates = world.data_segments(cpl)
    ordinary = [s for s in candidates if world.descriptors[s].writable and world.descriptors[s].limit >= SIZE - 1]
    for name in ("ES", "DS", "FS", "GS"):
        if rng.random() < 0.03:
            state[f"{name}_selector"] = rng.randrange(4)
            continue
        chosen = rng.choice(ordinary if rng.random() < 0.6 else candidates)
        descriptor = world.descriptors[chosen]
        rpl = rng.randrange(4) if descriptor.conforming else rng.randrange(descriptor.dpl + 1)
        state[f"{name}_selector"] = chosen | rpl
        state[f"{name}_big"] = int(descriptor.big)
        _hidden(state, name, descriptor)


def _hidden(state: State, name: str, descriptor: Descriptor) -> None:
    loaded = descriptor.accessed()
    state[f"{name}_base"], state[f"{name}_limit"] = loaded.base, loaded.limit
    state[f"{name}_access"] = loaded.access


def _load_tables(rng: Random, world: World, state: State) -> None:
    state["GDTR_base"], state["GDTR_limit"] = world.base + GDT_AT, world.gdt_limit
    state["IDTR_base"], state["IDTR_limit"] = world.base + IDT_AT, world.idt_limit
    for name, (chosen, descriptor) in (("LDTR", world.ldtr), ("TR", world.tr)):
        if name == "LDTR" and rng.random() < 0.08:
            continue
        state[f"{name}_selector"] = chosen
        state[f"{name}_base"], state[f"{name}_limit"] = descriptor.base, descriptor.limit
        state[f"{name}_access"] = descriptor.access


def cached(state: State, name: str) -> Descriptor:
    """The descriptor in a segment register's hidden part; where it is unusable, a flat one."""
    access = state[f"{name}_access"]
    if not access:
        return FLAT
    big = bool(state.get(f"{name}_big", 1))
    return Descriptor(state[f"{name}_base"], state[f"{name}_limit"], access, big)


def address_in(rng: Random, world: World, segment: Descriptor) -> int:
    """A linear address of the arena's data, inside `segment` if a few tries find one."""
    address = 0
    for _ in range(4):
        address = world.data_address(rng) & 0xFFFFFFFF
        if segment.covers(address, 8):
            break
        # A small segment that starts in the arena has its bytes at its beginning.
        start = segment.base - world.base & 0xFFFFFFFF
        if start < SIZE and not segment.expand_down:
            address = segment.base + rng.randrange(min(segment.limit + 1, SIZE)) & 0xFFFFFFFF
            if segment.covers(address, 4):
                break
    return address


def pointer(rng: Random, world: World, segment: Descriptor) -> int:
    """An offset in `segment`: of its data, or now and then at its edge."""
    if rng.random() < 0.04:
        return segment.limit + rng.randrange(-6, 3) & 0xFFFFFFFF
    return address_in(rng, world, segment) - segment.base & 0xFFFFFFFF


def draw_registers(rng: Random, world: World, state: State) -> None:
    """General registers, and EIP in the code area; the segments are loaded before."""
    for name in ("EAX", "ECX", "EDX", "EBX", "EBP", "ESI", "EDI"):
        state[name] = word(rng, world)
    if rng.random() < 0.5:
        state["ECX"] = rng.randrange(5)
    if rng.random() < 0.4:
        state["EDX"] = rng.randrange(0x840)
    for name, base in (("ESI", "DS"), ("EDI", "ES"), ("EBP", "SS"), ("EBX", "DS")):
        if rng.random() < 0.8:
            state[name] = pointer(rng, world, cached(state, base))
    stack = cached(state, "SS")
    state["ESP"] = pointer(rng, world, stack)
    if rng.random() < 0.75:
        state["ESP"] &= ~3
    elif rng.random() < 0.1:
        state["ESP"] = rng.choice((0, 1, 2, 3, 4, 6, 0xFFFFFFFF, 0xFFFFFFFC))
    code = cached(state, "CS")
    state["EIP"] = world.code_address(rng) - code.base & 0xFFFFFFFF
