"""Constructions by their kind, over the cases of a de-privileging monitor on the same machine.

Translation and hardware assistance change what happens at a level, not what an instruction is: what traps on the host
for one is called out of translated code, or leaves the processor's guest mode, for the other.
"""

from __future__ import annotations

from dataclasses import replace

from .cases import Cases, Treatment


def translated(cases: Cases) -> Cases:
    """The most privileged level's code is translated, the others as in `cases` (Adams and Agesen 2006, section 3)."""
    first, *others = cases.levels
    levels = (replace(first, treatment=Treatment.TRANSLATED), *others)
    return Cases("binary translation", "translates code of the most privileged level, runs the others directly", levels)


def hardware_assisted(cases: Cases) -> Cases:
    """All levels run in the processor's guest mode, where a guest's own traps need no monitor (ibid., section 4)."""
    levels = tuple(replace(case, treatment=Treatment.NON_ROOT) for case in cases.levels)
    return Cases("hardware assistance", "runs all levels in the processor's guest mode and handles exits", levels)


KINDS = (translated, hardware_assisted)
