"""Reading a trace file that anyone may have written: everything is checked before it is used."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO, TypeVar

import msgspec

from .form import (
    CHUNK_OF_STEPS,
    END,
    FAMILY,
    FRAME,
    HEADER,
    LARGEST_CONTENT,
    MAGIC,
    SCHEMA,
    SNAPSHOT,
    End,
    Header,
    unpacked,
)
from .shape import TraceError
from .stream import CHUNK

_Document = TypeVar("_Document", Header, End)


@dataclass(frozen=True)
class _Place:
    """Where a frame's content lies in the file, and how many steps it has."""

    offset: int
    length: int
    steps: int = 0


@dataclass(frozen=True)
class TraceFile:
    """A trace file whose frames are whole and in order. `end` is None where the recording was cut off."""

    path: Path
    header: Header
    end: End | None
    steps: int
    chunks: tuple[_Place, ...]
    snapshots: tuple[_Place, ...]

    def stream(self, number: int) -> bytes:
        """The step stream of chunk `number`."""
        return self._content(self.chunks[number])[4:]

    def snapshot(self, number: int) -> bytes:
        """The snapshot before chunk `number`, which is not the first."""
        return self._content(self.snapshots[number - 1])

    def _content(self, place: _Place) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(place.offset)
                return unpacked(file.read(place.length))
        except OSError as error:
            raise TraceError(f"{self.path} cannot be read: {error.strerror}") from None


def is_trace(path: Path) -> bool:
    """Whether the file begins as trace files do. Raises TraceError where it cannot be read."""
    try:
        if not S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(len(FAMILY)) == FAMILY
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}") from None


def read_trace(path: Path) -> TraceFile:
    """The trace in the file `path`. Raises TraceError for anything else, in one sentence."""
    try:
        if not S_ISREG(path.stat().st_mode):
            raise TraceError(f"{path} is not a regular file; a trace file was expected")
        with path.open("rb") as file:
            return _Scan(path, file).result()
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror}") from None


class _Scan:
    """One pass over the frames. What is at fault is told with the file's name and where in it."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._chunks: list[_Place] = []
        self._snapshots: list[_Place] = []
        self._steps = 0

    def result(self) -> TraceFile:
        start = self._file.read(len(MAGIC))
        if start != MAGIC:
            self._refuse_start(start)
        header = self._header()
        if header.schema != SCHEMA:
            raise self._fault(f"has schema {header.schema[:60]!r}; {SCHEMA!r} was expected")
        if header.chunk != CHUNK:
            raise self._fault(f"has chunks of {header.chunk} steps; {CHUNK} were expected")
        end = self._frames(header)
        if header.kind == "derived" and end is None:
            raise self._fault("ends before it says how long the run was")
        steps = self._steps if end is None else end.steps
        if steps < 0 or (header.kind == "recorded" and steps != self._steps):
            raise self._fault(f"says that it has {steps} steps, but has {self._steps}")
        return TraceFile(self._path, header, end, steps, tuple(self._chunks), tuple(self._snapshots))

    def _fault(self, what: str) -> TraceError:
        return TraceError(f"{self._path} {what}")

    def _refuse_start(self, start: bytes) -> None:
        if start.startswith(FAMILY):
            name = start.splitlines()[0].decode("ascii", "replace")
            raise self._fault(f"has schema {name[:60]!r}; {SCHEMA!r} was expected")
        raise self._fault(f"is not a trace file of schema {SCHEMA}")

    def _header(self) -> Header:
        found = self._frame()
        if found is None:
            raise self._fault("ends before its header does")
        kind, packed, _ = found
        if kind != HEADER:
            raise self._fault("does not begin with a header")
        return self._decoded(packed, Header)

    def _decoded(self, packed: bytes, kind: type[_Document]) -> _Document:
        try:
            return msgspec.json.decode(unpacked(packed), type=kind)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, TraceError) as error:
            raise self._fault(f"is damaged: {error}") from None

    def _frames(self, header: Header) -> End | None:
        """Notes the places of chunks and snapshots; the end, or None where the file has none."""
        while (found := self._frame()) is not None:
            kind, packed, place = found
            if kind == END:
                if self._file.read(1):
                    raise self._fault("goes on after its end")
                return self._decoded(packed, End)
            if header.kind == "derived":
                raise self._fault("has steps, though it says that it has none")
            if kind == SNAPSHOT:
                if not self._chunks or len(self._snapshots) != len(self._chunks) - 1:
                    raise self._fault("has a snapshot where none was expected")
                self._snapshots.append(place)
            elif kind == CHUNK_OF_STEPS:
                self._chunk(packed, place)
            else:
                raise self._fault(f"has a part of kind {kind!r}, which schema {SCHEMA} does not have")
        if self._snapshots:
            # The snapshot before a chunk that is not whole serves nothing.
            del self._snapshots[len(self._chunks) - 1 :]
        return None

    def _chunk(self, packed: bytes, place: _Place) -> None:
        if len(self._snapshots) != len(self._chunks):
            raise self._fault("has a chunk without the snapshot before it")
        if self._steps % CHUNK:
            raise self._fault(f"has a chunk that is shorter than {CHUNK} steps before its last")
        # The first bytes of the content are enough: the rest is unpacked when it is wanted.
        try:
            steps = int.from_bytes(zlib.decompressobj().decompress(packed[4:], 4), "little")
        except zlib.error:
            raise self._fault("is damaged: a part of it cannot be decompressed") from None
        if not 0 < steps <= CHUNK:
            raise self._fault(f"has a chunk of {steps} steps; 1 to {CHUNK} were expected")
        self._chunks.append(_Place(place.offset, place.length, steps))
        self._steps += steps

    def _frame(self) -> tuple[bytes, bytes, _Place] | None:
        """The next frame's kind, packed content and place, or None where the file ends before it is whole."""
        at = self._file.tell()
        head = self._file.read(FRAME.size)
        if len(head) < FRAME.size:
            return None
        kind, length, checksum = FRAME.unpack(head)
        if length > LARGEST_CONTENT:
            raise self._fault(
                f"is damaged: a part at byte {at} has {length} bytes; at most {LARGEST_CONTENT} were expected"
            )
        packed = self._file.read(length)
        if len(packed) < length:
            return None
        if zlib.crc32(packed, zlib.crc32(kind)) != checksum:
            raise self._fault(f"is damaged: the part at byte {at} does not have the checksum that it says it has")
        return kind, packed, _Place(at + FRAME.size, length)
