"""The probes that Bochs is asked: every system instruction and every check of a segment, by enumeration.

Each space enumerates one question over all rings and all values that the answer depends on. `probes` takes
from them in turn, each in an order that the seed shuffles, so that the first so many are a fair sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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


def enumerated(interpreter: Interpreter) -> dict[str, list[Asked]]:
    """Every probe, by space; some seconds' work. The machine's configuration does not matter to it."""
    words = Words(interpreter)
    return {name: list(space(words)) for name, space in SPACES.items()}


def probes(spaces: Mapping[str, Sequence[Asked]], seed: int, part: int = 0, parts: int = 1) -> Iterator[Asked]:
    """The probes of one part of `parts`, the spaces in proportion to their size, those of `ALWAYS` sooner."""
    rng, own = Random(seed), Random(seed * parts + part)
    placed: list[tuple[float, int, Asked]] = []
    for number, (name, space) in enumerate(spaces.items()):
        found = list(space)
        if name in ALWAYS:
            own.shuffle(found)
        else:
            rng.shuffle(found)
            found = found[part::parts]
        share = len(found) * (parts if name in ALWAYS else 1)
        placed += [((n + 0.5) / share, number, asked) for n, asked in enumerate(found)]
    placed.sort(key=lambda each: each[:2])
    for _, _, asked in placed:
        yield asked


__all__ = ["SPACES", "Space", "enumerated", "probes"]
