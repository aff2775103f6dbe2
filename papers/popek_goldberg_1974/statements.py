"""The definitions of section 3, stated twice and compared on whole small machines.

Once in the paper's words, over concrete states, all of which are tried (`enumeration`); once as formulas that the
solver decides over all states at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ringproof.model.machine import Instruction, Machine
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.variants import VARIANTS, variant
from ringproof.properties.classification import classify_form
from ringproof.properties.definitions import Semantics
from ringproof.solvers.z3_solver import Z3Solver

from ..experiment import Finding, Laboratory
from .enumeration import Enumeration

TINY = (1, 6)
"""Two cells of six bits: the smallest machine whose cell holds an instruction."""


def instructions() -> list[tuple[Machine, Instruction]]:
    """Every instruction of the tiny machine, and the one that each variant adds or replaces."""
    base = third_generation(*TINY)
    found = [(base, instruction) for instruction in base.instructions]
    for name in VARIANTS:
        machine = variant(name, *TINY)
        found.append((machine, machine.instructions[-1]))
    return found


def stated_twice(laboratory: Laboratory) -> Finding:
    """Whether both statements give every instruction the same flags."""
    return compared(instructions(), laboratory)


def compared(cases: Sequence[tuple[Machine, Instruction]], laboratory: Laboratory) -> Finding:
    """Both statements on the instructions of `cases`."""
    shown, agree, states = [], 0, 0
    undecided = False
    for number, (machine, instruction) in enumerate(cases, 1):
        tried = Enumeration(machine, instruction)
        words, resources = tried.flags()
        states += tried.states
        result = classify_form(Semantics(machine), instruction, Z3Solver())
        flags = result.flags()
        undecided |= None in flags.values()
        same = flags == words and tuple(result.resources) == resources
        agree += same
        if not same:
            apart = [name for name in flags if flags[name] != words[name]]
            shown.append(f"{machine.name}, {instruction.name}: they part in {', '.join(apart) or 'the resources'}")
        if laboratory.progress is not None:
            laboratory.progress(number, len(cases), f"{machine.name} {instruction.name}")
    result_ = f"the same flags for {agree} of {len(cases)} instructions, in {states:,} classes of states tried"
    return Finding(result_, True if agree == len(cases) else None if undecided else False, tuple(shown))
