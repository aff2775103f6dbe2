"""Control and status registers: how one is registered, and the instructions of Zicsr for each.

Unprivileged ISA manual, version 20240411, chapter 6; privileged manual, sections 2.1 and 2.3. Bits 11 and 10 of an
address are 11 where the register is read-only, bits 9 and 8 the least privilege that may access it. A register has
two forms: one that only reads it (CSRRS and CSRRC of x0 or 0), and one that writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..encoding import Encoding, EncodingError
from ..machine import Machine
from ..terms import FALSE, Term, all_of, any_of, bits, ite
from .causes import LEFT_OPEN
from .cpu import RiscV
from .encoding import WIDTH, word

Read = Callable[..., Term]
"""`read(cpu)`, or `read(cpu, number)` in a family: the value, XLEN bits."""

Write = Callable[..., None]
"""`write(cpu, value)`, or `write(cpu, number, value)`; it keeps of the value what is legal (WARL)."""

SYSTEM = 0b1110011
OPERATIONS = {1: "csrrw", 2: "csrrs", 3: "csrrc", 5: "csrrwi", 6: "csrrsi", 7: "csrrci"}


@dataclass(frozen=True)
class Csr:
    """One register, or a family of `count` registers that lie `step` addresses apart.

    A family has `#` in its name, in place of a number: that of the first is `first`, and they are `step` apart too.
    `write` is None where what is written is ignored. `allowed(cpu)` is a further condition of any access.
    `modified` is what CSRRS and CSRRC change bits of, where that is not what is read. `xlen` says where it exists.
    """

    address: int
    name: str
    read: Read
    write: Write | None
    allowed: Callable[..., Term] | None = None
    modified: Read | None = None
    count: int = 1
    step: int = 1
    first: int = 0
    xlen: int | None = None

    @property
    def read_only(self) -> bool:
        return self.address >> 10 == 3

    @property
    def privilege(self) -> int:
        return self.address >> 8 & 3

    @property
    def title(self) -> str:
        """The name, with the range of numbers of a family."""
        return self.name.replace("#", f"{self.first}-{self.first + (self.count - 1) * self.step}")

    def named(self, index: int) -> str:
        """The name of the register `index` of a family."""
        return self.name.replace("#", str(self.first + index * self.step))

    @property
    def last(self) -> int:
        return self.address + (self.count - 1) * self.step


@dataclass
class Csrs:
    """Registers to be added to machines."""

    registers: list[Csr] = field(default_factory=list)

    def register(self, address: int, name: str, **rest: Any) -> None:
        """A register by its functions `read` and `write`."""
        self.registers.append(Csr(address, name, **rest))

    def kept(
        self, address: int, name: str, component: str, *, legal: Callable[[RiscV, Term, Term], Term] | None = None,
        seen: Callable[[RiscV, Term], Term] | None = None, **rest: Any,
    ) -> None:  # fmt: skip
        """A register that is the component of XLEN bits, which reads as `seen` and keeps `legal(cpu, old, new)`."""

        def read(cpu: RiscV) -> Term:
            value = cpu.get(component)
            return value if seen is None else seen(cpu, value)

        def write(cpu: RiscV, value: Term) -> None:
            cpu.put(component, value if legal is None else legal(cpu, cpu.get(component), value))

        self.register(address, name, read=read, write=write, **rest)

    def constant(self, address: int, name: str, value: int = 0, **rest: Any) -> None:
        """A register that always reads as `value`; a write to one that is not read-only does nothing."""

        def read(cpu: RiscV, number: Term | None = None) -> Term:
            return bits(value, cpu.xlen)

        self.register(address, name, read=read, write=None, **rest)

    def add_to(self, machine: Machine, xlen: int) -> None:
        for register in self.registers:
            if register.xlen in (None, xlen):
                add_forms(machine, register)


def add_forms(machine: Machine, csr: Csr) -> None:
    """The form that reads a register and the one that writes it."""

    def access(cpu: RiscV, index: Term | None) -> tuple[Term, ...]:
        cpu.require(cpu.at_least(csr.privilege))
        numbers = () if index is None else (index,)
        if csr.allowed is not None:
            cpu.require(csr.allowed(cpu, *numbers))
        return numbers

    def reads(cpu: RiscV, rd: Term, op: Term, index: Term | None = None) -> None:
        numbers = access(cpu, index)
        cpu.set_x(rd, csr.read(cpu, *numbers))

    def writes(cpu: RiscV, rd: Term, op: Term, rs1: Term, index: Term | None = None) -> None:
        numbers = access(cpu, index)
        if csr.read_only:
            cpu.undefined()
            return
        old = csr.read(cpu, *numbers)
        base = old if csr.modified is None else csr.modified(cpu, *numbers)
        operand = ite(op.bit(2), rs1.zext(cpu.xlen), cpu.x(rs1))
        value = ite(op[1:0] == 2, base | operand, ite(op[1:0] == 3, base & ~operand, operand))
        cpu.set_x(rd, old)
        if csr.write is not None:
            csr.write(cpu, *numbers, value)

    reads.__doc__ = f"x[rd] := {csr.title}."
    writes.__doc__ = f"x[rd] := {csr.title}; {csr.title} := x[rs1] or an immediate, or its bits set or cleared by it."
    row = f"csr {csr.title}"
    machine.add(f"{row} (read)", f"csrr rd, {csr.title}", _encoding(csr, writes=False), reads, _render(csr))
    machine.add(f"{row} (write)", f"csrrw/s/c rd, {csr.title}, rs1", _encoding(csr, writes=True), writes, _render(csr))


def _render(csr: Csr) -> Callable[[Mapping[str, int]], str]:
    def render(fields: Mapping[str, int]) -> str:
        op, rs1 = fields["op"], fields.get("rs1", 0)
        name = csr.named(fields.get("index", 0))
        return f"{OPERATIONS.get(op, 'csr?')} x{fields['rd']}, {name}, {rs1 if op & 4 else f'x{rs1}'}"

    return render


def _is(csr: Csr) -> Term:
    """The Bool over the word that says that its address is one of the register's."""
    address = word[31:20]
    if csr.count == 1:
        return address == csr.address
    inside = all_of(address >= csr.address, address <= csr.last)
    return inside if csr.step == 1 else inside & (address[0] == csr.address & 1)


def _encoding(csr: Csr, *, writes: bool) -> Encoding:
    modifies, nothing = word[13] == 1, word[19:15] == 0
    which = any_of(~modifies & (word[12] == 1), modifies & ~nothing) if writes else modifies & nothing
    fields = {"rd": word[11:7], "op": word[14:12]}
    if writes:
        fields["rs1"] = word[19:15]
    if csr.count > 1:
        fields["index"] = word[31:20] - csr.address if csr.step == 1 else (word[31:20] - csr.address)[11:1].zext(12)

    def assemble(operands: Mapping[str, int]) -> int:
        address = csr.address + csr.step * (operands.get("index", 0) % csr.count)
        op, rs1 = operands["op"], operands.get("rs1", 0)
        if op not in OPERATIONS:
            raise EncodingError(f"the operation of a CSR instruction is one of {sorted(OPERATIONS)}, not {op}")
        return address << 20 | rs1 << 15 | op << 12 | operands["rd"] << 7 | SYSTEM

    text = f"{csr.address:03x}{'' if csr.count == 1 else f'-{csr.last:03x}'} {'write' if writes else 'read'}"
    return Encoding(text, all_of(_is(csr), word[6:0] == SYSTEM, which), fields, bits(4, WIDTH), assemble)


def add_reserved(machine: Machine, registers: list[Csr]) -> None:
    """The addresses that no register has: they trap, or the manual's leave to do otherwise is taken."""

    def meaning(cpu: RiscV, rd: Term, op: Term, rs1: Term, csr: Term) -> None:
        """The CSR is not defined: an illegal instruction, where `reserved_csrs_trap`."""
        cpu.undefined(cpu.reserved_csrs_trap)
        cpu.trap(LEFT_OPEN)

    known = any_of(*[_is(csr) for csr in registers]) if registers else FALSE
    matches = all_of(word[6:0] == SYSTEM, word[13:12] != 0, ~known)
    fields = {"rd": word[11:7], "op": word[14:12], "rs1": word[19:15], "csr": word[31:20]}
    encoding = Encoding("not defined", matches, fields, bits(4, WIDTH), _assemble)
    machine.add("csr (not defined)", "csrrw/s/c rd, csr, rs1", encoding, meaning, _render_reserved)


def _assemble(operands: Mapping[str, int]) -> int:
    return operands["csr"] << 20 | operands["rs1"] << 15 | operands["op"] << 12 | operands["rd"] << 7 | SYSTEM


def _render_reserved(fields: Mapping[str, int]) -> str:
    return f"{OPERATIONS.get(fields['op'], 'csr?')} x{fields['rd']}, {fields['csr']:#x}, {fields['rs1']}"
