"""The closed forms are what counting step by step gives, and crossovers are points of equal cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import in_virtual_supervisor
from ringproof.properties.cost import quantities as q
from ringproof.properties.cost import recursion
from ringproof.properties.cost.cases import Cases, Treatment, Way, cases
from ringproof.properties.cost.crossovers import CrossoverError, crossovers
from ringproof.properties.cost.example import numbers
from ringproof.properties.cost.formula import Formula, formula
from ringproof.properties.cost.kinds import KINDS

LEVELS = ("supervisor", "user")
TRAPPING = cases("trap-and-emulate", system("third-generation/trap-and-emulate"))
HYBRID = cases("hybrid", system("third-generation/hybrid"))
ALL = [TRAPPING, HYBRID, *[kind(TRAPPING) for kind in KINDS]]

DEPTH = q.DEPTH.symbol

counts = st.integers(0, 50)
costs = st.integers(1, 5000)


@cache
def compiled(expression: sympy.Expr) -> Callable[..., Fraction]:
    return sympy.lambdify(sorted(expression.free_symbols, key=str), expression, modules=[])  # type: ignore[no-any-return]


def value(expression: sympy.Expr, values: dict[sympy.Symbol, Fraction]) -> Fraction:
    """Exactly, with fractions for the symbols."""
    return compiled(expression)(*[values[symbol] for symbol in sorted(expression.free_symbols, key=str)])


def test_the_cases_are_the_monitors_own() -> None:
    supervisor, user = TRAPPING.levels
    assert supervisor.hides == ("LOAD PSW", "LOAD R")
    assert user.hides == ()
    # A privileged instruction whose cell is out of bounds traps on the host for privilege, and the routine finds out.
    assert supervisor.own == {Way.EMULATED, Way.REFLECTED}
    assert user.own == {Way.REFLECTED}
    assert [case.treatment for case in HYBRID.levels] == [Treatment.INTERPRETED, Treatment.DIRECT]


def test_a_variant_with_an_unprivileged_instruction_does_not_hide_it() -> None:
    found = cases("x", system("third-generation-user-no-op/trap-and-emulate"))
    assert found.levels[0].hides == ("LOAD PSW",)


@pytest.mark.slow
def test_a_construction_says_where_it_translates() -> None:
    construction = system("third-generation/trap-and-emulate")
    found = cases("x", replace(construction, translates=in_virtual_supervisor(construction.guest)))
    assert [case.treatment for case in found.levels] == [Treatment.TRANSLATED, Treatment.DIRECT]
    assert formula(found).cost == formula(KINDS[0](TRAPPING)).cost


def test_a_supervisor_call_is_the_guests_own_trap_at_both_levels() -> None:
    found = cases("x", system("third-generation-supervisor-call/trap-and-emulate"))
    assert [case.hides for case in found.levels] == [("LOAD PSW", "LOAD R"), ()]


@pytest.mark.slow
@settings(max_examples=30)
@given(
    plain=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    privileged=counts,
    found=counts,
    reflected=st.tuples(counts, counts),
    d=costs, v=costs, h=costs, t=costs, e=costs, r=costs, i=costs,
)  # fmt: skip
def test_formulas_equal_a_sum_over_single_steps(
    plain: tuple[int, int], privileged: int, found: int, reflected: tuple[int, int],
    d: int, v: int, h: int, t: int, e: int, r: int, i: int,
) -> None:  # fmt: skip
    """Steps one by one: plain, privileged ones that complete, such that trap in the guest, and other traps."""
    steps = [
        *[(0, "plain")] * plain[0], *[(1, "plain")] * plain[1], *[(0, "privileged")] * privileged,
        *[(0, "found")] * found, *[(0, "trap")] * reflected[0], *[(1, "trap")] * reflected[1],
    ]  # fmt: skip
    trapping = {"plain": d, "privileged": t + e, "found": t + e + r, "trap": t + r}
    interpreting = {"plain": i, "privileged": i, "found": i + r, "trap": i + r}
    alone = {"plain": d, "privileged": v, "found": h, "trap": h}
    total = len(steps)
    own = found + reflected[0]
    values = {
        q.at("supervisor").symbol: Fraction(sum(level == 0 for level, _ in steps), total),
        q.hidden("supervisor").symbol: Fraction(privileged, total),
        q.own("supervisor").symbol: Fraction(own, total),
        q.own("user").symbol: Fraction(reflected[1], total),
        q.found_by_routine("supervisor").symbol: Fraction(found, own) if own else Fraction(0),
        q.DIRECT.symbol: Fraction(d), q.PRIVILEGED.symbol: Fraction(v), q.NATIVE_TRAP.symbol: Fraction(h),
        q.TRAP.symbol: Fraction(t), q.EMULATION.symbol: Fraction(e), q.REFLECTION.symbol: Fraction(r),
        q.INTERPRETATION.symbol: Fraction(i),
    }  # fmt: skip
    native = sum(alone[what] for _, what in steps)
    for found_cases, supervisor in ((TRAPPING, trapping), (HYBRID, interpreting)):
        closed = formula(found_cases)
        spent = sum((trapping if level else supervisor)[what] for level, what in steps)
        assert value(closed.cost, values) * total == spent
        assert value(closed.native, values) * total == native
        assert value(closed.slowdown, values) == Fraction(spent, native)


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.name)
def test_every_step_is_taken_in_one_way(found: Cases) -> None:
    assert sympy.expand(sum(formula(found).ways.values())) == 1


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.name)
def test_every_symbol_has_a_meaning(found: Cases) -> None:
    closed = formula(found)
    assert {quantity.symbol for quantity in closed.quantities} == (closed.cost + closed.native).free_symbols


def test_all_constructions_of_a_machine_have_the_same_native_cost() -> None:
    assert len({formula(found).native for found in ALL}) == 1


@pytest.mark.slow
def test_translation_is_cheaper_than_trapping_from_some_reuse_on() -> None:
    one, two = formula(TRAPPING), formula(KINDS[0](TRAPPING))
    (found,) = [c for c in crossovers(one, two, numbers(LEVELS)) if c.quantity == q.REUSE]
    X, T, E, K = (quantity.symbol for quantity in (q.TRANSLATION, q.TRAP, q.EMULATION, q.CALL_OUT))
    s, p, o, a = (make("supervisor").symbol for make in (q.at, q.hidden, q.own, q.found_by_routine))
    assert sympy.simplify(found.solution - X * s / ((T + E - K) * (p + a * o))) == 0
    assert found.tried is not None
    assert (found.tried.below, found.tried.above) == ("trap-and-emulate", "binary translation")


@pytest.mark.slow
def test_the_hybrid_monitor_is_cheaper_where_many_instructions_are_privileged() -> None:
    found = next(crossovers(formula(TRAPPING), formula(HYBRID), numbers(LEVELS)))
    assert found.quantity == q.hidden("supervisor")
    assert found.tried is not None
    assert (found.tried.below, found.tried.above) == ("trap-and-emulate", "hybrid")


@pytest.mark.slow
def test_both_costs_are_equal_at_every_crossover() -> None:
    """Exactly, with numbers that the crossovers were not solved with."""
    for one, two in combinations([formula(found) for found in ALL], 2):
        symbols = one.cost.free_symbols | two.cost.free_symbols
        for found in crossovers(one, two, numbers(LEVELS)):
            others = {s: Fraction(i**3 + 5 * i + 3, 11) for i, s in enumerate(sorted(symbols, key=str))}
            others[found.quantity.symbol] = value(found.solution, others)
            assert value(one.cost, others) == value(two.cost, others)


def test_a_wrong_solution_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sympy, "solve", lambda *_, **__: [sympy.Integer(7)])
    with pytest.raises(CrossoverError):
        list(crossovers(formula(TRAPPING), formula(HYBRID), numbers(LEVELS)))


@given(st.integers(1, 6), costs, costs, costs, st.integers(1, 9))
def test_nested_traps_cost_what_counting_gives(depth: int, t: int, e: int, r: int, g: int) -> None:
    def emulate(monitor: int) -> int:
        """One emulated instruction under `monitor` monitors: brought there, simulated, and left again."""
        return bring(monitor) + e + leave(monitor)

    def bring(monitor: int) -> int:
        return t if monitor == 1 else bring(monitor - 1) + r + leave(monitor - 1)

    def leave(monitor: int) -> int:
        return 0 if monitor == 1 else g * emulate(monitor - 1)

    values = {q.TRAP: t, q.EMULATION: e, q.REFLECTION: r, q.NESTED: g}
    cost, delivery = recursion.emulated(DEPTH), recursion.reflected(DEPTH)
    numbers = {quantity.symbol: Fraction(number) for quantity, number in {**values, q.DEPTH: depth}.items()}
    assert value(cost, numbers) == emulate(depth)
    assert value(delivery, numbers) == bring(depth + 1)


def test_the_recursive_system_pays_for_two_monitors() -> None:
    alone, two = formula(TRAPPING), formula(cases("recursive", system("third-generation/recursive")))
    assert two.ways == alone.ways
    assert sympy.expand(two.cost - recursion.nested(alone.cost, 2)) == 0
    assert q.NESTED.symbol in two.cost.free_symbols


def test_one_monitor_alone_is_the_first_level() -> None:
    closed: Formula = formula(TRAPPING)
    assert sympy.expand(recursion.nested(closed.cost, 1) - closed.cost) == 0
