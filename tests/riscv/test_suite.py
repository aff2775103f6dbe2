"""`ringproof run --suite`: the verdict on each program of a folder, and the exit code."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

from ringproof.__main__ import main

from .program_files import binary

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.slow

START = 0x8000_0000
PASS = (0x0010_0093, 0x0000_0117, 0x1011_2023, 0x0000_006F)
"""LI ra, 1; AUIPC sp, 0; SW ra, 256(sp), which is `tohost`; J here."""


def elf(*code: int) -> bytes:
    """A 64-bit program of these words, with `tohost` at 0x80000104."""
    text = b"".join(struct.pack("<I", word) for word in code).ljust(0x200, b"\0")
    names = b"\0tohost\0.symtab\0.strtab\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 16, 0, 0xFFF1, START + 0x104, 8)
    offset = 64 + 56
    at = {"names": offset + len(text), "symbols": offset + len(text) + len(names)}
    sections = at["symbols"] + len(symbols)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 243, 1, START, 64, sections, 0, 64, 56, 1, 64, 3, 1
    )
    segment = struct.pack("<IIQQQQQQ", 1, 7, offset, START, START, len(text), len(text), 4)
    table = bytes(64)
    table += struct.pack("<IIQQQQIIQQ", 16, 3, 0, 0, at["names"], len(names), 0, 0, 1, 0)
    table += struct.pack("<IIQQQQIIQQ", 8, 2, 0, 0, at["symbols"], len(symbols), 1, 1, 8, 24)
    return header + segment + text + names + symbols + table


def suite(folder: Path, capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["run", "-q", "--json", "--suite", str(folder), *arguments])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def verdicts(document: dict[str, Any]) -> dict[str, str]:
    return {program["path"]: program["verdict"] for program in document["programs"]}


def test_programs_of_both_widths_pass(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "below").mkdir()
    shutil.copy(binary("traps", 64), tmp_path / "below" / "wide")
    shutil.copy(binary("traps", 32), tmp_path / "narrow")
    (tmp_path / "wide.dump").write_text("no program")
    code, document = suite(tmp_path, capsys)
    assert code == 0
    assert [(p["path"], p["machine"]) for p in document["programs"]] == [("narrow", "rv32"), ("below/wide", "rv64")]
    assert document["counts"] == {"pass": 2, "fail": 0, "unsupported": 0, "timeout": 0}
    code, document = suite(tmp_path, capsys, "--machine", "rv64")
    assert (code, verdicts(document)) == (0, {"narrow": "unsupported", "below/wide": "pass"})


def test_each_verdict_and_its_exit_code(tmp_path: Path, capsys: Capture) -> None:
    trap_loop = (0x0000_0297, 0x3052_9073)  # AUIPC t0, 0; CSRW mtvec, t0: a trap begins again
    (tmp_path / "a-pass").write_bytes(elf(*PASS))
    (tmp_path / "b-loop").write_bytes(elf(0x0000_006F))
    (tmp_path / "c-float").write_bytes(elf(*trap_loop, 0x0000_0053))  # FADD.S
    code, document = suite(tmp_path, capsys, "--steps", "5000")
    assert (code, verdicts(document)) == (3, {"a-pass": "pass", "b-loop": "timeout", "c-float": "unsupported"})
    (tmp_path / "d-fail").write_bytes(elf(0x0070_0093, *PASS[1:]))
    code, document = suite(tmp_path, capsys, "--steps", "5000")
    assert (code, document["programs"][3]["exit_code"]) == (1, 3)
    assert main(["run", "-q", "--suite", str(tmp_path), "--steps", "5000"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "  pass         a-pass   rv64",
        "  timeout      b-loop   rv64  it had not exited after 5000 steps",
        "  unsupported  c-float  rv64  it had not exited after 5000 steps, having met an instruction of F,"
        " which the model leaves out",
        "  fail         d-fail   rv64  it exited with code 3",
        "4 programs: 1 pass, 1 fail, 1 unsupported, 1 timeout.",
    ]


def test_a_folder_without_programs_selects_nothing(tmp_path: Path, capsys: Capture) -> None:
    code, document = suite(tmp_path, capsys)
    assert (code, document["programs"]) == (5, [])
    assert main(["run", "-q", "--suite", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("is not a folder; --suite takes one with ELF files\n")
