"""The manual's encodings over the 96-bit instruction word: "66 05 iw", "0F 01 /4", "B8+rd id", "70+cc cb".

The word's bits 87..0 are the eleven bytes from the first opcode byte on, the first lowest; bits 95..88
summarize the prefixes: 88 operand size (66), 89 address size (67), 90 LOCK, 92..91 repeat (2 is F2, 3 is F3),
95..93 segment override (1 ES, 2 CS, 3 SS, 4 DS, 5 FS, 6 and 7 GS). SDM vol. 2, chapter 2 and section 3.1.1.

Tokens: two hexadecimal digits; `+rb +rw +rd` a register and `+cc` a condition in the opcode's low bits;
`/r` and `/0` to `/7` a ModRM byte; `ib iw id` an immediate, `cb cw cd` the displacement of a branch, `cp` a
far pointer, `moffs` a 32-bit offset. `66 F2 F3` first say that the prefix must be there, `NP` that none of
the three is, `NFx` that neither F2 nor F3 is. Otherwise F2 and F3 are ignored before a one-byte opcode and
not of the encoding before 0F, where they select other instructions; `operand_size` says if 66 is ignored.

Fields: `prefix` (8 bits, as in the word); of ModRM `mod`, `reg` (also the register in the opcode) and `rm`,
which is the SIB byte's base where there is one; `sib` says whether there is one, `scale` and `index` (4 when
none) are its other fields; `disp` is sign-extended to 32 bits; `imm`, and `imm2` after it; `cc`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from ..encoding import WORD, Encoding, EncodingError
from ..terms import FALSE, TRUE, BitVec, Term, all_of, any_of, bits, concat, ite, var

WIDTH = 96
BYTES = 11
word = var(WORD, BitVec(WIDTH))

OPERAND_SIZE, ADDRESS_SIZE, LOCK, REPEAT, SEGMENT = 88, 89, 90, 92, 93
SEGMENT_BYTES = (0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65)
IMMEDIATES = {"ib": 8, "iw": 16, "id": 32, "cb": 8, "cw": 16, "cd": 32, "cp": 48, "moffs": 32}

OperandSize: TypeAlias = Literal["any", 16, 32]
Modrm: TypeAlias = Literal["any", "memory", "register", "ignored"]


@dataclass(frozen=True)
class Shape:
    """The parsed text of an encoding."""

    opcode: tuple[int, ...]
    low: int  # how many low bits of the last opcode byte are a field: 0, 3 (register) or 4 (condition)
    modrm: bool
    digit: int | None
    immediates: tuple[int, ...]
    operand_size: OperandSize
    repeat: int | None  # 0 none, 2 F2, 3 F3, None ignored


@cache
def parse(text: str, operand_size: OperandSize = "any") -> Shape:
    """The shape of `text`. Raises EncodingError for a token that is none of the manual's."""
    opcode: list[int] = []
    immediates: list[int] = []
    low, modrm, digit, repeat, strict = 0, False, None, None, False
    for token in text.split():
        if token in ("66", "F2", "F3") and not opcode:
            if token == "66":
                operand_size = 16
            else:
                repeat = int(token[1])
        elif token in ("NP", "NFx"):
            strict = True
            operand_size = 32 if token == "NP" else operand_size
        elif match := re.fullmatch(r"([0-9A-F]{2})(\+r[bwd]|\+cc)?", token):
            opcode.append(int(match[1], 16))
            low = {None: 0, "+cc": 4}.get(match[2], 3)
        elif re.fullmatch(r"/[r0-7]", token):
            modrm, digit = True, None if token == "/r" else int(token[1])
        elif token in IMMEDIATES:
            immediates.append(IMMEDIATES[token])
        else:
            raise EncodingError(f"{token!r} in the encoding {text!r} is no byte, operand or prefix")
    if not opcode:
        raise EncodingError(f"the encoding {text!r} has no opcode byte")
    if repeat is None and (strict or opcode[0] == 0x0F):
        repeat = 0
    return Shape(tuple(opcode), low, modrm, digit, tuple(immediates), operand_size, repeat)


def at(position: int, width: int) -> Term:
    """The `width` bits from byte `position` of the instruction on."""
    if 8 * position + width > 8 * BYTES:
        raise EncodingError(f"an instruction has at most {BYTES} bytes after its prefixes")
    return word[8 * position + width - 1 : 8 * position]


class Layout:
    """ModRM, SIB and displacement after `n` opcode bytes, and where what follows them lies."""

    def __init__(self, n: int) -> None:
        self.n = n
        modrm, sib = at(n, 8), at(n + 1, 8)
        self.mod, self.reg = modrm[7:6], modrm[5:3]
        self.sib = (modrm[2:0] == 4) & (self.mod != 3)
        self.rm = ite(self.sib, sib[2:0], modrm[2:0])
        self.index = ite(self.sib, sib[5:3], bits(4, 3))
        self.scale = ite(self.sib, sib[7:6], bits(0, 2))
        self.short = self.mod == 1
        self.long = (self.mod == 2) | ((self.mod == 0) & (self.rm == 5))
        short = ite(self.sib, at(n + 2, 8), at(n + 1, 8)).sext(32)
        self.disp = ite(self.long, ite(self.sib, at(n + 2, 32), at(n + 1, 32)), ite(self.short, short, 0))
        self.size = self.sib.as_bits(4) + self.short.as_bits(4) + concat(self.long.as_bits(2), bits(0, 2)) + 1

    @cache  # noqa: B019 (two layouts exist, each once)
    def after(self, offset: int, width: int) -> Term:
        """The `width` bits that start `offset` bytes past the displacement."""
        near, n = offset + self.n + 1, self.n

        def pick(p: int) -> Term:
            return ite(self.sib, at(p + 1, width), at(p, width))

        assert n in (1, 2)
        return ite(self.long, pick(near + 4), ite(self.short, pick(near + 1), pick(near)))


layout = cache(Layout)


@cache
def prefix_count() -> Term:
    """How many prefix bytes there are, in 4 bits."""
    flags = [word[n] for n in (OPERAND_SIZE, ADDRESS_SIZE, LOCK, REPEAT)]
    total = (word[95:SEGMENT] != 0).as_bits(4)
    for flag in flags:
        total = total + flag.zext(4)
    return total


def encode(
    text: str,
    *,
    operand_size: OperandSize = "any",
    modrm: Modrm = "any",
    lock: bool = False,
    note: str = "",
) -> Encoding:
    """The encoding of `text`; `note` is appended to its text.

    `operand_size` 32 is the words without 66, "any" those with and without (66 in the text means 16).
    `modrm` says what the ModRM byte may name: "memory" or "register" only; "ignored" is a register whatever
    `mod` says, without SIB and displacement. With `lock`, words with LOCK and a memory operand are included.
    """
    shape = parse(text, operand_size)
    n = len(shape.opcode)
    matches = [word[ADDRESS_SIZE] == 0]
    fields: dict[str, Term] = {"prefix": word[95:88]}
    for position, value in enumerate(shape.opcode):
        low = shape.low if position == n - 1 else 0
        matches.append(at(position, 8)[7:low] == value >> low)
    if shape.low:
        fields["cc" if shape.low == 4 else "reg"] = at(n - 1, 8)[shape.low - 1 : 0]
    size = prefix_count() + n
    memory = FALSE
    offset = 0
    if shape.modrm:
        place = layout(n)
        if shape.digit is None:
            fields["reg"] = place.reg
        else:
            matches.append(place.reg == shape.digit)
        if modrm in ("memory", "register"):
            matches.append((place.mod == 3) if modrm == "register" else (place.mod != 3))
        if modrm in ("register", "ignored"):
            fields |= {"mod": place.mod, "rm": at(n, 8)[2:0]}
            size = size + 1
            offset = 1
        else:
            memory = place.mod != 3
            fields |= {name: getattr(place, name) for name in ("mod", "rm", "index", "scale", "disp")}
            fields["sib"] = place.sib.as_bits()
            size = size + place.size
    for number, width in enumerate(shape.immediates):
        general = shape.modrm and modrm not in ("register", "ignored")
        term = layout(n).after(offset, width) if general else at(n + offset, width)
        fields["imm2" if number else "imm"] = term
        offset += width // 8
    size = size + sum(shape.immediates) // 8
    if shape.operand_size != "any":
        matches.append(word[OPERAND_SIZE] == int(shape.operand_size == 16))
    if shape.repeat is not None:
        matches.append(word[REPEAT] == 0 if shape.repeat == 0 else word[REPEAT:91] == shape.repeat)
    matches.append((word[LOCK] == 0) | (memory if lock else FALSE))
    text = f"{text} {note}" if note else text

    def assemble(operands: Mapping[str, int]) -> int:
        return _assemble(shape, modrm, operands)

    return Encoding(text, all_of(*matches), fields, size.zext(32), assemble)


def _assemble(shape: Shape, modrm: Modrm, operands: Mapping[str, int]) -> int:
    prefix = operands.get("prefix", 0)
    if shape.operand_size != "any":
        prefix = prefix & ~1 | (shape.operand_size == 16)
    if shape.repeat is not None:
        prefix = prefix & ~0x18 | shape.repeat << 3
    code = bytearray(shape.opcode)
    if shape.low:
        code[-1] |= operands["cc" if shape.low == 4 else "reg"]
    if shape.modrm:
        code += _modrm(operands, operands.get("reg", 0) if shape.digit is None else shape.digit, modrm)
    for name, width in zip(("imm", "imm2"), shape.immediates, strict=False):
        code += (operands[name] & ((1 << width) - 1)).to_bytes(width // 8, "little")
    return int.from_bytes(code, "little") | (prefix & 0xFF) << 88


def _modrm(operands: Mapping[str, int], reg: int, modrm: Modrm) -> bytes:
    mod, rm = operands["mod"], operands["rm"]
    index, scale = operands.get("index", 4), operands.get("scale", 0)
    if modrm in ("register", "ignored") or mod == 3:
        return bytes([mod << 6 | reg << 3 | rm])
    if operands.get("sib", 0) or index != 4 or rm == 4:
        code = bytes([mod << 6 | reg << 3 | 4, scale << 6 | index << 3 | rm])
    else:
        code = bytes([mod << 6 | reg << 3 | rm])
    size = 4 if mod == 2 or (mod == 0 and rm == 5) else 1 if mod == 1 else 0
    return code + (operands.get("disp", 0) & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def region(text: str, matches: Term) -> Encoding:
    """A set of words by a term over the word, for words that no instruction has."""

    def assemble(operands: Mapping[str, int]) -> int:
        raise EncodingError(f"the words of {text!r} are not assembled from fields")

    return Encoding(text, matches, {}, bits(1, 32), assemble)


def any_word(*encodings: Encoding) -> Term:
    """The Bool over the word that says that it is one of `encodings`."""
    return any_of(*[encoding.matches for encoding in encodings]) if encodings else ~TRUE


# Words and bytes, in plain integers.


def from_bytes(code: bytes) -> int:
    """The word of the instruction at the start of `code`, which may be longer or shorter than it.

    Raises EncodingError when a prefix of one group is repeated, which the model leaves out.
    """
    prefix, position = 0, 0
    while position < len(code) and (found := _prefix(code[position])):
        mask, value = found
        if prefix & mask:
            raise EncodingError(f"the prefix {code[position]:02x} repeats one of its group")
        prefix |= value
        position += 1
    return int.from_bytes(code[position : position + BYTES], "little") | prefix << 88


def _prefix(value: int) -> tuple[int, int] | None:
    """The summary's bits that a prefix byte occupies, and those that it sets."""
    if value in SEGMENT_BYTES:
        return 0xE0, (SEGMENT_BYTES.index(value) + 1) << 5
    return {0x66: (1, 1), 0x67: (2, 2), 0xF0: (4, 4), 0xF2: (0x18, 0x10), 0xF3: (0x18, 0x18)}.get(value)


def to_bytes(word: int, length: int | None = None) -> bytes:
    """The bytes of `word`, prefixes first; `length` bytes in all, or every byte of the word."""
    prefix = word >> 88
    code = bytearray()
    if prefix >> 5:
        code.append(SEGMENT_BYTES[min((prefix >> 5) - 1, 5)])
    code += bytes(byte for bit, byte in ((4, 0xF0), (1, 0x66), (2, 0x67)) if prefix & bit)
    if prefix & 0x10:
        code.append(0xF0 | (prefix >> 3 & 3))
    code += (word & ((1 << 8 * BYTES) - 1)).to_bytes(BYTES, "little")
    return bytes(code[:length])
