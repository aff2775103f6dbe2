"""I/O ports: IN OUT INS OUTS. SDM vol. 1, chapter 19.

The permission is checked first, before ECX and memory operands are looked at. Reading a port changes nothing in
the model; a port of 16 or 32 bits is two or four ports of a byte. Repeated, one step is one iteration.
"""

from __future__ import annotations

from ..terms import TRUE, Term, bits, concat, ite
from .cpu import IA32
from .encoding import OperandSize
from .forms import Forms, Meaning
from .operands import Operand
from .privilege import check_port

forms = Forms()

SIZES = ((1, "B", ""), (2, "W", "66 "), (4, "D", ""))


def port_in(cpu: IA32, port: Term, size: int) -> Term:
    """What `size` ports hold, the lowest lowest."""
    return concat(*[cpu.IO[port + n] for n in reversed(range(size))])


def port_out(cpu: IA32, port: Term, value: Term) -> None:
    """Writes `value` to as many ports as it has bytes."""
    ports = cpu.IO
    for n in range(value.width // 8):
        ports = ports.set(port + n, value[8 * n + 7 : 8 * n])
    cpu.IO = ports


@forms("IN AL, imm8", "E4 ib")
@forms("IN AX, imm8", "66 E5 ib")
@forms("IN EAX, imm8", "E5 ib")
@forms("IN AL, DX", "EC")
@forms("IN AX, DX", "66 ED")
@forms("IN EAX, DX", "ED")
def in_(cpu: IA32, destination: Operand, port: Operand) -> None:
    """Reads a port. SDM vol. 2, IN."""
    number = cpu.read(port).zext(16)
    check_port(cpu, number, destination.size // 8)
    cpu.write(destination, port_in(cpu, number, destination.size // 8))


@forms("OUT imm8, AL", "E6 ib")
@forms("OUT imm8, AX", "66 E7 ib")
@forms("OUT imm8, EAX", "E7 ib")
@forms("OUT DX, AL", "EE")
@forms("OUT DX, AX", "66 EF")
@forms("OUT DX, EAX", "EF")
def out(cpu: IA32, port: Operand, source: Operand) -> None:
    """Writes a port. SDM vol. 2, OUT."""
    number = cpu.read(port).zext(16)
    check_port(cpu, number, source.size // 8)
    port_out(cpu, number, cpu.read(source))


def ins(size: int, repeated: bool) -> Meaning:
    """INS of `size` bytes."""

    def meaning(cpu: IA32) -> None:
        """Reads port DX into ES:EDI; the memory is checked before the port is read. SDM vol. 2, INS."""
        port = cpu.EDX[15:0]
        check_port(cpu, port, size)
        with cpu.when(begin_iteration(cpu, repeated)):
            cpu.store("ES", cpu.EDI, port_in(cpu, port, size))
            cpu.EDI = cpu.EDI + ite(cpu.DF, bits(-size, 32), size)

    return meaning


def outs(size: int, repeated: bool) -> Meaning:
    """OUTS of `size` bytes."""

    def meaning(cpu: IA32) -> None:
        """Writes port DX from ESI, in DS unless overridden. SDM vol. 2, OUTS."""
        port = cpu.EDX[15:0]
        check_port(cpu, port, size)
        with cpu.when(begin_iteration(cpu, repeated)):
            port_out(cpu, port, cpu.load(cpu.override(), cpu.ESI, size))
            cpu.ESI = cpu.ESI + ite(cpu.DF, bits(-size, 32), size)

    return meaning


def begin_iteration(cpu: IA32, repeated: bool) -> Term:
    """Whether there is an iteration; repeated, it counts ECX down and stays at the instruction while more remain."""
    if not repeated:
        return TRUE
    count: Term = cpu.ECX
    left = count - 1
    with cpu.when(count != 0):
        cpu.ECX = left
        cpu.EIP = ite(left != 0, cpu.start, cpu.EIP)
    return count != 0


for mnemonic, opcode, one in (("INS", 0x6C, ins), ("OUTS", 0x6E, outs)):
    for size, letter, prefix in SIZES:
        byte = f"{opcode + (size > 1):02X}"
        width: OperandSize = 32 if size == 4 else "any"
        forms(f"{mnemonic}{letter}", f"{prefix}NFx {byte}", name=mnemonic, operand_size=width)(one(size, False))
        forms(f"REP {mnemonic}{letter}", f"{prefix}F3 {byte}", name=mnemonic, operand_size=width)(one(size, True))
        forms.omitted(f"{prefix}F2 {byte}", "REPNE is reserved here", operand_size=width)
