"""Where unicorn keeps the processor's hidden state: its saved context, found and checked at start-up.

Unicorn's registers do not show CPL, the hidden parts of the segment registers or an exception's error code.
Its saved context does (it is QEMU's `CPUX86State`, target/i386/cpu.h), and restoring it sets them. The layout is
checked against values written through the register interface; another layout is refused, never guessed.
"""

from __future__ import annotations

import ctypes
from typing import Any

from .answers import OracleUnavailable

u32, u64 = ctypes.c_uint32, ctypes.c_uint64


class SegmentCache(ctypes.Structure):
    """A segment register with its hidden part. `flags` is the descriptor's second word."""

    _fields_ = (("selector", u32), ("base", u64), ("limit", u32), ("flags", u32))


class Front(ctypes.Structure):
    """The first part of the context. Condition codes live in `cc_src` when `cc_op` is 1, DF in `df` as 1 or -1."""

    _fields_ = (
        ("registers", u64 * 16),
        ("eip", u64),
        ("eflags", u64),
        ("cc_dst", u64),
        ("cc_src", u64),
        ("cc_src2", u64),
        ("cc_op", u32),
        ("df", ctypes.c_int32),
        ("hflags", u32),
        ("hflags2", u32),
        ("segments", SegmentCache * 6),
        ("ldt", SegmentCache),
        ("tr", SegmentCache),
        ("gdt", SegmentCache),
        ("idt", SegmentCache),
        ("cr", u64 * 5),
    )


class Exceptions(ctypes.Structure):
    """The part about exceptions. `old_exception` is -1 unless an earlier exception is being delivered."""

    _fields_ = (
        ("error_code", ctypes.c_int32),
        ("is_software", ctypes.c_int32),
        ("next_eip", u64),
        ("dr", u64 * 8),
        ("breakpoints", u64 * 4),
        ("old_exception", ctypes.c_int32),
    )


class FastCalls(ctypes.Structure):
    """The model-specific registers of SYSENTER."""

    _fields_ = (("cs", u32), ("esp", u64), ("eip", u64))


class Layout:
    """The context of one engine as structures over its bytes: `front`, `fast_calls` and `exceptions`."""

    def __init__(self, engine: Any, constants: Any) -> None:
        marks = {f"UC_X86_REG_{name}": 0xA5C30000 + n for n, name in enumerate(("EAX", "ECX", "EDX", "EBX"))}
        marks |= {f"UC_X86_REG_DR{n}": 0x5A3C0000 + n for n in range(4)}
        before = {name: engine.reg_read(getattr(constants, name)) for name in marks}
        for name, value in marks.items():
            engine.reg_write(getattr(constants, name), value)
        engine.reg_write(constants.UC_X86_REG_LDTR, (0x18, 0x7B1D0000, 0x3F7, 0x8200))
        engine.reg_write(constants.UC_X86_REG_IDTR, (0, 0x7B2D0000, 0x6F7, 0))
        for number, value in ((0x174, 0x6B), (0x175, 0x3C5A0000), (0x176, 0x3C5A0001)):
            engine.msr_write(number, value)
        self.context = engine.context_save()
        size = self.context.size
        start = self.context.context.value
        raw = ctypes.string_at(start, size)
        front = _place(raw, [0xA5C30000 + n for n in range(4)])
        debug = _place(raw, [0x5A3C0000 + n for n in range(4)])
        self.front = Front.from_address(start + front)
        fast = _place(raw, [0x3C5A0000, 0x3C5A0001])
        self.fast_calls = FastCalls.from_address(start + fast - FastCalls.esp.offset)
        self.exceptions = Exceptions.from_address(start + debug - Exceptions.dr.offset)
        ldt, idt = self.front.ldt, self.front.idt
        tables = (ldt.selector, ldt.base, ldt.limit, ldt.flags, idt.base, idt.limit)
        others = (self.exceptions.old_exception, self.fast_calls.cs)
        known = tables == (0x18, 0x7B1D0000, 0x3F7, 0x8200, 0x7B2D0000, 0x6F7) and others == (-1, 0x6B)
        if not known or self.front.df not in (1, -1):
            raise OracleUnavailable("this version of unicorn lays out its saved context in a way that is not known")
        for name, value in before.items():
            engine.reg_write(getattr(constants, name), value)


def _place(raw: bytes, values: list[int]) -> int:
    """Where `values` stand in a row as 64-bit numbers."""
    row = b"".join(value.to_bytes(8, "little") for value in values)
    place = raw.find(row)
    if place < 0:
        raise OracleUnavailable("this version of unicorn saves no context that shows its registers")
    return place
