"""The step stream: native and reference write the same bytes, and reading them gives the interpreter's states."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringproof.model.catalog import CATALOG, named
from ringproof.model.machine import Machine
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.native.store import canonical
from ringproof.traces.python_code import Cells
from ringproof.traces.recording.shape import Shape, TraceError
from ringproof.traces.recording.snapshots import copied
from ringproof.traces.recording.stream import Reason, StepWriter, apply_change, read_steps

from .runs import both, loop, native, random_state, user_and_back

SMALL = ["third-generation", "third-generation-supervisor-call"]


def check_streams_agree(name: str, runs: int, steps: int) -> None:
    reference, other = both(name)
    shape = Shape.of(reference.machine)
    taken = 0
    for seed in range(runs):
        state = random_state(name, seed)
        reference.load(state)
        other.load(state)
        found = reference.produce(steps)
        assert other.produce(steps) == found
        interpreter, current = Interpreter(reference.machine), copied(state)
        for change in read_steps(shape, found.stream, found.steps):
            step = interpreter.step(current)
            assert (step.trapped is not None) == (change[0] == Reason.TRAPPED)
            apply_change(shape, state, change)
            assert canonical(state) == canonical(current)
        assert canonical(other.state()) == canonical(state)
        taken += found.steps
    # A comparison in which hardly a step is taken would show little.
    assert taken > runs


@pytest.mark.parametrize("name", SMALL)
def test_streams_agree_with_each_other_and_with_the_interpreter(name: str) -> None:
    check_streams_agree(name, 4, 20)


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG)
def test_streams_of_every_machine_agree(name: str) -> None:
    check_streams_agree(name, 25, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["third-generation", "ia32"])
def test_streams_of_loops_agree_and_are_short(name: str) -> None:
    reference, other = both(name)
    for producer in both(name):
        producer.load(loop(name))
    found = reference.produce(8000)
    assert other.produce(8000) == found
    assert 3 <= len(found.stream) / found.steps < 8


def test_traps_and_mode_changes_are_recorded() -> None:
    shape = Shape.of(named("third-generation"))
    for producer in both("third-generation"):
        producer.load(user_and_back())
        found = producer.produce(9)
        reasons = [change[0] for change in read_steps(shape, found.stream, 9)]
        assert reasons == [Reason.DIRECT, Reason.DIRECT, Reason.TRAPPED] * 3


def test_a_run_ends_at_the_stop_address_in_both() -> None:
    for producer in both("third-generation"):
        producer.load(loop("third-generation"))
        found = producer.produce(50, until=18)
        assert found.steps == 2 and found.ending is not None and found.ending.reason == "until"


@pytest.mark.slow
def test_a_trap_that_is_not_delivered_ends_both_runs_alike() -> None:
    for producer in both("ia32"):
        state = loop("ia32")
        state["memory"][0x1000] = 0xF4
        state["CPL"] = 3
        producer.load(state)
        found = producer.produce(5)
        assert found.ending is not None and found.ending.trapped is not None and found.ending.nested is not None
        assert (found.steps, found.ending.reason, found.ending.trapped.cause.name) == (0, "stuck", "#GP")


def test_injected_steps_are_the_same_in_both() -> None:
    streams, ends = [], []
    for producer in both("third-generation"):
        producer.load(loop("third-generation"))
        stream = producer.produce(5).stream
        stream += producer.inject({"M": 1, "E": Cells({100: 0, 7: 9})})
        stream += producer.produce(5).stream
        streams.append(stream)
        ends.append(canonical(producer.state()))
    assert streams[0] == streams[1] and ends[0] == ends[1]
    changes = list(read_steps(Shape.of(named("third-generation")), streams[0], 11))
    assert changes[5] == (Reason.INJECTED, 0, 1, (), [(0, 7, [9]), (0, 100, [0])])


@pytest.mark.parametrize("injected", [False, True])
def test_changed_runs_lead_from_one_state_to_the_next(injected: bool) -> None:
    for producer in both("third-generation"):
        producer.load(loop("third-generation"))
        producer.produce(3)
        producer.changed_runs()
        before = producer.state()
        producer.produce(20)
        if injected:
            producer.inject({"E": Cells({100: 0, 30000: 1})})
            producer.produce(4)
        for _, first, values in producer.changed_runs():
            before["E"].update(zip(range(first, first + len(values)), values, strict=True))
        assert canonical(before)["E"] == canonical(producer.state())["E"]


def test_advancing_takes_the_same_steps() -> None:
    producer = native("third-generation")
    producer.load(user_and_back())
    producer.produce(1000)
    expected = producer.state()
    producer.load(user_and_back())
    assert producer.advance(1000).steps == 1000
    assert canonical(producer.state()) == canonical(expected)


# Writing and reading arbitrary steps.

MACHINE = "pdp10-ka10"


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[Reason, dict[str, Any], list[tuple[int, int]]]]:
    """Steps of a machine with several arrays: the reason, new values of scalars, and cells to write."""
    shape = Shape.of(named_once())
    widths = dict(zip(shape.scalars, shape.scalar_widths, strict=True))
    steps = []
    for _ in range(draw(st.integers(1, 6))):
        names = draw(st.lists(st.sampled_from(shape.scalars), max_size=6, unique=True))
        values = {name: draw(st.integers(0, (1 << widths[name]) - 1)) for name in names}
        cells = []
        for _ in range(draw(st.integers(0, 5))):
            array = draw(st.integers(0, len(shape.arrays) - 1))
            size = 1 << shape.arrays[array].index_width
            first = draw(st.sampled_from([0, 1, size - 1]) | st.integers(0, size - 1))
            cells += [(array, (first + n) % size) for n in range(draw(st.integers(1, 3)))]
        steps.append((draw(st.sampled_from(Reason)), values, cells))
    return steps


@pytest.mark.slow
@given(changes(), st.data())
def test_what_is_written_is_read(steps: list[tuple[Reason, dict[str, Any], list[tuple[int, int]]]], data: Any) -> None:
    machine = named_once()
    shape = Shape.of(machine)
    writer, after = StepWriter(shape), Interpreter(machine).initial()
    state, stream, expected = copied(after), b"", []
    for reason, values, cells in steps:
        before = shape.values(after)
        after.update({n: bool(v) if n in shape.truth else v for n, v in values.items()})
        for array, index in cells:
            after[shape.arrays[array].name][index] = data.draw(st.integers(0, (1 << 36) - 1)) >> (
                36 - shape.arrays[array].cell_width
            )
        stream += writer.step(reason, before, after, cells)
        expected.append((reason, canonical(after)))
    for (reason, wanted), change in zip(expected, read_steps(shape, stream, len(steps)), strict=True):
        apply_change(shape, state, change)
        assert change[0] == reason and canonical(state) == wanted


@cache
def named_once() -> Machine:
    return named(MACHINE)


@given(st.binary(max_size=60), st.integers(1, 9))
def test_reading_any_bytes_gives_steps_or_a_sentence(stream: bytes, count: int) -> None:
    machine = named_once()
    shape, state = Shape.of(machine), Interpreter(machine).initial()
    try:
        for change in read_steps(shape, stream, count):
            apply_change(shape, state, change)
    except TraceError as error:
        assert "\n" not in str(error)
    for name, width in zip(shape.scalars, shape.scalar_widths, strict=True):
        assert 0 <= state[name] < 1 << width
    for array in shape.arrays:
        assert all(
            0 <= i < 1 << array.index_width and 0 <= v < 1 << array.cell_width for i, v in state[array.name].items()
        )
