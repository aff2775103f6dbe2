"""What a step takes in a trace of a million, in bytes: in the stream, and in the file with its snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ringproof.traces.recording.stream import CHUNK

from ..contenders.recording import NAMES, STEPS, filed, opened
from ..measuring import Row
from ..programs import PROGRAMS, THIRD_GENERATION


def rows() -> Iterator[Row]:
    for program in (*[PROGRAMS[name] for name in NAMES], *THIRD_GENERATION):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "trace"
            filed(program, path)
            trace = opened(program, path)
            stream = sum(len(trace.stream(chunk)) for chunk in range(-(-trace.steps // CHUNK)))
            yield Row(
                program.name, "bytes a step", {"stream": stream / trace.steps, "file": path.stat().st_size / STEPS}
            )
