"""Native engines against the reference interpreter on many random steps: `python -m tests.native.random_steps`.

Each trace of a campaign's generator runs for 1 to 2000 steps in both, from the same state; states, steps and the last
trap, with what its delivery met, must be the same. What was compared is printed for each machine; exit code 1 says
that something differed.
With --blocks traces are longer and loop (see `random_loops`), so that many steps are taken in regions. The kernel is
compared on the same steps then; printed are the share that regions took, and how many instruction forms they have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context

import click

from ringproof.model.catalog import CATALOG, load
from ringproof.traces.generation.traces import SERIALS_PER_BASE, Generator
from ringproof.traces.interpreter import Interpreter, State, Trapped
from ringproof.traces.native.blocks.tier import Blocks
from ringproof.traces.native.engine import Engine, Reason, Run
from ringproof.traces.native.store import canonical

from .random_loops import put_loop

LONGEST, LONGEST_LOOP = 2000, 16_000

PART, PART_IN_BLOCKS = 20_000, 500_000
"""Steps that a process compares before it says how far it is. A tier of blocks takes time to make."""

TRACES = 80_000
"""A part has the numbers of so many traces."""


def compare(generator: Generator, tier: Engine | Blocks, numbers: Iterator[int], limit: int) -> int:
    """Compares traces until `limit` steps are reached; the number of steps. Raises AssertionError at a difference."""
    interpreter, total = generator.interpreter, 0
    engine, longest = (tier.engine, LONGEST_LOOP) if isinstance(tier, Blocks) else (tier, LONGEST)
    while total < limit:
        number = _in_groups(next(numbers), len(generator.targets))
        start = generator.start(number)
        state: State = start.first
        if tier is not engine and not put_loop(generator, start, engine):
            continue
        wanted = 1 + start.stream.draw() % longest
        run, after = _ended(engine, state, wanted)
        said = f"trace {number} of seed {generator.seed} on {generator.machine.name}"
        if tier is not engine:
            again, found = _ended(tier, state, wanted)
            assert again == run, f"{said}: {again} in blocks, {run} in the kernel"
            assert found == after, f"{said}: states of blocks and kernel differ after {run.steps} steps"
        traps = _reference(interpreter, state, run.steps, stuck=run.reason is Reason.STUCK)
        assert run.steps == wanted or run.reason is Reason.STUCK, f"{said}: {run}"
        assert (run.trapped, run.nested) == traps, f"{said}: {run.trapped}, then {run.nested}, and {traps}"
        assert after == canonical(state), f"{said}: states differ after {run.steps} steps"
        total += run.steps + (run.reason is Reason.STUCK)
    return total


def _ended(tier: Engine | Blocks, state: State, wanted: int) -> tuple[Run, State]:
    """A run of a tier from `state`, and the state after it."""
    tier.load(state)
    run = tier.step(wanted)
    return run, canonical(tier.state())


def _in_groups(place: int, targets: int) -> int:
    """The trace at `place` in an order that has those from one base pair together."""
    group, serial = divmod(place, SERIALS_PER_BASE)
    block, target = divmod(group, targets)
    return (block * SERIALS_PER_BASE + serial) * targets + target


def _reference(
    interpreter: Interpreter, state: State, steps: int, *, stuck: bool
) -> tuple[Trapped | None, Trapped | None]:
    """Takes the same steps; where the machine is stuck then, the trap, and what its delivery met."""
    for _ in range(steps):
        interpreter.step(state)
    trapped = interpreter.attempt(state).trapped if stuck else None
    if trapped is None or interpreter.machine.deliver is None:
        return trapped, None
    return trapped, interpreter.deliver(trapped, state)


@dataclass(frozen=True)
class Part:
    """The steps compared, how many of them regions took, the forms that these have, and the difference, if any."""

    steps: int = 0
    inside: int = 0
    forms: frozenset[str] = frozenset()
    difference: str = ""


def _part(task: tuple[str, bool, int, int]) -> Part:
    name, blocks, seed, number = task
    generator, tier = _generator(name, seed), tier_of(name) if blocks else _engine(name)
    limit, traces = PART_IN_BLOCKS if blocks else PART, range(number * TRACES, (number + 1) * TRACES)
    try:
        total = compare(generator, tier, iter(traces), limit)
    except StopIteration:
        return Part(difference=f"{name}: {TRACES} traces were too few for {limit} steps")
    except AssertionError as error:
        return Part(difference=str(error))
    if isinstance(tier, Blocks):
        return Part(total, tier.inside, frozenset(form.id for form in tier.forms))
    return Part(total)


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
) -> Part:
    """Compares at least `steps` steps, or until a difference is found."""
    tasks = ((name, blocks, seed, number) for number in range(10**9))
    total, shown = Part(), 0
    with get_context("spawn").Pool(processes) as pool:
        for part in pool.imap(_part, tasks):
            total = Part(
                total.steps + part.steps, total.inside + part.inside, total.forms | part.forms, part.difference
            )
            if total.steps * 10 // steps > shown:
                shown = total.steps * 10 // steps
                say(f"{name}: {total.steps:,} steps")
            if part.difference or total.steps >= steps:
                return total
    raise AssertionError("the tasks never end")


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--steps", default=10_000_000, show_default=True, help="Steps for each machine.")
@click.option("--seed", default=1, show_default=True)
@click.option("--processes", default=2, show_default=True)
@click.option("--blocks", is_flag=True, help="Compare the block tier too, on traces that loop.")
def main(machines: tuple[str, ...], steps: int, seed: int, processes: int, blocks: bool) -> None:
    failed = False
    for name in machines or tuple(CATALOG):
        found = compare_in_parallel(name, seed, steps, processes, partial(click.echo, err=True), blocks=blocks)
        share = f"{found.inside / max(found.steps, 1):.0%} in regions of {len(found.forms)} forms"
        tier = f"kernel and blocks ({share})" if blocks else "kernel"
        click.echo(f"{name}, {tier}: {found.difference or f'{found.steps:,} steps agree'} (seed {seed})")
        failed |= bool(found.difference)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
