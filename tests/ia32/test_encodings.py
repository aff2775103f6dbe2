"""Encodings: words and bytes, assembling and decoding, and capstone's opinion of every form."""

from __future__ import annotations

import random
from functools import cache

import pytest

from ringproof.model.encoding import EncodingError
from ringproof.model.ia32 import ia32
from ringproof.model.ia32.encoding import encode, from_bytes, parse, to_bytes
from ringproof.model.ia32.forms import Form
from ringproof.model.machine import Instruction
from ringproof.properties.decoding import check_decoding
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.interpreter import Interpreter

capstone = pytest.importorskip("capstone")

MACHINE = ia32()
INTERPRETER = Interpreter(MACHINE)

# Where capstone's mnemonic is another one than the manual's.
ALIASES = {"XLAT": "xlatb", "PUSHA": "pushaw", "PUSHAD": "pushal", "POPA": "popaw", "POPAD": "popal"}
ALIASES |= {"XCHG": "nop pause", "CALL": "lcall", "JMP": "ljmp", "RET": "retf"}


@cache
def disassembler() -> object:
    return capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_32)


def random_fields(instruction: Instruction, source: random.Random) -> dict[str, int]:
    """Fields of a word that the instruction has: any operands, a segment override at times."""
    fields = {name: source.getrandbits(term.width) for name, term in instruction.encoding.fields.items()}
    fields["prefix"] = source.choice((0, 0, 1, 2, 3, 4, 5, 6)) << 5
    meaning = instruction.meaning
    assert isinstance(meaning, Form)
    if meaning.modrm == "memory":
        fields["mod"] = source.randrange(3)
    elif meaning.modrm == "register":
        fields["mod"] = 3
    if "Sreg" in meaning.operands:
        fields["reg"] = source.choice((0, 2, 3, 4, 5))
    if fields.get("mod") == 3:
        fields |= {"index": 4, "scale": 0, "sib": 0, "disp": 0}
    return fields


def identify(instruction: Instruction) -> str:
    return instruction.id


@pytest.mark.parametrize("instruction", MACHINE.instructions, ids=identify)
def test_words_assemble_decode_and_disassemble(instruction: Instruction) -> None:
    source = random.Random(instruction.id)
    for _ in range(24):
        word = instruction.encoding.assemble(random_fields(instruction, source))
        found = INTERPRETER.decode(word)
        assert found is not None
        decoded, fields = found
        assert decoded is instruction
        assert instruction.encoding.assemble(fields) == word
        length = fields.get("length") or instruction.encoding.length.value
        code = to_bytes(word, length)
        assert from_bytes(code) & ((1 << 88) - 1) == word & ((1 << 8 * (length - _prefixes(word))) - 1)
        theirs = next(disassembler().disasm_lite(code, 0), None)  # type: ignore[attr-defined]
        text = instruction.render(fields)
        assert theirs is not None, f"capstone has no instruction {code.hex()}, which is {text}"
        assert theirs[1] == length, f"capstone reads {theirs[1]} bytes of {code.hex()}, which is {text}"
        assert _same(text, theirs[2]), f"capstone calls {code.hex()} {theirs[2]}, we {text}"


def _prefixes(word: int) -> int:
    prefix = word >> 88
    return (prefix & 7).bit_count() + (prefix >> 4 & 1) + bool(prefix >> 5)


def _same(text: str, theirs: str) -> bool:
    words = text.removeprefix("LOCK ").split()
    ours = words[words[0].startswith("REP")]
    mnemonic = theirs.removeprefix("lock ").split()[-1]
    return mnemonic == ours.lower() or mnemonic in ALIASES.get(ours, "").split()


@pytest.mark.slow
def test_every_word_has_one_meaning() -> None:
    found = check_decoding(MACHINE, Z3Solver(), 20_000_000)
    assert found.disjoint, found.overlap
    assert found.total, found.uncovered


def test_bytes_to_words() -> None:
    assert from_bytes(bytes.fromhex("8b442404")) == 0x0424448B
    assert from_bytes(bytes.fromhex("66f02ef3a5")) == 0xA5 | 1 << 88 | 1 << 90 | 3 << 91 | 2 << 93
    assert to_bytes(0xA5 | 1 << 88 | 3 << 91, 3) == bytes.fromhex("66f3a5")
    assert len(to_bytes(0)) == 11


def test_a_repeated_prefix_is_refused() -> None:
    with pytest.raises(EncodingError, match=r"^the prefix 3e repeats one of its group$"):
        from_bytes(bytes.fromhex("2e3e90"))


def test_texts_that_are_no_encodings() -> None:
    with pytest.raises(EncodingError, match=r"^'XX' in the encoding '0F XX' is no byte, operand or prefix$"):
        parse("0F XX")
    with pytest.raises(EncodingError, match=r"^the encoding '66' has no opcode byte$"):
        encode("66")


def test_a_form_shows_itself() -> None:
    shown = {
        "65668b84c878563412": "MOV AX, word ptr GS:[EAX+ECX*8+0x12345678]",
        "f0830df0debc0aff": "LOCK OR dword ptr [0xabcdef0], 0xff",
        "75fe": "JNE $-0x2",
        "c8100001": "ENTER 0x10, 0x1",
        "f3a5": "REP MOVSD",
        "a178563412": "MOV EAX, dword ptr [0x12345678]",
    }
    for code, text in shown.items():
        found = INTERPRETER.decode(from_bytes(bytes.fromhex(code)))
        assert found is not None
        assert found[0].render(found[1]) == text
