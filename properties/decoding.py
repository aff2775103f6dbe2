"""Decoding is a function: no word has two meanings, and every word has one.

The words of a machine are divided among its instructions, the words it defines as undefined, and those that
the model leaves out. Both claims are proved over all words.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.encoding import Encoding
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, all_of, any_of
from ringproof.solvers.answer import Sat, Solver, Undecided
from ringproof.traces.python_code import compile_terms

from .pairs import word_of
from .verdicts import SpuriousError


@dataclass(frozen=True)
class Decoding:
    """Whether the encodings are disjoint and cover every word (None: unknown), with a word where not."""

    disjoint: bool | None
    total: bool | None
    overlap: str = ""
    uncovered: str = ""
    cost: int = 0


def check_decoding(machine: Machine, solver: Solver, budget: int) -> Decoding:
    """Proves or refutes that every word matches exactly one encoding."""
    encodings = _labelled(machine)
    seen, twice = FALSE, FALSE
    for _, encoding in encodings:
        twice = any_of(twice, all_of(seen, encoding.matches))
        seen = any_of(seen, encoding.matches)
    two, none = solver.check([twice], budget), solver.check([~seen], budget)
    cost = two.cost + none.cost
    overlap = uncovered = ""
    if isinstance(two, Sat):
        word = int(two.assignment.get(word_of(machine).name, 0))
        overlap = f"{word:#x} is both {' and '.join(_matching(encodings, word, at_least=2))}"
    if isinstance(none, Sat):
        word = int(none.assignment.get(word_of(machine).name, 0))
        if _matching(encodings, word, at_least=0):
            raise SpuriousError(f"the word {word:#x} is said to have no encoding, but it has one")
        uncovered = f"{word:#x}"
    return Decoding(_known(two), _known(none), overlap, uncovered, cost)


def _known(answer: object) -> bool | None:
    return None if isinstance(answer, Undecided) else not isinstance(answer, Sat)


def _labelled(machine: Machine) -> list[tuple[str, Encoding]]:
    return [
        *((i.id, i.encoding) for i in machine.instructions),
        *((f"undefined [{e.text}]", e) for e in machine.undefined),
        *((f"left out [{e.text}]", e) for e in machine.omitted),
    ]


def _matching(encodings: list[tuple[str, Encoding]], word: int, *, at_least: int) -> list[str]:
    found = [label for label, e in encodings if compile_terms([e.matches])({"$word": word})[0]]
    if len(found) < at_least:
        raise SpuriousError(f"the word {word:#x} is said to have two encodings, but it has {found}")
    return found
