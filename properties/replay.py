"""Running a witness again on the reference interpreter, and saying whether it shows what it claims."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ringproof.model.machine import Instruction, Machine, Role
from ringproof.traces.interpreter import Fields, State
from ringproof.traces.recording.state_text import decode_state, number

from .definitions import (
    After,
    Semantics,
    behavior_sensitive,
    breaks_privilege,
    control_sensitive,
    equal_but_for,
)
from .pairs import bases, bounded_memory, controlled
from .witness import Witness, WitnessError

Check = Callable[["Case"], list[str]]


@dataclass(frozen=True)
class Case:
    """A witness decoded: its instruction, operands and states."""

    semantics: Semantics
    witness: Witness
    instruction: Instruction
    fields: Fields
    states: tuple[State, ...]
    amount: int


@dataclass(frozen=True)
class Replayed:
    """What replaying showed. `shown` names the differences that make the claim true; empty if it is not."""

    case: Case
    runs: tuple[After, ...]
    shown: tuple[str, ...]


def read_case(semantics: Semantics, witness: Witness) -> Case:
    """`witness` decoded against its machine. Raises StateError where something does not fit, in one sentence."""
    machine = semantics.machine
    if witness.machine != machine.name:
        raise WitnessError(f"the witness is of machine {witness.machine[:60]!r}, not of {machine.name!r}")
    found = [i for i in machine.instructions if i.id == witness.instruction]
    if not found:
        raise WitnessError(f"{machine.name} has no instruction {witness.instruction[:80]!r}")
    if witness.claim not in CLAIMS:
        raise WitnessError(f"a claim is one of {', '.join(CLAIMS)}, not {witness.claim[:40]!r}")
    wanted = 1 if witness.claim in SINGLE else 2
    if len(witness.states) != wanted:
        raise WitnessError(f"the claim {witness.claim!r} takes {wanted} states, not {len(witness.states)}")
    word = number("the instruction word", witness.word, machine.word.width)
    matches, fields = semantics.interpreter.operands(found[0], word)
    if not matches:
        raise WitnessError(f"the word {witness.word} is not one of {witness.instruction!r}")
    states = tuple(decode_state(machine, state) for state in witness.states)
    for state in states:
        broken = semantics.broken_rule(state)
        if broken is not None:
            raise WitnessError(f"a state of the witness is not valid for {machine.name}: {broken} does not hold")
    width = machine.relocation.amount.width if machine.relocation else 1
    return Case(semantics, witness, found[0], fields, states, number("the amount", witness.amount, width))


def replay(semantics: Semantics, witness: Witness) -> Replayed:
    """Runs `witness` again. Raises StateError where it does not fit the machine."""
    case = read_case(semantics, witness)
    runs = tuple(semantics.after(case.instruction, case.fields, state) for state in case.states)
    return Replayed(case, runs, tuple(CLAIMS[witness.claim](case)))


def _executes(case: Case) -> list[str]:
    after = case.semantics.after(case.instruction, case.fields, case.states[0])
    return ["completes"] if after.trapped is None else []


def _control(case: Case) -> list[str]:
    (state,) = case.states
    if case.witness.user and not case.semantics.at_guest_level(state):
        return []
    return control_sensitive(case.semantics, case.instruction, case.fields, state)


def _not_privileged(case: Case) -> list[str]:
    semantics, (first, second) = case.semantics, case.states
    machine = semantics.machine
    pair = first[machine.mode] == machine.top and semantics.at_guest_level(second) and semantics.in_context(first)
    if not pair or not equal_but_for(semantics, first, second, [machine.mode]):
        return []
    return (
        ["no trap for privilege"] if breaks_privilege(semantics, case.instruction, case.fields, (first, second)) else []
    )


def _behavior(allowed: Callable[[Machine, Witness], list[str]], *, relocated: bool) -> Check:
    def check(case: Case) -> list[str]:
        semantics, (first, second) = case.semantics, case.states
        if case.amount and not relocated:
            return []
        if case.witness.user and not all(semantics.at_guest_level(state) for state in case.states):
            return []
        expected = semantics.relocate(first, case.amount) if relocated else first
        names = allowed(semantics.machine, case.witness)
        if not equal_but_for(semantics, expected, second, names):
            return []
        return behavior_sensitive(semantics, case.instruction, case.fields, (first, second), case.amount)

    return check


def _one_component(machine: Machine, witness: Witness) -> list[str]:
    known = [*controlled(machine), *bounded_memory(machine)]
    if witness.component not in known or witness.component == machine.mode:
        raise WitnessError(f"{machine.name} has no resource named {witness.component[:40]!r}")
    return [witness.component]


def _all_controlled(machine: Machine, witness: Witness) -> list[str]:
    own = bases(machine)
    return [name for name in controlled(machine) if name not in own]


def _clocks(machine: Machine, witness: Witness) -> list[str]:
    return [c.name for c in machine.components.values() if c.role is Role.CLOCK]


CLAIMS: dict[str, Check] = {
    "executes": _executes,
    "control": _control,
    "mode": _behavior(lambda machine, witness: [machine.mode], relocated=False),
    "location": _behavior(lambda machine, witness: [], relocated=True),
    "resource": _behavior(_one_component, relocated=False),
    "behavior": _behavior(_all_controlled, relocated=True),
    "timing": _behavior(_clocks, relocated=False),
    "not-privileged": _not_privileged,
}
"""What a witness can claim, and the check that gives the differences which show it."""

SINGLE = ("executes", "control")


__all__ = ["CLAIMS", "Case", "Replayed", "read_case", "replay"]
