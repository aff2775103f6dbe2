"""What Bochs left after a probe, and its reading from the dumped memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from struct import unpack_from

from . import bochs_layout as at
from .bochs_harness import FRAME_WORDS
from .bochs_probe import Probe

_FRAME = (
    "eip", "eflags", "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "es", "cs", "ss", "ds", "fs", "gs",
    "kind", "vector", "error_code", "tr", "ldtr",
)  # fmt: skip
_CONTROL = ("cr0", "cr2", "cr3", "cr4", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7")
_REGISTERS, _SELECTORS = _FRAME[2:10], _FRAME[10:16]
_WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17, 21})
_GATE, _TASK, _SHUTDOWN = 1, 2, 3
_DR6_CAUSES = 0xE00F


class End(Enum):
    """How a probe ended."""

    COMPLETED = "completed"
    EXCEPTION = "exception"
    HALTED = "halted"
    HUNG = "hung"
    LOST = "lost"
    REFUSED = "refused"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, kw_only=True)
class Result:
    """The state after a probe.

    Attributes
    ----------
    end: COMPLETED when control went on, to `eip`; EXCEPTION; HALTED by HLT, until the watchdog woke it; HUNG
        when it was still running after some thousands of instructions; REFUSED when the start state could not
        even be loaded, which raised `vector`; SHUTDOWN after a triple fault or outside protected mode; LOST
        when Bochs itself stopped or never came back. After the last two all numbers are 0.
    vector, error_code: of the exception or interrupt that was captured, else None.
    registers, selectors: by the names of `Probe`.
    eip: where execution would go on: of the instruction for a fault, after it for a trap.
    eflags: as the capture pushed them: the delivery of a fault sets RF (bit 16).
    cpl: after the instruction.
    tr, ldtr: selectors; `ldtr` is None when a task captured, which loses it.
    gdtr, idtr: (base, limit).
    control: cr0, cr2, cr3, cr4, dr0 to dr3, dr6, dr7. A capturing task has set CR0.TS.
    memory: the watched bytes, by the probe's (address, size).
    """

    end: End
    vector: int | None
    error_code: int | None
    registers: Mapping[str, int]
    selectors: Mapping[str, int]
    eip: int
    eflags: int
    cpl: int
    tr: int
    ldtr: int | None
    gdtr: tuple[int, int]
    idtr: tuple[int, int]
    control: Mapping[str, int]
    memory: Mapping[tuple[int, int], bytes]

    @property
    def cr0(self) -> int:
        """CR0; a capturing task has set TS (bit 3)."""
        return self.control["cr0"]

    @property
    def cr4(self) -> int:
        """CR4."""
        return self.control["cr4"]


def lost(probe: Probe) -> Result:
    """The result of a probe during which Bochs itself stopped."""
    return _without_state(probe, End.LOST)


def _without_state(probe: Probe, end: End) -> Result:
    return Result(
        end=end,
        vector=None,
        error_code=None,
        registers=dict.fromkeys(_REGISTERS, 0),
        selectors=dict.fromkeys(_SELECTORS, 0),
        eip=0,
        eflags=0,
        cpl=0,
        tr=0,
        ldtr=None,
        gdtr=(0, 0),
        idtr=(0, 0),
        control=dict.fromkeys(_CONTROL, 0),
        memory={(start, size): bytes(size) for start, size in probe.watch},
    )


def decode(probe: Probe, data: bytes) -> Result | None:
    """The result of `probe` from its bytes in memory; None when the probe was never captured."""
    frame = dict(zip(_FRAME, unpack_from("<21I", data), strict=True))
    gdt_limit, gdt_base, idt_limit, idt_base = unpack_from("<HI2xHI", data, 84)
    control = dict(zip(_CONTROL, unpack_from("<10I", data, 100), strict=True))
    kind, vector, eip = frame["kind"], frame["vector"], frame["eip"]
    if kind == _SHUTDOWN:
        return _without_state(probe, End.SHUTDOWN)
    if kind not in (_GATE, _TASK):
        return None
    memory = {}
    offset = 4 * FRAME_WORDS
    for start, size in probe.watch:
        memory[start, size] = data[offset : offset + size]
        offset += (size + 3) // 4 * 4
    end = _end(probe, frame, control)
    raised = end in (End.EXCEPTION, End.REFUSED)
    return Result(
        end=end,
        vector=vector if raised else None,
        error_code=frame["error_code"] if raised and vector in _WITH_ERROR_CODE else None,
        registers={name: frame[name] for name in _REGISTERS},
        selectors={name: frame[name] & 0xFFFF for name in _SELECTORS},
        eip=eip - (end is End.COMPLETED) & 0xFFFFFFFF,
        eflags=frame["eflags"],
        cpl=frame["cs"] & 3,
        tr=frame["tr"] & 0xFFFF,
        ldtr=frame["ldtr"] & 0xFFFF if kind == _GATE else None,
        gdtr=(gdt_base, gdt_limit),
        idtr=(idt_base, idt_limit),
        control=control,
        memory=memory,
    )


def _end(probe: Probe, frame: Mapping[str, int], control: Mapping[str, int]) -> End:
    if frame["eip"] >= at.ROM and frame["cs"] & 0xFFFF == at.code_selector(0):
        return End.REFUSED
    passed = frame["eip"] - probe.entry_eip & 0xFFFFFFFF
    same_segment = (frame["cs"] ^ probe.all_selectors()["cs"]) & 0xFFFC == 0
    if frame["vector"] == 2:
        return End.HALTED if passed == len(probe.code) and probe.code[-1:] == b"\xf4" else End.HUNG
    if frame["vector"] == 1 and not control["dr6"] & _DR6_CAUSES:
        # A landing trap, unless the code itself asked for vector 1 by INT1 or INT 1.
        return End.EXCEPTION if same_segment and 0 < passed <= len(probe.code) else End.COMPLETED
    return End.EXCEPTION
