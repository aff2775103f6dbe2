"""What z3 makes of our terms under given values: the solver's own translation, evaluated in a model built by hand.

Nothing is solved and nothing is substituted in the terms beforehand, so what is compared with the reference
interpreter is z3's reading of every node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from z3 import z3core

from ringproof.model.terms import ArraySort, BoolSort, Sort, Term
from ringproof.solvers.z3_solver import _Context

_c: Any = z3core


class Reading:
    """z3's values of `roots` for many assignments."""

    def __init__(self, context: _Context, roots: Sequence[Term]) -> None:
        self._context, self._roots = context, list(roots)
        self._variables = [node for node in context.translate(self._roots) if node.op == "var"]

    def values(self, assignment: Mapping[str, Any]) -> list[Any]:
        """The value of each root: an integer or a truth value. Arrays are given by cells over zero."""
        context = self._context
        ref, asts = context.ref, context.asts
        model = _c.Z3_mk_model(ref)
        _c.Z3_model_inc_ref(ref, model)
        for variable in self._variables:
            value, ast = assignment[variable.name], asts[id(variable)]
            if isinstance(variable.sort, ArraySort):
                self._interpret(model, ast, variable.sort, value)
            else:
                declaration = _c.Z3_get_app_decl(ref, _c.Z3_to_app(ref, ast))
                _c.Z3_add_const_interp(ref, model, declaration, self._constant(value, variable.sort))
        found = [context._value(root, model) for root in self._roots]
        _c.Z3_model_dec_ref(ref, model)
        return found

    def _interpret(self, model: Any, function: Any, sort: ArraySort, cells: Mapping[int, int]) -> None:
        ref = self._context.ref
        interpretation = _c.Z3_add_func_interp(ref, model, function, self._constant(0, sort.value))
        _c.Z3_func_interp_inc_ref(ref, interpretation)
        for index, cell in cells.items():
            arguments = _c.Z3_mk_ast_vector(ref)
            _c.Z3_ast_vector_inc_ref(ref, arguments)
            _c.Z3_ast_vector_push(ref, arguments, self._constant(index, sort.index))
            _c.Z3_func_interp_add_entry(ref, interpretation, arguments, self._constant(cell, sort.value))
            _c.Z3_ast_vector_dec_ref(ref, arguments)
        _c.Z3_func_interp_dec_ref(ref, interpretation)

    def _constant(self, value: int | bool, sort: Sort) -> Any:
        if isinstance(sort, BoolSort):
            return (_c.Z3_mk_true if value else _c.Z3_mk_false)(self._context.ref)
        return self._context._numeral(int(value), sort)


@contextmanager
def reading(roots: Sequence[Term]) -> Iterator[Reading]:
    """z3's reading of `roots`, in a context of its own."""
    context = _Context()
    try:
        yield Reading(context, roots)
    finally:
        context.close()


__all__ = ["Reading", "reading"]
