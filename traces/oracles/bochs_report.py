"""What a probe did, in one line of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import bochs_layout as at
from .bochs_probe import Capture, Probe
from .bochs_result import End, Result

_NAMES = {
    0: "#DE", 1: "#DB", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP",
    12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM",
}  # fmt: skip
_RF, _TS = 1 << 16, 1 << 3


def outcome(result: Result) -> str:
    """How a probe ended: "#GP(0)", with the error code in hexadecimal, "INT 40", or the word of `End`."""
    if result.end is not End.EXCEPTION or result.vector is None:
        return result.end.value
    name = _NAMES.get(result.vector, f"INT {result.vector:x}")
    return name if result.error_code is None else f"{name}({result.error_code:x})"


def summary(probe: Probe, result: Result) -> str:
    """The outcome and everything that differs from the start, in hexadecimal; RF is left out.

    EIP is left out where it is that of the instruction for an exception, or of the next one for a completion;
    watched memory is always shown.

    >>> from ringproof.traces.oracles.bochs import Bochs
    >>> push = Probe(code=b"\\x1e", watch=((at.stack_top(3) - 0x804, 4),))
    >>> if Bochs.available() is None:
    ...     assert summary(push, *Bochs().run([push])) == "completed esp=187fc [187fc]=43 00 f1 f1"
    """
    if result.end in (End.LOST, End.REFUSED, End.SHUTDOWN):
        return outcome(result) + (f" (vector {result.vector})" if result.end is End.REFUSED else "")
    return " ".join([outcome(result), *_changes(probe, result)])


def table(rows: Iterable[tuple[str, Probe, Result]]) -> str:
    """A line for each named probe and its result: name, ring, outcome and changes."""
    lines = [(name, f"ring {probe.cpl}", summary(probe, result)) for name, probe, result in rows]
    width = max((len(name) for name, _, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}  {ring}  {text}" for name, ring, text in lines)


def _changes(probe: Probe, result: Result) -> Iterator[str]:
    fault = result.end is End.EXCEPTION
    after = probe.entry_eip + (0 if fault else len(probe.code)) & 0xFFFFFFFF
    task = _TS if probe.capture is Capture.TASK else 0
    idt = at.TASK_IDT if probe.capture is Capture.TASK else at.IDT
    before = {"eip": after, "eflags": probe.eflags | 2, "tr": probe.tr, "ldtr": probe.ldtr}
    now = {"eip": result.eip, "eflags": result.eflags & ~(_RF if fault else 0), "tr": result.tr}
    now["ldtr"] = probe.ldtr if result.ldtr is None else result.ldtr
    before |= probe.all_registers() | probe.all_selectors()
    now |= {**result.registers, **result.selectors}
    before |= dict.fromkeys(result.control, 0) | {"cr0": probe.cr0 | task, "cr4": probe.cr4}
    before |= {"dr6": 0xFFFF0FF0, "dr7": 0x400}
    now |= result.control
    for name, value in now.items():
        if value != before[name]:
            yield f"{name}={value:x}"
    for name, (base, limit), start in (
        ("gdtr", result.gdtr, (at.GDT, probe.gdt_limit)),
        ("idtr", result.idtr, (idt, probe.idt_limit)),
    ):
        if (base, limit) != start:
            yield f"{name}={base:x}:{limit:x}"
    for (address, _), data in result.memory.items():
        yield f"[{address:x}]={data.hex(' ')}"
