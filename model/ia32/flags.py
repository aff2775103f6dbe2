"""Conditions on flags, and the instructions that read or write single flags. SDM vol. 1, section 7.3.14."""

from __future__ import annotations

from ..terms import FALSE, TRUE, Term, bits, ite, join_bits
from .cpu import IA32
from .forms import Forms
from .operands import Operand, pick

forms = Forms()


def condition(cpu: IA32, cc: Term) -> Term:
    """The condition numbered `cc`: O, B, E, BE, S, P, L, LE and their opposites. SDM vol. 1, appendix B."""
    less = cpu.SF ^ cpu.OF
    tests = (cpu.OF, cpu.CF, cpu.ZF, cpu.CF | cpu.ZF, cpu.SF, cpu.PF, less, less | cpu.ZF)
    return pick(cc[3:1], tests) ^ cc.bit(0)


@forms("SETcc r/m8", "0F 90+cc /r")
def setcc(cpu: IA32, cc: Term, destination: Operand) -> None:
    """Stores 1 if the condition holds, else 0. SDM vol. 2, SETcc."""
    cpu.write(destination, ite(condition(cpu, cc), bits(1, 8), bits(0, 8)))


@forms("CLC", "F8")
def clc(cpu: IA32) -> None:
    """Clears CF. SDM vol. 2, CLC."""
    cpu.CF = FALSE


@forms("STC", "F9")
def stc(cpu: IA32) -> None:
    """Sets CF. SDM vol. 2, STC."""
    cpu.CF = TRUE


@forms("CMC", "F5")
def cmc(cpu: IA32) -> None:
    """Complements CF. SDM vol. 2, CMC."""
    cpu.CF = ~cpu.CF


@forms("CLD", "FC")
def cld(cpu: IA32) -> None:
    """Clears DF. SDM vol. 2, CLD."""
    cpu.DF = FALSE


@forms("STD", "FD")
def std(cpu: IA32) -> None:
    """Sets DF. SDM vol. 2, STD."""
    cpu.DF = TRUE


@forms("LAHF", "9F")
def lahf(cpu: IA32) -> None:
    """Sets AH to the low byte of EFLAGS. SDM vol. 2, LAHF."""
    cpu.set_register(4, 8, join_bits(cpu.SF, cpu.ZF, 0, cpu.AF, 0, cpu.PF, 1, cpu.CF))


@forms("SAHF", "9E")
def sahf(cpu: IA32) -> None:
    """Sets SF, ZF, AF, PF and CF from AH. SDM vol. 2, SAHF."""
    cpu.load_eflags(cpu.register(4, 8).zext(16), "SF ZF AF PF CF")
