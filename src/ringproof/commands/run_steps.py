"""Taking the steps of a run, and recording them if asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringproof.traces.recording.form import Header
    from ringproof.traces.recording.producer import Producer
    from ringproof.traces.recording.writing import Recorded


def take(
    runner: Producer, header: Header, record: Path | None, steps: int, until: int | None,
    progress: Callable[[int], None] | None,
) -> Recorded:  # fmt: skip
    """Takes the steps, and records them where `record` says."""
    from ringproof.traces.recording.running import advance
    from ringproof.traces.recording.writing import Recorded
    from ringproof.traces.recording.writing import record as record_run

    if record is not None:
        return record_run(runner, header, record, steps, until=until, progress=progress)
    done = 0

    def note(steps: int) -> None:
        nonlocal done
        done = steps
        if progress is not None:
            progress(steps)

    try:
        done, ending = advance(runner, header, steps, until=until, progress=note)
    except KeyboardInterrupt:
        return Recorded(done, "interrupted", "", None)
    return Recorded(done, ending.reason if ending is not None else "limit", "", ending)
