"""The trace file: schema `ringproof/trace/1`, a line that says so and frames.

A frame is its kind (one letter), the length of its content and the checksum of both (crc32), then the content, which
is compressed. `H` is the header; `C` a chunk of steps; `S` a snapshot, the state before the next chunk; `E` the end.
All of a *recorded* trace's steps are there; a *derived* trace has none, since header, length and digest say all:
whoever wants the steps takes them again. A file without an end is that of a process that was killed: its whole chunks
are good.
"""

from __future__ import annotations

import zlib
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Literal

import msgspec

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State

from .shape import TraceError
from .state_text import StateText, encode_state
from .stream import CHUNK

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

SCHEMA = "ringproof/trace/1"
MAGIC = f"{SCHEMA}\n".encode()
FAMILY = b"ringproof/trace/"
"""What the trace files of every version begin with."""

FRAME = Struct("<cII")
HEADER, CHUNK_OF_STEPS, SNAPSHOT, END = b"H", b"C", b"S", b"E"
LARGEST_CONTENT = 1 << 26
"""A frame holds at most this many bytes, compressed or not."""

Ended = Literal["limit", "until", "stuck", "memory", "interrupted"]


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What reached the machine from outside: before step `step`, these components were given these values."""

    step: int
    values: StateText


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run starts from. `assumptions` is the machine's configuration, by name."""

    kind: Literal["derived", "recorded"]
    machine: str
    assumptions: dict[str, str]
    state: StateText
    inputs: list[Input] = []
    chunk: int = CHUNK
    schema: str = SCHEMA

    def digest(self) -> Digest:
        """SHA-256 of this header as that of a derived trace, to go on with the step stream.

        So a run has one digest, whatever produced it and however it is kept.
        """
        return sha256(msgspec.json.encode(msgspec.structs.replace(self, kind="derived"), order="deterministic"))


class End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many steps there were, the digest of header and steps, and why no more were taken."""

    steps: int
    digest: str
    ended: Ended


def header_of(
    machine: Machine, state: State, *, kind: Literal["derived", "recorded"], inputs: list[Input] | None = None
) -> Header:
    """The header of a run of `machine` from `state`."""
    fixed = {a.name: str(a.value) for a in machine.assumptions.values() if a.scope == "configuration"}
    return Header(
        kind=kind, machine=machine.name, assumptions=fixed, state=encode_state(machine, state), inputs=inputs or []
    )


def frame(kind: bytes, content: bytes) -> bytes:
    """A frame with `content` compressed; snapshots hold what little compresses badly, and are only wrapped."""
    packed = len(content).to_bytes(4, "little") + zlib.compress(content, 0 if kind == SNAPSHOT else 1)
    if max(len(packed), len(content)) > LARGEST_CONTENT:
        raise TraceError(f"{len(content)} bytes are too many for one part of a trace; at most {LARGEST_CONTENT} fit")
    return FRAME.pack(kind, len(packed), zlib.crc32(packed, zlib.crc32(kind))) + packed


def unpacked(packed: bytes) -> bytes:
    """The content of a frame whose checksum is right. Raises TraceError unless it is as long as it says it is."""
    length = int.from_bytes(packed[:4], "little")
    if len(packed) < 4 or length > LARGEST_CONTENT:
        raise TraceError(f"a part says that it holds {length} bytes; at most {LARGEST_CONTENT} were expected")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed[4:], length + 1)
    except zlib.error:
        raise TraceError("a part of it cannot be decompressed") from None
    if len(content) != length or not unpacking.eof or unpacking.unused_data:
        raise TraceError(f"a part of it does not hold the {length} bytes that it says it does")
    return content
