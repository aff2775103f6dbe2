"""Which condition on an instruction's operands is worth two handlers, one for each of its truth values.

Decoding then decides once what every execution would ask again: on IA-32, whether an operand is a register.
"""

from __future__ import annotations

from ringproof.model.cpu import Outcome
from ringproof.model.terms import Term, topological

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
