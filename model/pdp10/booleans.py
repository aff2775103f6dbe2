"""The sixteen Boolean functions of two words, each with the modes Basic, I, M and B."""

from collections.abc import Callable

from ..terms import Term, bits
from .group import Group
from .machine import PDP10
from .modes import binary_modes

booleans = Group()

ZEROS, ONES = bits(0, 36), bits(-1, 36)

FUNCTIONS: list[tuple[str, str, Callable[[Term, Term], Term]]] = [
    ("SETZ", "0", lambda ac, word: ZEROS),
    ("AND", "C(AC) and C(E)", lambda ac, word: ac & word),
    ("ANDCA", "not C(AC) and C(E)", lambda ac, word: ~ac & word),
    ("SETM", "C(E)", lambda ac, word: word),
    ("ANDCM", "C(AC) and not C(E)", lambda ac, word: ac & ~word),
    ("SETA", "C(AC)", lambda ac, word: ac),
    ("XOR", "C(AC) xor C(E)", lambda ac, word: ac ^ word),
    ("IOR", "C(AC) or C(E)", lambda ac, word: ac | word),
    ("ANDCB", "not C(AC) and not C(E)", lambda ac, word: ~ac & ~word),
    ("EQV", "not (C(AC) xor C(E))", lambda ac, word: ~(ac ^ word)),
    ("SETCA", "not C(AC)", lambda ac, word: ~ac),
    ("ORCA", "not C(AC) or C(E)", lambda ac, word: ~ac | word),
    ("SETCM", "not C(E)", lambda ac, word: ~word),
    ("ORCM", "C(AC) or not C(E)", lambda ac, word: ac | ~word),
    ("ORCB", "not C(AC) or not C(E)", lambda ac, word: ~ac | ~word),
    ("SETO", "all ones", lambda ac, word: ONES),
]

WITHOUT_MEMORY = ("SETZ", "SETA", "SETCA", "SETO")
"""These do not fetch C(E): they trap only where they store there."""


def _of_words(function: Callable[[Term, Term], Term]) -> Callable[[PDP10, Term, Term], Term]:
    return lambda cpu, ac, word: function(ac, word)


def _storing(mnemonic: str, operation: int, function: Callable[[Term, Term], Term], formula: str) -> None:
    """X, XI, XM and XB of a function of AC alone."""

    def to_accumulator(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, function(cpu.ac(ac), ZEROS))

    def to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.write(e, function(cpu.ac(ac), ZEROS))

    def to_both(cpu: PDP10, ac: Term, e: Term) -> None:
        result = function(cpu.ac(ac), ZEROS)
        cpu.write(e, result)
        cpu.set_ac(ac, result)

    booleans.add(mnemonic, operation, to_accumulator, f"C(AC) := {formula}.")
    booleans.add(mnemonic + "I", operation + 1, to_accumulator, f"C(AC) := {formula}.")
    booleans.add(mnemonic + "M", operation + 2, to_memory, f"C(E) := {formula}.")
    booleans.add(mnemonic + "B", operation + 3, to_both, f"C(AC), C(E) := {formula}.")


for _number, (_mnemonic, _formula, _function) in enumerate(FUNCTIONS):
    if _mnemonic in WITHOUT_MEMORY:
        _storing(_mnemonic, 0o400 + 4 * _number, _function, _formula)
    else:
        binary_modes(booleans, _mnemonic, 0o400 + 4 * _number, _of_words(_function), _formula)
