"""Recording every step against the kernel's plain run, in nanoseconds a step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ..contenders.recording import NAMES, filed, plain, streamed
from ..measuring import Row, least
from ..programs import PROGRAMS, THIRD_GENERATION


def rows() -> Iterator[Row]:
    for program in (*[PROGRAMS[name] for name in NAMES], *THIRD_GENERATION):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trace"
            contenders = {
                "kernel": partial(plain, program),
                "stream": partial(streamed, program),
                "file": partial(filed, program, path),
                "digest only": partial(filed, program, path, every_step=False),
            }
            yield Row(program.name, "ns a step", least(contenders), "kernel")
