"""Blocks equal the engine they run on, and the reference interpreter, after any number of steps."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringproof.model.catalog import CATALOG, load
from ringproof.traces.interpreter import Interpreter, State
from ringproof.traces.native.blocks.tier import Blocks
from ringproof.traces.native.engine import Engine, Reason
from ringproof.traces.native.store import canonical
from ringproof.traces.python_code import Cells

from ...catalogue import parameters
from .programs import CODE, DATA, HANDLERS, IDT, gate, kernel_mode, program, protected, put

MEMORY = {"ia32": "memory", "pdp10-ka10": "core", "pdp10-ki10": "core"}


@cache
def three(name: str) -> tuple[Interpreter, Engine, Blocks]:
    """The interpreter, an engine, and blocks that make regions at once."""
    machine = load(name)
    return Interpreter(machine), Engine(machine), Blocks(Engine(machine), threshold=3, recorded=60)


def check(name: str, state: State, rng: random.Random, chunks: int) -> int:
    """Runs a state in chunks of a few steps and many, sometimes to an address; the steps taken."""
    interpreter, engine, blocks = three(name)
    engine.load(state)
    blocks.load(state)
    total = 0
    for _ in range(chunks):
        count = rng.choice((0, 1, 2, 7, 33, 100, 1000))
        until = None if rng.random() < 0.7 else engine.state()[interpreter.machine.counter] + rng.randrange(8)
        run = engine.step(count, until=until)
        assert blocks.step(count, until=until) == run
        assert canonical(blocks.state()) == canonical(engine.state())
        total += run.steps
        if run.reason is Reason.STUCK:
            break
    return total


def check_programs(name: str, seeds: range) -> None:
    interpreter, _, blocks = three(name)
    total = 0
    for seed in seeds:
        rng = random.Random(f"{name} {seed}")
        total += check(name, program(rng, interpreter.machine, interpreter), rng, 12)
    assert total > 20 * len(seeds)
    assert blocks.regions


@pytest.mark.slow
@pytest.mark.parametrize("name", parameters(CATALOG))
def test_random_programs(name: str) -> None:
    check_programs(name, range(30 if name == "ia32" else 60))


@given(st.integers(min_value=0), st.lists(st.integers(0, 60), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_any_program_in_any_chunks(seed: int, chunks: list[int]) -> None:
    interpreter, engine, blocks = three("third-generation")
    state = program(random.Random(seed), interpreter.machine, interpreter)
    engine.load(state)
    blocks.load(state)
    for count in chunks:
        run = engine.step(count)
        assert blocks.step(count) == run
        assert canonical(blocks.state()) == canonical(engine.state())
        if run.reason is not Reason.LIMIT:
            break


@pytest.mark.slow
@pytest.mark.parametrize("name", ["third-generation", "third-generation-supervisor-call", "pdp10-ka10", "ia32"])
def test_millions_of_steps(name: str) -> None:
    """Long runs of random programs, compared at their ends."""
    interpreter, engine, blocks = three(name)
    total = seed = 0
    while total < (20_000_000 if name.startswith("third") else 4_000_000):
        state = program(random.Random(f"long {name} {seed}"), interpreter.machine, interpreter)
        engine.load(state)
        blocks.load(state)
        run = engine.step(200_003)
        assert blocks.step(200_003) == run, seed
        assert canonical(blocks.state()) == canonical(engine.state()), seed
        total += run.steps
        seed += 1


def ia32(code: bytes, **values: int) -> State:
    """A program in ring 3 with handlers that return."""
    memory = Cells({}, 0)
    interpreter, _, _ = three("ia32")
    state = interpreter.initial(memory=memory) | protected(memory) | values
    put(memory, CODE, code)
    return state


def equal_at_every_step(name: str, state: State, warm: int, counts: range, *, made: bool = True) -> None:
    """After `warm` steps that make regions, running n steps from `state` gives what the interpreter gives."""
    interpreter, _, blocks = three(name)
    before = blocks.regions
    blocks.load(state)
    blocks.step(warm)
    assert (blocks.regions > before) is made
    expected = {n: v.copy() if isinstance(v, Cells) else v for n, v in state.items()}
    for count in counts:
        blocks.load(state)
        assert blocks.step(count).steps == count
        assert canonical(blocks.state()) == canonical(expected)
        interpreter.step(expected)


def test_a_straight_loop_stops_at_every_step() -> None:
    cells = Cells({0: 2 << 60 | 8 << 44 | 9 << 28, 1: 2 << 60 | 9 << 44 | 10 << 28, 2: 5 << 60, 8: 1, 9: 3})
    interpreter, _, _ = three("third-generation")
    equal_at_every_step("third-generation", interpreter.initial(b=64, E=cells), 500, range(25))


def test_a_store_into_the_next_instruction_is_seen() -> None:
    """E[1] is alternately an ADD to cell 11 and to cell 12, changed by the instruction before it."""
    add = 2 << 60 | 8 << 44
    cells = Cells({0: 2 << 60 | 9 << 44 | 1 << 28, 1: add | 11 << 28, 2: 3 << 60 | 9 << 44 | 1 << 28, 3: 5 << 60})
    cells |= {8: 1, 9: 1 << 28}
    interpreter, _, _ = three("third-generation")
    equal_at_every_step("third-generation", interpreter.initial(b=64, E=Cells(cells)), 500, range(25))


@pytest.mark.slow
def test_a_loop_that_rewrites_its_own_operand() -> None:
    """`add eax, imm` whose immediate is counted up in memory, each time: no region can be made of it."""
    code = b"\x05\x01\0\0\0" + b"\xff\x05" + (CODE + 1).to_bytes(4, "little") + b"\x49\x75\xf2\xeb\xf0"
    equal_at_every_step("ia32", ia32(code, ECX=10), 400, range(45), made=False)


@pytest.mark.slow
def test_a_store_reaches_another_region() -> None:
    """Two loops; the second one changes the first one's `inc` to `dec` and back."""
    first = b"\xb9\x05\0\0\0" + b"\x40\x49\x75\xfc"
    second = b"\xb9\x05\0\0\0" + b"\x80\x35" + (CODE + 5).to_bytes(4, "little") + b"\x08\x49\x75\xf6\xeb\xe6"
    equal_at_every_step("ia32", ia32(first + second), 2000, range(120))


@pytest.mark.slow
def test_code_and_data_across_page_ends() -> None:
    code = b"\xff\x06\x8b\x06\x49\x75\xf9\xeb\xf7"
    state = ia32(b"", ECX=20, ESI=0x8FFE, EIP=0xAFFC)
    put(state["memory"], 0xAFFC, code)
    equal_at_every_step("ia32", state, 500, range(60))


@pytest.mark.slow
def test_interrupts_and_their_return() -> None:
    """INT 80h from ring 3 to a handler that counts and returns."""
    state = ia32(b"\xcd\x80\x49\x75\xfb\xeb\xf9", ECX=9)
    put(state["memory"], HANDLERS + 0x40, b"\x43\xcf")
    put(state["memory"], IDT + 8 * 0x80, gate(HANDLERS + 0x40))
    equal_at_every_step("ia32", state, 500, range(60))


@pytest.mark.slow
def test_a_changed_mode_or_segment_leaves_the_region() -> None:
    """In ring 0, the base of DS moves between two runs of one loop."""
    code = b"\xff\x06\x49\x75\xfb\xeb\xf9"
    for base in (0, 0x100):
        state = ia32(code, **kernel_mode(), ECX=5, ESI=DATA, DS_base=base)
        equal_at_every_step("ia32", state, 300, range(30))


@pytest.mark.slow
def test_what_the_delivery_of_a_trap_rests_on_is_compared() -> None:
    """One loop with UD2, under two descriptor tables of interrupts with different handlers."""
    other = 0x8000
    for base in (IDT, other, IDT):
        state = ia32(b"\x0f\x0b\x49\x75\xfb\xeb\xf9", ECX=9, IDTR_base=base)
        memory = state["memory"]
        put(memory, HANDLERS + 0x80, b"\x43\x83\x04\x24\x02\xcf")
        put(memory, other + 8 * 6, gate(HANDLERS + 0x80))
        check("ia32", state, random.Random(2), 12)


def test_a_run_stops_at_an_address_inside_a_region() -> None:
    cells = Cells({0: 2 << 60 | 8 << 44 | 9 << 28, 1: 2 << 60 | 9 << 44 | 10 << 28, 2: 5 << 60, 8: 1})
    _, engine, blocks = three("third-generation")
    blocks.load(engine.initial(b=64, E=cells))
    blocks.step(1000)
    blocks.step(1000, until=0)
    run = blocks.step(1000, until=1)
    assert (run.steps, run.reason, blocks.state()["P"]) == (1, Reason.STOPPED, 1)


@pytest.mark.slow
def test_a_run_ends_at_the_memory_limit_where_the_engine_does() -> None:
    """A loop that adds one to the address of its own store, and so needs page after page."""
    machine = load("third-generation")
    add, store = 2 << 60 | 9 << 44 | 1 << 28, 0 << 60 | 8 << 44 | 100 << 28
    state = Engine(machine).initial(b=1 << 16, E=Cells({0: add, 1: store, 2: 5 << 60, 8: 7, 9: 1 << 28}))
    limit = 40 * 4112
    engine, blocks = Engine(machine, memory_limit=limit), Blocks(Engine(machine, memory_limit=limit), threshold=3)
    engine.load(state)
    blocks.load(state)
    run = engine.step(1_000_000)
    assert run.reason is Reason.NO_ROOM
    assert blocks.step(1_000_000) == run
    assert canonical(blocks.state()) == canonical(engine.state())
    assert blocks.regions


@pytest.mark.slow
def test_a_trap_that_is_not_delivered_is_told_with_its_cause() -> None:
    """A loop of ten rounds that ends in a breakpoint without a descriptor table."""
    interpreter, engine, blocks = three("ia32")
    memory = Cells({}, 0)
    put(memory, CODE, b"\x49\x75\xfd\xcc")
    flat = interpreter.machine.start
    state = interpreter.initial(**flat, memory=memory, EIP=CODE, ECX=50)
    engine.load(state)
    blocks.load(state)
    run = blocks.step(1000)
    assert run == engine.step(1000)
    assert run.reason is Reason.STUCK and run.trapped is not None and run.steps == 100
