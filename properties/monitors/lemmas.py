"""Claims made general: proved once for every address, operand and instruction of one shape.

What a claim does not turn on becomes a variable first: what is read from memory, and whatever does not depend on the
allocator's variables. A proof of the general statement is one of each instance; where there is none, nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ringproof.model.encoding import WORD
from ringproof.model.terms import ArraySort, Term, all_of, any_of, substitute, topological, var, variables
from ringproof.solvers.answer import Solver, Unsat


class Lemmas:
    """The general statements that were asked of one solver, and whether they were proved.

    What the hypotheses say about cells of memory is left out, since no statement reads any. `asked` has the cost of
    each question in the solver's units.
    """

    def __init__(self, solver: Solver, budget: int) -> None:
        self._solver, self._budget = solver, budget
        self._known: dict[tuple[Term, ...], bool] = {}
        self._agreed: dict[tuple[Term, Term], bool] = {}
        self._opaque: set[Term] = set()
        self.asked: list[int] = []

    def agree(self, hypotheses: Sequence[Term], kept: Collection[Term], one: Term, two: Term) -> bool:
        """Whether the Bool terms `one` and `two` are equal under `hypotheses`, by a proof.

        The variables `kept` and those of `hypotheses` stay. What agreed before is a variable in later statements.
        """
        found = self._agreed.get((one, two))
        if found is None:
            opaque = {first for (first, _), same in self._agreed.items() if same and first is not one}
            scalar = [rule for rule in hypotheses if all(node.op != "select" for node in topological([rule]))]
            found = any(
                self._never((*scalar, first != second))
                for own in _kept(hypotheses, one, two)
                for first, second in _statements(one, two, own, opaque)
            )
            self._agreed[one, two] = found
        return found

    def _never(self, terms: tuple[Term, ...]) -> bool:
        known = self._known.get(terms)
        if known is None:
            answer = self._solver.check(terms, self._budget)
            known = self._known[terms] = isinstance(answer, Unsat)
            self.asked.append(answer.cost)
        return known


def _kept(hypotheses: Sequence[Term], one: Term, two: Term) -> Iterator[list[Term]]:
    """What a statement about `one` and `two` turns on: the allocator's variables, else every scalar of the state."""
    own = variables(hypotheses)
    yield own
    yield [*own, *[v for v in variables([one, two]) if not isinstance(v.sort, ArraySort) and v.name != WORD]]


def _statements(one: Term, two: Term, kept: Collection[Term], opaque: Collection[Term]) -> Iterator[list[Term]]:
    """General statements each of which says that `one` and `two` are equal, the most general first.

    Where both are conjunctions (or both disjunctions), parts that they share may be left out: all of them, or those
    that say nothing about what the others turn on.
    """
    for op, together in (("and", all_of), ("or", any_of)):
        parts, others = _parts(one, op), _parts(two, op)
        shared = set(parts) & set(others)
        if not shared or op not in (one.op, two.op):
            continue
        rests = [together(*[part for part in each if part not in shared]) for each in (parts, others)]
        first, second, *said = general([*rests, *[part for part in parts if part in shared]], kept, opaque)
        yield [first, second]
        about = set(variables([first, second]))
        near = [part for part in said if about.issuperset(variables([part]))]
        if near:
            yield [together(first, *near), together(second, *near)]
    yield general([one, two], kept, opaque)


def _parts(term: Term, op: str) -> tuple[Term, ...]:
    return term.args if term.op == op else (term,)


def general(terms: Sequence[Term], kept: Iterable[Term], opaque: Collection[Term] = ()) -> list[Term]:
    """`terms` with a variable for each cell that they read, and for each largest part without a variable of `kept`.

    Terms of `opaque` become variables too. A field of a part stays a field of the part's variable, and a part that is
    put together stays put together.
    """
    names = {variable for variable in kept if not isinstance(variable.sort, ArraySort)}
    free: dict[Term, bool] = {}
    ties: dict[Term, Term] = {}
    seen: set[Term] = set()
    tests: list[Term] = []
    stack = list(reversed(terms))
    while stack:
        node = stack.pop()
        if node in seen or node.op == "const":
            continue
        seen.add(node)
        if node.op in ("extract", "concat", "not") or not _free(node, names, opaque, free):
            stack += reversed(node.args)
        elif node.op in ("eq", "ult") and any(arg.op == "extract" for arg in node.args):
            tests.append(node)
        else:
            ties[node] = var(f"$any{len(ties)}", node.sort)
    # A test of a field, say of the highest bit of an address, is one of the part's variable if that is needed anyway.
    for node in tests:
        if not any(arg.op == "extract" and arg.args[0] in ties for arg in node.args):
            ties[node] = var(f"$any{len(ties)}", node.sort)
    return substitute(terms, ties)


def _free(root: Term, names: set[Term], opaque: Collection[Term], known: dict[Term, bool]) -> bool:
    """No variable of `names` stands in `root` outside of what it reads from memory."""
    stack = [root]
    while stack:
        node = stack[-1]
        if node in known:
            stack.pop()
        elif node.op == "select" or not node.args or node in opaque:
            known[node] = node not in names
            stack.pop()
        else:
            waiting = [arg for arg in node.args if arg not in known]
            stack += waiting
            if not waiting:
                known[node] = all(known[arg] for arg in node.args)
                stack.pop()
    return known[root]
