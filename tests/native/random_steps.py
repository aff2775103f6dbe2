"""Native engines against the reference interpreter on many random steps: `python -m tests.native.random_steps`.

Each trace of a campaign's generator runs for 1 to 2000 steps in both, from the same state; states, steps and the last
trap must be the same. What was compared is printed for each machine; exit code 1 says that something differed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context

import click

from ringproof.model.catalog import CATALOG, load
from ringproof.traces.generation.traces import SERIALS_PER_BASE, Generator
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.blocks.tier import Blocks
from ringproof.traces.native.engine import Engine, Reason
from ringproof.traces.native.store import canonical

LONGEST = 2000
PART = 20_000
"""Steps that a process compares before it says how far it is."""


def compare(generator: Generator, engine: Engine | Blocks, numbers: Iterator[int], limit: int) -> int:
    """Compares traces until `limit` steps are reached; the number of steps. Raises AssertionError at a difference."""
    interpreter, total = generator.interpreter, 0
    while total < limit:
        number = _in_groups(next(numbers), len(generator.targets))
        start = generator.start(number)
        state: State = start.first
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


def _in_groups(place: int, targets: int) -> int:
    """The trace at `place` in an order that has those from one base pair together."""
    group, serial = divmod(place, SERIALS_PER_BASE)
    block, target = divmod(group, targets)
    return (block * SERIALS_PER_BASE + serial) * targets + target


def _reference(interpreter: Interpreter, state: State, steps: int, *, stuck: bool) -> object:
    for _ in range(steps):
        interpreter.step(state)
    return interpreter.step(state).trapped if stuck else None


def _part(task: tuple[str, bool, int, int, int]) -> tuple[int, str]:
    """The steps compared in one part, and the difference found, if any."""
    name, blocks, seed, first, stride = task
    key = (name, seed)
    if key not in _made:
        machine = load(name)
        engine = Engine(machine)
        _made[key] = Generator(machine, seed), Blocks(engine, threshold=8) if blocks else engine
    generator, tier = _made[key]
    try:
        return compare(generator, tier, iter(range(first, first + stride)), PART), ""
    except StopIteration:
        return 0, f"{name}: {stride} traces were too few for {PART} steps"
    except AssertionError as error:
        return 0, str(error)


_made: dict[tuple[str, int], tuple[Generator, Engine | Blocks]] = {}


def compare_in_parallel(
    name: str, seed: int, steps: int, processes: int, say: Callable[[str], None], *, blocks: bool
) -> int:
    """Compares at least `steps` steps; how many. Says each difference."""
    stride = 4 * PART
    tasks = ((name, blocks, seed, n * stride, stride) for n in range(10**9))
    total = shown = 0
    with get_context("spawn").Pool(processes) as pool:
        for compared, difference in pool.imap(_part, tasks):
            total += compared
            if difference:
                say(difference)
                return -1
            if total * 10 // steps > shown:
                shown = total * 10 // steps
                say(f"{name}: {total:,} steps")
            if total >= steps:
                return total
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
        total = compare_in_parallel(
            name, seed, steps, processes, lambda text: click.echo(text, err=True), blocks=blocks
        )
        tier = "blocks" if blocks else "kernel"
        click.echo(f"{name}, {tier}: {'differs' if total < 0 else f'{total:,} steps agree'} (seed {seed})")
        failed |= total < 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
