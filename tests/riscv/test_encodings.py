"""Encodings against binutils: what the model assembles, Debian's disassembler reads as the same instruction."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from ringproof.model.catalog import load
from ringproof.model.machine import Instruction, Machine
from ringproof.traces.interpreter import Interpreter

OBJDUMP = shutil.which("riscv64-unknown-elf-objdump") or shutil.which("riscv64-linux-gnu-objdump")
needs_objdump = pytest.mark.skipif(OBJDUMP is None, reason="binutils for RISC-V are not installed")

CASES = 12
ORIGIN = 0x10000000


def mnemonic(instruction: Instruction, fields: dict[str, int]) -> str:
    """The name that a disassembler prints without aliases."""
    if instruction.name.startswith("csr "):
        return instruction.render(fields).split()[0]
    name = instruction.name.lower()
    if re.match(r"(lr|sc|amo)", name):
        name += ("", ".rl", ".aq", ".aqrl")[fields["aq"] << 1 | fields["rl"]]
    if name == "c.addi" and fields["rd"] == 0:
        return "c.nop"
    if name == "fence" and fields["fm"] == 0b1000 and fields["pred"] == fields["succ"] == 0b0011:
        return "fence.tso"
    return name


def drawn(interpreter: Interpreter, instruction: Instruction, source: Random) -> list[tuple[int, dict[str, int]]]:
    """Words of the instruction with their operands."""
    found = []
    for _ in range(40 * CASES):
        draft = {name: source.getrandbits(term.width) for name, term in instruction.encoding.fields.items()}
        if instruction.name.startswith("FENCE"):
            draft |= {"rd": 0, "rs1": 0, "fm": 0, "imm": 0}  # the manual reserves other values
        if "op" in draft:
            draft["op"] = source.choice([1, 2, 3, 5, 6, 7])
        word = instruction.encoding.assemble(draft)
        decoded = interpreter.decode(word)
        if decoded is not None and decoded[0] is instruction:
            found.append((word, dict(decoded[1])))
        if len(found) == CASES:
            break
    return found


def listing(words: list[tuple[int, int]], machine: Machine, folder: Path) -> list[str]:
    """What the disassembler says of each word of a length."""
    code = b"".join(word.to_bytes(4, "little")[:length] for word, length in words)
    path = folder / "code.bin"
    path.write_bytes(code)
    assert OBJDUMP is not None
    kind = "riscv:rv64" if machine.name == "rv64" else "riscv:rv32"
    command = [OBJDUMP, "-b", "binary", "-m", kind, "-M", "no-aliases,numeric", f"--adjust-vma={ORIGIN}", "-D"]
    text = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^\s*[0-9a-f]+:\t[0-9a-f]+\s+\t(.*)$", text, re.MULTILINE)
    assert len(lines) == len(words)
    return lines


@needs_objdump
@pytest.mark.parametrize("name", ["rv64", "rv32"])
def test_a_disassembler_reads_every_instruction_as_the_model_does(name: str, tmp_path: Path) -> None:
    machine = load(name)
    interpreter, source = Interpreter(machine), Random(1)
    cases = [
        (instruction, word, fields)
        for instruction in machine.instructions
        if instruction.name != "csr (not defined)"
        for word, fields in drawn(interpreter, instruction, source)
    ]
    assert {i.id for i, _, _ in cases} == {i.id for i in machine.instructions if i.name != "csr (not defined)"}
    lengths = [2 if word & 3 != 3 else 4 for _, word, _ in cases]
    texts = listing([(word, length) for (_, word, _), length in zip(cases, lengths, strict=True)], machine, tmp_path)
    wrong, place = [], ORIGIN
    for (instruction, word, fields), length, text in zip(cases, lengths, texts, strict=True):
        said, _, operands = text.partition("\t")
        if said.strip() != mnemonic(instruction, fields) or not agree(operands, instruction, fields, place):
            wrong.append(f"{word:#010x}: {text!r} is here {instruction.render(fields)!r}")
        place += length
    assert not wrong, "\n".join(wrong[:20])


def agree(said: str, instruction: Instruction, fields: dict[str, int], place: int) -> bool:
    """The registers and numbers that the disassembler shows are operands; sp and ra may be part of the instruction."""
    said = said.partition("#")[0]
    registers = [int(number) for number in re.findall(r"\bx(\d+)\b", said)]
    numbers = [int(number, 0) for number in re.findall(r"(?<![\w.])-?(?:0x)?[0-9a-f]+\b", said) if number != "0x"]
    known = {fields[name] for name in ("rd", "rs1", "rs2") if name in fields} | {0, 1, 2}
    values = {fields[name] for name in ("rs1", "shamt", "uimm") if name in fields} | {0}
    if "imm" in fields:
        width = instruction.encoding.fields["imm"].width
        imm = fields["imm"] - (fields["imm"] >> (width - 1) << width)
        values |= {imm, place + imm, imm >> 12 & 0xFFFFF}
    return set(registers) <= known and set(numbers) <= values
