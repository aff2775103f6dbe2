"""Which conditions are worth two pieces of code, one for each of their truth values.

For an instruction's operands, decoding then decides once what every execution would ask again: on IA-32, whether an
operand is a register. For the fetched cells, most are then decoded quickly: on IA-32, those that begin with no prefix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ringproof.model.cpu import Outcome
from ringproof.model.terms import Term, topological

from .graph import Graph

WORTH = 4
"""How often a condition must be asked to be worth it."""


def deciding(outcome: Outcome) -> Term | None:
    """The condition that the outcome asks most often of those that give an operand (`$name`) one value."""
    asked: dict[int, tuple[Term, int]] = {}

    def ask(condition: Term) -> None:
        for part in condition.args if condition.op in ("and", "or") else (condition,):
            plain = part.args[0] if part.op == "not" else part
            if plain.op == "eq" and sorted([arg.op for arg in plain.args]) == ["const", "var"]:
                (variable,) = [arg for arg in plain.args if arg.op == "var"]
                if variable.name.startswith("$"):
                    asked[id(plain)] = plain, asked.get(id(plain), (plain, 0))[1] + 1

    for trap in outcome.traps:
        ask(trap.guard)
    for node in topological([*(trap.guard for trap in outcome.traps), *outcome.state.values()]):
        if node.op == "ite":
            ask(node.args[0])
        elif node.op == "store":
            ask(node.args[3])
    best = max(asked.values(), key=lambda found: found[1], default=None)
    return best[0] if best is not None and best[1] >= WORTH else None


def shortcut(roots: Sequence[Term]) -> Term | None:
    """The condition that most choices in the terms ask, where they are less than half as large if it holds."""
    asked = Counter([id(node.args[0]) for node in topological(roots) if node.op == "ite"])
    if not asked:
        return None
    ((most, _),) = asked.most_common(1)
    condition = next(node.args[0] for node in topological(roots) if node.op == "ite" and id(node.args[0]) == most)
    short = _size(Graph(implied(condition, truth=True)), roots)
    return condition if 2 * short < _size(Graph(), roots) else None


def implied(condition: Term, *, truth: bool) -> dict[Term, bool]:
    """The conditions whose truth follows from that of one."""
    facts: dict[Term, bool] = {}
    stack = [(condition, truth)]
    while stack:
        node, holds = stack.pop()
        facts[node] = holds
        if node.op == "not":
            stack.append((node.args[0], not holds))
        elif (node.op == "and" and holds) or (node.op == "or" and not holds):
            stack += [(arg, holds) for arg in node.args]
    return facts


def _size(graph: Graph, roots: Sequence[Term]) -> int:
    stack, seen = [graph.resolve(root) for root in roots], set[int]()
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            stack += graph.args(node) if node.args else ()
    return len(seen)
