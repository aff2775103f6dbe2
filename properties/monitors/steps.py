"""One whole step of a machine as terms: the instruction, or its trap with the delivery, over any state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ringproof.model.cpu import Cause, Outcome, Trap
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import FALSE, Term, all_of, any_of, ite, substitute


@dataclass(frozen=True, eq=False)
class Total:
    """The state after a step that always ends, and where the model declines to say what it is."""

    state: Mapping[str, Term]
    declined: Term


def over_word(machine: Machine, instruction: Instruction) -> Outcome:
    """What `instruction` does to the machine's variables, over the instruction word, the traps' details included."""
    encoding = instruction.encoding
    outcome = machine.outcome(instruction)
    ties = dict(zip(encoding.variables.values(), encoding.fields.values(), strict=True))
    if not encoding.length.is_constant:
        ties[encoding.length_over_fields] = encoding.length
    return replaced(outcome, lambda roots: substitute(roots, ties))


def replaced(outcome: Outcome, rewrite: Callable[[list[Term]], list[Term]]) -> Outcome:
    """`outcome` with every term rewritten, all of them at once."""
    roots = list(outcome.state.values())
    for trap in outcome.traps:
        roots += [trap.guard, *trap.details.values()]
    terms = iter(rewrite(roots))
    state = {name: next(terms) for name in outcome.state}
    traps = tuple(Trap(trap.cause, next(terms), {key: next(terms) for key in trap.details}) for trap in outcome.traps)
    return Outcome(traps, state, ())


def on_state(machine: Machine, outcome: Outcome, state: Mapping[str, Term]) -> Outcome:
    """`outcome`, which is over the machine's variables, on another state."""
    variables = machine.variables
    ties = {variables[name]: term for name, term in state.items() if variables[name] is not term}
    return replaced(outcome, lambda roots: substitute(roots, ties))


def first(outcome: Outcome, index: int) -> Term:
    """The trap number `index` is the one that is taken."""
    earlier = [trap.guard for trap in outcome.traps[:index]]
    return all_of(outcome.traps[index].guard, ~any_of(*earlier))


def delivered(machine: Machine, state: Mapping[str, Term], cause: Cause, details: Mapping[str, Term]) -> Total:
    """The state after the machine has delivered `cause` from `state`."""
    return _delivered(machine, tuple(state.items()), cause, tuple(details.items()))


@lru_cache(maxsize=512)
def _delivered(
    machine: Machine, state: tuple[tuple[str, Term], ...], cause: Cause, details: tuple[tuple[str, Term], ...]
) -> Total:
    assert machine.deliver is not None
    cpu = machine.cpu(dict(state), machine.constants())
    machine.deliver(cpu, cause, dict(details))
    outcome = cpu.outcome()
    return Total(outcome.state, any_of(*[trap.guard for trap in outcome.traps]))


def total(machine: Machine, state: Mapping[str, Term], outcome: Outcome) -> Total:
    """The whole step: `outcome`, which is on `state`, with the delivery of the trap that is taken."""
    result, declined = dict(outcome.state), FALSE
    for trap in reversed(outcome.traps):
        after = delivered(machine, state, trap.cause, trap.details)
        result = {name: ite(trap.guard, after.state[name], term) for name, term in result.items()}
        declined = ite(trap.guard, after.declined, declined)
    return Total(result, declined)


def unlike(one: Outcome, two: Outcome) -> list[Term]:
    """Where two outcomes over the same state trap differently: another cause first, or other details."""
    found: list[Term] = []
    for index in range(max(len(one.traps), len(two.traps))):
        if index >= min(len(one.traps), len(two.traps)):
            longer = one if len(one.traps) > len(two.traps) else two
            found.append(first(longer, index))
            continue
        a, b = one.traps[index], two.traps[index]
        if a.cause != b.cause or a.details.keys() != b.details.keys():
            found += [first(one, index), first(two, index)]
            continue
        details = any_of(*[value != b.details[key] for key, value in a.details.items()])
        found.append((a.guard != b.guard) | (first(one, index) & details))
    return found


def compared(condition: Term) -> set[Term]:
    """What the Bool term `condition` compares, under its connectives."""
    found: set[Term] = set()
    seen: set[Term] = set()
    stack = [condition]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op in ("and", "or", "not"):
            stack += node.args
        else:
            found.update(node.args)
    return found
