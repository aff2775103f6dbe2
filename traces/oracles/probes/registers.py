"""Control, debug, table and model-specific registers: the values that they take, and SYSENTER and SYSEXIT."""

from __future__ import annotations

from collections.abc import Iterator

from .. import bochs_layout as at
from ..bochs_ia32 import Asked
from .words import ENTRY, LANDING, RINGS, Words, descriptors, dwords, memory, placed, product, register, stack_middle

CR0_VALUES = (0x11, 0x13, 0x1F, 0x15, 0x10011, 0x40011, 0x60000011, 0x40000011, 0x20000011, 0x80000011, 0x80000010,
              0x10, 0x1, 0x1FFAFFD1, 0x50033, 0x40050031)  # fmt: skip
CR3_VALUES = (0, 0x12345000, 0x18, 0xFFFFFFFF)
CR4_VALUES = (0, 0x8, 0x10, 0x20, 0x40, 0x80, 0x200, 0x400, 0x6D8, 0x1000, 0x2000, 0x10000, 0x80000000, 0x800, 0x2)
DR7_VALUES = (0, 0x400, 0x0000D7AA & ~0x2000, 0xFFFF0000, 0xCC00)
DR6_VALUES = (0, 0xFFFF0FF0, 0x1FF0)
MSW_VALUES = (0, 1, 0xF, 0x8, 0x6, 0xFFFF, 0x9)
CONTROL_START, PREVIOUS = 0x60050033, 0x00000010
TSC, SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP, ABSENT = 0x10, 0x174, 0x175, 0x176, 0x12345678
SELECTORS = (0x8, 0x0, 0x3, 0xB, 0x10008, 0x19, 0xFFF8)


def probes(words: Words) -> Iterator[Asked]:
    """Each register in turn."""
    for cpl in RINGS:
        yield from control(words, cpl)
        yield from debug(words, cpl)
        yield from model_specific(words, cpl)
        yield from fast_calls(words, cpl)
    yield from tables(words)


def control(words: Words, cpl: int) -> Iterator[Asked]:
    """CR0, CR2, CR3, CR4; the machine status word."""
    (to,), (out,) = words.named("MOV (to CR)"), words.named("MOV (from CR)")
    values = {0: CR0_VALUES, 2: CR3_VALUES, 3: CR3_VALUES, 4: CR4_VALUES, 1: (0,), 5: (0,), 7: (0,)}
    for number, found in values.items():
        for value in found:
            for mod in (0, 3):
                yield words.ask(to, {"mod": mod, "reg": number, "rm": 1}, cpl=cpl, registers={"ecx": value})
        yield words.ask(out, {"mod": 3, "reg": number, "rm": 2}, cpl=cpl, cr0=CONTROL_START, cr4=PREVIOUS)
        yield words.ask(out, {"mod": 1, "reg": number, "rm": 6}, cpl=cpl, cr0=CONTROL_START)
    for form, value, start in product(words.named("LMSW"), MSW_VALUES, (0x11, 0x1F)):
        for place in (register(1), memory(at.SCRATCH)):
            yield words.ask(
                form, place, cpl=cpl, cr0=start, registers={"ecx": value}, memory={at.SCRATCH: dwords(value)}
            )
    for form, start in product(words.named("SMSW", "CLTS"), (0x11, 0x1F, CONTROL_START)):
        places = (register(3), memory(at.SCRATCH)) if "rm" in form.encoding.fields else ({},)
        for place in places:
            yield words.ask(form, place, cpl=cpl, cr0=start, registers={"ebx": 0xFFFFFFFF})


def debug(words: Words, cpl: int) -> Iterator[Asked]:
    """DR0 to DR7, with and without CR4.DE. DR6 keeps the bits clear that would look like a debug exception."""
    for form, number, cr4 in product(words.named("MOV (to DR)"), range(8), (0, 8)):
        for value in {6: DR6_VALUES, 4: DR6_VALUES, 7: DR7_VALUES, 5: DR7_VALUES}.get(number, (0x12345678,)):
            yield words.ask(form, {"mod": 3, "reg": number, "rm": 1}, cpl=cpl, cr4=cr4, registers={"ecx": value})
    for form, number, cr4 in product(words.named("MOV (from DR)"), range(8), (0, 8)):
        yield words.ask(form, {"mod": 3, "reg": number, "rm": 1}, cpl=cpl, cr4=cr4, registers={"ecx": 0x55})


def model_specific(words: Words, cpl: int) -> Iterator[Asked]:
    """RDMSR and WRMSR of those that the model has and of one that there is not; counters; the time; CPUID."""
    held = {SYSENTER_CS: 0x18, SYSENTER_ESP: 0x11223344, SYSENTER_EIP: 0x55667788}
    for number in (SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP, TSC, ABSENT):
        values = {"ecx": number, "eax": 0x89ABCDE8, "edx": 0}
        for row in ("RDMSR", "WRMSR"):
            yield words.ask(words.named(row)[0], {}, cpl=cpl, registers=values, msrs=held)
    for row, ecx in product(("RDTSC", "RDPMC"), (0, 1, 2, 0x40)):
        yield words.ask(words.named(row)[0], {}, cpl=cpl, registers={"ecx": ecx})
    for leaf in (0, 1, 7, 0x80000000):
        yield words.ask(words.named("CPUID")[0], {}, cpl=cpl, registers={"eax": leaf})


def fast_calls(words: Words, cpl: int) -> Iterator[Asked]:
    """SYSENTER and SYSEXIT, with selectors of several kinds; EDX and ECX are where SYSEXIT goes."""
    for row, selector in product(("SYSENTER", "SYSEXIT"), SELECTORS):
        for eflags in (0x202, 0x10206):
            yield words.ask(
                words.named(row)[0], {}, cpl=cpl, eflags=eflags,
                registers={"edx": LANDING + 8, "ecx": stack_middle(3)},
                msrs={SYSENTER_CS: selector, SYSENTER_ESP: stack_middle(0) - 64, SYSENTER_EIP: LANDING},
            )  # fmt: skip


def tables(words: Words) -> Iterator[Asked]:
    """LLDT and LTR over all access bytes; LGDT and LIDT with both operand sizes."""
    loads = words.named("LLDT", "LTR")
    for access, rpl, form in product(range(256), RINGS, loads):
        selector, table = placed(descriptors(access, base=at.TSS, limit=0x2068), local=access % 16 == 7)
        for cpl in (0,) if access else RINGS:
            yield words.ask(form, register(1), cpl=cpl, registers={"ecx": selector | rpl}, **table)
    for form, selector in product(loads, (0, 1, 2, 3, 4, 0x304, 0x1000, at.TSS_SELECTOR, at.LDT_SELECTOR, 0x8)):
        for place in (register(1), memory(at.SCRATCH)):
            yield words.ask(form, place, cpl=0, registers={"ecx": selector}, memory={at.SCRATCH: dwords(selector)})
    for form, prefix, limit in product(words.named("LGDT", "LIDT"), (0, 1), (0x1FF, 0x7FF, 0xFFF, 0x200)):
        base = (at.GDT if form.name == "LGDT" else at.IDT) | prefix << 28
        pointer = limit.to_bytes(2, "little") + dwords(base)
        for cpl in RINGS:
            yield words.ask(form, {"prefix": prefix, **memory(at.SCRATCH)}, cpl=cpl, memory={at.SCRATCH: pointer})


__all__ = ["ENTRY", "probes"]
