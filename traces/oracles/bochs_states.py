"""Probes of Bochs as states of the model, and Bochs's results as answers about them.

A probe's state is what the harness makes: segment registers loaded from the descriptors, TR's descriptor busy,
accessed bits set, data segments dropped on the way to an outer ring. The hidden parts of segment registers are
not shown by a result; they show in what is done through them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from ringproof.model.ia32.cpu import FLAG_BITS
from ringproof.model.ia32.machine import DATA_SEGMENTS
from ringproof.traces.python_code import Cells

from . import bochs_layout as at
from .answers import Answer, Cannot, Completed, Raised
from .bochs_image import pristine
from .bochs_probe import Probe
from .bochs_result import End, Result
from .ia32_states import State
from .unicorn_memory import Image

CLOBBERED = 40
RELAY = 0x41
"""The vector by which a probe may end where F1, which raises vector 1, is what is being tried."""

_RELAY_SIZE = 2
_ACCESSED, _BUSY, _SEGMENT, _CONFORMING = 1, 2, 0x10, 0x1C
_FLOATING = 0xFF  # what a port without a device reads as
_DEBUG_STATUS = {"DR6": 0xFFFF0FF0, "DR7": 0x400}


@cache
def _pristine() -> bytes:
    return pristine()


def state_of(probe: Probe, state: State) -> State:
    """Completes `state`, in which everything is zero, to that from which Bochs runs the probe's instruction."""
    memory = state["memory"] = Image(_pristine(), at.WORLD, default=at.LANDING)
    frame = [probe.entry_frame] if probe.entry_frame else []
    for start, data in [*probe.patches(), *frame]:
        for n, byte in enumerate(data):
            memory[start + n] = byte
    state["CPL"] = probe.cpl
    for name, value in probe.all_registers().items():
        state[name.upper()] = value
    state["EIP"] = probe.entry_eip
    for name, bit in FLAG_BITS.items():
        state[name] = probe.eflags >> bit & 1
    state["IOPL"] = probe.eflags >> 12 & 3
    state["CR0"], state["CR4"] = probe.cr0, probe.cr4
    state |= _DEBUG_STATUS
    state["GDTR_base"], state["GDTR_limit"] = at.GDT, probe.gdt_limit
    state["IDTR_base"], state["IDTR_limit"] = at.IDT, probe.idt_limit
    state["MSR"].update(probe.msrs)
    state["IO"] = Cells(default=_FLOATING)
    _load_table(state, "LDTR", probe.ldtr, 0)
    _load_table(state, "TR", probe.tr, _BUSY)
    for name, selector in probe.all_selectors().items():
        _load_segment(state, name.upper(), selector)
    return state


def _descriptor(state: State, selector: int) -> tuple[int, int]:
    """The address of the descriptor that `selector` names, and the descriptor."""
    address = state["LDTR_base" if selector & 4 else "GDTR_base"] + (selector & 0xFFF8)
    return address, int.from_bytes(bytes(state["memory"][address + n] for n in range(8)), "little")


def _load_table(state: State, name: str, selector: int, mark: int) -> None:
    state[f"{name}_selector"] = selector
    if selector & 0xFFFC:
        address, descriptor = _descriptor(state, selector)
        state["memory"][address + 5] |= mark
        _hide(state, name, descriptor | mark << 40)


def _load_segment(state: State, name: str, selector: int) -> None:
    cpl = state["CPL"]
    if name in ("CS", "SS"):
        state[f"{name}_index"] = selector >> 2
    elif not selector & 0xFFFC:
        state[f"{name}_selector"] = 0 if cpl else selector
        return
    address, descriptor = _descriptor(state, selector)
    state["memory"][address + 5] |= _ACCESSED
    if name in DATA_SEGMENTS:
        access = descriptor >> 40 & 0xFF
        if (access >> 5 & 3) < cpl and access & _CONFORMING != _CONFORMING:
            return
        state[f"{name}_selector"], state[f"{name}_big"] = selector, descriptor >> 54 & 1
    _hide(state, name, descriptor | _ACCESSED << 40)


def _hide(state: State, name: str, descriptor: int) -> None:
    """Fills the hidden part of a segment register."""
    limit = (descriptor & 0xFFFF) | (descriptor >> 48 & 0xF) << 16
    state[f"{name}_limit"] = limit << 12 | 0xFFF if descriptor >> 55 & 1 else limit
    state[f"{name}_base"] = at.base_of(descriptor)
    state[f"{name}_access"] = descriptor >> 40 & 0xFF


# Results.


def answer_of(probe: Probe, result: Result, before: State) -> Answer:
    """What Bochs said of a probe. A start state that it refused, or an end that it could not show, is `Cannot`."""
    end, vector, eip = result.end, result.vector, result.eip
    if end is End.EXCEPTION and vector == RELAY and _at_relay(probe, before, eip, result):
        end, eip = End.COMPLETED, eip - _RELAY_SIZE & 0xFFFFFFFF
    if end not in (End.COMPLETED, End.EXCEPTION, End.HALTED):
        return Cannot(f"bochs: {end.value}" + (f", vector {vector}" if end is End.REFUSED else ""))
    if result.ldtr is None:
        return Cannot("bochs: double fault, since the end of the probe could not be pushed")
    after = _after(result) | {"EIP": eip}
    written = dict(_written(probe, result, before))
    if end is End.EXCEPTION:
        assert vector is not None
        del after["RF"]  # the image that a fault pushes has it set
        return Raised(vector, result.error_code, False, after, written)
    return Completed(after | {"halted": int(end is End.HALTED)}, written)


def _at_relay(probe: Probe, before: State, eip: int, result: Result) -> bool:
    """Whether control came to a relay that the probe has placed, not to its own INT instruction."""
    code = at.base_of(_descriptor(before, result.selectors["cs"])[1])
    return probe.memory.get(code + eip - _RELAY_SIZE & 0xFFFFFFFF) == bytes((0xCD, RELAY))


def _after(result: Result) -> State:
    after = {name.upper(): value for name, value in result.registers.items()}
    after |= {name: result.eflags >> bit & 1 for name, bit in FLAG_BITS.items()}
    after["IOPL"], after["CPL"] = result.eflags >> 12 & 3, result.cpl
    for name, selector in result.selectors.items():
        if name in ("cs", "ss"):
            after[f"{name.upper()}_index"] = selector >> 2
        else:
            after[f"{name.upper()}_selector"] = selector
    after["GDTR_base"], after["GDTR_limit"] = result.gdtr
    after["IDTR_base"], after["IDTR_limit"] = result.idtr
    after["TR_selector"] = result.tr
    after["LDTR_selector"] = result.ldtr or 0
    return after | {name.upper(): value for name, value in result.control.items()}


def _written(probe: Probe, result: Result, before: State) -> Iterator[tuple[int, int]]:
    """The watched bytes that changed, but for those that the capture itself pushed."""
    stack = result.selectors["ss"]
    memory = before["memory"]
    if result.cpl == 0:
        base = at.base_of(_descriptor(before, stack)[1])
        top = base + result.registers["esp"] & 0xFFFFFFFF
    else:
        top = int.from_bytes(bytes(memory[at.TSS + 4 + n] for n in range(4)), "little")
    for (start, _), data in result.memory.items():
        for address, byte in enumerate(data, start):
            if byte != memory[address] and not top - CLOBBERED <= address < top:
                yield address, byte
