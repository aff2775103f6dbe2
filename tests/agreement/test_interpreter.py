"""The interpreter's own contract: what a trap leaves, what a step does, and details of any width."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ringproof.model.cpu import Cause, Cpu, Kind
from ringproof.model.encoding import pattern, units
from ringproof.model.machine import MODE, PROGRAM, Machine
from ringproof.model.terms import Array, BitVec, Term
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import CALL_TRAP, MEMORY_TRAP
from ringproof.model.third_generation.variants import variant
from ringproof.traces.interpreter import UNDEFINED, Interpreter, Trapped
from ringproof.traces.python_code import Cells

WIDE = Cause("wide trap", Kind.PROGRAM)


def telling() -> Machine:
    """A machine whose one instruction traps and tells a number of 36 bits, which the delivery keeps."""

    def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        cpu.told = details["number"]

    machine = Machine(
        "telling", "", "", word=BitVec(1), mode="m", levels={"high": 0, "low": 1}, guest="low", deliver=deliver
    )
    machine.component("m", BitVec(1), MODE)
    machine.component("told", BitVec(36), PROGRAM)

    @machine.instruction("TELL", "TELL", pattern("-", word=machine.word, length=units(1, 8)))
    def tell(cpu: Cpu) -> None:
        cpu.trap(WIDE, number=cpu.told + 1)

    return machine


def test_a_detail_of_any_width_is_delivered() -> None:
    interpreter = Interpreter(telling())
    state = interpreter.initial(told=2**36 - 2)
    trapped = interpreter.execute(interpreter.named("TELL"), {}, state)
    assert trapped == Trapped(WIDE, {"number": 2**36 - 1})
    assert trapped.widths == {"number": 36}
    assert interpreter.deliver(trapped, state) is None
    assert state["told"] == 2**36 - 1


def test_a_trap_leaves_the_state_as_it_was() -> None:
    interpreter = Interpreter(third_generation())
    state = interpreter.initial(E=Cells({3: 9}), b=4, P=7)
    before = {**state, "E": dict(state["E"])}
    assert interpreter.execute(interpreter.named("MOVE"), {"a": 3, "b": 4}, state) == Trapped(MEMORY_TRAP, {})
    assert state == before


def test_values_are_read_before_any_is_written() -> None:
    """A swap of two cells and two components, each from the old state."""
    machine = Machine("swapping", "", "", word=BitVec(1), mode="m", levels={"high": 0, "low": 1}, guest="low")
    machine.component("m", BitVec(1), MODE)
    for name in ("x", "y"):
        machine.component(name, BitVec(8), PROGRAM)
    machine.component("cells", Array(8, 8), PROGRAM)

    @machine.instruction("SWAP", "SWAP", pattern("-", word=machine.word, length=units(1, 8)))
    def swap(cpu: Cpu) -> None:
        one, two = cpu.cells[cpu.x], cpu.cells[cpu.y]
        cpu.cells = cpu.cells.set(cpu.x, two).set(cpu.y, one)
        cpu.x, cpu.y = cpu.y, cpu.x

    interpreter = Interpreter(machine)
    state = interpreter.initial(x=3, y=5, cells=Cells({3: 33, 5: 55}))
    assert interpreter.execute(interpreter.named("SWAP"), {}, state) is None
    assert (state["x"], state["y"], dict(state["cells"])) == (5, 3, {3: 55, 5: 33})


def test_a_step_fetches_executes_and_delivers() -> None:
    """A supervisor call at 5: the old PSW goes to E[0], the new one comes from E[1]."""
    interpreter = Interpreter(variant("supervisor-call"))
    call = interpreter.named("SUPERVISOR CALL")
    user, new = 1 << 49 | 5 << 33 | 2 << 17 | 100, 40 << 33 | 1 << 16
    state = interpreter.initial(E=Cells({1: new, 7: call.encoding.assemble({})}), M=1, P=5, l=2, b=100)
    step = interpreter.step(state)
    assert (step.instruction, step.trapped) == (call, Trapped(CALL_TRAP, {}))
    assert state["E"][0] == user
    assert (state["M"], state["P"], state["l"], state["b"]) == (0, 40, 0, 1 << 16)


def test_a_word_without_an_instruction_is_undefined() -> None:
    interpreter = Interpreter(third_generation())
    step = interpreter.step(state := interpreter.initial(E=Cells({0: 0xF << 60, 1: 3 << 33}), b=2))
    assert (step.word, step.instruction, step.trapped) == (0xF << 60, None, Trapped(UNDEFINED, {}))
    assert state["P"] == 3


def test_names_that_do_not_exist() -> None:
    interpreter = Interpreter(third_generation())
    with pytest.raises(KeyError, match="third-generation has no component named Q"):
        interpreter.initial(Q=1)
    with pytest.raises(KeyError, match="third-generation has no instruction named NOP"):
        interpreter.named("NOP")
