"""Whole programs: in executive mode, and under a small executive that runs a user program and takes its calls."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .worlds import ACCESS, CONCEALED, KERNEL, PUBLIC, START, USER_BIT, WRITABLE, World, halfwords, io, op

MACHINES = pytest.mark.parametrize("name", ["ka10", "ki10"])
HALT = op(0o254, 4)

# Accumulators of the programs.
A, B, C, P = 1, 2, 3, 0o17


@MACHINES
@given(a=st.integers(0, 1 << 30), b=st.integers(0, 1 << 30))
def test_greatest_common_divisor(name: str, a: int, b: int) -> None:
    program = [
        op(0o322, B, START + 5),  # JUMPE B,done
        op(0o230, A, B),          # IDIV A,B: the remainder goes to A+1, which is B; the divisor is lost
        op(0o200, A, C),          # MOVE A,C
        op(0o200, C, B),          # MOVE C,B
        op(0o254, 0, START),      # JRST
        HALT,
    ]  # fmt: skip
    # C keeps a copy of B, since IDIV writes the remainder over it.
    world = World(name).acs({A: a, B: b, C: b}).run(*program)
    assert world.ac[A] == math.gcd(a, b)


@MACHINES
@given(n=st.integers(0, 13))
def test_factorial_by_recursion(name: str, n: int) -> None:
    fact = START + 3
    program = [
        op(0o201, A, n),               # MOVEI A,n
        op(0o260, P, fact),            # PUSHJ P,FACT
        HALT,
        op(0o326, A, fact + 3),        # FACT: JUMPN A,.+3
        op(0o201, A, 1),               # MOVEI A,1
        op(0o263, P),                  # POPJ P,
        op(0o261, P, A),               # PUSH P,A
        op(0o275, A, 1),               # SUBI A,1
        op(0o260, P, fact),            # PUSHJ P,FACT
        op(0o262, P, B),               # POP P,B
        op(0o220, A, B),               # IMUL A,B
        op(0o263, P),                  # POPJ P,
    ]  # fmt: skip
    world = World(name).acs({P: halfwords(0o777700, 0o4000)}).run(*program)
    assert (world.ac[A], world.ac[P]) == (math.factorial(n), halfwords(0o777700, 0o4000))


@MACHINES
@given(table=st.lists(st.integers(-(1 << 35), (1 << 35) - 1), min_size=1, max_size=20))
def test_the_largest_of_a_table_by_an_aobjn_loop(name: str, table: list[int]) -> None:
    program = [
        op(0o200, A, 0, x=B),       # MOVE A,0(B)
        op(0o253, B, START + 3),    # AOBJN B,.+2
        HALT,
        op(0o311, A, 0, x=B),       # CAML A,0(B)
        op(0o334, 0, 0),            # SKIPA: A is not less
        op(0o200, A, 0, x=B),       # MOVE A,0(B)
        op(0o253, B, START + 3),    # AOBJN B,.-3
        HALT,
    ]  # fmt: skip
    # CAML skips where A is less, onto the MOVE; SKIPA jumps over it.
    count = halfwords(-len(table) & 0o777777, 0o2000)
    world = World(name).load(*[n & (1 << 36) - 1 for n in table], at=0o2000).acs({B: count}).run(*program)
    assert world.ac[A] == max(table) & (1 << 36) - 1


@MACHINES
def test_a_string_is_copied_byte_by_byte(name: str) -> None:
    text = b"PRIVILEGED OR SENSITIVE?\0"
    cells = [sum((text + bytes(8))[i + n] << 29 - 7 * n for n in range(5)) for i in range(0, len(text), 5)]
    program = [
        op(0o134, A, START + 4),              # ILDB A,from
        op(0o136, A, START + 5),              # IDPB A,to
        op(0o326, A, START),                  # JUMPN A,.-2
        HALT,
        0o44_07_00_002000 | 0,                # POINT 7,2000
        0o44_07_00_003000 | 0,                # POINT 7,3000
    ]  # fmt: skip
    world = World(name).load(*cells, at=0o2000).run(*program)
    assert [world.core[0o3000 + n] for n in range(len(cells))] == cells


USER_PROGRAM = [
    op(0o201, A, 0o12),   # MOVEI A,12
    op(0o040, A, 0o77),   # a call of the executive
    op(0o271, A, 1),      # ADDI A,1
    op(0o040, A, 0o77),   # another
    HALT,                 # not for a user: it traps too
]  # fmt: skip


def test_an_executive_of_the_ka10_runs_a_user_program() -> None:
    """The executive loads protection and relocation, starts the program by JRST 1, counts its calls at 40, and resumes
    it by JRSTF until it meets an operation that is no call."""
    handler, rl = 0o500, 0o10000
    executive = [
        io(3, 0o000, START + 2),            # DATAO APR,setting
        op(0o254, 1, 0o100),                # JRST 1,100
        0o001 << 28 | (rl >> 10) << 10,     # Pl 1, Rl
    ]  # fmt: skip
    service = [
        0,                              # the PC word
        op(0o135, B, handler + 6),      # LDB B,(the code of the operation in 40)
        op(0o302, B, 0o40),             # CAIE B,40: skips if it is a call
        HALT,
        op(0o350, 0, 0o600),            # AOS 600
        op(0o254, 2, handler, i=1),     # JRSTF @handler
        0o33_11_00_000040,              # POINT 9,40,8
    ]  # fmt: skip
    world = World().load(op(0o264, 0, handler), at=0o41).load(*service, at=handler).load(*USER_PROGRAM, at=rl + 0o100)
    modes = []
    world.load(*executive)
    while not world.state["halted"]:
        modes.append(bool(world.state["USER"]))
        world.step()
        assert len(modes) < 100
    assert (world.ac[A], world.core[0o600]) == (0o13, 2)
    assert world.core[0o40] == HALT
    assert world.core[handler] == USER_BIT | 0o105
    assert sum(modes) == len(USER_PROGRAM)
    assert not world.state["USER"]


def test_a_user_of_the_ka10_cannot_reach_beyond_its_segment() -> None:
    """The program runs through a table that is longer than its segment; the violation interrupts on level 1."""
    rl, handler = 0o10000, 0o500
    user = [op(0o202, 0, 0o1770, x=A), op(0o344, A, 0o100)]  # MOVEM 0,1770(A); AOJA A,.-1
    world = World(Rl=rl, Pl=0, PI_on=True, PIE=0b1000000, APR_channel=1)
    world.load(op(0o264, 0, handler), at=0o42).load(HALT, at=handler + 1).load(*user, at=rl + 0o100)
    world.run(op(0o254, 1, 0o100))
    assert world.ac[A] == 0o10
    assert world.state["protection_flag"]
    assert not [address for address in world.core if address >= rl + 0o2000]


def test_an_executive_of_the_ki10_runs_a_user_program() -> None:
    """The kernel, which runs unmapped, loads the user base register, starts the program by JRSTF, and gets its calls
    through the user process table; it resumes it by JRSTF with the PC word that the call has left there."""
    table, handler, program = 0o1200 << 9, 0o500, 0o100
    kernel = [
        io(3, 0o010, START + 3),       # DATAO PAG,setting
        op(0o254, 2, START + 2, i=1),  # JRSTF @.+1
        USER_BIT | program,
        1 << 35 | 0o1200 << 18,        # user base register: page 1200
    ]  # fmt: skip
    service = [
        op(0o135, B, handler + 5),      # LDB B,(the code of the operation in the table)
        op(0o302, B, 0o40),             # CAIE B,40
        HALT,
        op(0o350, 0, 0o600),            # AOS 600
        op(0o254, 2, 0o400425, i=1),    # JRSTF @(the PC word in the table)
        0o33_11_00_400424,              # POINT 9,400424,8
    ]  # fmt: skip
    world = World("ki10")
    maps = world.state["maps"]
    maps[0o1200 << 10] = ACCESS | WRITABLE | 0o30  # The user's page 0 is page 30 of core.
    maps[0o400] = ACCESS | WRITABLE | 0o1200  # The executive's page 400, where it finds the user's table.
    world.load(*kernel).load(*service, at=handler).load(*USER_PROGRAM, at=0o30000 + program)
    world.load(handler, at=table + 0o434)
    levels = []
    while not world.state["halted"]:
        levels.append(world.state["MODE"])
        world.step()
        assert len(levels) < 100
    assert (world.ac[A], world.core[0o600]) == (0o13, 2)
    assert world.core[table + 0o424] == HALT
    assert levels.count(CONCEALED) == len(USER_PROGRAM)
    assert set(levels) == {KERNEL, CONCEALED}


def test_a_public_program_of_the_ki10_calls_concealed_code_through_a_portal() -> None:
    """A public program jumps to a portal in a concealed page, which computes for it and returns by JRSTF with Public
    set; its own attempt at the concealed data fails."""
    world = World("ki10", MODE=PUBLIC, UBR=0o700)
    maps = world.state["maps"] = type(world.core)()
    maps |= {0o700 << 10 | 1: ACCESS | WRITABLE | 1 << 16 | 1, 0o700 << 10 | 2: ACCESS | WRITABLE | 2}
    secret = 0o2400
    world.load(
        op(0o265, C, 0o2100),       # JSP C,portal
        op(0o200, A, secret),       # MOVE A,secret
    ).load(
        op(0o254, 1, 0o2101),       # PORTAL .+1
        op(0o200, B, secret),       # MOVE B,secret
        op(0o254, 2, 0, x=C),       # JRSTF (C)
        at=0o2100,
    ).load(0o1234, at=secret)  # fmt: skip
    modes = []
    for _ in range(5):
        step = world.step()
        modes.append(world.state["MODE"])
    assert modes[:4] == [PUBLIC, CONCEALED, CONCEALED, PUBLIC]
    assert world.ac[B] == 0o1234
    assert step.trapped is not None
    assert step.trapped.cause.name == "proprietary violation"
    assert world.ac[A] == 0
