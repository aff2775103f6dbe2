"""Random cases for the host's processor: states that a 32-bit program of Linux on x86-64 can be in.

CPL is 3, IOPL 0 and IF 1. Segments are the flat ones of the GDT and those of a random LDT, all of ring 3, with
bases, limits and types of every kind but conforming code, which the kernel does not allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from ringproof.model.ia32.machine import DATA_SEGMENTS
from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import Interpreter

from . import host_tables as at
from .answers import OracleUnavailable
from .comparison import STEPS_PER_WORLD
from .host_tables import Memory
from .ia32_descriptors import PRESENT, Descriptor, segment
from .ia32_states import State, draw_registers, load_segments
from .ia32_steps import Case, Steps
from .ia32_worlds import CODE_AT, DATA_AT, HALT, SIZE, World
from .unicorn_memory import Image

BASES = (0x00200000, 0x00200000, 0x00010000, 0x7FFFC000, 0xFFFF0000, 0xFFFF8000)
LDT = 4
CONFORMING = 4
PLAIN_FLAGS = ("CF", "PF", "AF", "ZF", "SF", "DF", "OF")
RARE_FLAGS = {"ID": 0.1, "AC": 0.05, "NT": 0.04, "RF": 0.04}
CR0 = 0x00050033  # as Linux has it, but without paging, which the model does not have
CLEAR_IN_CR4 = ("VME", "PVI", "TSD", "PCE")
SYSTEM_CALLS = ("SYSENTER",)


def fits(instruction: Instruction) -> bool:
    """Whether the host can be asked: of all instructions, only a system call would not return."""
    return instruction.name not in SYSTEM_CALLS


class HostWorld(World):
    """A world of which no state has the segment loaded whose limit is the number of the processor."""

    def data_segments(self, cpl: int) -> list[int]:
        return [selector for selector in super().data_segments(cpl) if selector != at.PROCESSOR_NUMBER]


def host_world(seed: int) -> tuple[World, bytes, dict[int, Descriptor]]:
    """The world of a seed, its tables' bytes, and its LDT by selector."""
    rng = Random(seed)
    base = rng.choice(BASES)
    local = {number << 3 | LDT: _local(rng, base) for number in range(at.LDT_ENTRIES)}
    content = bytearray(rng.randbytes(SIZE))
    content[CODE_AT:DATA_AT] = bytes([HALT]) * (DATA_AT - CODE_AT)
    idt_limit = 8 * at.IDT_ENTRIES - 1
    task, own = (at.TSS, at.TASK), (at.OWN_LDT, at.LOCAL)
    made = HostWorld(base, bytes(content), at.GLOBAL | local, {}, at.GDT_LIMIT, idt_limit, task, own)
    return made, at.tables(local), local


def _local(rng: Random, base: int) -> Descriptor:
    """A descriptor that modify_ldt accepts and keeps as it is."""
    drawn = segment(rng, base, SIZE, code=rng.random() < 0.3, dpl=3).accessed()
    if drawn.conforming and drawn.access & PRESENT:
        return Descriptor(drawn.base, drawn.limit, drawn.access & ~CONFORMING, drawn.big)
    return drawn


class HostSteps(Steps):
    """Draws cases in one world."""

    def __init__(self, interpreter: Interpreter, rng: Random, seed: int) -> None:
        made, self._tables, self._local = host_world(seed)
        super().__init__(interpreter, rng, made)

    def state(self) -> State:
        rng, made = self.rng, self.world
        state = self.interpreter.initial()
        state["memory"] = Memory(Image(made.content, made.base, default=HALT), self._tables, self._local)
        state["CPL"], state["IF"], state["CR0"], state["CR4"] = 3, 1, CR0, self._fixed
        load_segments(rng, made, state, 3)
        for name in DATA_SEGMENTS:
            # A tracer can set no other RPL, and IRET to ring 3 leaves no other null selector (SDM vol. 2, IRET).
            state[f"{name}_selector"] = state[f"{name}_selector"] | 3 if state[f"{name}_access"] else 0
        state["GDTR_base"], state["GDTR_limit"] = at.TABLES + at.GDT_AT, made.gdt_limit
        state["IDTR_base"], state["IDTR_limit"] = at.TABLES + at.IDT_AT, made.idt_limit
        for name, (chosen, descriptor) in (("LDTR", made.ldtr), ("TR", made.tr)):
            state[f"{name}_selector"], state[f"{name}_access"] = chosen, descriptor.access
            state[f"{name}_base"], state[f"{name}_limit"] = descriptor.base, descriptor.limit
        for name in PLAIN_FLAGS:
            state[name] = rng.getrandbits(1)
        for name, share in RARE_FLAGS.items():
            state[name] = int(rng.random() < share)
        draw_registers(rng, made, state)
        return state


def host_cases(interpreter: Interpreter, seed: int, instructions: Sequence[Instruction]) -> Iterator[Case]:
    """Endless cases from a seed: each instruction in turn, a new world every `STEPS_PER_WORLD` steps.

    Raises OracleUnavailable for a configuration that Linux does not run in.
    """
    for name in CLEAR_IN_CR4:
        if interpreter.machine.assumptions[name].value:
            raise OracleUnavailable(f"the host's processor runs with {name}=0, not {name}=1")
    rng = Random(seed)
    while True:
        steps = HostSteps(interpreter, rng, rng.getrandbits(32))
        order = list(instructions)
        rng.shuffle(order)
        for number in range(STEPS_PER_WORLD):
            case = steps.draw(order[number % len(order)])
            if case is not None:
                yield case
