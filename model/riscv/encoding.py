"""Encodings as the manual's instruction tables draw them: "imm[11:0] rs1 000 rd 0010011".

Unprivileged ISA manual, version 20240411, chapter 2.2 (formats) and 27.8 (compressed instructions). The word has 32
bits; a compressed instruction is drawn with 16 bits and lies in the lower half, whatever the upper half holds.

Tokens, the highest bit first: `0` and `1` are fixed bits, `-` is a bit that the hart ignores; `rd rs1 rs2` are register
numbers (5 bits), `rd' rs1' rs2'` registers 8 to 15 (3 bits); `rd!=0,2` excludes numbers. `imm[12|10:5]` are those bits
of an operand, whose value has zeros where no bit of it is drawn; `nz` before a name says that it is not zero.
`name:3` is a field of three bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..encoding import WORD, Encoding, EncodingError
from ..terms import BitVec, Term, all_of, bits, concat, var

WIDTH = 32
REGISTERS = ("rd", "rs1", "rs2")
word = var(WORD, BitVec(WIDTH))


@dataclass
class _Drawn:
    """A pattern while it is read: the fixed bits, and for each operand where its bits lie in the word."""

    mask: int = 0
    value: int = 0
    places: dict[str, dict[int, int]] = field(default_factory=dict)
    compact: set[str] = field(default_factory=set)
    excluded: dict[str, list[int]] = field(default_factory=dict)


def encode(text: str) -> Encoding:
    """The encoding of a pattern of 32 or 16 bits. Raises EncodingError for a token or a size that is none."""
    drawn = _Drawn()
    tokens = text.split()
    size = sum(_width(token) for token in tokens)
    if size not in (16, 32):
        raise EncodingError(f"the pattern {text!r} draws {size} bits; an instruction has 16 or 32")
    position = size
    for token in tokens:
        position -= _width(token)
        _read(drawn, token, position)
    matches = [word[h:low] == drawn.value >> low & ((1 << (h - low + 1)) - 1) for h, low in _runs(drawn.mask)]
    fields = {name: _operand(places, name in drawn.compact) for name, places in drawn.places.items()}
    for name, values in drawn.excluded.items():
        matches += [fields[name] != value for value in values]

    def assemble(operands: Mapping[str, int]) -> int:
        result = drawn.value
        for name, places in drawn.places.items():
            for bit, place in places.items():
                result |= (operands[name] >> bit & 1) << place
        return result

    return Encoding(text, all_of(*matches), fields, bits(size // 8, WIDTH), assemble)


def _width(token: str) -> int:
    name = re.sub(r"!=.*", "", token)
    if re.fullmatch(r"[01-]+", name):
        return len(name)
    if name in REGISTERS:
        return 5
    if name.removesuffix("'") in REGISTERS:
        return 3
    if match := re.fullmatch(r"\w+:(\d+)", name):
        return int(match[1])
    if match := re.fullmatch(r"\w+\[([\d:|]+)\]", name):
        return len(_numbers(match[1]))
    raise EncodingError(f"{token!r} is neither bits nor an operand of a RISC-V instruction")


def _numbers(text: str) -> list[int]:
    """The bits of "12|10:5", the first highest in the word."""
    found: list[int] = []
    for part in text.split("|"):
        high, _, low = part.partition(":")
        found += range(int(high), int(low or high) - 1, -1)
    return found


def _read(drawn: _Drawn, token: str, low: int) -> None:
    width = _width(token)
    if re.fullmatch(r"[01-]+", token):
        for offset, char in enumerate(reversed(token)):
            if char != "-":
                drawn.mask |= 1 << (low + offset)
                drawn.value |= int(char) << (low + offset)
        return
    name, _, excluded = token.partition("!=")
    numbers = list(range(width - 1, -1, -1))
    if match := re.fullmatch(r"(\w+)\[([\d:|]+)\]", name):
        name, numbers = match[1], _numbers(match[2])
    elif name.endswith("'"):
        drawn.compact.add(name.removesuffix("'"))
    name = name.removesuffix("'").partition(":")[0]
    if name.startswith("nz"):
        name, excluded = name.removeprefix("nz"), "0"
    places = drawn.places.setdefault(name, {})
    for offset, number in enumerate(reversed(numbers)):
        places[number] = low + offset
    if excluded:
        drawn.excluded[name] = [int(number) for number in excluded.split(",")]


def _operand(places: Mapping[int, int], compact: bool) -> Term:
    """The operand whose bit n lies in the word at `places[n]`; a compact register number has 01 above."""
    pieces = [word[places[n]] if n in places else bits(0, 1) for n in range(max(places), -1, -1)]
    return concat(bits(0b01, 2), *pieces) if compact else concat(*pieces)


def _runs(mask: int) -> list[tuple[int, int]]:
    """The runs (high, low) of ones in `mask`, highest first."""
    found: list[tuple[int, int]] = []
    for position in range(WIDTH - 1, -1, -1):
        if mask >> position & 1:
            if found and found[-1][1] == position + 1:
                found[-1] = (found[-1][0], position)
            else:
                found.append((position, position))
    return found


def region(text: str, matches: Term) -> Encoding:
    """A set of words by a term over the word, for words that no instruction has."""

    def assemble(operands: Mapping[str, int]) -> int:
        raise EncodingError(f"the words of {text!r} are not assembled from fields")

    return Encoding(text, matches, {}, bits(4, WIDTH), assemble)
