"""The z3 back end. Each call works in a context of its own, so that an answer depends on the formula alone.

Terms are translated through z3's C interface without reference counting: a context lives for one call.
Array variables become uninterpreted functions, since terms read arrays only at variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import z3
from z3 import z3core

from ringproof.model.terms import FALSE, ArraySort, BitVecSort, BoolSort, Sort, Term, all_of, topological

from .answer import Answer, Sat, Undecided, Unsat
from .equations import Eliminated, solve_equations

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
"""The resource units that the plain core may spend before the bit-blasting solver is asked, unless told otherwise."""

SPENT = ("canceled", "max. resource limit exceeded")
"""The reasons that z3 gives when its resource units are spent."""


class Z3Solver:
    """The back end. `check` raises z3.Z3Exception only for a fault of the translation.

    `quick` are the resource units that the plain core may spend on a question before it is bit-blasted.
    """

    def __init__(self, quick: int = QUICK) -> None:
        self._quick = quick

    @property
    def name(self) -> str:
        return f"z3 {z3.get_version_string()}"

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        """Decides the conjunction of `assertions`; `budget` counts z3's resource units (rlimit).

        Assertions that fold to false as terms cost nothing: there is nothing left to ask z3.
        """
        reduced = solve_equations(assertions)
        if reduced.goal is FALSE:
            return Unsat(0)
        context = _Context()
        try:
            answer = context.decide(reduced.goal, budget, self._quick)
        finally:
            context.close()
        return _completed(answer, reduced)

    @contextmanager
    def session(self, assertions: Sequence[Term]) -> Iterator[Z3Session]:
        """Many questions in one context, which holds `assertions`."""
        context = _Context()
        try:
            yield Z3Session(context, solve_equations(assertions))
        finally:
            context.close()


class Z3Session:
    """Questions to the plain core about the same assertions."""

    def __init__(self, context: _Context, reduced: Eliminated) -> None:
        self._context, self._reduced = context, reduced
        self._order = context.translate([reduced.goal])
        self._solver = context.solver(_parts(reduced.goal))

    def check(self, extra: Sequence[Term], budget: int) -> Answer:
        """Decides the session's assertions together with `extra`."""
        context = self._context
        goal = all_of(*self._reduced.reduce(extra))
        context.translate([goal])
        # Earlier questions have translated parts of this one, whose values a model is asked for nonetheless.
        answer = context.ask(self._solver, [*self._order, *topological([goal])], _parts(goal), min(budget, QUICK))
        return _completed(answer, self._reduced)


def _parts(goal: Term) -> tuple[Term, ...]:
    return goal.args if goal.op == "and" else (goal,)


def _completed(answer: Answer, reduced: Eliminated) -> Answer:
    return Sat(reduced.complete(answer.assignment), answer.cost) if isinstance(answer, Sat) else answer


class _Context:
    def __init__(self) -> None:
        config = _c.Z3_mk_config()
        self.ref = _c.Z3_mk_context(config)
        _c.Z3_del_config(config)
        _c.Z3_set_error_handler(self.ref, _quiet)
        self.sorts: dict[int, Any] = {}
        self.asts: dict[int, Any] = {}
        self.kept: list[Term] = []

    def close(self) -> None:
        _c.Z3_del_context(self.ref)

    def translate(self, roots: Sequence[Term]) -> list[Term]:
        """Translates `roots` and what is below them; gives the nodes that are not translated yet, in order."""
        order = [node for node in topological(roots) if id(node) not in self.asts]
        self.kept += order
        for node in order:
            self.asts[id(node)] = self._translate(node)
        return order

    def decide(self, goal: Term, budget: int, quick: int = QUICK) -> Answer:
        """The plain core first, which is quick on most obligations; the bit-blasting solver on the rest."""
        order = self.translate([goal])
        parts = _parts(goal)
        answer = self.ask(self.solver(parts), order, (), min(budget, quick))
        if not isinstance(answer, Undecided) or answer.cost >= budget:
            return answer
        return self.ask(self.solver(parts, "QF_UFBV"), order, (), budget - answer.cost)

    def solver(self, parts: Sequence[Term], logic: str = "") -> Any:
        """A solver that holds `parts`: the plain core, or the one that z3 has for `logic`."""
        if logic:
            symbol = _c.Z3_mk_string_symbol(self.ref, logic)
            solver = _c.Z3_mk_solver_for_logic(self.ref, symbol)
        else:
            solver = _c.Z3_mk_simple_solver(self.ref)
        _c.Z3_solver_inc_ref(self.ref, solver)
        for part in parts:
            _c.Z3_solver_assert(self.ref, solver, self.asts[id(part)])
        return solver

    def ask(self, solver: Any, order: Sequence[Term], extra: Sequence[Term], budget: int) -> Answer:
        """What `solver` answers with `extra` for this once; a model has the values of the nodes in `order`."""
        params = _c.Z3_mk_params(self.ref)
        _c.Z3_params_inc_ref(self.ref, params)
        _c.Z3_params_set_uint(self.ref, params, _c.Z3_mk_string_symbol(self.ref, "rlimit"), budget)
        # Else z3 answers Ctrl-C itself: the question is undecided, and nobody else learns of it.
        _c.Z3_params_set_bool(self.ref, params, _c.Z3_mk_string_symbol(self.ref, "ctrl_c"), False)
        _c.Z3_solver_set_params(self.ref, solver, params)
        if not extra:
            return self._check(solver, order, budget)
        _c.Z3_solver_push(self.ref, solver)
        for part in extra:
            _c.Z3_solver_assert(self.ref, solver, self.asts[id(part)])
        answer = self._check(solver, order, budget)
        _c.Z3_solver_pop(self.ref, solver, 1)
        return answer

    def _check(self, solver: Any, order: Sequence[Term], budget: int) -> Answer:
        result = _c.Z3_solver_check(self.ref, solver)
        cost = self._cost(solver)
        if result == z3.Z3_L_FALSE:
            return Unsat(cost)
        if result == z3.Z3_L_TRUE:
            model = _c.Z3_solver_get_model(self.ref, solver)
            _c.Z3_model_inc_ref(self.ref, model)
            return Sat(self._assignment(order, model), cost)
        reason = _c.Z3_solver_get_reason_unknown(self.ref, solver)
        return Undecided(f"{budget} resource units were not enough" if reason in SPENT else reason, cost)

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
