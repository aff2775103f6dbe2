"""Random single steps: an instruction form with random operands, placed in a random state.

Memory operands are solved to point at data, and what lies there, on the stack and in far pointers is made to
fit: selectors, offsets of code, flags. Nothing here depends on an instruction's name, only on its operands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from ringproof.model.ia32.encoding import to_bytes
from ringproof.model.ia32.machine import CR4_BITS
from ringproof.model.machine import Instruction
from ringproof.model.terms import Term
from ringproof.traces.interpreter import Interpreter

from .ia32_states import State, address_in, cached, draw_state, far_pointer, selector, word
from .ia32_worlds import CODE_AT, DATA_AT, HALT, World

REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
SEGMENTS = ("ES", "CS", "SS", "DS", "FS", "GS")
OVERRIDES = (0,) * 12 + (1, 2, 3, 4, 5, 6)
ESP, EBP = 4, 5
MASK = 0xFFFFFFFF
DEBUGGING_EXTENSIONS = 3
OTHER_CR4 = 0x6D8  # DE, PSE, MCE, PGE, OSFXSR, OSXMMEXCPT
AFTER = bytes([HALT]) * 16


@dataclass(frozen=True)
class Case:
    """One step to compare: `code` stands at CS:EIP of `state`."""

    instruction: Instruction
    fields: Mapping[str, int]
    code: bytes
    state: State

    @property
    def ring(self) -> int:
        """The privilege level that it runs at."""
        return int(self.state["CPL"])


def length_of(instruction: Instruction, fields: Mapping[str, int]) -> int:
    """How many bytes the instruction with these fields has; the encoding fixes it, or `fields` have it."""
    length = instruction.encoding.length
    return int(length.value) if length.is_constant else fields["length"]


class Steps:
    """Draws cases from a seed and a world. `interpreter` decodes, so that the fields are those of the word."""

    def __init__(self, interpreter: Interpreter, rng: Random, world: World) -> None:
        self.interpreter, self.rng, self.world = interpreter, rng, world
        assumptions = interpreter.machine.assumptions
        self._fixed = sum(1 << bit for name, bit in CR4_BITS.items() if assumptions[name].value)

    def draw(self, instruction: Instruction) -> Case | None:
        """A case of `instruction`, or None when the operands drawn are not an encoding of it."""
        state = self.state()
        drawn = self._fields(instruction, state)
        word_of = instruction.encoding.assemble(drawn)
        matches, fields = self.interpreter.operands(instruction, word_of)
        if not matches:
            return None
        length = fields["length"] if "length" in fields else instruction.encoding.length.value  # noqa: SIM401
        code = to_bytes(word_of, length)
        start = state["CS_base"] + state["EIP"]
        for n, byte in enumerate(code + AFTER):
            state["memory"][start + n & 0xFFFFFFFF] = byte
        return Case(instruction, fields, code, state)

    def state(self) -> State:
        """A random state of the world."""
        state = draw_state(self.rng, self.world, self.interpreter.initial)
        state["CR4"] = self._fixed | self.rng.choice((0, 0, 1 << DEBUGGING_EXTENSIONS, OTHER_CR4))
        return state

    # Operands.

    def _fields(self, instruction: Instruction, state: State) -> dict[str, int]:
        rng = self.rng
        terms = instruction.encoding.fields
        fields = {name: rng.getrandbits(term.width) if _width(term) else 0 for name, term in terms.items()}
        lock = rng.random() < 0.02
        repeat = 0 if rng.random() < 0.97 else rng.choice((2, 3))
        fields["prefix"] = rng.choice(OVERRIDES) << 5 | repeat << 3 | lock << 2 | (rng.random() < 0.03)
        for name, width in ((n, _width(terms[n])) for n in ("imm", "imm2") if n in terms):
            fields[name] = self._immediate(instruction, state, width)
        if fields.get("imm2", 0) & 0x80:
            fields["imm2"] &= 1  # a nesting level, which is small as a rule
        if "index" in terms:
            fields["mod"] = rng.choice((0, 1, 2, 2, 3, 3))
            if fields["mod"] != 3:
                self._solve_address(instruction, fields, state)
            elif "m16" in instruction.syntax and rng.random() < 0.5:
                name = REGISTERS[fields["rm"]]
                state[name] = state[name] & 0xFFFF0000 | selector(rng, self.world)
        elif "mod" in terms:
            fields["mod"] = rng.choice((3, 3, 3, 0, 1, 2))
        self._plant_stack(state)
        return fields

    def _immediate(self, instruction: Instruction, state: State, width: int) -> int:
        rng, world = self.rng, self.world
        if "rel" in instruction.syntax and width == 32 and rng.random() < 0.9:
            start = state["CS_base"] + state["EIP"]
            return int(world.code_address(rng) - start & 0xFFFFFFFF)
        if "rel" in instruction.syntax and width == 8 and rng.random() < 0.7:
            return rng.randrange(0x20, 0x78)
        if width >= 48:
            chosen, offset = far_pointer(rng, world, state["CPL"])
            return chosen << (width - 16) | offset
        if "moffs" in instruction.syntax and rng.random() < 0.9:
            return address_in(rng, world, cached(state, "DS")) - cached(state, "DS").base & 0xFFFFFFFF
        if width == 16 and rng.random() < 0.7:
            return rng.randrange(0, 64, 4)
        value = word(rng, world)
        return (value if rng.random() < 0.6 else rng.getrandbits(32)) & ((1 << width) - 1)

    def _solve_address(self, instruction: Instruction, fields: dict[str, int], state: State) -> None:
        """Chooses a register, a displacement or both so that the operand lies where there is something."""
        rng = self.rng
        mod, base = fields["mod"], fields["rm"]
        no_base = mod == 0 and base == EBP
        fields["sib"] = int(base == ESP or rng.random() < 0.4)
        index = fields["index"] = rng.randrange(8) if fields["sib"] else 4
        scale = fields["scale"] = rng.getrandbits(2) if fields["sib"] else 0
        chosen = fields["prefix"] >> 5
        name = SEGMENTS[chosen - 1] if chosen else "SS" if base in (ESP, EBP) and not no_base else "DS"
        segment = cached(state, name)
        target = address_in(rng, self.world, segment)
        if rng.random() < 0.04:
            target = segment.base + segment.limit + rng.randrange(-6, 3) & 0xFFFFFFFF
        offset = target - segment.base
        known = 0 if index == 4 else state[REGISTERS[index]] << scale
        fields["disp"] = 0
        if mod == 2 or no_base:
            known += 0 if no_base else state[REGISTERS[base]]
            fields["disp"] = offset - known & 0xFFFFFFFF
        else:
            if mod == 1:
                fields["disp"] = (rng.randrange(-128, 128)) & 0xFFFFFFFF
            if base != ESP and base != index:
                state[REGISTERS[base]] = offset - known - fields["disp"] & 0xFFFFFFFF
            elif base == ESP and index != 4:
                value = offset - state["ESP"] - fields["disp"] & 0xFFFFFFFF
                state[REGISTERS[index]] = value >> scale
        if rng.random() < 0.7:
            self._plant(instruction, state, target)

    # Memory.

    def _plant(self, instruction: Instruction, state: State, target: int) -> None:
        """Puts what the operand may be at `target`: a far pointer (of data, if a register is loaded too), a
        selector, a table's limit and base, or numbers."""
        rng, world = self.rng, self.world
        kind = rng.random() * (0.5 if "m16:" in instruction.syntax else 1)
        if kind < 0.3 and "m16" in instruction.syntax and "m16:" not in instruction.syntax:
            data = selector(rng, world).to_bytes(2, "little")
        elif kind < 0.45:
            size = 2 if "m16:16" in instruction.syntax else 4
            chosen, offset = far_pointer(rng, world, state["CPL"])
            if "," in instruction.syntax:
                chosen = selector(rng, world)
            data = offset.to_bytes(4, "little")[:size] + chosen.to_bytes(2, "little")
        elif kind < 0.6:
            data = (8 * rng.randrange(64) - 1 & 0xFFFF).to_bytes(2, "little") + world.base.to_bytes(4, "little")
        else:
            data = word(rng, world).to_bytes(4, "little") + word(rng, world).to_bytes(4, "little")
        _write(state["memory"], target, data)

    def _plant_stack(self, state: State) -> None:
        """Puts a return frame or selectors on the stack, in words of 32 or now and then 16 bits."""
        rng, world = self.rng, self.world
        kind, cpl = rng.random(), state["CPL"]
        if kind < 0.15:
            return
        items: list[int]
        if kind < 0.35:
            items = [selector(rng, world) for _ in range(6)]
        else:
            inner = [ring for ring in range(4) if ring >= cpl]
            ring = rng.choice(inner)
            code, stack = rng.choice(world.code_segments(ring)), rng.choice(world.stack_segments(ring))
            code_selector = code | ring if rng.random() < 0.9 else selector(rng, world)
            stack_selector = stack | ring if rng.random() < 0.9 else selector(rng, world)
            start = world.descriptors[code].base
            address = world.base + CODE_AT + rng.randrange(DATA_AT - CODE_AT) - start & 0xFFFFFFFF
            flags = rng.getrandbits(22) & ~(0x20100 if rng.random() < 0.95 else 0x100)
            flags &= ~0x4000 if rng.random() < 0.8 else MASK
            items = [address, code_selector]
            frame = [flags] if rng.random() < 0.5 else []
            items += [*frame, *[word(rng, world), stack_selector] * 6]
        size = 2 if rng.random() < 0.15 else 4
        data = b"".join((item & ((1 << 8 * size) - 1)).to_bytes(size, "little") for item in items)
        _write(state["memory"], state["SS_base"] + state["ESP"], data)


def _write(memory: Any, address: int, data: bytes) -> None:
    for n, byte in enumerate(data):
        memory[address + n & 0xFFFFFFFF] = byte


def _width(term: Term) -> int:
    return getattr(term.sort, "width", 0)
