"""A trace to move about in: the state before any step, and the changes from there on, whichever kind the file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from ringproof.model.machine import Machine
from ringproof.traces.interpreter import State

from .form import End, Header
from .producer import Producer
from .reading import TraceFile
from .running import Chunk, chunks, chunks_from, decoded_inputs
from .shape import Shape, TraceError
from .snapshots import Snapshot, Snapshots, apply_runs, copied, decode_snapshot
from .state_text import StateError, decode_state
from .stream import CHUNK, Change, apply_change, read_steps

Progress = Callable[[int], None]

KEPT_BYTES = 1 << 26
"""So much of a derived trace's stream stays in memory, from its beginning on; the rest is produced when wanted."""


class DoesNotReplayError(TraceError):
    """The machine does not take the steps that a trace says it took."""

    exit_code = 6


class Trace:
    """The steps 0 to `steps` - 1 of a run, and the states before each and after the last.

    `path` names it in messages. A derived trace is produced again and compared with its digest when this is made, which
    raises DoesNotReplayError where they differ. `stream(k)` is the step stream of chunk k.
    """

    def __init__(self, file: TraceFile, machine: Machine, producer: Producer, progress: Progress | None = None) -> None:
        self.path: Path = file.path
        self.header: Header = file.header
        self.end: End | None = file.end
        self.machine = machine
        self.steps = file.steps
        self.shape = Shape.of(machine)
        self._producer = producer
        self._file = file
        self._check_fits()
        self._derived: list[Snapshot] = []
        self._kept: list[bytes] = []
        self.stream: Callable[[int], bytes] = lru_cache(8)(self._stream_of)
        if self.header.kind == "derived":
            self.replay(progress)
        self._snapshots = Snapshots(self.shape, decode_state(machine, self.header.state), self._snapshot)

    def _check_fits(self) -> None:
        machine, header = self.machine, self.header
        if header.machine != machine.name:
            raise TraceError(f"{self.path} is of machine {header.machine[:60]!r}, not of {machine.name!r}")
        fixed = {a.name: str(a.value) for a in machine.assumptions.values() if a.scope == "configuration"}
        if header.assumptions != fixed:
            raise TraceError(f"{self.path} does not give {machine.name} the configuration that it has")
        try:
            decode_state(machine, header.state)
            decoded_inputs(machine, header.inputs)
        except StateError as error:
            raise TraceError(f"{self.path} does not fit {machine.name}: {error}") from None

    # Taking the steps again.

    def replay(self, progress: Progress | None = None) -> None:
        """Takes every step again and compares it with what was recorded.

        Raises DoesNotReplayError with the first step that differs, or for a derived trace that some step does.
        """
        recorded = self.header.kind == "recorded"
        digest, done = self.header.digest(), 0
        initial = decode_state(self.machine, self.header.state)
        ours, theirs = copied(initial), copied(initial)
        self._derived, self._kept, room = [], [], KEPT_BYTES
        for number, chunk in enumerate(chunks(self._producer, self.header, self.steps)):
            if recorded and chunk.stream != self._stream_of(number):
                self._tell_difference(number, chunk)
            if recorded and chunk.before is not None:
                self._check_snapshot(number, ours, chunk.before, theirs)
            if not recorded and chunk.before is not None:
                self._derived.append(chunk.before)
            if not recorded and room > 0:
                self._kept.append(chunk.stream)
                room -= len(chunk.stream)
            digest.update(chunk.stream)
            done += chunk.steps
            if progress is not None:
                progress(done)
        if done != self.steps:
            raise DoesNotReplayError(
                f"{self.path} does not replay: it has {self.steps} steps, but {self.machine.name} ends after {done}"
            )
        if self.end is not None and digest.hexdigest() != self.end.digest:
            raise DoesNotReplayError(
                f"{self.path} does not replay: the digest of its {self.steps} steps is {digest.hexdigest()[:16]}..., "
                f"but it says {self.end.digest[:16]!r}..."
            )

    def _check_snapshot(self, number: int, ours: State, produced: Snapshot, theirs: State) -> None:
        """Compares the snapshot before a chunk with the one that came about; both states go on to there."""
        found = self._snapshot(number)
        for state, snapshot in ((ours, produced), (theirs, found)):
            apply_runs(self.shape, state, snapshot)
        touched = [(n, index) for n, at, cells in (*produced.runs, *found.runs) for index in range(at, at + len(cells))]
        arrays = [(ours[array.name], theirs[array.name]) for array in self.shape.arrays]
        if found.scalars != produced.scalars or any(arrays[n][0][i] != arrays[n][1][i] for n, i in touched):
            raise DoesNotReplayError(
                f"{self.path} does not replay: its snapshot before step {number * CHUNK} is not the state there"
            )

    def _tell_difference(self, number: int, produced: Chunk) -> None:
        ours = read_steps(self.shape, produced.stream, produced.steps)
        for step, theirs in enumerate(self._read(number), start=produced.first):
            if theirs != next(ours, None):
                raise DoesNotReplayError(
                    f"{self.path} does not replay: {self.machine.name} does otherwise at step {step}"
                )
        raise TraceError(f"{self.path} is damaged: the steps from {produced.first} on are not written as steps are")

    # Moving about.

    def check_step(self, step: int) -> None:
        """Raises TraceError unless there is a state before `step`: one of the steps, or their number for the end."""
        if not 0 <= step <= self.steps:
            there = f"has the steps 0 to {self.steps - 1}" if self.steps else "has no steps"
            raise TraceError(f"{self.path} {there}; there is no step {step}")

    def state(self, step: int) -> State:
        """The state before step `step`, or after the last one. Raises TraceError for a step that there is not."""
        self.check_step(step)
        chunk, rest = divmod(step, CHUNK)
        if rest == 0 and chunk and step == self.steps:
            chunk, rest = chunk - 1, CHUNK
        state = self._snapshots.state(chunk)
        if rest:
            for _, change in zip(range(rest), self._read(chunk), strict=False):
                apply_change(self.shape, state, change)
        return state

    def changes(self, first: int = 0) -> Iterator[Change]:
        """What each step changed, from step `first` on. Raises TraceError where there is none of that number."""
        self.check_step(first)
        chunk, skipped = divmod(first, CHUNK)
        for number in range(chunk, -(-self.steps // CHUNK)):
            changes = self._read(number)
            if skipped:
                for _ in range(skipped):
                    next(changes)
                skipped = 0
            yield from changes

    def chunk_changes(self, chunk: int) -> list[Change]:
        """What each step of a chunk changed."""
        return list(self._read(chunk))

    def _read(self, chunk: int) -> Iterator[Change]:
        count = min(CHUNK, self.steps - chunk * CHUNK)
        try:
            yield from read_steps(self.shape, self.stream(chunk), count)
        except DoesNotReplayError:
            raise
        except TraceError as error:
            raise TraceError(f"{self.path} is damaged: {error}") from None

    def _snapshot(self, chunk: int) -> Snapshot:
        if self.header.kind == "derived":
            return self._derived[chunk - 1]
        try:
            return decode_snapshot(self.shape, self._file.snapshot(chunk))
        except TraceError as error:
            raise TraceError(f"{self.path} is damaged: {error}") from None

    def _stream_of(self, chunk: int) -> bytes:
        if self.header.kind == "recorded":
            try:
                return self._file.stream(chunk)
            except TraceError as error:
                raise TraceError(f"{self.path} is damaged: {error}") from None
        if chunk < len(self._kept):
            return self._kept[chunk]
        first = chunk * CHUNK
        self._producer.load(self._snapshots.state(chunk))
        inputs = decoded_inputs(self.machine, self.header.inputs)
        (found,) = chunks_from(self._producer, first, min(first + CHUNK, self.steps), inputs)
        return found.stream
