"""Random traces in lockstep with their property check, in millions of steps a second, beside unicorn's single steps.

A trace is what `campaign` runs: a base pair changed, fresh code, up to 50 steps of both states, Theorem 1's condition
after each, coverage and a digest. "native" counts all of it, "pairs made" leaves out making the base pairs, which
Python does, and "interpreter" is the same in Python. Unicorn takes the instructions of random code one by one, with
nothing generated and nothing checked: only `emu_start` with a count of 1 and reading where it got to is timed, and a
step that raises counts. Seconds are of processor time, all contenders having one thread. `random_traces.md` beside the
topics has a profile.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import count

from ringproof.properties.campaign.lockstep import CHANGES, COMPLETES, STEPS
from ringproof.properties.campaign.run import Job, Worker
from ringproof.traces.generation.traces import LONG
from ringproof.traces.native.batch_runner import Batches

from ..contenders.unicorn import INSTALLED
from ..measuring import Row, most
from ..programs.ia32 import START, STOP
from .stepping import LENGTH, NAMES, random_states, unicorn

SEED = 1
ROUNDS = 6
BLOCKS = 40
"""Targets of a round, each with `LONG` traces of one base pair."""

INTERPRETED = 60
"""Traces that the interpreter is measured on."""

_rounds = count(1)


def rows() -> Iterator[Row]:
    for name in ("ia32", "third-generation"):
        contenders: dict[str, Callable[[], float | str]] = {
            "unicorn": _unicorn if name == "ia32" else lambda: "no such machine",
            "native": partial(_native, name),
            "pairs made": partial(_pairs_made, name),
            "interpreter": partial(_interpreter, name),
        }
        yield Row(name, "million steps/s", most(contenders, ROUNDS), "unicorn")


@cache
def _worker(name: str) -> Worker:
    return Worker(Job(name, (), SEED))


@cache
def _batches(name: str) -> Batches:
    return Batches(_worker(name).generator, STEPS, COMPLETES, CHANGES)


@cache
def _targets(name: str) -> list[int]:
    return random.Random(SEED).choices(range(len(_worker(name).generator.targets)), k=BLOCKS)


def _native(name: str) -> float:
    """Each round starts from base pairs of its own."""
    return _rate(name, LONG * (1 + next(_rounds)))


def _pairs_made(name: str) -> float:
    for target in _targets(name):
        _worker(name).generator.base(target, LONG)
    return _rate(name, LONG)


def _rate(name: str, serial: int) -> float:
    batches, targets = _batches(name), _targets(name)
    start = time.process_time()
    steps = sum(batches.run(target, serial, LONG).steps for target in targets)
    return steps / (time.process_time() - start) / 1e6


def _interpreter(name: str) -> float:
    worker = _worker(name)
    numbers = [LONG * len(worker.generator.targets) + target for target in _targets(name)] * 2
    worker.trace(numbers[0])
    start = time.process_time()
    steps = sum(worker.trace(number).steps for number in numbers[:INTERPRETED])
    return steps / (time.process_time() - start) / 1e6


def _unicorn() -> float | str:
    if not INSTALLED:
        return "not installed"
    from unicorn import UcError

    uc, x86 = unicorn()
    registers = {name: getattr(x86, f"UC_X86_REG_{name}") for name in NAMES}
    steps, seconds = 0, 0.0
    for values, code in random_states():
        uc.mem_write(START, code)
        for name, value in values.items():
            uc.reg_write(registers[name], value)
        at, start = START, time.process_time()
        for _ in range(LENGTH):
            steps += 1
            try:
                uc.emu_start(at, STOP, count=1)
            except UcError:
                break
            at = uc.reg_read(x86.UC_X86_REG_EIP)
        seconds += time.process_time() - start
    return steps / seconds / 1e6
