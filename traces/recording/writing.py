"""Recording a run into a file, so that a process that is killed leaves a trace of what it had done.

A recorded trace is appended to, a whole frame at a time. A derived trace is some hundred bytes that are written anew
every second and put in the old one's place at once. Whoever records holds a lock on the file, so that of two runs at
once into one file the second is told.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
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
        self._whole = 0
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
            self._file = _locked(path)
        except OSError as error:
            raise TraceError(f"{path} cannot be written: {error.strerror}") from None
        try:
            if self._recorded:
                self._file.truncate(0)
                self._append(self._head)
            else:
                self._replace("interrupted")
        except BaseException:
            self._compressor.shutdown()
            self._file.close()
            raise

    def chunk(self, chunk: Chunk) -> None:
        """Adds the steps of `chunk`."""
        self._digest.update(chunk.stream)
        self.steps += chunk.steps
        if self._recorded:
            if chunk.steps:
                self._append_compressed(self.steps - chunk.steps)
                self._compressing = self._compressor.submit(self._frames, chunk)
        elif time.monotonic() - self._written > REWRITE_SECONDS:
            self._replace("interrupted")

    def finish(self, ended: Ended) -> str:
        """Adds the end; the digest."""
        if self._recorded:
            self._append_compressed(self.steps)
            self._append(self._end(ended))
        else:
            self._replace(ended)
        return self._digest.hexdigest()

    def close(self) -> None:
        """Closes the file; a recorded trace that was not finished stays without an end."""
        try:
            self._append_compressed(self.steps)
        finally:
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

    def _append_compressed(self, steps: int) -> None:
        """Writes the chunk that was being compressed, if there is one, which ends with `steps` steps."""
        if self._compressing is not None:
            content = self._compressing.result()
            self._compressing = None
            self._append(content)
            self._whole = steps

    def _append(self, content: bytes) -> None:
        view = memoryview(content)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._fault(error) from None

    def _replace(self, ended: Ended) -> None:
        partial = self._path.with_name(f"{self._path.name}.partial")
        try:
            file = partial.open("wb", buffering=0)
            try:
                # The lock is on what will be the trace's file before it is: there is no moment without one.
                _lock(file, self._path)
                view = memoryview(self._head + self._end(ended))
                while view:
                    view = view[file.write(view) :]
                os.replace(partial, self._path)
            except BaseException:
                file.close()
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._fault(error) from None
        self._file.close()
        self._file = file
        self._whole = self.steps
        self._written = time.monotonic()

    def _fault(self, error: OSError) -> TraceError:
        """What is told where the disk takes no more."""
        usable = f"its first {self._whole} steps can be replayed" if self._whole else "nothing in it can be replayed"
        return TraceError(f"{self._path} cannot be written: {error.strerror}; {usable}")


def _locked(path: Path) -> FileIO:
    """The file `path`, made where there is none, with a lock on it. Raises TraceError where another run has that."""
    while True:
        file = FileIO(path, "a")
        try:
            _lock(file, path)
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        # Another run has put its file in this one's place, and ended.
        file.close()


def _lock(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TraceError(f"{path} is being written by another run; record into a file of its own") from None


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
