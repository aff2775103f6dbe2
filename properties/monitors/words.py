"""Instruction words with small operands, and how they lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ringproof.model.encoding import EncodingError
from ringproof.model.machine import Instruction
from ringproof.model.terms import BoolSort, Term
from ringproof.traces.interpreter import Interpreter

SMALL = (1, 2, 3, 4, 8, 16)
MOST = 24
"""Of a form, so many words are made."""


def variants(interpreter: Interpreter, instruction: Instruction, besides: Sequence[int] = ()) -> list[int]:
    """Words of `instruction`: with all operands zero, then with one of them small or one of `besides`, then with two.

    >>> from ringproof.model.catalog import named
    >>> machine = Interpreter(named("third-generation"))
    >>> [hex(word) for word in variants(machine, machine.named("LOAD R"))[:3]]
    ['0x8000000000000000', '0x8000100000000000', '0x8000200000000000']
    """
    found: dict[int, None] = {}
    for operands in islice(_operands(instruction, (*besides, *SMALL)), 4 * MOST):
        try:
            word = instruction.encoding.assemble(operands)
        except EncodingError:
            continue
        if interpreter.operands(instruction, word)[0]:
            found[word] = None
        if len(found) == MOST:
            break
    return list(found)


def _operands(instruction: Instruction, values: Sequence[int]) -> Iterator[dict[str, int]]:
    widths = {name: _width(term) for name, term in instruction.encoding.fields.items()}
    zero = dict.fromkeys(widths, 0)
    yield zero
    single = [(name, value) for value in values for name, width in widths.items() if value < 1 << width]
    for name, value in single:
        yield {**zero, name: value}
    for name, value in single:
        for other, second in single:
            if widths and list(widths).index(other) > list(widths).index(name):
                yield {**zero, name: value, other: second}


def _width(term: Term) -> int:
    return 1 if isinstance(term.sort, BoolSort) else term.width


def stored_cells(interpreter: Interpreter, word: int, width: int) -> list[int]:
    """The instruction of `word` as it lies in memory, in cells of `width` bits, the first first."""
    machine = interpreter.machine
    decoded = interpreter.decode(word)
    if machine.stored is None or decoded is None:
        count = max(1, -(-machine.word.width // width))
        return [word >> width * n & (1 << width) - 1 for n in range(count)]
    instruction, fields = decoded
    length = instruction.encoding.length
    return list(machine.stored(word, length.value if length.is_constant else fields["length"]))
