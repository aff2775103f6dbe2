"""The probes that Bochs is asked: every system instruction and every check of a segment, by enumeration.

Each space enumerates one question over all rings and all values that the answer depends on. `probes` takes
them in turn, each in an order that the seed shuffles, so that the first so many are a fair sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from ringproof.traces.interpreter import Interpreter

from ..bochs_ia32 import Asked
from . import access, every_form, gates, interrupts, ports_and_flags, queries, registers, returns, segment_loads, stacks
from . import transfers as far
from .words import Words

Space = Callable[[Words], Iterator[Asked]]

SPACES: dict[str, Space] = {
    "every form": every_form.probes,
    "loads of segment registers": segment_loads.probes,
    "questions about selectors": queries.probes,
    "far jumps and calls": far.probes,
    "call gates": gates.probes,
    "interrupts": interrupts.probes,
    "returns": returns.probes,
    "memory accesses": access.probes,
    "stacks": stacks.probes,
    "ports and flags": ports_and_flags.probes,
    "system registers": registers.probes,
}


ALWAYS = ("every form", "system registers")
"""The spaces that are asked whole under every configuration; the others are shared out."""


def probes(interpreter: Interpreter, seed: int, part: int = 0, parts: int = 1) -> Iterator[Asked]:
    """The probes of one part of `parts`, the spaces in proportion to their size."""
    words = Words(interpreter)
    rng = Random(seed)
    placed: list[tuple[float, int, Asked]] = []
    for number, (name, space) in enumerate(SPACES.items()):
        found = list(space(words))
        rng.shuffle(found)
        if name not in ALWAYS:
            found = found[part::parts]
        placed += [((n + 0.5) / len(found), number, asked) for n, asked in enumerate(found)]
    placed.sort(key=lambda each: each[:2])
    for _, _, asked in placed:
        yield asked


__all__ = ["SPACES", "Space", "probes"]
