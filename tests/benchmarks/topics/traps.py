"""Loops on ia32 of which most steps enter or leave ring 0, in millions of steps a second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..contenders import blocks, interpreter, kernel, qemu, unicorn
from ..measuring import Row, most
from ..programs import IA32

CONTENDERS = {"QEMU": qemu, "blocks": blocks, "kernel": kernel, "interpreter": interpreter, "unicorn": unicorn}


def rows() -> Iterator[Row]:
    for program in IA32:
        if program.kind == "trap":
            figures = most({name: partial(run, program) for name, run in CONTENDERS.items()})
            yield Row(program.name, "million steps/s", figures, "QEMU")
