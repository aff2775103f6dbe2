"""The A extension: load-reserved, store-conditional, and atomic memory operations.

Unprivileged ISA manual, version 20240411, chapter 14. The reservation is for the eight aligned bytes that hold the
address; SC succeeds while it is held, and gives it up. With one hart nothing else breaks it. aq and rl order nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from ..machine import PROGRAM, Machine
from ..terms import FALSE, TRUE, BitVec, Bool, Term, bits, ite, slt
from . import devices
from .causes import Access
from .cpu import RiscV
from .group import Group
from .memory import BLOCK, Reach, get, put, reach
from .physical import PHYSICAL_BITS

atomics = Group()

BLOCK_BITS = BLOCK.bit_length() - 1

Binary = Callable[[Term, Term], Term]


def declare(machine: Machine, xlen: int) -> None:
    machine.component("reservation_held", Bool, PROGRAM, "LR has made a reservation")
    machine.component(
        "reservation", BitVec(PHYSICAL_BITS[xlen] - BLOCK_BITS), PROGRAM, "the physical block of eight bytes it is for"
    )


def _reach(cpu: RiscV, rs1: Term, size: int, access: Access) -> Reach:
    address = cpu.x(rs1)
    where = reach(cpu, address, size, access, atomic=True)
    devices.refuse_atomic(cpu, where.place, access, address)
    return where


def _block(where: Reach) -> Term:
    return where.place[where.place.width - 1 : BLOCK_BITS]


def load_reserved(size: int) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, aq: Term, rl: Term) -> None:
        where = _reach(cpu, rs1, size, Access.LOAD)
        cpu.reservation_held, cpu.reservation = TRUE, _block(where)
        cpu.set_x(rd, get(cpu, where).sext(cpu.xlen))

    return meaning


def store_conditional(size: int) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, rs2: Term, aq: Term, rl: Term) -> None:
        value = cpu.x(rs2)[8 * size - 1 : 0]
        where = _reach(cpu, rs1, size, Access.STORE)
        succeeds = cpu.reservation_held & (cpu.reservation == _block(where))
        with cpu.when(succeeds):
            put(cpu, where, value)
        cpu.set_x(rd, ite(succeeds, bits(0, cpu.xlen), bits(1, cpu.xlen)))
        cpu.reservation_held = FALSE

    return meaning


def operate(size: int, operation: Binary) -> Callable[..., None]:
    def meaning(cpu: RiscV, rd: Term, rs1: Term, rs2: Term, aq: Term, rl: Term) -> None:
        operand = cpu.x(rs2)[8 * size - 1 : 0]
        where = _reach(cpu, rs1, size, Access.STORE)
        old = get(cpu, where)
        put(cpu, where, operation(old, operand))
        cpu.set_x(rd, old.sext(cpu.xlen))

    return meaning


OPERATIONS: dict[str, tuple[str, Binary, str]] = {
    "AMOSWAP": ("00001", lambda old, new: new, "x[rs2]"),
    "AMOADD": ("00000", lambda old, new: old + new, "its sum with x[rs2]"),
    "AMOXOR": ("00100", lambda old, new: old ^ new, "its exclusive or with x[rs2]"),
    "AMOAND": ("01100", lambda old, new: old & new, "its and with x[rs2]"),
    "AMOOR": ("01000", lambda old, new: old | new, "its or with x[rs2]"),
    "AMOMIN": ("10000", lambda old, new: ite(slt(new, old), new, old), "the lesser of it and x[rs2], signed"),
    "AMOMAX": ("10100", lambda old, new: ite(slt(old, new), new, old), "the greater of it and x[rs2], signed"),
    "AMOMINU": ("11000", lambda old, new: ite(new < old, new, old), "the lesser of it and x[rs2], unsigned"),
    "AMOMAXU": ("11100", lambda old, new: ite(old < new, new, old), "the greater of it and x[rs2], unsigned"),
}

for _suffix, _funct3, _size, _xlen in ((".W", "010", 4, None), (".D", "011", 8, 64)):
    _tail = f"{_funct3} rd 0101111"
    atomics.add(
        f"LR{_suffix}", "rd, (rs1)", f"00010 aq:1 rl:1 00000 rs1 {_tail}", load_reserved(_size), xlen=_xlen,
        text=f"x[rd] := {_size} bytes at x[rs1], sign-extended, and reserves them.",
    )  # fmt: skip
    atomics.add(
        f"SC{_suffix}", "rd, rs2, (rs1)", f"00011 aq:1 rl:1 rs2 rs1 {_tail}", store_conditional(_size), xlen=_xlen,
        text=f"Stores {_size} bytes of x[rs2] at x[rs1] if they are reserved; x[rd] := 0 if so, else 1.",
    )  # fmt: skip
    for _name, (_funct5, _operation, _words) in OPERATIONS.items():
        atomics.add(
            f"{_name}{_suffix}", "rd, rs2, (rs1)", f"{_funct5} aq:1 rl:1 rs2 rs1 {_tail}", operate(_size, _operation),
            xlen=_xlen, text=f"x[rd] := {_size} bytes at x[rs1], which become {_words}.",
        )  # fmt: skip
