"""The integer core, by behaviours that the manual states. SDM vol. 2 unless another volume is named."""

from __future__ import annotations

from typing import Any

import pytest

from ringproof.model.cpu import Kind
from ringproof.model.ia32 import ia32
from ringproof.model.ia32.encoding import from_bytes
from ringproof.model.ia32.forms import undefined_components
from ringproof.model.terms import FALSE, TRUE
from ringproof.traces.interpreter import Interpreter, State, Trapped
from ringproof.traces.python_code import Cells

MACHINE = ia32()
INTERPRETER = Interpreter(MACHINE)
START = 0x1000
DATA, CODE, EXECUTE_ONLY, EXPAND_DOWN = 0x93, 0x9B, 0x99, 0x97


def world(memory: dict[int, bytes] | None = None, **values: int | bool) -> State:
    """Flat segments of 4 GiB, EIP at START, everything else zero; `memory` gives bytes at addresses."""
    state = INTERPRETER.initial(CR0=1, EIP=START, ESP=0x8000)
    for name in ("ES", "CS", "SS", "DS", "FS", "GS"):
        state |= {f"{name}_limit": 0xFFFFFFFF, f"{name}_access": CODE if name == "CS" else DATA}
        if name not in ("CS", "SS"):
            state |= {f"{name}_big": True, f"{name}_selector": 0x10}
    cells = Cells()
    for address, code in (memory or {}).items():
        cells.update({address + n: byte for n, byte in enumerate(code)})
    return state | values | {"memory": cells}


def execute(code: str, state: State) -> Trapped | None:
    """Runs the one instruction whose bytes are `code`."""
    found = INTERPRETER.decode(from_bytes(bytes.fromhex(code)))
    assert found is not None, f"{code} is no instruction"
    return INTERPRETER.execute(*found, state)


def after(code: str, memory: dict[int, bytes] | None = None, **values: int | bool) -> dict[str, Any]:
    """The state after one instruction that does not trap."""
    state = world(memory, **values)
    trapped = execute(code, state)
    assert trapped is None, f"{code} traps with {trapped}"
    return state


def trap(code: str, memory: dict[int, bytes] | None = None, **values: int | bool) -> tuple[str, Kind]:
    """The name and kind of the trap of one instruction, which leaves the state as it was."""
    state = world(memory, **values)
    trapped = execute(code, state)
    assert trapped is not None, f"{code} does not trap"
    assert state == world(memory, **values)
    return trapped.cause.name, trapped.cause.kind


def dword(state: dict[str, Any], address: int) -> int:
    return int.from_bytes(bytes(state["memory"][address + n] for n in range(4)), "little")


def flags(state: dict[str, Any]) -> str:
    """The status flags that are set."""
    return " ".join(name for name in ("CF", "PF", "AF", "ZF", "SF", "OF") if state[name])


def test_flags_of_sums() -> None:
    assert flags(after("01d8", EAX=0x7FFFFFFF, EBX=1)) == "PF AF SF OF"
    assert flags(after("01d8", EAX=0xFFFFFFFF, EBX=1)) == "CF PF AF ZF"
    assert flags(after("11d8", EAX=0xFFFFFFFF, EBX=0, CF=True)) == "CF PF AF ZF"
    assert flags(after("29d8", EAX=0, EBX=1)) == "CF PF AF SF"
    assert flags(after("19d8", EAX=0x80000000, EBX=0, CF=True)) == "PF AF OF"
    assert flags(after("38d8", EAX=0x80, EBX=1)) == "AF OF"
    assert flags(after("f7d8", EAX=0)) == "PF ZF"
    assert flags(after("f7d8", EAX=0x80000000)) == "CF PF SF OF"


def test_inc_and_dec_keep_carry() -> None:
    assert flags(after("40", EAX=0xFFFFFFFF, CF=True)) == "CF PF AF ZF"
    assert flags(after("48", EAX=0, CF=False)) == "PF AF SF"


def test_immediates_are_sign_extended() -> None:
    assert after("83c0ff", EAX=5)["EAX"] == 4
    assert after("6683c0ff", EAX=0xFFFF0000)["EAX"] == 0xFFFFFFFF
    assert dword(after("6aff"), 0x7FFC) == 0xFFFFFFFF


def test_parts_of_registers() -> None:
    assert after("b4ff", EAX=0x11223344)["EAX"] == 0x1122FF44
    assert after("66b8cdab", EAX=0x11223344)["EAX"] == 0x1122ABCD
    assert after("88e5", ECX=0, EAX=0x5600)["ECX"] == 0x5600
    assert after("0fbec4", EAX=0x8000)["EAX"] == 0xFFFFFF80
    assert after("0fc8", EAX=0x12345678)["EAX"] == 0x78563412


def test_addresses() -> None:
    assert after("8d449908", ECX=0x1000, EBX=3)["EAX"] == 0x1014
    assert after("8d04cdf8ffffff", ECX=2)["EAX"] == 8
    assert after("8d0424", ESP=0x1234)["EAX"] == 0x1234
    assert after("d7", {0x105: b"\x77"}, EBX=0x100, EAX=5)["EAX"] == 0x77
    assert after("658b01", {0x2010: b"\x01\x02\x03\x04"}, ECX=0x10, GS_base=0x2000)["EAX"] == 0x04030201


def test_shifts() -> None:
    assert flags(after("d3e0", EAX=1, ECX=32, CF=True, OF=True)) == "CF OF", "a count of 0 changes no flag"
    state = after("d1e0", EAX=0xC0000000)
    assert (state["EAX"], flags(state)) == (0x80000000, "CF PF SF")
    assert after("c1f81f", EAX=0x80000000)["EAX"] == 0xFFFFFFFF
    assert after("66c1e804", EAX=0xF000F00F)["EAX"] == 0xF0000F00
    state = after("0fa4d808", EAX=0x12345678, EBX=0xAB000000)
    assert (state["EAX"], state["CF"]) == (0x345678AB, False)
    assert after("0facd808", EAX=0x12345678, EBX=0xAB)["EAX"] == 0xAB123456
    assert trap("660fa5d8", ECX=17) == ("double shift by more than the operand's size", Kind.UNPREDICTABLE)


def test_rotates() -> None:
    state = after("c0c009", EAX=0x81)
    assert (state["EAX"], state["CF"]) == (0x03, True)
    state = after("c0c808", EAX=0x81)
    assert (state["EAX"], state["CF"]) == (0x81, True), "a full turn still sets CF"
    state = after("d0d0", EAX=0x80, CF=False)
    assert (state["EAX"], state["CF"], state["OF"]) == (0, True, True)
    state = after("c0d009", EAX=0x5A, CF=True)
    assert (state["EAX"], state["CF"]) == (0x5A, True), "nine bits turn through carry"
    state = after("d1d8", EAX=1, CF=True)
    assert (state["EAX"], state["CF"]) == (0x80000000, True)


def test_multiplication_and_division() -> None:
    state = after("f7e3", EAX=0x10000, EBX=0x10000)
    assert (state["EDX"], state["EAX"], state["CF"], state["OF"]) == (1, 0, True, True)
    state = after("f6eb", EAX=0xFF, EBX=0xFF)
    assert (state["EAX"], state["CF"]) == (1, False)
    state = after("6bc3fe", EBX=0x80000000)
    assert (state["EAX"], state["OF"]) == (0, True)
    state = after("f7f3", EDX=1, EAX=5, EBX=0x10)
    assert (state["EAX"], state["EDX"]) == (0x10000000, 5)
    state = after("f7fb", EDX=0xFFFFFFFF, EAX=(-7) & 0xFFFFFFFF, EBX=2)
    assert (state["EAX"], state["EDX"]) == (0xFFFFFFFD, 0xFFFFFFFF)
    assert trap("f7f3", EDX=0, EBX=0) == ("#DE", Kind.PROGRAM)
    assert trap("f7f3", EDX=2, EBX=2) == ("#DE", Kind.PROGRAM)
    assert trap("f7fb", EDX=0xFFFFFFFF, EAX=0x80000000, EBX=0xFFFFFFFF) == ("#DE", Kind.PROGRAM)
    assert trap("d400") == ("#DE", Kind.PROGRAM)


def test_the_manuals_examples_of_decimal_arithmetic() -> None:
    state = after("27", EAX=0xAE, SF=True, OF=True)
    assert (state["EAX"], state["CF"], state["AF"]) == (0x14, True, True)
    state = after("2f", EAX=0xEE, CF=True, AF=True)
    assert (state["EAX"], state["CF"], state["AF"]) == (0x88, True, True)
    assert after("37", EAX=0x000F)["EAX"] == 0x0105
    assert after("3f", EAX=0x010F)["EAX"] == 0x0009
    assert after("d40a", EAX=63)["EAX"] == 0x0603
    assert after("d50a", EAX=0x0603)["EAX"] == 63


def test_the_stack() -> None:
    assert dword(after("54", ESP=0x8000), 0x7FFC) == 0x8000, "PUSH ESP pushes the old value"
    assert after("5c", {0x8000: b"\x44\x33\x22\x11"})["ESP"] == 0x11223344
    state = after("8f0424", {0x8000: b"\x44\x33\x22\x11"})
    assert dword(state, 0x8004) == 0x11223344, "the address is formed after the pop"
    state = after("60", EAX=1, EDI=8)
    assert (dword(state, 0x7FFC), dword(state, 0x7FEC), dword(state, 0x7FE0)) == (1, 0x8000, 8)
    state["ESP"], state["EAX"] = 0x7FE0, 0
    assert execute("61", state) is None
    assert (state["EAX"], state["ESP"]) == (1, 0x8000)
    state = after("c8100001", EBP=0x9000)
    assert (state["EBP"], state["ESP"], dword(state, 0x7FF8)) == (0x7FFC, 0x7FE8, 0x7FFC)
    assert execute("c9", state) is None
    assert (state["EBP"], state["ESP"]) == (0x9000, 0x8000)


def test_bits() -> None:
    state = after("0fab01", {0xFC: b"\0\0\0\x7f"}, EAX=0xFFFFFFFF, ECX=0x100)
    assert (dword(state, 0xFC), state["CF"]) == (0xFF000000, False), "bit -1 lies in the word before"
    assert after("0fbae020", EAX=1)["CF"], "an immediate offset is taken modulo the size"
    assert after("0fbcc3", EBX=0x50)["EAX"] == 4
    assert after("0fbdc3", EBX=0x50)["EAX"] == 6
    state = after("0fbcc3", EAX=77, EBX=0)
    assert (state["EAX"], state["ZF"]) == (77, True)


def test_exchanges() -> None:
    assert after("87d8", EAX=1, EBX=2)["EBX"] == 1
    state = after("0fc1d8", EAX=1, EBX=2)
    assert (state["EAX"], state["EBX"]) == (3, 1)
    state = after("0fb1cb", EAX=5, EBX=5, ECX=9)
    assert (state["EBX"], state["ZF"]) == (9, True)
    state = after("0fb1cb", EAX=5, EBX=6, ECX=9)
    assert (state["EAX"], state["EBX"], state["ZF"]) == (6, 6, False)
    state = after("0fc70e", {0: b"\1\0\0\0\2"}, EAX=1, EDX=2, EBX=3, ECX=4)
    assert (dword(state, 0), dword(state, 4), state["ZF"]) == (3, 4, True)


@pytest.mark.parametrize("cc", range(16))
def test_conditions(cc: int) -> None:
    for value in range(32):
        cf, pf, zf, sf, of = (bool(value >> n & 1) for n in range(5))
        tests = (of, cf, zf, cf or zf, sf, pf, sf != of, zf or sf != of)
        state = after(f"0f{0x90 + cc:02x}c0", CF=cf, PF=pf, ZF=zf, SF=sf, OF=of)
        assert state["EAX"] == (tests[cc >> 1] != bool(cc & 1))


def test_transfers() -> None:
    assert after("ebfe")["EIP"] == START
    assert after("7405", ZF=False)["EIP"] == START + 2
    state = after("e8fbffffff")
    assert (state["EIP"], dword(state, 0x7FFC)) == (START, START + 5)
    state = after("c20480", {0x8000: b"\x10"})
    assert (state["EIP"], state["ESP"]) == (0x10, 0x8000 + 4 + 0x8004)
    assert after("e2fe", ECX=1)["EIP"] == START + 2
    assert after("e0fe", ECX=2, ZF=False)["EIP"] == START
    assert after("e3fe", ECX=0)["EIP"] == START
    assert trap("e900100000", CS_limit=0x1FFF) == ("#GP", Kind.MEMORY)
    assert after("0f8500100000", CS_limit=0x1FFF, ZF=True)["EIP"] == START + 6
    assert trap("e8fbffffff", ESP=2, SS_limit=0xFFFF) == ("#SS", Kind.MEMORY)
    assert trap("6213", {0: b"\0\0\0\0\x05"}, EBX=0, EDX=6) == ("#BR", Kind.PROGRAM)
    assert trap("0f0b") == ("#UD", Kind.UNDEFINED)


def test_an_instruction_must_lie_within_its_segment() -> None:
    assert after("b801000000", CS_limit=START + 4)["EAX"] == 1
    assert trap("b801000000", CS_limit=START + 3) == ("#GP", Kind.MEMORY)


def test_segment_limits() -> None:
    """SDM vol. 3, sections 5.3 to 5.5."""
    gp, ss = ("#GP", Kind.MEMORY), ("#SS", Kind.MEMORY)
    assert after("8b01", ECX=0xFFC, DS_limit=0xFFF)["EAX"] == 0
    assert trap("8b01", ECX=0xFFD, DS_limit=0xFFF) == gp, "the last byte is outside"
    assert trap("8b01", ECX=0xFFFFFFFE) == gp, "an access does not wrap"
    assert trap("8b45fd", EBP=0x1000, SS_limit=0xFFF) == ss
    assert trap("3e8b45fd", EBP=0x1000, DS_limit=0xFFF) == gp
    assert trap("368b01", ECX=0x1000, SS_limit=0xFFF) == ss
    down: dict[str, Any] = {"DS_access": EXPAND_DOWN, "DS_limit": 0xFFF}
    assert trap("8b01", ECX=0xFFF, **down) == gp
    assert after("8b01", ECX=0x1000, **down)["EAX"] == 0
    assert trap("8b01", ECX=0xFFFD, DS_big=False, **down) == gp
    assert trap("8b01", DS_access=0) == gp, "a null segment"


def test_segment_types() -> None:
    gp = ("#GP", Kind.MEMORY)
    assert after("2e8b01")["EAX"] == 0
    assert trap("2e8b01", CS_access=EXECUTE_ONLY) == gp
    assert trap("2e8901") == gp
    assert trap("8901", DS_access=0x91) == gp
    assert after("8b01", DS_access=0x91)["EAX"] == 0
    assert trap("f00001", DS_access=0x91) == gp, "what is changed must be writable"


def test_strings() -> None:
    state = after("f3a4", {0x100: b"ab"}, ESI=0x100, EDI=0x200, ECX=2)
    assert (state["EIP"], state["ECX"], state["memory"][0x200]) == (START, 1, ord("a"))
    assert execute("f3a4", state) is None
    assert (state["EIP"], state["ECX"], state["memory"][0x201]) == (START + 2, 0, ord("b"))
    state = after("f3ab", ECX=0, EDI=0x200, EAX=1)
    assert (state["EIP"], state["EDI"], dword(state, 0x200)) == (START + 2, 0x200, 0)
    assert after("66a7", ESI=8, EDI=8, DF=True)["ESI"] == 6
    state = after("f2ae", {0x200: b"x"}, EDI=0x200, ECX=5, EAX=ord("x"))
    assert (state["EIP"], state["ECX"], state["ZF"]) == (START + 2, 4, True)
    state = after("f3ae", {0x200: b"x"}, EDI=0x200, ECX=5, EAX=ord("x"))
    assert (state["EIP"], state["ECX"]) == (START, 4)
    assert trap("f3a4", ECX=1, ES_access=0) == ("#GP", Kind.MEMORY)
    assert trap("36ac", ESI=0x1000, SS_limit=0xFFF) == ("#SS", Kind.MEMORY)


def test_flag_instructions() -> None:
    assert after("9f", CF=True, ZF=True)["EAX"] == 0x4300
    assert flags(after("9e", EAX=0xFF00)) == "CF PF AF ZF SF"
    assert after("f5", CF=True)["CF"] is False
    assert after("fd")["DF"] is True


def test_lock_needs_memory_that_is_changed() -> None:
    for code in ("f001c0", "f08b01", "f090", "f0c3", "f03801", "f0d8c0"):
        assert INTERPRETER.decode(from_bytes(bytes.fromhex(code))) is None
    assert dword(after("f0ff01", ECX=0), 0) == 1


def test_undefined_flags_are_named() -> None:
    def undefined(code: str) -> dict[str, object]:
        found = INTERPRETER.decode(from_bytes(bytes.fromhex(code)))
        assert found is not None
        return dict(undefined_components(MACHINE, found[0]))

    assert undefined("21c0") == {"AF": TRUE}
    assert set(undefined("d1e0")) == {"AF", "OF", "CF"}
    assert undefined("d1e0")["OF"] is FALSE
    assert undefined("01c0") == {}


def test_a_program_runs() -> None:
    """The sum of 1 to 10: xor eax, eax; mov ecx, 10; add eax, ecx; loop; prefixes are fetched too."""
    code = bytes.fromhex("31c0 b90a000000 3e01c8 e2fb 66a304000000")
    state = world({START: code})
    for _ in range(2 + 2 * 10 + 1):
        step = INTERPRETER.step(state)
        assert step.trapped is None
    assert (state["EIP"], dword(state, 4)) == (START + len(code), 55)


def test_fetching() -> None:
    step = INTERPRETER.step(world({START: b"\x90"}, CS_limit=START - 1, IDTR_limit=0))
    assert step.trapped is not None
    assert step.word is None
    step = INTERPRETER.step(world({START: bytes.fromhex("2e3e90")}))
    assert step.trapped is not None
    assert step.trapped.cause.name == "repeated prefix"
