"""Two runs of one text side by side: what they decide alike is written alike.

The host runs the guest's instruction under another relocation, so its conditions are other terms than the guest's and
yet say the same: whether an address lies in the segment, whether the access traps. Each such condition that was
proved equal is replaced by the guest's own, from the innermost outwards. What is left apart is what really differs,
and where all conditions agree, both runs are one term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ringproof.model.terms import BoolSort, Term, topological
from ringproof.model.terms.walk import rebuild

Equal = Callable[[Term, Term], bool]
"""Whether two Bool terms were proved equal."""


def aligned(roots: Sequence[Term], one: Mapping[Term, Term], two: Mapping[Term, Term], equal: Equal) -> list[Term]:
    """`roots` with the variables replaced as `two` says, conditions written as under `one` where they are equal."""
    first: dict[Term, Term] = dict(one)
    second: dict[Term, Term] = dict(two)
    for node in topological(roots):
        mine, theirs = _replaced(node, first), _replaced(node, second)
        if mine is not theirs and isinstance(node.sort, BoolSort) and node.op != "not" and equal(mine, theirs):
            theirs = mine
        first[node], second[node] = mine, theirs
    return [second[root] for root in roots]


def _replaced(node: Term, done: Mapping[Term, Term]) -> Term:
    known = done.get(node)
    if known is not None:
        return known
    args = tuple([done[arg] for arg in node.args])
    unchanged = all(new is old for new, old in zip(args, node.args, strict=True))
    return node if unchanged else rebuild(node, args)
