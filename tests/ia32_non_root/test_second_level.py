"""A walk of tables that map a window adds its base below its bound, and is refused above: what the machines rest on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from ringproof.model.ia32_non_root.second_level import Walk, maps_window, walk_ept, walk_nested
from ringproof.model.terms import Array, BitVec, Term, bits, var
from ringproof.solvers.answer import Sat, Unsat
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.python_code import compile_terms

MEMORY, POINTER, ADDRESS = var("memory", Array(32, 8)), var("pointer", BitVec(32)), var("address", BitVec(32))
BASE, BOUND = var("base", BitVec(32)), var("bound", BitVec(32))
WALKS = pytest.mark.parametrize("walk", [walk_ept, walk_nested])
Walker = Callable[[Term, Term, Term], Walk]


def tables(walk: Walker) -> list[Term]:
    pages = [BASE[11:0] == 0, BOUND[11:0] == 0]
    return [*pages, maps_window(walk(MEMORY, POINTER, ADDRESS), ADDRESS, BASE, BOUND)]


@WALKS
def test_a_walk_of_such_tables_is_the_window(walk: Walker) -> None:
    found = walk(MEMORY, POINTER, ADDRESS)
    inside = ADDRESS < BOUND
    wrong = (found.mapped != inside) | (inside & (found.place != BASE + ADDRESS))
    assert isinstance(Z3Solver().check([*tables(walk), wrong], 10_000_000), Unsat)


@WALKS
@pytest.mark.parametrize("inside", [True, False])
def test_there_are_such_tables(walk: Walker, inside: bool) -> None:
    case = (ADDRESS < BOUND) if inside else (ADDRESS >= BOUND)
    assert isinstance(Z3Solver().check([*tables(walk), case, BASE != 0], 10_000_000), Sat)


def test_the_walk_of_ept_ends_at_a_large_page() -> None:
    """SDM vol. 3, tables 29-3 and 29-5: an entry of the second or third level with bit 7 set maps a large page."""
    memory: defaultdict[int, int] = defaultdict(int)

    def entry(place: int, value: int) -> None:
        memory.update({place + n: byte for n, byte in enumerate(value.to_bytes(8, "little"))})

    entry(0x1000, 0x2007)
    entry(0x2000, 0x3007)
    entry(0x2008, 0x80000087)
    entry(0x3008, 0x00600087)
    walk = walk_ept(MEMORY, bits(0x101E, 32), ADDRESS)
    read = compile_terms([walk.mapped, walk.place])
    assert read({"memory": memory, "address": 0x00212345}) == (True, 0x00612345)
    assert read({"memory": memory, "address": 0x45678901}) == (True, 0x85678901)
    assert not read({"memory": memory, "address": 0x00400000})[0]
