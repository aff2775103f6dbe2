"""Trace files: one digest whatever kept the run, nothing lost to a kill, and nothing believed that is not checked."""

from __future__ import annotations

import os
import resource
import signal
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringproof.model.catalog import named
from ringproof.traces.native.store import canonical
from ringproof.traces.recording.form import FRAME, MAGIC, End, Input, frame, header_of, unpacked
from ringproof.traces.recording.reading import read_trace
from ringproof.traces.recording.running import Chunk
from ringproof.traces.recording.shape import Shape, TraceError
from ringproof.traces.recording.snapshots import Snapshot, decode_snapshot, encode_snapshot
from ringproof.traces.recording.state_text import StateError, decode_state, encode_state
from ringproof.traces.recording.stream import CHUNK
from ringproof.traces.recording.trace import KEPT_BYTES, DoesNotReplayError, Trace
from ringproof.traces.recording.writing import TraceWriter

from .runs import both, loop, native, opened, random_state, recorded, user_and_back

STEPS = 2 * CHUNK + 100
NAME = "third-generation"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded trace of three chunks with mode changes."""
    path = tmp_path_factory.mktemp("traces") / "whole.trace"
    recorded(path, native(NAME), user_and_back(), STEPS)
    return path


def frames(content: bytes) -> list[tuple[bytes, int, int]]:
    """The frames of a file: kind, where the frame begins, where it ends."""
    found, at = [], len(MAGIC)
    while at < len(content):
        kind, length, _ = FRAME.unpack_from(content, at)
        found.append((kind, at, at + FRAME.size + length))
        at += FRAME.size + length
    return found


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(TraceError) as error:
        Trace(read_trace(path), native(NAME).machine, native(NAME)).replay()
    text = str(error.value)
    assert "\n" not in text and text.startswith(f"{path} ")
    return text.removeprefix(f"{path} ")


@pytest.mark.parametrize("every_step", [False, True])
def test_a_second_run_into_a_file_that_is_being_written_is_told(
    every_step: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, chunk, told = tmp_path / "par.trace", TraceWriter.chunk, []

    def meanwhile(writer: TraceWriter, content: Chunk) -> None:
        monkeypatch.setattr(TraceWriter, "chunk", chunk)
        with pytest.raises(TraceError) as error:
            recorded(path, native(NAME), user_and_back(), 3, every_step=not every_step)
        told.append(str(error.value))
        chunk(writer, content)

    monkeypatch.setattr("ringproof.traces.recording.writing.REWRITE_SECONDS", 0)
    for _ in range(2):
        monkeypatch.setattr(TraceWriter, "chunk", meanwhile)
        recorded(path, both(NAME)[0], user_and_back(), STEPS, every_step=every_step)
        assert opened(path, native(NAME)).steps == STEPS
    assert set(told) == {f"{path} is being written by another run; record into a file of its own"}
    assert [file.name for file in tmp_path.iterdir()] == ["par.trace"]


def test_where_the_disk_takes_no_more_it_is_told_what_is_usable(tmp_path: Path) -> None:
    path = tmp_path / "big.trace"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorded(path, native(NAME), user_and_back(), 2 * CHUNK)
    size = path.stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        with pytest.raises(TraceError) as error:
            recorded(path, native(NAME), user_and_back(), 4 * CHUNK)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(TraceError) as nothing:
            recorded(tmp_path / "small.trace", native(NAME), user_and_back(), 5, every_step=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    trace = opened(path, native(NAME))
    told = f"{path} cannot be written: File too large; its first {2 * CHUNK} steps can be replayed"
    assert (str(error.value), trace.steps, trace.end) == (told, 2 * CHUNK, None)
    assert str(nothing.value).endswith("small.trace cannot be written: File too large; nothing in it can be replayed")
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.parametrize("steps", [0, 1, CHUNK, CHUNK + 1])
def test_a_run_has_one_digest(tmp_path: Path, steps: int) -> None:
    results = {
        recorded(tmp_path / f"{kind}.trace", native(NAME), user_and_back(), steps, every_step=kind == "recorded")
        for kind in ("recorded", "derived")
    }
    (result,) = results
    assert (result.steps, result.ended) == (steps, "limit")
    for kind in ("recorded", "derived"):
        trace = opened(tmp_path / f"{kind}.trace", native(NAME))
        assert trace.end == End(steps=steps, digest=result.digest, ended="limit")
        trace.replay()


def test_both_engines_give_the_digest(tmp_path: Path) -> None:
    found = [recorded(tmp_path / "t", runner, user_and_back(), 300).digest for runner in both(NAME)]
    assert found[0] == found[1]


def test_a_derived_trace_takes_some_hundred_bytes(tmp_path: Path) -> None:
    recorded(tmp_path / "t", native(NAME), user_and_back(), 100_000, every_step=False)
    assert (tmp_path / "t").stat().st_size < 500


@pytest.mark.slow
@pytest.mark.parametrize(("every_step", "kept"), [(True, 0), (False, 0), (False, KEPT_BYTES)])
def test_states_forward_and_back_are_those_of_the_interpreter(
    tmp_path: Path, every_step: bool, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringproof.traces.recording.trace.KEPT_BYTES", kept)
    recorded(tmp_path / "t", native(NAME), user_and_back(), STEPS, every_step=every_step)
    trace = opened(tmp_path / "t", native(NAME))
    reference = both(NAME)[0]
    reference.load(user_and_back())
    wanted, at = {}, 0
    places = [0, 1, 2, 77, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, STEPS - 1, STEPS]
    for place in places:
        reference.produce(place - at)
        wanted[place], at = canonical(reference.state()), place
    for place in [*places, *reversed(places)]:
        assert canonical(trace.state(place)) == wanted[place]


def test_inputs_are_replayed(tmp_path: Path) -> None:
    inputs = [Input(step=4, values={"M": "0x1"}), Input(step=7, values={"E": {"0x28": "0x9"}})]
    digests = set()
    for every_step in (True, False):
        result = recorded(tmp_path / "t", native(NAME), user_and_back(), 60, every_step=every_step, inputs=inputs)
        opened(tmp_path / "t", native(NAME)).replay()
        digests.add(result.digest)
    assert len(digests) == 1
    assert digests != {recorded(tmp_path / "t", native(NAME), user_and_back(), 60).digest}


def test_what_a_killed_process_wrote_is_readable_up_to_its_last_whole_chunk(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    ends = {end: kind for kind, _, end in frames(content)}
    header_end = frames(content)[0][2]
    path, chunks = tmp_path / "cut.trace", 0
    for length in sorted({*ends, *[end - 1 for end in ends], *range(header_end, len(content), 37)}):
        chunks = sum(1 for kind, _, end in frames(content) if kind == b"C" and end <= length)
        if length < header_end:
            continue
        path.write_bytes(content[:length])
        trace = opened(path, native(NAME))
        if length < len(content):
            assert (trace.end, trace.steps) == (None, min(chunks * CHUNK, STEPS))
    assert chunks == 3
    trace.replay()


def test_an_interrupted_recording_keeps_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = both(NAME)[0]
    produce, calls = runner.produce, []

    def interrupted(count: int, *, until: int | None = None) -> Any:
        calls.append(count)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return produce(count, until=until)

    monkeypatch.setattr(runner, "produce", interrupted)
    result = recorded(tmp_path / "t", runner, user_and_back(), 3 * CHUNK)
    monkeypatch.undo()
    assert (result.steps, result.ended) == (CHUNK, "interrupted")
    trace = opened(tmp_path / "t", native(NAME))
    assert trace.end is not None and (trace.steps, trace.end.ended) == (CHUNK, "interrupted")
    trace.replay()


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_ctrl_c_while_a_chunk_is_written_leaves_what_was_counted(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes in the middle of a write, of which the rest must follow."""
    append, made = TraceWriter._append, []

    def signalled(writer: TraceWriter, content: bytes) -> None:
        made.append(len(content))
        append(writer, content[: len(content) // 2])
        if len(made) == 1 + calls:
            signal.raise_signal(signal.SIGINT)
        append(writer, content[len(content) // 2 :])

    monkeypatch.setattr(TraceWriter, "_append", signalled)
    result = recorded(tmp_path / "t", native(NAME), user_and_back(), 6 * CHUNK)
    assert result.ended == "interrupted" and 0 < result.steps < 6 * CHUNK
    trace = opened(tmp_path / "t", native(NAME))
    assert trace.end is not None and (trace.steps, trace.end.ended) == (result.steps, "interrupted")
    trace.replay()


def test_a_trace_replaces_no_special_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for every_step in (True, False):
        with pytest.raises(TraceError, match=r"pipe is not a regular file, so no trace is written there$"):
            recorded(pipe, native(NAME), user_and_back(), 1, every_step=every_step)
    assert pipe.is_fifo()


# Damage.


def test_every_damaged_byte_is_noticed(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    for position in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[position] ^= 0x41
        refused(tmp_path / "t", bytes(damaged))


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_in_a_frame_with_the_right_checksum_are_refused_in_a_sentence(
    data: st.DataObject, whole: Path, tmp_path: Path
) -> None:
    """Whoever can compute a checksum can write anything: headers, chunks, snapshots and ends of other content."""
    content = whole.read_bytes()
    kind, start, end = data.draw(st.sampled_from(frames(content)))
    kind = data.draw(st.sampled_from([kind, kind, b"H", b"C", b"S", b"E", b"X"]))
    inside = data.draw(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b"null", b"\xff" * 100]))
    other = content[:start] + frame(kind, inside) + content[end:]
    if kind == b"S" and frames(content)[-1][1] == start:
        # In the end's place, it is the beginning of a chunk that a killed process did not come to write.
        (tmp_path / "t").write_bytes(other)
        assert opened(tmp_path / "t", native(NAME)).end is None
    else:
        refused(tmp_path / "t", other)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a trace file of schema ringproof/trace/1"),
        (b"{}", "is not a trace file of schema ringproof/trace/1"),
        (b"ringproof/trace/2\nXXXX", "has schema 'ringproof/trace/2'; 'ringproof/trace/1' was expected"),
        (MAGIC, "ends before its header does"),
        (MAGIC + b"H\xff\xff\xff\xff\0\0\0\0", "is damaged: a part at byte 18 has 4294967295 bytes; at most"
         " 67108864 were expected"),
        (MAGIC + frame(b"C", b"\1\0\0\0\0"), "does not begin with a header"),
        (MAGIC + frame(b"H", b"[" * 100_000), None),
    ],
    ids=["nothing", "something else", "newer", "no header", "a huge part", "no header first", "deep nesting"],
)  # fmt: skip
def test_what_is_no_trace(tmp_path: Path, content: bytes, sentence: str | None) -> None:
    assert sentence in (refused(tmp_path / "t", content), None)


def header(**changes: Any) -> bytes:
    made = header_of(native(NAME).machine, loop(NAME), kind="derived")
    return MAGIC + frame(b"H", msgspec.json.encode(msgspec.structs.replace(made, **changes)))


def end(**changes: Any) -> bytes:
    made = {"steps": 5, "digest": "0", "ended": "limit", **changes}
    return frame(b"E", msgspec.json.encode(made))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (header(), "ends before it says how long the run was"),
        (header() + end(), "does not replay: the digest of its 5 steps is"),
        (header() + end() + b"x", "goes on after its end"),
        (header() + end(steps=-1), "says that it has -1 steps, but has 0"),
        (header() + end(ended="never"), "is damaged: Invalid enum value 'never'"),
        (header() + frame(b"C", b"\1\0\0\0\0") + end(), "has steps, though it says that it has none"),
        (header(kind="recorded") + end(), "says that it has 5 steps, but has 0"),
        (header(kind="recorded") + frame(b"C", b"\xff\xff\xff\xff"), "has a chunk of 4294967295 steps"),
        (header(kind="recorded") + frame(b"S", b""), "has a snapshot where none was expected"),
        (header(kind="recorded") + frame(b"X", b""), "has a part of kind b'X'"),
        (header(kind="recorded") + frame(b"C", b"\1\0\0\0\0"), "is damaged: the steps of a chunk end in"),
        (header(kind="recorded") + frame(b"C", b"\1\0\0\0\0\2"), "does not replay: third-generation does otherwise"),
        (header(machine="ia32") + end(), "is of machine 'ia32', not of 'third-generation'"),
        (header(assumptions={"UMIP": "1"}) + end(), "does not give third-generation the configuration that it has"),
        (header(state={"X": "0x1"}) + end(), "does not fit third-generation: third-generation has no component"),
        (header(state={"P": "0x1ffff"}) + end(), "does not fit third-generation: P is a hexadecimal number of 16 bits"),
        (header(inputs=[Input(step=3, values={"P": "nine"})]) + end(), "does not fit third-generation: P is a hexa"),
        (header(chunk=1) + end(), "has chunks of 1 steps; 16384 were expected"),
    ],
)  # fmt: skip
def test_what_does_not_add_up(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert refused(tmp_path / "t", content).startswith(sentence)


def test_a_small_file_does_not_become_a_large_one(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(1 << 24), 9)
    for claimed in (10, 1 << 31):
        packed = claimed.to_bytes(4, "little") + bomb
        content = header(kind="recorded") + FRAME.pack(b"S", len(packed), zlib.crc32(packed, zlib.crc32(b"S")))
        assert "snapshot" in refused(tmp_path / "t", content + packed)
        content = MAGIC + FRAME.pack(b"H", len(packed), zlib.crc32(packed, zlib.crc32(b"H"))) + packed
        assert refused(tmp_path / "t", content).startswith("is damaged: a part ")


def test_a_snapshot_that_is_not_the_state_is_noticed(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    _, start, stop = next(found for found in frames(content) if found[0] == b"S")
    shape = Shape.of(native(NAME).machine)
    snapshot = decode_snapshot(shape, unpacked(content[start + FRAME.size : stop]))
    for wrong in (
        Snapshot((snapshot.scalars[0] ^ 1, *snapshot.scalars[1:]), snapshot.runs),
        Snapshot(snapshot.scalars, [*snapshot.runs, (0, 500, [1])]),
        Snapshot(snapshot.scalars, []),
    ):
        other = content[:start] + frame(b"S", encode_snapshot(shape, wrong)) + content[stop:]
        told = refused(tmp_path / "t", other)
        assert told == f"does not replay: its snapshot before step {CHUNK} is not the state there"


def test_a_step_that_the_machine_does_not_take_is_named(whole: Path, tmp_path: Path) -> None:
    """The steps of another start, in a file whose checksums are right."""
    other = tmp_path / "other.trace"
    state = user_and_back()
    state["E"][40] = 6
    recorded(other, native(NAME), state, STEPS)
    mine, theirs = whole.read_bytes(), other.read_bytes()
    head = frames(mine)[0][2]
    other.write_bytes(mine[:head] + theirs[frames(theirs)[0][2] :])
    with pytest.raises(DoesNotReplayError, match=r"third-generation does otherwise at step 1$"):
        opened(other, native(NAME)).replay()


# States as text.


@pytest.mark.parametrize("name", ["third-generation", "pdp10-ki10"])
def test_states_as_text_come_back(name: str) -> None:
    machine = named(name)
    for seed in range(5):
        state = random_state(name, seed)
        assert canonical(decode_state(machine, encode_state(machine, state))) == canonical(state)
        for component, value in state.items():
            assert getattr(value, "default", 0) == getattr(
                decode_state(machine, encode_state(machine, state))[component], "default", 0
            )


def test_a_state_that_does_not_fit_is_refused() -> None:
    machine = native(NAME).machine
    with pytest.raises(StateError, match=r"^the default of E is a hexadecimal number of 64 bits, not 'x'$"):
        decode_state(machine, {"E": {"default": "x"}})
