"""A way in which an instruction was seen to go: what it rests on, and what it then does.

Where the next program counter or a slow component does not come out as a constant, values are *assumed* that were
seen: of cells at fixed places, which the region watches, and of terms, which its code compares each time. What was
assumed folds away the rest, so that a far transfer through descriptors becomes a few comparisons and loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Machine
from ringproof.model.terms import TRUE, ArraySort, BitVecSort, Term, any_of, substitute, topological

from .specialize import Cell, Specializer
from .view import View, constant

DEEPEST_CHOICE = 3
MOST_ROUNDS = 16


@dataclass(eq=False)
class Variant:
    """`checks` are terms with the values that they must have, `cells` watched cells with theirs.

    Then, unless `leaves` holds, the components in `state` get new values. `next` is the program counter after it;
    where that is `dynamic`, it is no choice of constants, and the region is left. `slow` are the slow components after
    it, and `read` those that the delivery of its trap rests on.
    """

    checks: list[tuple[Term, int]]
    cells: dict[Cell, int]
    leaves: Term
    state: dict[str, Term]
    next: Term
    dynamic: bool
    slow: tuple[int, ...]
    read: frozenset[str]
    seen: set[int] = field(default_factory=set)
    """The next program counters that were met."""

    def holds(self, view: View) -> bool:
        """Whether this is the way that the instruction goes in the current state."""
        return (
            all(view.cell(*cell) == value for cell, value in self.cells.items())
            and all(view.value(term) == value for term, value in self.checks)
            and not view.value(self.leaves)
        )


def targets(term: Term, depth: int = 0) -> list[int] | None:
    """The constants of a small choice of constants, else None."""
    if term.is_constant:
        return [term.value]
    if term.op != "ite" or depth == DEEPEST_CHOICE:
        return None
    then, other = targets(term.args[1], depth + 1), targets(term.args[2], depth + 1)
    return None if then is None or other is None else [*then, *other]


class VariantMaker:
    """Makes variants of outcomes. `unstable` are cells that were seen to change."""

    def __init__(self, specializer: Specializer) -> None:
        self._specializer = specializer
        self._machine: Machine = specializer.machine
        self.unstable: set[Cell] = set()

    def make(
        self, outcome: Outcome, slow: Mapping[str, int], before: Mapping[str, Term], view: View, *, follow: bool
    ) -> Variant | None:
        """The way that the instruction goes in the current state; None where that is left to the kernel.

        Without `follow`, a program counter that is no choice of constants is not assumed.
        """
        checks: list[tuple[Term, int]] = []
        taken = next((trap for trap in outcome.traps if view.value(trap.guard)), None)
        refused: list[Term] = []
        read: frozenset[str] = frozenset()
        if taken is not None:
            refused = [trap.guard for trap in outcome.traps[: outcome.traps.index(taken)]]
            if taken.guard is not TRUE:
                checks.append((taken.guard, 1))
            if self._machine.deliver is None:
                return None
            outcome, read = self._specializer.delivered(taken.cause, taken.details, before)
            if any(view.value(trap.guard) for trap in outcome.traps):
                return None
        leaves = any_of(*refused, *[trap.guard for trap in outcome.traps])
        changed = {name: term for name, term in outcome.state.items() if term is not before[name]}
        counter = self._machine.counter
        variant = Variant(checks, {}, leaves, changed, outcome.state[counter], False, (), read)
        self._assume(variant, slow, view, follow)
        variant.dynamic = targets(variant.next) is None
        after = {**slow}
        for name in slow:
            term = variant.state.get(name)
            if term is not None:
                if not term.is_constant:
                    return None
                after[name] = term.value
        variant.slow = tuple(after.values())
        return variant if _fits(self._roots(variant)) else None

    def _assume(self, variant: Variant, slow: Mapping[str, int], view: View, follow: bool) -> None:
        """Assumes values until the next program counter and the slow components are constants."""
        for _ in range(MOST_ROUNDS):
            open_ = [t for name, t in variant.state.items() if name in slow and not t.is_constant]
            if targets(variant.next) is None and (follow or open_):
                open_.append(variant.next)
            if not open_:
                return
            known = self._watched(variant, view) or self._addresses(variant, open_, view)
            if not known:
                for term in open_:
                    value = view.value(term)
                    variant.checks.append((term, value))
                    known[term] = constant(value, term.sort)
                    if term.op == "concat":
                        known.update({p: constant(view.value(p), p.sort) for p in term.args if p.op == "select"})
            self._replace(variant, known)

    def _roots(self, variant: Variant) -> list[Term]:
        return [variant.leaves, variant.next, *variant.state.values()]

    def _watched(self, variant: Variant, view: View) -> dict[Term, Term]:
        """Reads of cells at fixed places that were not seen to change, with their values."""
        known: dict[Term, Term] = {}
        for node in topological(self._roots(variant)):
            if node.op == "select" and node.args[1].is_constant:
                cell = (node.args[0].name, node.args[1].value)
                if cell not in self.unstable:
                    value = view.cell(*cell)
                    variant.cells[cell] = value
                    known[node] = constant(value, node.sort)
        return known

    def _addresses(self, variant: Variant, terms: list[Term], view: View) -> dict[Term, Term]:
        """Reads that decide where another read is, with their values, which are checked."""
        known: dict[Term, Term] = {}
        for node in topological(terms):
            if node.op == "select":
                for inner in topological([node.args[1]]):
                    if inner.op == "select" and all(n.op != "select" for n in topological([inner.args[1]])):
                        value = view.value(inner)
                        if inner not in known:
                            variant.checks.append((inner, value))
                        known[inner] = constant(value, inner.sort)
        return known

    def _replace(self, variant: Variant, known: Mapping[Term, Term]) -> None:
        names = list(variant.state)
        variant.leaves, variant.next, *values = substitute(self._roots(variant), known)
        variant.state = dict(zip(names, values, strict=True))


def _fits(roots: list[Term]) -> bool:
    """Whether components and cells of at most 64 bits are all that is read and written."""
    top = {id(root) for root in roots}
    for node in topological(roots):
        sort = node.sort.value if isinstance(node.sort, ArraySort) else node.sort
        named = node.op in ("var", "store") or id(node) in top
        if named and isinstance(sort, BitVecSort) and sort.width > 64:
            return False
    return True
