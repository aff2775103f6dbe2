"""QEMU's system emulator: a multiboot image calls the program again and again, and the start is subtracted.

The image begins with the multiboot header (Multiboot Specification 0.6.96, section 3.1, with the address fields), then
code that calls the program, writes its last result to the debug console, and ends QEMU.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from ..programs import Program
from ..programs.ia32 import STACK, START, image
from .ringproof import check, steps

COMMAND = "qemu-system-i386"
HEADER = 0x100000
ROUNDS_LEFT = 0x100F80
CONSOLE, END = 0xE9, 0xF4
LONG_ENOUGH = 0.4
"""Seconds that the calls must take beyond the start."""
LIMIT = 120


def word(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")


def multiboot(code: bytes, size: int, rounds: int) -> bytes:
    """The image that calls `code` with `size` as often as `rounds` says."""
    magic, flags = 0x1BADB002, 0x10000
    header = b"".join(map(word, (magic, flags, -magic - flags, HEADER, HEADER, 0, 0, HEADER + 32)))
    again = (
        b"\xbc" + word(STACK + 8)  # mov esp, STACK + 8
        + b"\x68" + word(size)  # push size
        + b"\xb8" + word(START) + b"\xff\xd0"  # mov eax, START; call eax
        + b"\xff\x0d" + word(ROUNDS_LEFT)  # dec dword [ROUNDS_LEFT]
    )  # fmt: skip
    stub = (
        b"\xfa\xc7\x05" + word(ROUNDS_LEFT) + word(rounds)  # cli; mov dword [ROUNDS_LEFT], rounds
        + again + b"\x75" + bytes([256 - len(again) - 2])  # jnz again
        + b"\xb9" + word(4)  # mov ecx, 4
        + b"\xe6" + bytes([CONSOLE]) + b"\xc1\xe8\x08\xe2\xf9"  # out CONSOLE, al; shr eax, 8; loop
        + b"\xe6" + bytes([END]) + b"\xf4"  # out END, al; hlt
    )  # fmt: skip
    return (header + stub).ljust(START - HEADER, b"\0") + code


def run(program: Program, size: int, rounds: int) -> float:
    """The seconds of a whole run of QEMU. Raises WrongResult."""
    with TemporaryDirectory() as folder:
        kernel, console = Path(folder, "kernel"), Path(folder, "console")
        kernel.write_bytes(multiboot(image(program.name.replace("-", "_")), size, rounds))
        arguments = ["-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none", "-no-reboot"]
        arguments += ["-device", f"isa-debug-exit,iobase={END:#x},iosize=4", "-debugcon", f"file:{console}"]
        start = time.perf_counter()
        subprocess.run([COMMAND, *arguments, "-kernel", str(kernel)], capture_output=True, timeout=LIMIT, check=False)
        took = time.perf_counter() - start
        result = int.from_bytes(console.read_bytes(), "little") if console.exists() else -1
    check("QEMU", program, size, result)
    return took


_starts: dict[Program, float] = {}


@cache
def _rounds(program: Program) -> int:
    """How many calls take long enough."""
    _starts[program] = run(program, program.size, 1)
    rounds = 2
    while run(program, program.size, rounds) - _starts[program] < LONG_ENOUGH:
        rounds *= 2
    return rounds


def qemu(program: Program) -> float | str:
    """The shortest start so far is subtracted: where both are the best of several, so is their difference."""
    if shutil.which(COMMAND) is None:
        return "not installed"
    rounds = _rounds(program)
    _starts[program] = start = min(_starts[program], run(program, program.size, 1))
    took = run(program, program.size, rounds) - start
    return (rounds - 1) * steps(program) / took / 1e6
