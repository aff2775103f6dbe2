"""Real programs and tight loops on ia32, in millions of steps a second; a repetition of a string instruction is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from ..contenders import blocks, interpreter, kernel, qemu, unicorn
from ..measuring import Row, most
from ..programs import IA32, Program

CONTENDERS: dict[str, Callable[[Program], float | str]] = {
    "unicorn": unicorn,
    "blocks": blocks,
    "kernel": kernel,
    "interpreter": interpreter,
    "QEMU": qemu,
}


def rows() -> Iterator[Row]:
    for program in IA32:
        if program.kind != "trap":
            figures = most({name: partial(run, program) for name, run in CONTENDERS.items()})
            yield Row(program.name, "million steps/s", figures, "unicorn")
