"""Expressions over a state: component names, cells, numbers and the usual operations, read by a parser of our own.

    expression := and-part ("or" and-part)*            and-part := not-part ("and" not-part)*
    not-part   := "not" not-part | comparison          comparison := sum (("==" | "!=" | "<" | ...) sum)?
    operations on numbers, loosest first: | ^ & << >> + - * / %, then ~ and - before an operand
    operand    := number | NAME | NAME [ expression ] | ( expression )

Numbers are unsigned and have as many bits as they need; ~ and - are taken in 64 bits. A division by zero is zero.

>>> expression = parse("EAX == 0x10 and memory[EBX + 4] & 1 == 1", ["EAX", "EBX"], ["memory"])
>>> expression.value({"EAX": 16, "EBX": 0, "memory": {4: 3}})
True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ringproof.traces.interpreter import State

from .shape import TraceError

LONGEST = 1000
DEEPEST = 50
MASK = (1 << 64) - 1

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+)|([A-Za-z_]\w*)|(<<|>>|==|!=|<=|>=|[-+*/%&|^~<>()\[\]]))"
)

Compute = Callable[[State], Any]

_LEVELS: tuple[dict[str, Callable[[int, int], int]], ...] = (
    {"|": lambda a, b: a | b},
    {"^": lambda a, b: a ^ b},
    {"&": lambda a, b: a & b},
    {"<<": lambda a, b: a << b & MASK if b < 64 else 0, ">>": lambda a, b: a >> b},
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b & MASK},
    {
        "*": lambda a, b: a * b,
        "/": lambda a, b: a // b if b else 0,
        "%": lambda a, b: a % b if b else 0,
    },
)
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@dataclass(frozen=True)
class Expression:
    """What to compute of a state: `value(state)` is a truth value where `is_condition`, else a number.

    `divides` says whether a division stands in it, so that its value may rest on one by zero.
    """

    text: str
    value: Compute
    is_condition: bool
    names: frozenset[str]
    divides: bool


def parse(
    text: str, scalars: Collection[str], arrays: Collection[str], sizes: Mapping[str, tuple[int, int]] | None = None
) -> Expression:
    """The expression that `text` writes. Raises TraceError, naming the place, for anything else.

    With `sizes`, the bits of an index and of a value by name, a computed index keeps its low bits, and a number that a
    component or an index cannot be is refused.
    """
    return _Parser(text, scalars, arrays, sizes or {}).whole()


class _Parser:
    def __init__(
        self, text: str, scalars: Collection[str], arrays: Collection[str], sizes: Mapping[str, tuple[int, int]]
    ) -> None:
        if len(text) > LONGEST:
            raise TraceError(f"an expression has at most {LONGEST} characters, not {len(text)}")
        self._text = text
        self._scalars = scalars
        self._arrays = arrays
        self._sizes = sizes
        self._names: set[str] = set()
        self._tokens = self._split()
        self._next = 0
        self._depth = 0

    def _split(self) -> list[tuple[str, str, int]]:
        tokens: list[tuple[str, str, int]] = []
        position = 0
        while self._text[position:].strip():
            match = _TOKEN.match(self._text, position)
            if match is None:
                at = len(self._text) - len(self._text[position:].lstrip())
                raise self._fault("a number, a name or an operator was expected", at)
            kind = ("number", "name", "sign")[(match.lastindex or 1) - 1]
            tokens.append((kind, match[match.lastindex or 1], match.start(match.lastindex or 1)))
            position = match.end()
        tokens.append(("end", "", len(self._text)))
        return tokens

    def _fault(self, what: str, at: int) -> TraceError:
        found = repr(self._text[at : at + 20]) if at < len(self._text) else "the end"
        return TraceError(f"in the expression {self._text!r}, {what} at column {at + 1}, not {found}")

    def _take(self, *words: str) -> str | None:
        """The next token where it is one of these words or signs."""
        kind, word, _ = self._tokens[self._next]
        if kind in ("name", "sign") and word in words:
            self._next += 1
            return word
        return None

    def _expect(self, word: str) -> None:
        if self._take(word) is None:
            raise self._fault(f"{word!r} was expected", self._tokens[self._next][2])

    def whole(self) -> Expression:
        value, condition = self._or()
        kind, _, at = self._tokens[self._next]
        if kind != "end":
            raise self._fault("an operator was expected", at)
        divides = any(kind == "sign" and word in "/%" for kind, word, _ in self._tokens)
        return Expression(self._text, value, condition, frozenset(self._names), divides)

    # Conditions.

    def _or(self) -> tuple[Compute, bool]:
        return self._joined("or", self._and, lambda a, b: lambda s: bool(a(s)) or bool(b(s)))

    def _and(self) -> tuple[Compute, bool]:
        return self._joined("and", self._not, lambda a, b: lambda s: bool(a(s)) and bool(b(s)))

    def _joined(
        self, word: str, part: Callable[[], tuple[Compute, bool]], join: Callable[[Compute, Compute], Compute]
    ) -> tuple[Compute, bool]:
        value, condition = part()
        while self._take(word):
            other, _ = part()
            value, condition = join(value, other), True
        return value, condition

    def _not(self) -> tuple[Compute, bool]:
        if self._take("not"):
            with self._deeper():
                value, _ = self._not()
            return lambda s: not value(s), True
        return self._comparison()

    def _comparison(self) -> tuple[Compute, bool]:
        start = self._next
        value, condition = self._operation(0)
        middle = self._next
        sign = self._take(*_COMPARISONS)
        if sign is None:
            return value, condition
        other, _ = self._operation(0)
        self._check_compared((start, middle), (middle + 1, self._next))
        return _applied(_COMPARISONS[sign], value, other), True

    # Numbers.

    def _operation(self, level: int) -> tuple[Compute, bool]:
        if level == len(_LEVELS):
            return self._operand()
        value, condition = self._operation(level + 1)
        while sign := self._take(*_LEVELS[level]):
            other, _ = self._operation(level + 1)
            value, condition = _applied(_LEVELS[level][sign], value, other), False
        return value, condition

    def _operand(self) -> tuple[Compute, bool]:
        kind, word, at = self._tokens[self._next]
        if sign := self._take("~", "-"):
            with self._deeper():
                value, _ = self._operand()
            return (lambda s: ~value(s) & MASK) if sign == "~" else (lambda s: -value(s) & MASK), False
        if self._take("("):
            with self._deeper():
                inside = self._or()
            self._expect(")")
            return inside
        self._next += 1
        if kind == "number":
            return _constant(word), False
        if kind == "name" and word in self._scalars:
            self._names.add(word)
            return lambda s: s[word], False
        if kind == "name" and word in self._arrays:
            self._names.add(word)
            self._expect("[")
            start = self._next
            with self._deeper():
                index, _ = self._or()
            self._check_fits(
                self._lone_number(start, self._next), f"an index of {word}", self._sizes.get(word, (0, 0))[0]
            )
            self._expect("]")
            if word not in self._sizes:
                return lambda s: s[word][index(s)], False
            mask = (1 << self._sizes[word][0]) - 1
            return lambda s: s[word][index(s) & mask], False
        if kind == "name" and word not in ("and", "or", "not"):
            raise TraceError(f"in the expression {self._text!r}, {word[:40]!r} is no component of the machine")
        raise self._fault("a number, a name or '(' was expected", at)

    # Numbers that nothing can be equal to.

    def _check_compared(self, *sides: tuple[int, int]) -> None:
        """Refuses a component compared with a number that it cannot be."""
        for (start, end), other in zip(sides, sides[::-1], strict=True):
            kind, word, _ = self._tokens[start]
            alone = end == start + 1 or (word in self._arrays and self._closing(start + 1) == end - 1)
            if kind == "name" and word in self._sizes and alone:
                self._check_fits(self._lone_number(*other), word, self._sizes[word][1])

    def _closing(self, start: int) -> int:
        """The place of the bracket that closes the one at `start`."""
        depth = 0
        for place in range(start, len(self._tokens)):
            depth += {"[": 1, "]": -1}.get(self._tokens[place][1], 0)
            if depth == 0:
                return place
        return len(self._tokens)

    def _lone_number(self, start: int, end: int) -> int | None:
        """The number that the tokens from `start` to before `end` are, where they are nothing else."""
        kind, word, _ = self._tokens[start]
        return _number(word) if kind == "number" and end == start + 1 else None

    def _check_fits(self, value: int | None, what: str, width: int) -> None:
        if width and value is not None and value >> width:
            bits = "1 bit" if width == 1 else f"{width} bits"
            raise TraceError(f"in the expression {self._text!r}, {what} has {bits} and is never {value:#x}")

    def _deeper(self) -> _Depth:
        return _Depth(self)

    def enter(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TraceError(f"the expression {self._text[:40]!r}... is nested more than {DEEPEST} deep")

    def leave(self) -> None:
        self._depth -= 1


class _Depth:
    """Counts a level of nesting while it is entered."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser

    def __enter__(self) -> None:
        self._parser.enter()

    def __exit__(self, *error: object) -> None:
        self._parser.leave()


def _number(word: str) -> int:
    return int(word, 0) if word[:1] == "0" and len(word) > 1 and not word.isdigit() else int(word)


def _constant(word: str) -> Compute:
    value = _number(word)
    return lambda s: value


def _applied(operation: Callable[[Any, Any], Any], left: Compute, right: Compute) -> Compute:
    return lambda s: operation(left(s), right(s))
