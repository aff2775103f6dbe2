"""Programs of the third generation machine, which no peer has, in millions of steps a second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..contenders import blocks, interpreter, kernel
from ..measuring import Row, most
from ..programs import THIRD_GENERATION

CONTENDERS = {"interpreter": interpreter, "blocks": blocks, "kernel": kernel}


def rows() -> Iterator[Row]:
    for program in THIRD_GENERATION:
        figures = most({name: partial(run, program) for name, run in CONTENDERS.items()})
        yield Row(program.name, "million steps/s", figures, "interpreter")
