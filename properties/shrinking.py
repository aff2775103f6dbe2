"""Making a counterexample small: fewest components away from zero, then fewest bits, deterministically.

Most of the work is done on the concrete formula; the solver is asked only whether one more component can be
zero, which takes a coordinated change of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ringproof.model.terms import TRUE, ArraySort, BoolSort, Term, bits, variables
from ringproof.solvers.answer import Sat, Solver
from ringproof.traces.python_code import Cells, compile_terms

Values = dict[str, Any]


def complete(terms: Sequence[Term], assignment: dict[str, Any]) -> Values:
    """A value for every variable of `terms`: the assignment's, or zero."""
    values: Values = {}
    for variable in variables(terms):
        given = assignment.get(variable.name)
        if isinstance(variable.sort, ArraySort):
            values[variable.name] = Cells(given or {})
        elif isinstance(variable.sort, BoolSort):
            values[variable.name] = bool(given)
        else:
            values[variable.name] = int(given or 0)
    return values


def shrink(
    terms: Sequence[Term], assignment: dict[str, Any], solver: Solver | None, budget: int, parts: Sequence[Term] = ()
) -> Values:
    """A smaller assignment that satisfies `terms`; without a solver, by concrete steps alone.

    `parts` are bit-vectors over the variables (the operands in the instruction word) that are made small too.
    """
    test = compile_terms(terms)

    def holds(values: Values) -> bool:
        return all(test(values))

    values = complete(terms, assignment)
    if not holds(values):
        return values
    if solver is not None:
        _zero_components(values, holds)
        values = _zero_with_solver(terms, values, holds, solver, budget, parts)
    return reduce(values, holds)


def reduce(values: Values, holds: Callable[[Values], bool]) -> Values:
    """Values that satisfy `holds`, made small by concrete steps: components to zero first, then bits, then cells."""
    _zero_components(values, holds)
    _clear_bits(values, holds)
    _drop_cells(values, holds)
    return values


def _attempt(values: Values, name: str, value: Any, holds: Callable[[Values], bool]) -> bool:
    old = values[name]
    values[name] = value
    if holds(values):
        return True
    values[name] = old
    return False


def _zero_components(values: Values, holds: Callable[[Values], bool]) -> None:
    for name, value in list(values.items()):
        if isinstance(value, Cells):
            if value:
                _attempt(values, name, Cells(), holds)
        elif value:
            _attempt(values, name, type(value)(0), holds)
    _drop_cells(values, holds)


def _drop_cells(values: Values, holds: Callable[[Values], bool]) -> None:
    for name, value in values.items():
        if isinstance(value, Cells):
            for index in sorted(value):
                without = Cells({i: cell for i, cell in values[name].items() if i != index})
                _attempt(values, name, without, holds)
            for index in sorted(values[name]):
                _clear_cell(values, name, index, holds)


def _clear_cell(values: Values, name: str, index: int, holds: Callable[[Values], bool]) -> None:
    for bit in reversed(range(values[name][index].bit_length())):
        cell = values[name][index]
        if cell >> bit & 1:
            _attempt(values, name, Cells({**values[name], index: cell & ~(1 << bit)}), holds)


def _clear_bits(values: Values, holds: Callable[[Values], bool]) -> None:
    for name, value in values.items():
        if isinstance(value, int) and not isinstance(value, bool):
            for bit in reversed(range(value.bit_length())):
                if values[name] >> bit & 1:
                    _attempt(values, name, values[name] & ~(1 << bit), holds)


def _zero_with_solver(
    terms: Sequence[Term],
    values: Values,
    holds: Callable[[Values], bool],
    solver: Solver,
    budget: int,
    parts: Sequence[Term],
) -> Values:
    scalars = [v for v in variables(terms) if not isinstance(v.sort, ArraySort)]
    small = [*scalars, *parts]
    read = compile_terms(small)
    absent = dict.fromkeys((v.name for v in variables(parts)), 0)
    every = variables([*terms, *parts])
    with solver.session(terms) as session:
        for bound in (1, 16, 1 << 12):
            for position, term in enumerate(small):
                now = read({**absent, **values})
                if int(now[position]) < bound:
                    continue
                kept = [_is_zero(t) for t, value in zip(small, now, strict=True) if not value]
                wish = _is_zero(term) if bound == 1 else _below(term, bound)
                answer = session.check([*kept, wish], budget)
                if isinstance(answer, Sat):
                    smaller = complete(every, dict(answer.assignment))
                    if holds(smaller):
                        values = smaller
                        _zero_components(values, holds)
    return values


def _below(term: Term, bound: int) -> Term:
    return TRUE if term.width <= bound.bit_length() - 1 else term < bound


def _is_zero(variable: Term) -> Term:
    return ~variable if isinstance(variable.sort, BoolSort) else variable == bits(0, variable.width)
