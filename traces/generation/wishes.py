"""Making conditions true on a concrete state where that is easily done: equations are carried out as assignments.

Random states hardly ever satisfy an invariant like `base == Rl`. This walks a condition from the top and changes the
state so that it holds, as far as equations, truth values and bits of components go; it may fail, and then the state
is drawn again.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringproof.model.terms import BoolSort, Evaluation, Term, variables

from ..interpreter import State

ROUNDS = 3


def grant(conditions: Iterable[Term], state: State, fixed: str) -> None:
    """Changes scalars of `state`, all but the component `fixed`, so that the conditions are likelier to hold."""
    conditions = list(conditions)
    for _ in range(ROUNDS):
        for condition in conditions:
            if not _value(condition, state):
                _make(condition, True, state, fixed)


def _value(term: Term, state: State) -> int:
    return int(Evaluation(lambda variable: state[variable.name]).value(term))


def _make(condition: Term, truth: bool, state: State, fixed: str) -> None:
    stack = [(condition, truth)]
    while stack:
        node, wanted = stack.pop()
        if bool(_value(node, state)) == wanted:
            continue
        if node.op == "not":
            stack.append((node.args[0], not wanted))
        elif node.op == ("and" if wanted else "or"):
            stack.extend((arg, wanted) for arg in node.args)
        elif node.op in ("and", "or"):
            open_to_change = [arg for arg in node.args if any(v.name != fixed for v in variables([arg]))]
            stack.extend((arg, wanted) for arg in open_to_change[-1:])
        elif node.op == "ite":
            stack.append((node.args[1 if _value(node.args[0], state) else 2], wanted))
        elif node.op == "eq" and isinstance(node.args[0].sort, BoolSort):
            stack.append((node.args[0], bool(_value(node.args[1], state)) == wanted))
        elif node.op == "eq" and wanted:
            one, two = node.args
            if not _assign(one, _value(two, state), state, fixed):
                _assign(two, _value(one, state), state, fixed)
        elif node.op == "var" and node.name != fixed:
            state[node.name] = wanted


def _assign(target: Term, value: int, state: State, fixed: str) -> bool:
    """Gives a component, or bits of one, a value; says whether that was possible."""
    if target.op == "var" and target.name != fixed:
        state[target.name] = value
        return True
    if target.op == "extract" and target.args[0].op == "var" and target.args[0].name != fixed:
        assert isinstance(target.data, int)
        name, mask = target.args[0].name, ((1 << target.width) - 1) << target.data
        state[name] = state[name] & ~mask | value << target.data
        return True
    return False
