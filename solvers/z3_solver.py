"""The z3 back end. Each call works in a context of its own, so that an answer depends on the formula alone.

Terms are translated through z3's C interface without reference counting: a context lives for one call.
Array variables become uninterpreted functions, since terms read arrays only at variables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import z3
from z3 import z3core

from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Sort, Term, topological

from .answer import Answer, Sat, Undecided, Unsat
from .equations import solve_equations

_c: Any = z3core
_quiet = z3core._error_handler_type(lambda context, code: None)
_BINARY: dict[str, Callable[..., Any]] = {
    "eq": _c.Z3_mk_eq,
    "ult": _c.Z3_mk_bvult,
    "slt": _c.Z3_mk_bvslt,
    "mul": _c.Z3_mk_bvmul,
    "bvand": _c.Z3_mk_bvand,
    "bvor": _c.Z3_mk_bvor,
    "bvxor": _c.Z3_mk_bvxor,
    "shl": _c.Z3_mk_bvshl,
    "lshr": _c.Z3_mk_bvlshr,
    "ashr": _c.Z3_mk_bvashr,
    "udiv": _c.Z3_mk_bvudiv,
    "urem": _c.Z3_mk_bvurem,
    "sdiv": _c.Z3_mk_bvsdiv,
    "srem": _c.Z3_mk_bvsrem,
}

QUICK = 4_000_000
"""The resource units that the plain core may spend before the bit-blasting solver is asked."""


class Z3Solver:
    """The back end. `check` raises z3.Z3Exception only for a fault of the translation."""

    @property
    def name(self) -> str:
        return f"z3 {z3.get_version_string()}"

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        """Decides the conjunction of `assertions`; `budget` counts z3's resource units (rlimit)."""
        reduced = solve_equations(assertions)
        context = _Context()
        try:
            answer = context.decide(reduced.goal, budget)
        finally:
            context.close()
        return Sat(reduced.complete(answer.assignment), answer.cost) if isinstance(answer, Sat) else answer


class _Context:
    def __init__(self) -> None:
        config = _c.Z3_mk_config()
        self.ref = _c.Z3_mk_context(config)
        _c.Z3_del_config(config)
        _c.Z3_set_error_handler(self.ref, _quiet)
        self.sorts: dict[int, Any] = {}
        self.asts: dict[int, Any] = {}

    def close(self) -> None:
        _c.Z3_del_context(self.ref)

    def decide(self, goal: Term, budget: int) -> Answer:
        """The plain core first, which is quick on most obligations; the bit-blasting solver on the rest."""
        order = topological([goal])
        for node in order:
            self.asts[id(node)] = self._translate(node)
        parts = goal.args if goal.op == "and" else (goal,)
        quick = self._try(_c.Z3_mk_simple_solver(self.ref), order, parts, min(budget, QUICK))
        if not isinstance(quick, Undecided) or quick.cost >= budget:
            return quick
        logic = _c.Z3_mk_string_symbol(self.ref, "QF_UFBV")
        return self._try(_c.Z3_mk_solver_for_logic(self.ref, logic), order, parts, budget)

    def _try(self, solver: Any, order: Sequence[Term], parts: Sequence[Term], budget: int) -> Answer:
        _c.Z3_solver_inc_ref(self.ref, solver)
        params = _c.Z3_mk_params(self.ref)
        _c.Z3_params_inc_ref(self.ref, params)
        _c.Z3_params_set_uint(self.ref, params, _c.Z3_mk_string_symbol(self.ref, "rlimit"), budget)
        _c.Z3_solver_set_params(self.ref, solver, params)
        for part in parts:
            _c.Z3_solver_assert(self.ref, solver, self.asts[id(part)])
        result = _c.Z3_solver_check(self.ref, solver)
        cost = self._cost(solver)
        if result == z3.Z3_L_FALSE:
            return Unsat(cost)
        if result == z3.Z3_L_TRUE:
            model = _c.Z3_solver_get_model(self.ref, solver)
            _c.Z3_model_inc_ref(self.ref, model)
            return Sat(self._assignment(order, model), cost)
        return Undecided(_c.Z3_solver_get_reason_unknown(self.ref, solver), cost)

    def _cost(self, solver: Any) -> int:
        statistics = _c.Z3_solver_get_statistics(self.ref, solver)
        _c.Z3_stats_inc_ref(self.ref, statistics)
        for index in range(_c.Z3_stats_size(self.ref, statistics)):
            if _c.Z3_stats_get_key(self.ref, statistics, index) == "rlimit count":
                return int(_c.Z3_stats_get_uint_value(self.ref, statistics, index))
        return 0

    def _sort(self, sort: Sort) -> Any:
        found = self.sorts.get(id(sort))
        if found is None:
            if isinstance(sort, BitVecSort):
                found = _c.Z3_mk_bv_sort(self.ref, sort.width)
            else:
                found = _c.Z3_mk_bool_sort(self.ref)
            self.sorts[id(sort)] = found
        return found

    def _numeral(self, value: int, sort: Sort) -> Any:
        return _c.Z3_mk_numeral(self.ref, str(value), self._sort(sort))

    def _translate(self, node: Term) -> Any:
        ref, op, data = self.ref, node.op, node.data
        args = [self.asts[id(arg)] for arg in node.args]
        if op in _BINARY:
            return _BINARY[op](ref, args[0], args[1])
        if op == "var":
            symbol = _c.Z3_mk_string_symbol(ref, node.name)
            if isinstance(node.sort, ArraySort):
                domain = (z3core.Sort * 1)(self._sort(node.sort.index))
                return _c.Z3_mk_func_decl(ref, symbol, 1, domain, self._sort(node.sort.value))
            return _c.Z3_mk_const(ref, symbol, self._sort(node.sort))
        if op == "const":
            if isinstance(node.sort, BoolSort):
                return _c.Z3_mk_true(ref) if data else _c.Z3_mk_false(ref)
            return self._numeral(node.value, node.sort)
        if op in ("and", "or"):
            many = (z3core.Ast * len(args))(*args)
            return (_c.Z3_mk_and if op == "and" else _c.Z3_mk_or)(ref, len(args), many)
        if op == "not":
            return _c.Z3_mk_not(ref, args[0])
        if op == "ite":
            return _c.Z3_mk_ite(ref, *args)
        if op == "select":
            return _c.Z3_mk_app(ref, args[0], 1, (z3core.Ast * 1)(args[1]))
        if op == "extract":
            assert isinstance(data, int)
            return _c.Z3_mk_extract(ref, data + node.width - 1, data, args[0])
        if op == "concat":
            joined = args[0]
            for arg in args[1:]:
                joined = _c.Z3_mk_concat(ref, joined, arg)
            return joined
        if op == "sext":
            return _c.Z3_mk_sign_ext(ref, node.width - node.args[0].width, args[0])
        if op == "bvnot":
            return _c.Z3_mk_bvnot(ref, args[0])
        if op == "add":
            return self._sum(node, args)
        raise AssertionError(f"no translation of {op}")

    def _sum(self, node: Term, args: list[Any]) -> Any:
        assert isinstance(node.data, tuple)
        constant, *coefficients = node.data
        total = self._numeral(constant, node.sort) if constant else None
        for coefficient, arg in zip(coefficients, args, strict=True):
            if coefficient != 1:
                arg = _c.Z3_mk_bvmul(self.ref, self._numeral(coefficient, node.sort), arg)
            total = arg if total is None else _c.Z3_mk_bvadd(self.ref, total, arg)
        return total

    def _assignment(self, order: Sequence[Term], model: Any) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for node in order:
            if node.op == "var":
                values[node.name] = {} if isinstance(node.sort, ArraySort) else self._value(node, model)
        for node in order:
            if node.op == "select":
                array, index = node.args
                cell = self._value(node, model)
                if cell:
                    values[array.name][self._value(index, model)] = cell
        return values

    def _value(self, node: Term, model: Any) -> int | bool:
        out = (z3core.Ast * 1)()
        if not _c.Z3_model_eval(self.ref, model, self.asts[id(node)], True, out):
            raise z3.Z3Exception(f"z3 gave no value for {node!r}")
        if isinstance(node.sort, BoolSort):
            return bool(_c.Z3_get_bool_value(self.ref, out[0]) == z3.Z3_L_TRUE)
        return int(_c.Z3_get_numeral_string(self.ref, out[0]))


__all__ = ["Z3Solver"]
