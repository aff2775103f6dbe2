"""Native engines against the reference interpreter on many random steps: `python -m tests.native.random_steps`.

Each trace of a campaign's generator runs for 1 to 2000 steps in both, from the same state; states, steps and the last
trap must be the same. What was compared is printed for each machine; exit code 1 says that something differed.
With --blocks the code of a trace ends in a jump to its beginning, and traces that never come back there are passed
over, so that most steps are taken in regions; the share that was is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing import get_context

import click

from ringproof.model.catalog import CATALOG, load
from ringproof.model.machine import Machine
from ringproof.traces.generation.traces import FRESH, SERIALS_PER_BASE, Generator, Start
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.blocks.tier import Blocks
from ringproof.traces.native.engine import Engine, Reason
from ringproof.traces.native.store import canonical

LONGEST = 2000
ATTEMPTS, ROUND = 4, 60
"""Loops tried for a trace until one comes back to its beginning, within so many steps."""

PART = 20_000
"""Steps that a process compares before it says how far it is."""


def compare(generator: Generator, engine: Engine | Blocks, numbers: Iterator[int], limit: int) -> int:
    """Compares traces until `limit` steps are reached; the number of steps. Raises AssertionError at a difference."""
    interpreter, total = generator.interpreter, 0
    while total < limit:
        number = _in_groups(next(numbers), len(generator.targets))
        start = generator.start(number)
        state: State = start.first
        if isinstance(engine, Blocks) and not put_loop(generator, start, engine.engine):
            continue
        engine.load(state)
        wanted = 1 + start.stream.draw() % LONGEST
        run = engine.step(wanted)
        trapped = _reference(interpreter, state, run.steps, stuck=run.reason is Reason.STUCK)
        said = f"trace {number} of seed {generator.seed} on {generator.machine.name}"
        assert run.steps == wanted or run.reason is Reason.STUCK, f"{said}: {run}"
        assert run.trapped == trapped, f"{said}: {run.trapped} and {trapped}"
        assert canonical(engine.state()) == canonical(state), f"{said}: states differ after {run.steps} steps"
        total += run.steps + (run.reason is Reason.STUCK)
    return total


def put_loop(generator: Generator, start: Start, engine: Engine) -> bool:
    """Puts a loop at the beginning of a trace; whether one was found that comes back to it."""
    state, counter = start.first, generator.machine.counter
    for _ in range(ATTEMPTS):
        _write_loop(generator, start)
        engine.load(state)
        engine.step()
        if engine.step(ROUND, until=state[counter]).reason is Reason.STOPPED:
            return True
    return False


def _write_loop(generator: Generator, start: Start) -> None:
    """Other fresh code in a trace's first state: the target's form, some of any form, and a jump to the first."""
    programs, place, stream, state = generator.programs, start.base.code, start.stream, start.first
    size, cells = generator.checks.fetching.size, list[int]()
    for number in range(1 + stream.draw() % FRESH):
        known = programs.every if number else programs.of(start.target.form)
        template = known[stream.draw() % len(known)]
        cells += programs.cells(programs.assemble(template, stream, start.base.pool), template.cells)
    cells += back(generator.machine, state[generator.machine.counter], len(cells))
    for position, cell in enumerate(cells):
        state[generator.checks.fetching.array][(place.index + position) % size] = cell


def back(machine: Machine, counter: int, distance: int) -> list[int]:
    """The code of a jump to `counter`, over so many cells."""
    jump = next(i for i in machine.instructions if i.name in ("JUMP", "JRST", "JMP"))
    if jump.name == "JMP":
        return [0xEB, (-distance - 2) % 256]
    target = "a" if jump.name == "JUMP" else "y"
    return [jump.encoding.assemble({**dict.fromkeys(jump.encoding.fields, 0), target: counter})]


def _in_groups(place: int, targets: int) -> int:
    """The trace at `place` in an order that has those from one base pair together."""
    group, serial = divmod(place, SERIALS_PER_BASE)
    block, target = divmod(group, targets)
    return (block * SERIALS_PER_BASE + serial) * targets + target


def _reference(interpreter: Interpreter, state: State, steps: int, *, stuck: bool) -> object:
    for _ in range(steps):
        interpreter.step(state)
    return interpreter.step(state).trapped if stuck else None


def _part(task: tuple[str, bool, int, int, int]) -> tuple[int, int, str]:
    """The steps compared in one part, how many of them regions took, and the difference found, if any."""
    name, blocks, seed, first, stride = task
    generator, tier = _generator(name, seed), tier_of(name) if blocks else _engine(name)
    try:
        total = compare(generator, tier, iter(range(first, first + stride)), PART)
    except StopIteration:
        return 0, 0, f"{name}: {stride} traces were too few for {PART} steps"
    except AssertionError as error:
        return 0, 0, str(error)
    return total, tier.inside if isinstance(tier, Blocks) else 0, ""


@cache
def _generator(name: str, seed: int) -> Generator:
    return Generator(load(name), seed)


@cache
def _engine(name: str) -> Engine:
    return Engine(load(name))


def tier_of(name: str) -> Blocks:
    """A tier that makes regions soon; each part has its own, since there is room for a few thousand regions."""
    return Blocks(Engine(load(name)), threshold=3, recorded=60)


def compare_in_parallel(
    name: str, seed: int, steps: int, processes: int, say: Callable[[str], None], *, blocks: bool
) -> tuple[int, int]:
    """Compares at least `steps` steps; how many, and how many of them regions took. Says a difference, and ends."""
    stride = 4 * PART
    tasks = ((name, blocks, seed, n * stride, stride) for n in range(10**9))
    total = inside = shown = 0
    with get_context("spawn").Pool(processes) as pool:
        for compared, within, difference in pool.imap(_part, tasks):
            total += compared
            inside += within
            if difference:
                say(difference)
                return -1, inside
            if total * 10 // steps > shown:
                shown = total * 10 // steps
                say(f"{name}: {total:,} steps")
            if total >= steps:
                return total, inside
    raise AssertionError("the tasks never end")


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--steps", default=10_000_000, show_default=True, help="Steps for each machine.")
@click.option("--seed", default=1, show_default=True)
@click.option("--processes", default=2, show_default=True)
@click.option("--blocks", is_flag=True, help="Compare the block tier rather than the kernel.")
def main(machines: tuple[str, ...], steps: int, seed: int, processes: int, blocks: bool) -> None:
    failed = False
    for name in machines or tuple(CATALOG):
        total, inside = compare_in_parallel(
            name, seed, steps, processes, lambda text: click.echo(text, err=True), blocks=blocks
        )
        tier = f"blocks ({inside / max(total, 1):.0%} in regions)" if blocks else "kernel"
        click.echo(f"{name}, {tier}: {'differs' if total < 0 else f'{total:,} steps agree'} (seed {seed})")
        failed |= total < 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
