"""Segment registers: MOV, PUSH and POP of them, and the LDS family. SDM vol. 1, section 7.3.16; vol. 2."""

from __future__ import annotations

from ..machine import Machine
from ..terms import bits
from .causes import UD
from .cpu import IA32
from .descriptors import load_segment
from .forms import Forms, Meaning
from .operands import SEGMENTS, Operand, SegmentRegister

forms = Forms()

PUSHED = {"ES": "06", "CS": "0E", "SS": "16", "DS": "1E", "FS": "0F A0", "GS": "0F A8"}
POPPED = {"ES": "07", "SS": "17", "DS": "1F", "FS": "0F A1", "GS": "0F A9"}
POINTERS = {"ES": "C4", "DS": "C5", "SS": "0F B2", "FS": "0F B4", "GS": "0F B5"}


@forms("MOV Sreg, r/m16", "8E /r", name="MOV (to segment)")
def mov_to_segment(cpu: IA32, destination: SegmentRegister, source: Operand) -> None:
    """Loads a segment register, with all checks; #UD for CS and for numbers that name none. SDM vol. 2, MOV."""
    number = destination.number
    cpu.trap(UD, when=(number == 1) | (number > 5))
    load_segment(cpu, number, cpu.read(source))


@forms("MOV r32/m16, Sreg", "8C /r", name="MOV (from segment)")
@forms("MOV r/m16, Sreg", "66 8C /r", name="MOV (from segment)")
def mov_from_segment(cpu: IA32, destination: Operand, source: SegmentRegister) -> None:
    """Stores a selector; a 32-bit register is zero-extended. SDM vol. 2, MOV."""
    cpu.trap(UD, when=source.number > 5)
    cpu.write(destination, cpu.read(source))


def push(cpu: IA32, source: SegmentRegister) -> None:
    """Pushes a selector; of the doubleword only the low half is written, as recent processors do. SDM vol. 2, PUSH."""
    top = cpu.ESP - 4
    cpu.store("SS", top, cpu.read(source))
    cpu.ESP = top


def push_word(cpu: IA32, source: SegmentRegister) -> None:
    """Pushes a selector as a word. SDM vol. 2, PUSH."""
    cpu.push(cpu.read(source))


def pop(cpu: IA32, destination: SegmentRegister) -> None:
    """Pops a selector, of a doubleword the low half, and loads the segment register. SDM vol. 2, POP."""
    selector = cpu.load("SS", cpu.ESP, 2)
    load_segment(cpu, destination.number, selector)
    cpu.ESP = cpu.ESP + 4


def pop_word(cpu: IA32, destination: SegmentRegister) -> None:
    """Pops a word into a segment register. SDM vol. 2, POP."""
    load_segment(cpu, destination.number, cpu.pop(2))


for segment, opcode in PUSHED.items():
    forms(f"PUSH {segment}", opcode, name="PUSH (segment)", operand_size=32)(push)
    forms(f"PUSH {segment}", f"66 {opcode}", name="PUSH (segment)")(push_word)
for segment, opcode in POPPED.items():
    forms(f"POP {segment}", opcode, name="POP (segment)", operand_size=32)(pop)
    forms(f"POP {segment}", f"66 {opcode}", name="POP (segment)")(pop_word)


def far_pointer(segment: str) -> Meaning:
    """LDS and its kin for one segment register."""

    def load(cpu: IA32, destination: Operand, source: Operand) -> None:
        """Loads a segment register and a general register from a far pointer. SDM vol. 2, LDS/LES/LFS/LGS/LSS."""
        pointer = cpu.read(source)
        size = destination.size
        load_segment(cpu, bits(SEGMENTS.index(segment), 3), pointer[size + 15 : size])
        cpu.write(destination, pointer[size - 1 : 0])

    return load


for segment, opcode in POINTERS.items():
    forms(f"L{segment} r32, m16:32", f"{opcode} /r")(far_pointer(segment))
    forms(f"L{segment} r16, m16:16", f"66 {opcode} /r")(far_pointer(segment))
    if opcode.startswith("0F"):
        forms.undefined(f"{opcode} /r", modrm="register")


def extend(machine: Machine) -> None:
    """Declares what is left out."""
    machine.leave_out("the interrupt shadow of MOV SS and POP SS")
