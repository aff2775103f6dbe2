"""Where an instruction reads memory: the addresses that matter to what it does, and when they do.

Take the outcome's terms to be evaluated lazily: of a choice the condition and then one branch, of a conjunction
the parts up to the first that is false, those that read less, and earlier, first. If every address that is then read
lies in the memory that the program sees, two states that agree in what it sees go the same way, read by read: each
next address is made of values that are the same in both. So one state is enough to show that nothing outside is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ringproof.model.terms import FALSE, TRUE, Term, all_of, any_of, topological

from .pairs import Run


def demanded_reads(run: Run, array: Term) -> list[tuple[Term, Term]]:
    """The addresses at which `run` reads the variable `array`, each with the condition under which it does."""
    roots = [(trap.guard, TRUE) for trap in run.outcome.traps]
    for name, after in run.outcome.state.items():
        if after is not run.before[name]:
            roots += _parts(after)
    demand: dict[Term, Term] = {}
    for root, condition in roots:
        demand[root] = any_of(demand.get(root, FALSE), condition)
    reads: list[tuple[Term, Term]] = []
    order = topological(root for root, _ in roots)
    below = _reads_below(order, array)
    for node in reversed(order):
        wanted = demand.get(node, FALSE)
        if node.op == "select" and node.args[0] is array:
            reads.append((node.args[1], wanted))
        for arg, condition in _demands(node, below):
            demand[arg] = any_of(demand.get(arg, FALSE), all_of(wanted, condition))
    return reads


def _parts(after: Term) -> list[tuple[Term, Term]]:
    """The terms that a component's next value is made of; of an array, what is written, where and when."""
    if after.op not in ("store", "shift"):
        return [(after, TRUE)]
    parts: list[tuple[Term, Term]] = []
    while after.op in ("store", "shift"):
        if after.op == "store":
            after, index, value, guard = after.args
            parts += [(guard, TRUE), (index, guard), (value, guard)]
        else:
            after, offset = after.args
            parts.append((offset, TRUE))
    return parts


def _reads_below(order: Sequence[Term], array: Term) -> dict[Term, int]:
    """The reads of `array` that each term is made of, as a set of bits."""
    below: dict[Term, int] = {}
    count = 0
    for node in order:
        found = 0
        for arg in node.args:
            found |= below[arg]
        if node.op == "select" and node.args[0] is array:
            found |= 1 << count
            count += 1
        below[node] = found
    return below


def _demands(node: Term, below: Mapping[Term, int]) -> list[tuple[Term, Term]]:
    """The arguments that evaluating `node` looks at, each with the condition under which it does."""
    if node.op == "ite":
        condition, then, other = node.args
        return [(condition, TRUE), (then, condition), (other, ~condition)]
    if node.op in ("and", "or"):
        going = TRUE
        found = []
        for arg in sorted(node.args, key=lambda each: (below[each].bit_count(), below[each])):
            found.append((arg, going))
            going = all_of(going, arg if node.op == "and" else ~arg)
        return found
    return [(arg, TRUE) for arg in node.args]
