"""The unicorn package: QEMU's translator as a library. It delivers no traps, so it runs no trap-heavy programs."""

from __future__ import annotations

import time
from importlib.util import find_spec

from ..programs import Program
from ..programs.ia32 import MEMORY_END, STACK, START, STOP, image, stack
from .ringproof import check, steps

INSTALLED = find_spec("unicorn") is not None


def run(program: Program, size: int) -> float:
    """The seconds that a program of IA-32 takes in a fresh unicorn. Raises WrongResult."""
    from unicorn import UC_ARCH_X86, UC_MODE_32, Uc
    from unicorn import x86_const as x86

    uc = Uc(UC_ARCH_X86, UC_MODE_32)
    uc.mem_map(0, MEMORY_END)
    uc.mem_write(START, image(program.name.replace("-", "_")))
    uc.mem_write(STACK, stack(size))
    uc.reg_write(x86.UC_X86_REG_ESP, STACK)
    start = time.perf_counter()
    uc.emu_start(START, STOP)
    took = time.perf_counter() - start
    check("unicorn", program, size, uc.reg_read(x86.UC_X86_REG_EAX))
    return took


def unicorn(program: Program) -> float | str:
    if not INSTALLED:
        return "not installed"
    if program.kind == "trap":
        return "delivers no traps"
    return steps(program) / run(program, program.size) / 1e6
