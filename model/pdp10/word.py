"""The 36-bit word: halves, the instruction format, and encodings by operation code.

An instruction has an operation code (9 bits), an accumulator (4), an indirect bit, an index register (4) and
an address (18). In-out instructions have 111, a device number (7) and a function (3) in place of the first two.
Numbers are octal, as in all of the literature.
"""

from collections.abc import Mapping
from dataclasses import replace

from ..encoding import WORD, Encoding, EncodingError, pattern, units
from ..terms import BitVec, Term, bits, concat, var

WORD_SORT = BitVec(36)
ADDRESS_WIDTH = 18
ADDRESS_FIELDS = "i:1 x:4 y:18"
ONE_WORD = units(1, ADDRESS_WIDTH)


def left(word: Term) -> Term:
    return word[35:18]


def right(word: Term) -> Term:
    return word[17:0]


def swap(word: Term) -> Term:
    """The word with its halves exchanged."""
    return concat(right(word), left(word))


def is_negative(word: Term) -> Term:
    return word.bit(word.width - 1)


def in_right(half: Term) -> Term:
    """The word 0,,half."""
    return half.zext(36)


def is_plain_jsr(word: Term) -> Term:
    """The word is a JSR without index and indirection."""
    return (word[35:27] == 0o264) & (word[22:18] == 0)


def page_address(page: Term, within: int) -> Term:
    """The address of word `within` of a page of 512 words."""
    return concat(page, bits(within, 9))


def encode(operation: int, ac: int | None = None) -> Encoding:
    """The words of one operation code, or those of one accumulator field in it (JRST has a function there)."""
    field = "ac:4" if ac is None else f"{ac:04b}"
    text = f"{operation:03o}" if ac is None else f"{operation:03o} {ac:02o}"
    return replace(_pattern(f"{operation:09b} {field} {ADDRESS_FIELDS}"), text=text)


def encode_range(first: int, last: int) -> Encoding:
    """The words of the operation codes from `first` to `last`; the code is the field `operation`."""
    operation = var(WORD, WORD_SORT)[35:27]
    every = _pattern(f"operation:9 ac:4 {ADDRESS_FIELDS}")
    inside = (operation >= first) & (operation <= last)
    return _restricted(every, f"{first:03o}-{last:03o}", "operation", (first, last), inside)


def encode_in_out(function: int, first: int, last: int) -> Encoding:
    """The words of an in-out function for the devices numbered `first` to `last` (device code = 4 x number)."""
    device = var(WORD, WORD_SORT)[32:26]
    text = f"7.. {function << 2:02o} device {first << 2:03o}-{last << 2:03o}"
    every = _pattern(f"111 device:7 {function:03b} {ADDRESS_FIELDS}")
    inside = (device >= first) & (device <= last)
    return _restricted(every, text, "device", (first, last), inside)


def _pattern(text: str) -> Encoding:
    return pattern(text, word=WORD_SORT, length=ONE_WORD)


def _restricted(every: Encoding, text: str, field: str, span: tuple[int, int], inside: Term) -> Encoding:
    def assemble(operands: Mapping[str, int]) -> int:
        if not span[0] <= operands[field] <= span[1]:
            raise EncodingError(f"{field} is a number from {span[0]:#o} to {span[1]:#o}, not {operands[field]:#o}")
        return every.assemble(operands)

    return replace(every, text=text, matches=every.matches & inside, assemble=assemble)


def operand_text(fields: Mapping[str, int]) -> str:
    """`@100(5)`: the address part of an instruction as the assembler writes it."""
    index = f"({fields['x']:o})" if fields["x"] else ""
    return f"{'@' if fields['i'] else ''}{fields['y']:o}{index}"
