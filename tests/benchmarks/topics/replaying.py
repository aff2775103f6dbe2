"""Replaying traces of a million steps and going to random places in them, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ..contenders.recording import NAMES, filed, opened, replayed, slowest_place
from ..measuring import Row, least
from ..programs import PROGRAMS


def rows() -> Iterator[Row]:
    for name in NAMES:
        for every_step in (True, False):
            with TemporaryDirectory() as folder:
                path = Path(folder) / "trace"
                filed(PROGRAMS[name], path, every_step=every_step)
                trace = opened(PROGRAMS[name], path)
                figures = least({"replay": partial(replayed, trace), "any state": partial(slowest_place, trace)})
            yield Row(f"{name}, {'every step' if every_step else 'digest only'}", "ms", figures)
