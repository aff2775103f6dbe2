"""A run in chunks: steps from a producer, with the inputs put in between, each chunk as the trace file has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ringproof.model.machine import Machine

from .form import Header, Input
from .producer import Ending, Producer
from .shape import Shape, TraceError
from .snapshots import Snapshot
from .state_text import decode_state, decode_value
from .stream import CHUNK


@dataclass(frozen=True)
class Chunk:
    """Steps from `first` on: how many, their stream, the snapshot before them (but for the first chunk), the end."""

    first: int
    steps: int
    stream: bytes
    before: Snapshot | None
    ending: Ending | None


def chunks(producer: Producer, header: Header, steps: int, *, until: int | None = None) -> Iterator[Chunk]:
    """Runs from the header's state for at most `steps` steps, and none once the program counter is `until`.

    Raises StateError where the header does not fit the producer's machine. The last chunk has the end, if it was met
    before the steps were taken; it may have no steps.
    """
    machine = producer.machine
    inputs = decoded_inputs(machine, header.inputs)
    producer.load(decode_state(machine, header.state))
    yield from chunks_from(producer, 0, steps, inputs, until=until)


def chunks_from(
    producer: Producer, first: int, steps: int, inputs: Sequence[tuple[int, Mapping[str, Any]]], *,
    until: int | None = None,
) -> Iterator[Chunk]:  # fmt: skip
    """The chunks from step `first` on, a multiple of `CHUNK` whose state the producer is in, to step `steps`."""
    pending = [entry for entry in inputs if entry[0] >= first]
    shape = Shape.of(producer.machine)
    done = first
    ending: Ending | None = None
    while done < steps and ending is None:
        begin, stream = done, bytearray()
        before = snapshot(producer, shape) if done else None
        producer.restart()
        while done - begin < CHUNK and done < steps and ending is None:
            if pending and pending[0][0] == done:
                stream += producer.inject(pending.pop(0)[1])
                done += 1
                continue
            stop = min(begin + CHUNK, steps, *[entry[0] for entry in pending[:1]])
            produced = producer.produce(stop - done, until=until)
            stream += produced.stream
            done += produced.steps
            ending = produced.ending
        yield Chunk(begin, done - begin, bytes(stream), before, ending)


SLICE = 1 << 22
"""Steps that are taken at once where nothing is recorded: a fraction of a second."""


def advance(
    producer: Producer, header: Header, steps: int, *, until: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, Ending | None]:  # fmt: skip
    """Runs from the header's state as `chunks` does, without a stream; the steps taken and the end that was met."""
    pending = decoded_inputs(producer.machine, header.inputs)
    producer.load(decode_state(producer.machine, header.state))
    done = 0
    ending: Ending | None = None
    while done < steps and ending is None:
        if pending and pending[0][0] == done:
            producer.inject(pending.pop(0)[1])
            done += 1
            continue
        stop = min(done + SLICE, steps, *[entry[0] for entry in pending[:1]])
        produced = producer.advance(stop - done, until=until)
        done += produced.steps
        ending = produced.ending
        if progress is not None:
            progress(done)
    return done, ending


def snapshot(producer: Producer, shape: Shape) -> Snapshot:
    """The snapshot of the producer's state now."""
    return Snapshot(producer.scalars(), producer.changed_runs())


def decoded_inputs(machine: Machine, inputs: Sequence[Input]) -> list[tuple[int, dict[str, Any]]]:
    """The inputs' steps and values, in order. Raises TraceError or StateError where they do not fit the machine."""
    found: list[tuple[int, dict[str, Any]]] = []
    for entry in inputs:
        if entry.step < (found[-1][0] + 1 if found else 0):
            raise TraceError(
                f"the inputs are in the order of their steps, one a step, but {entry.step} is out of order"
            )
        for name in entry.values:
            if name not in machine.components:
                raise TraceError(f"{machine.name} has no component named {name[:40]!r}")
        values = {n: decode_value(n, machine.components[n].sort, text) for n, text in entry.values.items()}
        found.append((entry.step, values))
    return found
