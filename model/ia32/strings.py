"""Strings: MOVS STOS LODS CMPS SCAS, with repeat prefixes. SDM vol. 1, section 7.3.9, and vol. 2, REP.

One step is one iteration: while more remain EIP stays at the instruction, as after an interrupt between them.
"""

from __future__ import annotations

from collections.abc import Callable

from ..terms import Term, bits, ite
from .arithmetic import subtract_with_flags
from .cpu import IA32
from .encoding import OperandSize
from .forms import Forms, Meaning

forms = Forms()

Iteration = Callable[[IA32, int], None]
SIZES = ((1, "B", ""), (2, "W", "66 "), (4, "D", ""))


def every_encoding(mnemonic: str, opcode: int, *, compares: bool = False) -> Callable[[Iteration], Iteration]:
    """The three sizes of a string instruction, plain and repeated; `iteration(cpu, size)` is one of it."""

    def declare(iteration: Iteration) -> Iteration:
        for size, letter, prefix in SIZES:
            byte = f"{opcode + (size > 1):02X}"
            names = {"F3": "REPE", "F2": "REPNE"} if compares else {"F3": "REP"}
            _form(f"{mnemonic}{letter}", f"{prefix}NFx {byte}", size, _plain(iteration, size), mnemonic)
            for repeat, word in names.items():
                until = {"REPE": False, "REPNE": True}.get(word)
                meaning = _repeated(iteration, size, until)
                _form(f"{word} {mnemonic}{letter}", f"{prefix}{repeat} {byte}", size, meaning, mnemonic)
            if not compares:
                forms.omitted(f"{prefix}F2 {byte}", "REPNE is reserved here", operand_size=_size(size))
        return iteration

    return declare


def _size(size: int) -> OperandSize:
    return 32 if size == 4 else "any"


def _form(syntax: str, text: str, size: int, meaning: Meaning, name: str) -> None:
    forms(syntax, text, name=name, operand_size=_size(size))(meaning)


def _plain(iteration: Iteration, size: int) -> Meaning:
    def meaning(cpu: IA32) -> None:
        iteration(cpu, size)

    meaning.__doc__ = iteration.__doc__
    return meaning


def _repeated(iteration: Iteration, size: int, until: bool | None) -> Meaning:
    """ECX times, or until ZF has the value `until`."""

    def meaning(cpu: IA32) -> None:
        with cpu.when(cpu.ECX != 0):
            iteration(cpu, size)
            left = cpu.ECX - 1
            cpu.ECX = left
            more = (left != 0) if until is None else (left != 0) & (until != cpu.ZF)
            cpu.EIP = ite(more, cpu.start, cpu.EIP)

    meaning.__doc__ = iteration.__doc__
    return meaning


def _step(cpu: IA32, name: str, size: int) -> None:
    """Moves ESI or EDI on, or back where DF is set."""
    cpu.put(name, cpu.get(name) + ite(cpu.DF, bits(-size, 32), size))


def _source(cpu: IA32, size: int) -> Term:
    """The element at ESI, in DS unless overridden."""
    return cpu.load(cpu.override(), cpu.ESI, size)


@every_encoding("MOVS", 0xA4)
def movs(cpu: IA32, size: int) -> None:
    """Copies an element from ESI to ES:EDI. SDM vol. 2, MOVS."""
    cpu.store("ES", cpu.EDI, _source(cpu, size))
    _step(cpu, "ESI", size)
    _step(cpu, "EDI", size)


@every_encoding("CMPS", 0xA6, compares=True)
def cmps(cpu: IA32, size: int) -> None:
    """Compares the element at ESI with that at ES:EDI. SDM vol. 2, CMPS."""
    first = _source(cpu, size)
    subtract_with_flags(cpu, first, cpu.load("ES", cpu.EDI, size))
    _step(cpu, "ESI", size)
    _step(cpu, "EDI", size)


@every_encoding("STOS", 0xAA)
def stos(cpu: IA32, size: int) -> None:
    """Stores the accumulator at ES:EDI. SDM vol. 2, STOS."""
    cpu.store("ES", cpu.EDI, cpu.register(0, 8 * size))
    _step(cpu, "EDI", size)


@every_encoding("LODS", 0xAC)
def lods(cpu: IA32, size: int) -> None:
    """Loads the accumulator from ESI. SDM vol. 2, LODS."""
    cpu.set_register(0, 8 * size, _source(cpu, size))
    _step(cpu, "ESI", size)


@every_encoding("SCAS", 0xAE, compares=True)
def scas(cpu: IA32, size: int) -> None:
    """Compares the accumulator with the element at ES:EDI. SDM vol. 2, SCAS."""
    subtract_with_flags(cpu, cpu.register(0, 8 * size), cpu.load("ES", cpu.EDI, size))
    _step(cpu, "EDI", size)
