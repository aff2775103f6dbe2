"""Programs: for each instruction form some encodings with what may vary in them, joined to fresh code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from ringproof.model.encoding import EncodingError
from ringproof.model.machine import Instruction
from ringproof.model.terms import BoolSort

from ..interpreter import Interpreter, fixed_bits
from .code import GenerationError
from .randomness import Stream, pick

PER_FORM = 6
ATTEMPTS, WORDS = 40, 4000
SMALL_FIELD = 8
"""Fields of this many bits or more take values from a pool; smaller ones are random."""


@dataclass(frozen=True)
class Operand:
    """A field of an instruction's code that holds a value: its lowest bit, counted from the first cell's, and width."""

    low: int
    width: int


@dataclass(frozen=True)
class Template:
    """The code of an instruction, the first cell lowest: `free` bits are random, the operands are values."""

    code: int
    cells: int
    free: int
    operands: tuple[Operand, ...]


class Programs:
    """The templates of a machine's forms. They are the same for every seed."""

    def __init__(self, interpreter: Interpreter, cell_width: int) -> None:
        self._interpreter = interpreter
        self._machine = interpreter.machine
        self._cell = cell_width
        self._templates: dict[int, tuple[Template, ...]] = {}

    def of(self, form: int) -> tuple[Template, ...]:
        """The templates of a form, by its place in the machine. Raises GenerationError where none can be found."""
        if form not in self._templates:
            instruction = self._machine.instructions[form]
            rng = Random(form)
            found: dict[tuple[int, int], Template] = {}
            for _ in range(ATTEMPTS):
                if len(found) == PER_FORM:
                    break
                fields = {name: _value(rng, _width(term)) for name, term in instruction.encoding.fields.items()}
                template = self._template(instruction, fields)
                if template is not None:
                    found.setdefault((template.code, template.free), template)
            if not found:
                found = self._from_words(rng, instruction)
            if not found:
                raise GenerationError(f"no encoding of {instruction.id} was found for random traces")
            self._templates[form] = tuple(found.values())
        return self._templates[form]

    @cached_property
    def every(self) -> tuple[Template, ...]:
        return tuple(template for form in range(len(self._machine.instructions)) for template in self.of(form))

    def assemble(self, template: Template, stream: Stream, pool: Sequence[int]) -> int:
        """The template's code with random bits and operands."""
        code = template.code
        if template.free:
            free = stream.draw() | stream.draw() << 64
            code |= free & template.free
        for operand in template.operands:
            bits = stream.draw()
            kind, rest = bits & 7, bits >> 3
            value = pool[pick(rest, len(pool))] if kind < 5 else rest & 0x3F if kind < 7 else rest
            code |= (value & ((1 << operand.width) - 1)) << operand.low
        return code

    def cells(self, code: int, count: int) -> list[int]:
        """The code's cells, the first first."""
        return [code >> self._cell * n & ((1 << self._cell) - 1) for n in range(count)]

    def _template(self, instruction: Instruction, fields: Mapping[str, int]) -> Template | None:
        stored = self._stored(instruction, fields)
        if stored is None:
            return None
        code, cells = stored
        free, operands, fixed = 0, [], code
        for name, term in instruction.encoding.fields.items():
            width = _width(term)
            values = range(1 << width) if width < 4 else (0, (1 << width) - 1, 0x5555555555555555 & ((1 << width) - 1))
            others = [self._stored(instruction, {**fields, name: value}) for value in values]
            if any(other is None or other[1] != cells for other in others):
                continue
            differing = 0
            for other in others:
                assert other is not None
                differing |= other[0] ^ code
            if not differing:
                continue
            low = (differing & -differing).bit_length() - 1
            if width >= SMALL_FIELD and differing == ((1 << width) - 1) << low:
                operands.append(Operand(low, width))
            elif differing.bit_length() <= 128:
                free |= differing
            fixed &= ~differing
        return Template(fixed, cells, free, tuple(operands))

    def _from_words(self, rng: Random, instruction: Instruction) -> dict[tuple[int, int], Template]:
        """Templates with nothing free, of random words with the form's fixed bits."""
        width = self._machine.word.width
        mask, value = fixed_bits(instruction.encoding.matches, width)
        found: dict[tuple[int, int], Template] = {}
        for _ in range(WORDS):
            stored = self._code(instruction, value | rng.getrandbits(width) & ~mask)
            if stored is not None and len(found) < PER_FORM:
                found[stored[0], 0] = Template(*stored, 0, ())
        return found

    def _stored(self, instruction: Instruction, fields: Mapping[str, int]) -> tuple[int, int] | None:
        """The code of an instruction with these fields and its cells; None where they make no such instruction."""
        try:
            word = instruction.encoding.assemble(fields)
        except EncodingError:
            return None
        return self._code(instruction, word)

    def _code(self, instruction: Instruction, word: int) -> tuple[int, int] | None:
        matches, found = self._interpreter.operands(instruction, word)
        if not matches:
            return None
        length = instruction.encoding.length
        cells = length.value if length.is_constant else found["length"]
        if self._machine.stored is not None:
            content = self._machine.stored(word, cells)
            return int.from_bytes(content, "little"), len(content)
        return word, max(1, -(-self._machine.word.width // self._cell))


def _width(term: object) -> int:
    sort = getattr(term, "sort", None)
    return 1 if isinstance(sort, BoolSort) else int(getattr(sort, "width", 1))


def _value(rng: Random, width: int) -> int:
    kind = rng.randrange(4)
    if kind < 2:
        return 0 if kind else rng.getrandbits(width) & rng.getrandbits(width) & rng.getrandbits(width)
    return rng.getrandbits(width)
