"""RV32I and RV64I, the base integer instructions. Unprivileged ISA manual, version 20240411, chapters 2 and 4."""

from __future__ import annotations

from collections.abc import Callable

from ..terms import Term, bits, concat, slt
from . import memory
from .causes import BREAKPOINT, CALL_FROM_M, CALL_FROM_S, CALL_FROM_U
from .cpu import M, RiscV, S, U
from .group import Group

base = Group()

Binary = Callable[[RiscV, Term, Term], Term]


# Integer computation, sections 2.4 and 4.2.


@base("LUI", "rd, imm", "imm[31:12] rd 0110111")
def lui(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := imm, whose low twelve bits are zero."""
    cpu.set_word(rd, imm)


@base("AUIPC", "rd, imm", "imm[31:12] rd 0010111")
def auipc(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := the instruction's address + imm."""
    cpu.set_x(rd, cpu.start + imm.sext(cpu.xlen))


def _amount(cpu: RiscV, value: Term) -> Term:
    """The low bits of a shift amount, as wide as what is shifted."""
    return value[value.width.bit_length() - 2 : 0].zext(value.width)


def _less(cpu: RiscV, a: Term, b: Term) -> Term:
    return slt(a, b).as_bits(a.width)


def _below(cpu: RiscV, a: Term, b: Term) -> Term:
    return (a < b).as_bits(a.width)


OPERATIONS: dict[str, tuple[str, str, Binary, str]] = {
    "ADD": ("0000000", "000", lambda cpu, a, b: a + b, "{} + {}"),
    "SUB": ("0100000", "000", lambda cpu, a, b: a - b, "{} - {}"),
    "SLL": ("0000000", "001", lambda cpu, a, b: a << _amount(cpu, b), "{} << {}"),
    "SLT": ("0000000", "010", _less, "{} < {}, signed"),
    "SLTU": ("0000000", "011", _below, "{} < {}, unsigned"),
    "XOR": ("0000000", "100", lambda cpu, a, b: a ^ b, "{} ^ {}"),
    "SRL": ("0000000", "101", lambda cpu, a, b: a >> _amount(cpu, b), "{} >> {}"),
    "SRA": ("0100000", "101", lambda cpu, a, b: a.sar(_amount(cpu, b)), "{} >> {}, arithmetic"),
    "OR": ("0000000", "110", lambda cpu, a, b: a | b, "{} | {}"),
    "AND": ("0000000", "111", lambda cpu, a, b: a & b, "{} & {}"),
}
"""funct7, funct3, what is computed, and that in words."""

IMMEDIATE = ("ADD", "SLT", "SLTU", "XOR", "OR", "AND")
SHIFTS = ("SLL", "SRL", "SRA")
WORDS = ("ADD", "SUB", "SLL", "SRL", "SRA")


def on_registers(cpu: RiscV, rd: Term, rs1: Term, rs2: Term, *, operation: Binary) -> None:
    cpu.set_x(rd, operation(cpu, cpu.x(rs1), cpu.x(rs2)))


def on_immediate(cpu: RiscV, rd: Term, rs1: Term, imm: Term, *, operation: Binary) -> None:
    cpu.set_x(rd, operation(cpu, cpu.x(rs1), imm.sext(cpu.xlen)))


def on_words(cpu: RiscV, rd: Term, rs1: Term, rs2: Term, *, operation: Binary) -> None:
    cpu.set_word(rd, operation(cpu, cpu.word(rs1), cpu.word(rs2)))


def on_word_immediate(cpu: RiscV, rd: Term, rs1: Term, imm: Term, *, operation: Binary) -> None:
    cpu.set_word(rd, operation(cpu, cpu.word(rs1), imm.sext(32)))


def shift(cpu: RiscV, rd: Term, rs1: Term, shamt: Term, *, operation: Binary) -> None:
    cpu.set_x(rd, operation(cpu, cpu.x(rs1), shamt.zext(cpu.xlen)))


def shift_word(cpu: RiscV, rd: Term, rs1: Term, shamt: Term, *, operation: Binary) -> None:
    cpu.set_word(rd, operation(cpu, cpu.word(rs1), shamt.zext(32)))


def computes(body: Callable[..., None], name: str) -> Callable[..., None]:
    """The meaning that does `body` with the operation `name`."""
    operation = OPERATIONS[name][2]

    def meaning(cpu: RiscV, **operands: Term) -> None:
        body(cpu, **operands, operation=operation)

    return meaning


def _declare_computation() -> None:
    for name, (funct7, funct3, _, formula) in OPERATIONS.items():
        text = f"x[rd] := {formula.format('x[rs1]', 'x[rs2]')}."
        registers = f"{funct7} rs2 rs1 {funct3} rd"
        base.add(name, "rd, rs1, rs2", f"{registers} 0110011", computes(on_registers, name), text=text)
        if name in WORDS:
            text = f"x[rd] := {formula.format('x[rs1]', 'x[rs2]')}, on the lower 32 bits, sign-extended."
            meaning = computes(on_words, name)
            base.add(f"{name}W", "rd, rs1, rs2", f"{registers} 0111011", meaning, xlen=64, text=text)
    for name in IMMEDIATE:
        _, funct3, _, formula = OPERATIONS[name]
        label = "SLTIU" if name == "SLTU" else f"{name}I"
        text = f"x[rd] := {formula.format('x[rs1]', 'imm')}."
        encoding = f"imm[11:0] rs1 {funct3} rd 0010011"
        base.add(label, "rd, rs1, imm", encoding, computes(on_immediate, name), text=text)
    for name in SHIFTS:
        funct7, funct3, _, formula = OPERATIONS[name]
        text = f"x[rd] := {formula.format('x[rs1]', 'shamt')}."
        tail = f"rs1 {funct3} rd"
        meaning = computes(shift, name)
        base.add(f"{name}I", "rd, rs1, shamt", f"{funct7} shamt[4:0] {tail} 0010011", meaning, xlen=32, text=text)
        base.add(f"{name}I", "rd, rs1, shamt", f"{funct7[:6]} shamt[5:0] {tail} 0010011", meaning, xlen=64, text=text)
        text = f"x[rd] := {formula.format('x[rs1]', 'shamt')}, on the lower 32 bits, sign-extended."
        encoding = f"{funct7} shamt[4:0] {tail} 0011011"
        base.add(f"{name}IW", "rd, rs1, shamt", encoding, computes(shift_word, name), xlen=64, text=text)
    text = "x[rd] := x[rs1] + imm, on the lower 32 bits, sign-extended."
    meaning = computes(on_word_immediate, "ADD")
    base.add("ADDIW", "rd, rs1, imm", "imm[11:0] rs1 000 rd 0011011", meaning, xlen=64, text=text)


_declare_computation()


# Control transfer, section 2.5.


@base("JAL", "rd, imm", "imm[20|10:1|11|19:12] rd 1101111")
def jal(cpu: RiscV, rd: Term, imm: Term) -> None:
    """x[rd] := the next address; goes to the instruction's address + imm."""
    following = cpu.PC
    cpu.jump(cpu.start + imm.sext(cpu.xlen))
    cpu.set_x(rd, following)


@base("JALR", "rd, imm(rs1)", "imm[11:0] rs1 000 rd 1100111")
def jalr(cpu: RiscV, rd: Term, rs1: Term, imm: Term) -> None:
    """x[rd] := the next address; goes to x[rs1] + imm with bit 0 cleared."""
    following, target = cpu.PC, cpu.x(rs1) + imm.sext(cpu.xlen)
    cpu.jump(concat(target[cpu.xlen - 1 : 1], bits(0, 1)))
    cpu.set_x(rd, following)


Condition = Callable[[Term, Term], Term]

BRANCHES: dict[str, tuple[str, Condition, str]] = {
    "BEQ": ("000", lambda a, b: a == b, "equal"),
    "BNE": ("001", lambda a, b: a != b, "not equal"),
    "BLT": ("100", slt, "less, signed"),
    "BGE": ("101", lambda a, b: ~slt(a, b), "not less, signed"),
    "BLTU": ("110", lambda a, b: a < b, "less, unsigned"),
    "BGEU": ("111", lambda a, b: ~(a < b), "not less, unsigned"),
}


def branch(condition: Condition) -> Callable[..., None]:
    def meaning(cpu: RiscV, rs1: Term, rs2: Term, imm: Term) -> None:
        with cpu.when(condition(cpu.x(rs1), cpu.x(rs2))):
            cpu.jump(cpu.start + imm.sext(cpu.xlen))

    return meaning


for _name, (_funct3, _condition, _words) in BRANCHES.items():
    base.add(
        _name, "rs1, rs2, imm", f"imm[12|10:5] rs2 rs1 {_funct3} imm[4:1|11] 1100011", branch(_condition),
        text=f"Goes to the instruction's address + imm if x[rs1] is {_words} compared with x[rs2].",
    )  # fmt: skip


# Loads and stores, section 2.6.

LOADS = {
    "LB": ("000", 1, True, None), "LH": ("001", 2, True, None), "LW": ("010", 4, True, None),
    "LD": ("011", 8, True, 64), "LBU": ("100", 1, False, None), "LHU": ("101", 2, False, None),
    "LWU": ("110", 4, False, 64),
}  # fmt: skip
"""funct3, bytes, whether sign-extended, XLEN."""

STORES = {"SB": ("000", 1, None), "SH": ("001", 2, None), "SW": ("010", 4, None), "SD": ("011", 8, 64)}


def load(size: int, *, signed: bool = True) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, imm: Term) -> None:
        value = memory.load(cpu, cpu.x(rs1) + imm.sext(cpu.xlen), size)
        cpu.set_x(rd, value.sext(cpu.xlen) if signed else value.zext(cpu.xlen))

    return meaning


def store(size: int) -> Callable[..., None]:
    def meaning(cpu: RiscV, rs1: Term, rs2: Term, imm: Term) -> None:
        memory.store(cpu, cpu.x(rs1) + imm.sext(cpu.xlen), cpu.x(rs2)[8 * size - 1 : 0])

    return meaning


for _name, (_funct3, _size, _signed, _xlen) in LOADS.items():
    base.add(
        _name, "rd, imm(rs1)", f"imm[11:0] rs1 {_funct3} rd 0000011", load(_size, signed=_signed), xlen=_xlen,
        text=f"x[rd] := {_size} bytes at x[rs1] + imm, {'sign' if _signed else 'zero'}-extended.",
    )  # fmt: skip
for _name, (_funct3, _size, _xlen) in STORES.items():
    base.add(
        _name, "rs2, imm(rs1)", f"imm[11:5] rs2 rs1 {_funct3} imm[4:0] 0100011", store(_size), xlen=_xlen,
        text=f"Stores {_size} bytes of x[rs2] at x[rs1] + imm.",
    )  # fmt: skip


# Memory ordering (section 2.7 and chapter 5) and the environment (section 2.8).


@base("FENCE", "pred, succ", "fm:4 pred:4 succ:4 rs1 000 rd 0001111")
def fence(cpu: RiscV, fm: Term, pred: Term, succ: Term, rs1: Term, rd: Term) -> None:
    """Orders accesses, which one hart without caches makes in order. All its reserved fields are ignored."""


@base("FENCE.I", "", "imm[11:0] rs1 001 rd 0001111")
def fence_i(cpu: RiscV, imm: Term, rs1: Term, rd: Term) -> None:
    """Orders stores and fetches (Zifencei): every fetch reads memory."""


@base("ECALL", "", "000000000000 00000 000 00000 1110011")
def ecall(cpu: RiscV) -> None:
    """An environment call: a trap, whose cause tells the level."""
    for level, cause in ((U, CALL_FROM_U), (S, CALL_FROM_S), (M, CALL_FROM_M)):
        cpu.trap(cause, when=cpu.is_at(level))


@base("EBREAK", "", "000000000001 00000 000 00000 1110011")
def ebreak(cpu: RiscV) -> None:
    """A breakpoint."""
    cpu.trap(BREAKPOINT, tval=cpu.start)
