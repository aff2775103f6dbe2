"""Encodings: which words an instruction has, and where its operands lie in them.

A pattern is written as the manual draws it, highest bit first: `"0101 a:3 b:3"` is four fixed bits and two
fields of three bits; `-` stands for a bit that the machine ignores. Machines with richer formats build
`Encoding` objects of their own from terms over the word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from .terms import BitVecSort, Term, all_of, bits, substitute, var

WORD = "$word"


class EncodingError(ValueError):
    """An encoding is not well formed, or an operand does not fit its field."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """A set of words. All terms are over the variable `WORD` of the machine's word sort.

    `fields` are the operands by name; `length` is how far the program counter moves; `assemble` gives the
    word of concrete operands. The meaning sees each field as the variable `$name`.
    """

    text: str
    matches: Term
    fields: Mapping[str, Term]
    length: Term
    assemble: Callable[[Mapping[str, int]], int] = field(compare=False)
    length_fields: Mapping[str, Term] | None = None

    @cached_property
    def variables(self) -> dict[str, Term]:
        """The variable that stands for each field in the meaning."""
        return {name: var(f"${name}", term.sort) for name, term in self.fields.items()}

    @cached_property
    def length_over_fields(self) -> Term:
        """The length as a term over the field variables, where it depends on them, else a constant."""
        if self.length.is_constant:
            return self.length
        return var("$length", self.length.sort)

    def binds(self, word: Term) -> list[Term]:
        """What ties the field variables to `word`: it is one of this encoding's, and these are its fields."""
        own = var(WORD, word.sort)
        terms = substitute([self.matches, self.length, *self.fields.values()], {own: word})
        ties = [v == t for v, t in zip(self.variables.values(), terms[2:], strict=True)]
        if not self.length.is_constant:
            ties.append(var("$length", self.length.sort) == terms[1])
        return [terms[0], *ties]


def pattern(text: str, *, word: BitVecSort, length: Term) -> Encoding:
    """The encoding of a pattern. Raises EncodingError unless it describes exactly the word's bits."""
    own = var(WORD, word)
    position = word.width
    fixed: list[Term] = []
    fields: dict[str, Term] = {}
    places: dict[str, tuple[int, int]] = {}
    constant = 0
    for token in text.split():
        if ":" in token:
            name, _, size = token.partition(":")
            if not size.isdigit() or not int(size):
                raise EncodingError(f"a field is written name:width, not {token!r}")
            position -= int(size)
            if position < 0:
                break
            if name == "-":
                continue
            fields[name] = own[position + int(size) - 1 : position]
            places[name] = (position, int(size))
            continue
        for char in token:
            position -= 1
            if position < 0:
                break
            if char in "01":
                fixed.append(own[position] == int(char))
                constant |= int(char) << position
            elif char != "-":
                raise EncodingError(f"a pattern is made of 0, 1, - and name:width, not {char!r} in {text!r}")
    if position != 0:
        raise EncodingError(f"the pattern {text!r} does not describe {word.width} bits")

    def assemble(operands: Mapping[str, int]) -> int:
        result = constant
        for name, (low, size) in places.items():
            value = operands[name]
            if not 0 <= value < 1 << size:
                raise EncodingError(f"{name} is a number of {size} bits, not {value}")
            result |= value << low
        return result

    return Encoding(text, all_of(*fixed), fields, length, assemble)


def units(count: int, width: int) -> Term:
    """A length of `count` storage units, as wide as the program counter."""
    return bits(count, width)
