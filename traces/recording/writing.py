"""Recording a run into a file, so that a process that is killed leaves a trace of what it had done.

A recorded trace is appended to, a whole frame at a time. A derived trace is some hundred bytes that are written anew
every second and put in the old one's place at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from .form import CHUNK_OF_STEPS, END, HEADER, MAGIC, SNAPSHOT, End, Ended, Header, frame
from .producer import Ending, Producer
from .running import Chunk, chunks
from .shape import Shape, TraceError
from .snapshots import encode_snapshot

REWRITE_SECONDS = 1.0


@dataclass(frozen=True)
class Recorded:
    """What a recording came to: the steps taken, why no more were, the run's digest, and the end that it met."""

    steps: int
    ended: Ended
    digest: str
    ending: Ending | None


class TraceWriter:
    """Writes one trace to `path`. Raises TraceError where that cannot be written."""

    def __init__(self, path: Path, shape: Shape, header: Header) -> None:
        self.steps = 0
        self._path = path
        self._shape = shape
        self._digest = header.digest()
        self._head = MAGIC + frame(HEADER, msgspec.json.encode(header))
        self._recorded = header.kind == "recorded"
        self._written = 0.0
        # While one chunk is compressed, the steps of the next are taken.
        self._compressor = ThreadPoolExecutor(1)
        self._compressing: Future[bytes] | None = None
        if path.exists() and not path.is_file():
            raise TraceError(f"{path} is not a regular file, so no trace is written there")
        try:
            if self._recorded:
                self._file = path.open("wb", buffering=0)
                self._append(self._head)
            else:
                self._replace("interrupted")
        except OSError as error:
            raise TraceError(f"{path} cannot be written: {error.strerror}") from None

    def chunk(self, chunk: Chunk) -> None:
        """Adds the steps of `chunk`."""
        self._digest.update(chunk.stream)
        self.steps += chunk.steps
        if self._recorded:
            if chunk.steps:
                self._append_compressed()
                self._compressing = self._compressor.submit(self._frames, chunk)
        elif time.monotonic() - self._written > REWRITE_SECONDS:
            self._replace("interrupted")

    def finish(self, ended: Ended) -> str:
        """Adds the end; the digest."""
        if self._recorded:
            self._append_compressed()
            self._append(self._end(ended))
        else:
            self._replace(ended)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Closes the file; a recorded trace that was not finished stays without an end."""
        if self._recorded:
            self._append_compressed()
            self._compressor.shutdown()
            self._file.close()

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end(self, ended: Ended) -> bytes:
        return frame(END, msgspec.json.encode(End(steps=self.steps, digest=self._digest.hexdigest(), ended=ended)))

    def _frames(self, chunk: Chunk) -> bytes:
        before = b"" if chunk.before is None else frame(SNAPSHOT, encode_snapshot(self._shape, chunk.before))
        return before + frame(CHUNK_OF_STEPS, chunk.steps.to_bytes(4, "little") + chunk.stream)

    def _append_compressed(self) -> None:
        """Writes the chunk that was being compressed, if there is one."""
        if self._compressing is not None:
            content = self._compressing.result()
            self._compressing = None
            self._append(content)

    def _append(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]

    def _replace(self, ended: Ended) -> None:
        partial = self._path.with_name(f"{self._path.name}.partial")
        partial.write_bytes(self._head + self._end(ended))
        os.replace(partial, self._path)
        self._written = time.monotonic()


def record(
    producer: Producer,
    header: Header,
    path: Path,
    steps: int,
    *,
    until: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Recorded:
    """Runs and records at most `steps` steps.

    Ctrl-C ends the run after the last whole chunk, and is told as `ended`, not raised.
    """
    shape = Shape.of(producer.machine)
    with TraceWriter(path, shape, header) as writer:
        ended, ending = _run(producer, header, steps, until, progress, writer.chunk)
        with _held_back():
            return Recorded(writer.steps, ended, writer.finish(ended), ending)


@contextmanager
def _held_back() -> Iterator[list[int]]:
    """Ctrl-C is noted in the list, not raised: what is half counted or half written would make a trace false."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield noted
        return
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _run(
    producer: Producer,
    header: Header,
    steps: int,
    until: int | None,
    progress: Callable[[int], None] | None,
    take: Callable[[Chunk], None],
) -> tuple[Ended, Ending | None]:
    ending: Ending | None = None
    try:
        for chunk in chunks(producer, header, steps, until=until):
            with _held_back() as noted:
                take(chunk)
            if noted:
                return "interrupted", None
            ending = chunk.ending
            if progress is not None:
                progress(chunk.first + chunk.steps)
    except KeyboardInterrupt:
        return "interrupted", None
    return ending.reason if ending is not None else "limit", ending
