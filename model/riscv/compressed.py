"""The C extension: 16-bit instructions, each of which is a base instruction with some operands fixed.

Unprivileged ISA manual, version 20240411, chapter 27; the encodings are those of section 27.8. Encodings that the
manual calls HINTs do what they say, which is nothing. Where misa.C is 0 all of them are illegal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from ..terms import Term, bits
from . import integer
from .cpu import RiscV
from .group import Group
from .integer import OPERATIONS, computes, on_immediate, on_registers, on_word_immediate, on_words


def _if_on(meaning: Callable[..., None]) -> Callable[..., None]:
    @wraps(meaning)
    def checked(cpu: RiscV, **operands: Term) -> None:
        cpu.undefined(~cpu.C)
        meaning(cpu, **operands)

    return checked


compressed = Group(_if_on)

X0, RA, SP = (bits(number, 5) for number in (0, 1, 2))


def _zext(cpu: RiscV, uimm: Term) -> Term:
    """An unsigned immediate as one that sign extension leaves alone."""
    return uimm.zext(cpu.xlen)


# Loads and stores, section 27.3.

for _name, _size, _stack, _offset, _xlen in (
    ("W", 4, ("uimm[5]", "uimm[4:2|7:6]", "uimm[5:2|7:6]"), "uimm[2|6]", None),
    ("D", 8, ("uimm[5]", "uimm[4:3|8:6]", "uimm[5:3|8:6]"), "uimm[7:6]", 64),
):

    def load_sp(cpu: RiscV, rd: Term, uimm: Term, size: int = _size) -> None:
        integer.load(size)(cpu, rd=rd, rs1=SP, imm=_zext(cpu, uimm))

    def store_sp(cpu: RiscV, rs2: Term, uimm: Term, size: int = _size) -> None:
        integer.store(size)(cpu, rs1=SP, rs2=rs2, imm=_zext(cpu, uimm))

    def load(cpu: RiscV, rd: Term, rs1: Term, uimm: Term, size: int = _size) -> None:
        integer.load(size)(cpu, rd=rd, rs1=rs1, imm=_zext(cpu, uimm))

    def store(cpu: RiscV, rs1: Term, rs2: Term, uimm: Term, size: int = _size) -> None:
        integer.store(size)(cpu, rs1=rs1, rs2=rs2, imm=_zext(cpu, uimm))

    _funct = "010" if _size == 4 else "011"
    _store_funct = "110" if _size == 4 else "111"
    compressed.add(
        f"C.L{_name}SP", "rd, uimm(sp)", f"{_funct} {_stack[0]} rd!=0 {_stack[1]} 10", load_sp, xlen=_xlen,
        text=f"x[rd] := {_size} bytes at sp + uimm, sign-extended.",
    )  # fmt: skip
    compressed.add(
        f"C.S{_name}SP", "rs2, uimm(sp)", f"{_store_funct} {_stack[2]} rs2 10", store_sp, xlen=_xlen,
        text=f"Stores {_size} bytes of x[rs2] at sp + uimm.",
    )  # fmt: skip
    compressed.add(
        f"C.L{_name}", "rd, uimm(rs1)", f"{_funct} uimm[5:3] rs1' {_offset} rd' 00", load, xlen=_xlen,
        text=f"x[rd] := {_size} bytes at x[rs1] + uimm, sign-extended.",
    )  # fmt: skip
    compressed.add(
        f"C.S{_name}", "rs2, uimm(rs1)", f"{_store_funct} uimm[5:3] rs1' {_offset} rs2' 00", store, xlen=_xlen,
        text=f"Stores {_size} bytes of x[rs2] at x[rs1] + uimm.",
    )  # fmt: skip


# Control transfer, section 27.4.

JUMP = "imm[11|4|9:8|10|6|7|3:1|5]"


@compressed("C.J", "imm", f"101 {JUMP} 01")
def c_j(cpu: RiscV, imm: Term) -> None:
    """Goes to the instruction's address + imm."""
    integer.jal(cpu, rd=X0, imm=imm)


@compressed("C.JAL", "imm", f"001 {JUMP} 01", xlen=32)
def c_jal(cpu: RiscV, imm: Term) -> None:
    """ra := the next address; goes to the instruction's address + imm."""
    integer.jal(cpu, rd=RA, imm=imm)


@compressed("C.JR", "rs1", "1000 rs1!=0 00000 10")
def c_jr(cpu: RiscV, rs1: Term) -> None:
    """Goes to x[rs1] with bit 0 cleared."""
    integer.jalr(cpu, rd=X0, rs1=rs1, imm=bits(0, 12))


@compressed("C.JALR", "rs1", "1001 rs1!=0 00000 10")
def c_jalr(cpu: RiscV, rs1: Term) -> None:
    """ra := the next address; goes to x[rs1] with bit 0 cleared."""
    integer.jalr(cpu, rd=RA, rs1=rs1, imm=bits(0, 12))


@compressed("C.BEQZ", "rs1, imm", "110 imm[8|4:3] rs1' imm[7:6|2:1|5] 01")
def c_beqz(cpu: RiscV, rs1: Term, imm: Term) -> None:
    """Goes to the instruction's address + imm if x[rs1] is 0."""
    integer.branch(integer.BRANCHES["BEQ"][1])(cpu, rs1=rs1, rs2=X0, imm=imm)


@compressed("C.BNEZ", "rs1, imm", "111 imm[8|4:3] rs1' imm[7:6|2:1|5] 01")
def c_bnez(cpu: RiscV, rs1: Term, imm: Term) -> None:
    """Goes to the instruction's address + imm if x[rs1] is not 0."""
    integer.branch(integer.BRANCHES["BNE"][1])(cpu, rs1=rs1, rs2=X0, imm=imm)


# Integer computation, section 27.5.


@compressed("C.LI", "rd, imm", "010 imm[5] rd imm[4:0] 01")
def c_li(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := imm."""
    cpu.set_x(rd, imm.sext(cpu.xlen))


@compressed("C.LUI", "rd, imm", "011 nzimm[17] rd!=2 nzimm[16:12] 01")
def c_lui(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := imm, whose low twelve bits are zero."""
    cpu.set_x(rd, imm.sext(cpu.xlen))


@compressed("C.ADDI", "rd, imm", "000 imm[5] rd imm[4:0] 01")
def c_addi(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := x[rd] + imm. With rd 0 it is C.NOP."""
    computes(on_immediate, "ADD")(cpu, rd=rd, rs1=rd, imm=imm)


@compressed("C.ADDIW", "rd, imm", "001 imm[5] rd!=0 imm[4:0] 01", xlen=64)
def c_addiw(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := x[rd] + imm, on the lower 32 bits, sign-extended."""
    computes(on_word_immediate, "ADD")(cpu, rd=rd, rs1=rd, imm=imm)


@compressed("C.ADDI16SP", "imm", "011 nzimm[9] 00010 nzimm[4|6|8:7|5] 01")
def c_addi16sp(cpu: RiscV, imm: Term) -> None:
    """sp := sp + imm, a multiple of 16."""
    computes(on_immediate, "ADD")(cpu, rd=SP, rs1=SP, imm=imm)


@compressed("C.ADDI4SPN", "rd, uimm", "000 nzuimm[5:4|9:6|2|3] rd' 00")
def c_addi4spn(cpu: RiscV, rd: Term, uimm: Term) -> None:
    """x[rd] := sp + uimm, a multiple of 4."""
    computes(on_immediate, "ADD")(cpu, rd=rd, rs1=SP, imm=_zext(cpu, uimm))


def _shift(name: str) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, shamt: Term) -> None:
        computes(integer.shift, name)(cpu, rd=rd, rs1=rd, shamt=shamt)

    return meaning


for _name, _head, _rd, _low in (
    ("SLL", "000", "rd", "10"),
    ("SRL", "100", "00 rd'", "01"),
    ("SRA", "100", "01 rd'", "01"),
):
    _text = f"x[rd] := {OPERATIONS[_name][3].format('x[rd]', 'shamt')}."
    compressed.add(
        f"C.{_name}I", "rd, shamt", f"{_head} shamt[5] {_rd} shamt[4:0] {_low}", _shift(_name), xlen=64, text=_text
    )  # fmt: skip
    compressed.add(f"C.{_name}I", "rd, shamt", f"{_head} 0 {_rd} shamt[4:0] {_low}", _shift(_name), xlen=32, text=_text)


@compressed("C.ANDI", "rd, imm", "100 imm[5] 10 rd' imm[4:0] 01")
def c_andi(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := x[rd] & imm."""
    computes(on_immediate, "AND")(cpu, rd=rd, rs1=rd, imm=imm)


@compressed("C.MV", "rd, rs2", "1000 rd rs2!=0 10")
def c_mv(cpu: RiscV, rd: Term, rs2: Term) -> None:
    """x[rd] := x[rs2]."""
    cpu.set_x(rd, cpu.x(rs2))


@compressed("C.ADD", "rd, rs2", "1001 rd rs2!=0 10")
def c_add(cpu: RiscV, rd: Term, rs2: Term) -> None:
    """x[rd] := x[rd] + x[rs2]."""
    computes(on_registers, "ADD")(cpu, rd=rd, rs1=rd, rs2=rs2)


def _on_registers(name: str, body: Callable[..., None]) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs2: Term) -> None:
        computes(body, name)(cpu, rd=rd, rs1=rd, rs2=rs2)

    return meaning


for _name, _funct2 in (("SUB", "00"), ("XOR", "01"), ("OR", "10"), ("AND", "11")):
    compressed.add(
        f"C.{_name}", "rd, rs2", f"100011 rd' {_funct2} rs2' 01", _on_registers(_name, on_registers),
        text=f"x[rd] := {OPERATIONS[_name][3].format('x[rd]', 'x[rs2]')}.",
    )  # fmt: skip
for _name, _funct2 in (("SUB", "00"), ("ADD", "01")):
    compressed.add(
        f"C.{_name}W", "rd, rs2", f"100111 rd' {_funct2} rs2' 01", _on_registers(_name, on_words), xlen=64,
        text=f"x[rd] := {OPERATIONS[_name][3].format('x[rd]', 'x[rs2]')}, on the lower 32 bits, sign-extended.",
    )  # fmt: skip


@compressed("C.EBREAK", "", "1001 00000 00000 10")
def c_ebreak(cpu: RiscV) -> None:
    """A breakpoint."""
    integer.ebreak(cpu)
