"""Which cells a program reaches: the bound is a size, so all of storage is (0, q), and (0, q-1) misses E[q-1].

The paper writes (0, q-1) for all of memory, which its own address development (`if a >= b then memorytrap`)
contradicts.
"""

from __future__ import annotations

import pytest

from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import MEMORY_TRAP
from ringproof.solvers.answer import Sat, Unsat
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.python_code import Cells

EIGHT = Interpreter(third_generation(address_bits=3, word_bits=16))
Q = 8
BUDGET = 10_000_000


def reached(l: int, b: int) -> dict[int, int]:
    """The absolute address for each relative one that does not trap, by moving a marked cell to an innocent place."""
    found = {}
    for a in range(Q):
        for place in range(Q):
            marks = Cells({i: 100 + i for i in range(Q)})
            state = EIGHT.initial(E=marks, l=l, b=b)
            trapped = EIGHT.execute(EIGHT.named("MOVE"), {"a": a, "b": place}, state)
            if trapped is None:
                found[a] = state["E"][(l + place) % Q] - 100
            else:
                assert trapped.cause == MEMORY_TRAP
    return found


def test_the_last_cell_is_out_of_reach_under_the_bound_of_the_paper() -> None:
    assert reached(0, Q - 1) == {a: a for a in range(Q - 1)}


def test_the_bound_q_reaches_every_cell() -> None:
    assert reached(0, Q) == {a: a for a in range(Q)}


@pytest.mark.slow
def test_development_of_every_address() -> None:
    """`if a + l >= q then memorytrap else if a >= b then memorytrap else use E[a + l]` (section 2.5.3)."""
    for l in range(Q):
        for b in range(2 * Q):
            assert reached(l, b) == {a: a + l for a in range(Q) if not (a + l >= Q or a >= b)}


@pytest.mark.parametrize(("short", "answer"), [(1, Unsat), (0, Sat)])
def test_reaching_the_last_cell_at_full_size(short: int, answer: type) -> None:
    """No state with R = (0, q-1) moves E[q-1]; some state with R = (0, q) does."""
    machine = third_generation()
    instruction = Interpreter(machine).named("MOVE")
    outcome, state = machine.outcome(instruction), machine.view(machine.variables)
    q = 1 << 16
    goal = [state.l == 0, state.b == q - short, instruction.encoding.variables["a"] == q - 1, ~outcome.trapping()]
    assert isinstance(Z3Solver().check(goal, BUDGET), answer)


def test_a_program_status_word_holds_the_bound_q() -> None:
    """R = (0, q) can be loaded: b has one bit more than an address."""
    state = EIGHT.initial(E=Cells({2: Q}), b=Q)
    assert EIGHT.execute(EIGHT.named("LOAD R"), {"a": 2}, state) is None
    assert (state["l"], state["b"]) == (0, Q)
