"""The programs of the folder `programs`: their sources, the binaries beside them, and how these are built."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "programs"
NAMES = ("arithmetic", "delegation", "host", "paging", "pmp", "timer", "traps")
WIDTHS = (64, 32)
COMPILER = "riscv64-unknown-elf-gcc"
OPTIONS = (
    "-mcmodel=medany", "-Os", "-fno-strict-aliasing", "-std=gnu11", "-ffreestanding", "-nostdlib", "-nostartfiles",
    "-static", "-fno-asynchronous-unwind-tables", "-Wall", "-Werror", "-Wl,--strip-debug", "-Wl,--build-id=none",
    "-Wl,--no-warn-rwx-segments", "-T", "link.ld", "start.S",
)  # fmt: skip


def binary(name: str, width: int) -> Path:
    return FOLDER / f"{name}.rv{width}.elf"


def expected(name: str, width: int) -> str:
    """What the program prints."""
    return (FOLDER / f"{name}.rv{width}.txt").read_text()


def build(name: str, width: int, to: Path) -> None:
    """Builds a program as the binary beside its source was, but for names of temporary files in its symbols."""
    abi = "lp64" if width == 64 else "ilp32"
    form = (f"-march=rv{width}imac_zicsr_zifencei", f"-mabi={abi}")
    subprocess.run([COMPILER, *form, *OPTIONS, f"{name}.c", "-o", str(to), "-lgcc"], cwd=FOLDER, check=True)


def same_compiler(path: Path) -> bool:
    """The compiler is here that the binary says it was built with."""
    if shutil.which(COMPILER) is None:
        return False
    version = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout.split("\n")[0]
    return version.partition(" ")[2].encode() in path.read_bytes()
