"""Claims by their shape: what a claim does not turn on becomes a variable, so that forms of one shape share a proof.

An instruction that stores somewhere in a segment and one that adds there have the same claim about where they write.
A proof of the general statement is one of each instance; where there is none, the claim itself is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ringproof.model.terms import ArraySort, Term, var
from ringproof.model.terms.bitvector import from_linear, linear, scale
from ringproof.model.terms.walk import rebuild
from ringproof.solvers.answer import Solver, Unsat

TRANSPARENT = ("concat", "not", "and", "or")
"""What is put together stays so, that its parts are the same ones elsewhere."""


class Shapes:
    """The general statements that were asked of one solver, and whether they were proved.

    `kept` are the variables that claims turn on: those of the placement's rules, and the address of a cell.
    """

    def __init__(self, solver: Solver, budget: int, kept: Iterable[Term]) -> None:
        self._solver, self._budget = solver, budget
        self._kept = {variable for variable in kept if not isinstance(variable.sort, ArraySort)}
        self._known: dict[tuple[Term, ...], bool] = {}

    def never(self, terms: Sequence[Term]) -> bool:
        """Whether the Bool `terms` exclude each other by a proof of their shape."""
        shape = tuple(Shape(self._kept).of(terms))
        if shape not in self._known:
            self._known[shape] = isinstance(self._solver.check(shape, self._budget), Unsat)
        return self._known[shape]


class Shape:
    """Terms with a variable for each cell that they read and each largest part in which none of `kept` stands.

    Of a sum all such parts are one variable, so that an address and the check of its bound stay related.
    """

    def __init__(self, kept: set[Term]) -> None:
        self._kept = kept
        self._free: dict[Term, bool] = {}
        self._fresh: dict[Term, Term] = {}
        self._done: dict[Term, Term] = {}

    def of(self, terms: Sequence[Term]) -> list[Term]:
        stack = list(reversed(terms))
        while stack:
            node = stack[-1]
            if node in self._done:
                stack.pop()
            elif self.is_free(node):
                self._done[stack.pop()] = self._any(node)
            else:
                apart = node.op == "add"
                waiting = [a for a in node.args if a not in self._done and not (apart and self.is_free(a))]
                stack += reversed(waiting)
                if not waiting:
                    self._done[stack.pop()] = self._rebuilt(node)
        return [self._done[term] for term in terms]

    def _any(self, node: Term) -> Term:
        """What stands for a free part."""
        if node.op == "const":
            return node
        if node.op in TRANSPARENT:
            return rebuild(node, tuple([self._any(part) for part in node.args]))
        if node.op == "add":
            constant, atoms = linear(node)
            return self._any_sum(atoms, node.width) + constant
        return self._variable(node)

    def _any_sum(self, atoms: Mapping[Term, int], width: int) -> Term:
        if list(atoms.values()) == [1]:
            return self._any(next(iter(atoms)))
        return self._variable(from_linear(0, dict(atoms), width))

    def _variable(self, node: Term) -> Term:
        return self._fresh.setdefault(node, var(f"$any{len(self._fresh)}", node.sort))

    def _rebuilt(self, node: Term) -> Term:
        if node.op != "add":
            return rebuild(node, tuple([self._done[arg] for arg in node.args])) if node.args else node
        constant, atoms = linear(node)
        total = from_linear(constant, {}, node.width)
        for atom, factor in atoms.items():
            if not self.is_free(atom):
                total = total + scale(self._done[atom], factor)
        free = {atom: factor for atom, factor in atoms.items() if self.is_free(atom)}
        return total + self._any_sum(free, node.width) if free else total

    def is_free(self, root: Term) -> bool:
        """No variable of `kept` stands in `root` outside of what it reads from memory."""
        stack = [root]
        while stack:
            node = stack[-1]
            if node in self._free:
                stack.pop()
            elif node.op == "select" or not node.args:
                self._free[stack.pop()] = node not in self._kept
            else:
                waiting = [arg for arg in node.args if arg not in self._free]
                stack += waiting
                if not waiting:
                    self._free[stack.pop()] = all(self._free[arg] for arg in node.args)
        return self._free[root]
