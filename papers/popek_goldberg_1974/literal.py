"""The definitions of section 3 to the letter, where the letter and the meaning part.

To the letter, only memory traps are outside the definitions, and what an instruction makes of a state is the state
after its trap was carried out: the old PSW in E[0], the new one from E[1].
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ringproof.model.cpu import Kind
from ringproof.model.encoding import pattern, units
from ringproof.model.machine import Instruction, Machine
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import ThirdGeneration, declare_undefined
from ringproof.model.third_generation.variants import variant
from ringproof.properties.classification import Row, classify_form
from ringproof.properties.definitions import Semantics
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.interpreter import State, Trapped
from ringproof.traces.python_code import Cells

from ..experiment import Finding, Laboratory
from .statements import TINY

CALL = "SUPERVISOR CALL"


def carried_out(semantics: Semantics, instruction: Instruction, state: State) -> tuple[Trapped | None, State]:
    """i(S), for an instruction without operands: the trap, if it traps, and the state after all of it."""
    after = semantics.after(instruction, {}, state)
    if after.trapped is not None:
        semantics.interpreter.deliver(after.trapped, after.state)
    return after.trapped, after.state


def states(machine: Machine) -> Iterator[State]:
    """All states, of which memory holds nothing but E[1], the new PSW: the others play no part here."""
    sort = machine.components["E"].sort
    names = ("M", "P", "l", "b")
    widths = [machine.variables[name].width for name in names]
    for values in product(*[range(1 << width) for width in widths]):
        for new in range(1 << sort.value.width):  # type: ignore[union-attr]
            yield {**dict(zip(names, values, strict=True)), "E": Cells({1: new})}


def supervisor_calls(laboratory: Laboratory) -> Finding:
    """A supervisor call, to the letter and with all traps outside the definitions."""
    machine = variant("supervisor-call", *TINY)
    semantics = Semantics(machine)
    instruction = semantics.interpreter.named(CALL)
    changes = [_changed(semantics, instruction, state) for state in states(machine)]
    telling = min(filter(None, changes), key=lambda change: ("M" not in change, len(change)), default={})
    sensitive = _control(instruction, telling) if telling else ""
    kept = next(filter(None, (_not_privileged(semantics, instruction, state) for state in states(machine))), "")
    meant = laboratory.check("third-generation-supervisor-call").theorems[0]
    letter = "control sensitive and not privileged" if sensitive and kept else "no violation"
    result = f"to the letter {letter}; with every trap outside the definitions Theorem 1's condition {meant.word}"
    shown = tuple(line for line in (sensitive, kept) if line)
    return Finding(result, None if meant.holds is None else bool(sensitive and kept and meant.holds), shown)


def _changed(semantics: Semantics, instruction: Instruction, state: State) -> dict[str, tuple[int, int]]:
    """What it changes of the mode and the relocation without a memory trap: the values before and after."""
    trapped, after = carried_out(semantics, instruction, state)
    if trapped is not None and trapped.cause.kind is Kind.MEMORY:
        return {}
    return {name: (state[name], after[name]) for name in ("M", "l", "b") if state[name] != after[name]}


def _control(instruction: Instruction, change: dict[str, tuple[int, int]]) -> str:
    apart = " and ".join(f"{name} from {old} to {new}" for name, (old, new) in change.items())
    return f"control sensitive: without a memory trap, {instruction.name} changes {apart}"


def _not_privileged(semantics: Semantics, instruction: Instruction, state: State) -> str:
    """A pair equal but for the mode, of which the first traps too, in words."""
    first, second = ({**state, "M": mode} for mode in (0, 1))
    one, two = (carried_out(semantics, instruction, each)[0] for each in (first, second))
    if any(trap is not None and trap.cause.kind is Kind.MEMORY for trap in (one, two)):
        return ""
    if one is None and two is not None:
        return ""
    modes = [f"{'traps' if trap else 'does not trap'} in {mode}" for trap, mode in ((one, "supervisor"), (two, "user"))]
    return f"not privileged: {instruction.name} {' and '.join(modes)} mode"


def privileged_no_op(laboratory: Laboratory) -> Finding:
    """An instruction that does nothing but trap in user mode: privileged, and innocuous by definition."""
    machine = third_generation()
    word = machine.word

    @machine.instruction("NO-OP", "NO-OP", pattern(f"1001 -:{word.width - 4}", word=word, length=units(1, 16)))
    def no_op(cpu: ThirdGeneration) -> None:
        """Nothing. Traps in user mode."""
        cpu.supervisor_only()

    declare_undefined(machine)
    semantics = Semantics(machine)
    instruction = machine.instructions[-1]
    row = Row(instruction.name, [classify_form(semantics, instruction, Z3Solver())])
    user: State = {"M": 1, "P": 0, "l": 2, "b": 4, "E": Cells({})}
    trapped = semantics.after(instruction, {}, user).trapped
    is_privileged, sensitive = row.flag("privileged"), row.sensitive
    words = [
        "privileged" if is_privileged else "not privileged",
        "sensitive" if sensitive else "not sensitive, so innocuous as the paper defines it",
    ]
    shown: tuple[str, ...] = ()
    if trapped is not None:
        shown = (f"in user mode it ends in a {trapped.cause.name}: the control program has to intervene",)
    agrees = None if None in (is_privileged, sensitive) else bool(is_privileged and not sensitive and trapped)
    return Finding(f"a no-op that traps in user mode is {' and '.join(words)}", agrees, shown)
