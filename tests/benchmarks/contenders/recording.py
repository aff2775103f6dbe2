"""Recording and replaying a million steps of a program."""

from __future__ import annotations

import random
import time
from functools import cache
from pathlib import Path

from ringproof.model.catalog import load
from ringproof.traces.native.recording import NativeProducer
from ringproof.traces.recording.form import Header, header_of
from ringproof.traces.recording.reading import read_trace
from ringproof.traces.recording.stream import CHUNK
from ringproof.traces.recording.trace import Trace
from ringproof.traces.recording.writing import record

from ..programs import PROGRAMS, Program

STEPS = 1_000_000
NAMES = ("crc32", "quicksort", "primes")
PLACES = 20


@cache
def producer(machine: str) -> NativeProducer:
    return NativeProducer(load(machine))


@cache
def header(name: str, every_step: bool = True) -> Header:
    program: Program = PROGRAMS[name]
    state = program.initial(producer(program.machine).machine, program.size)
    return header_of(producer(program.machine).machine, state, kind="recorded" if every_step else "derived")


def loaded(program: Program) -> NativeProducer:
    runner = producer(program.machine)
    runner.load(program.initial(runner.machine, program.size))
    return runner


def plain(program: Program) -> float:
    """Nanoseconds a step of the kernel, nothing being recorded."""
    runner = loaded(program)
    start = time.perf_counter()
    taken = runner.advance(STEPS).steps
    return 1e9 * (time.perf_counter() - start) / taken


def streamed(program: Program) -> float:
    """The same with the step stream, which is not kept."""
    runner = loaded(program)
    start = time.perf_counter()
    for _ in range(0, STEPS, CHUNK):
        runner.restart()
        runner.produce(CHUNK)
    return 1e9 * (time.perf_counter() - start) / STEPS


def filed(program: Program, path: Path, *, every_step: bool = True) -> float:
    """The same with snapshots, compressed, into a file."""
    found, runner = header(program.name, every_step), loaded(program)
    start = time.perf_counter()
    taken = record(runner, found, path, STEPS).steps
    return 1e9 * (time.perf_counter() - start) / taken


def opened(program: Program, path: Path) -> Trace:
    runner = producer(program.machine)
    return Trace(read_trace(path), runner.machine, runner)


def replayed(trace: Trace) -> float:
    """Milliseconds in which every step is taken again and compared."""
    start = time.perf_counter()
    trace.replay()
    return 1e3 * (time.perf_counter() - start)


def slowest_place(trace: Trace) -> float:
    """Milliseconds to the state at the slowest of random places."""
    rng, slowest = random.Random(1), 0.0
    for _ in range(PLACES):
        start = time.perf_counter()
        trace.state(rng.randrange(trace.steps))
        slowest = max(slowest, time.perf_counter() - start)
    return 1e3 * slowest
