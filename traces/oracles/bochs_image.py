"""The read-only memory image that makes Bochs run a batch of probes: the harness, the pristine world, the records.

The image ends at 4 GiB, where the processor starts after reset. Nothing else is booted: no BIOS, no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from struct import pack

from . import bochs_layout as at
from .bochs_harness import FRAME_WORDS, LISTING, MAGIC, assemble
from .bochs_probe import Capture, Probe, ProbeError

_STUBS, _TASK_STUBS, _TASKS = at.HARNESS + 0x1000, at.HARNESS + 0x2000, at.HARNESS + 0x4000
_ENTRY = at.STATE + 0x10
_WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17, 21})
_ROOM = at.ROM_SIZE - 0x20000
_RESULT_ROOM = at.MEMORY_SIZE - at.RESULTS
_NAMES = {
    "STATE": at.STATE, "CURRENT": at.STATE + 4, "ENTRY": _ENTRY, "FRAME": at.FRAME, "FRAME_WORDS": FRAME_WORDS,
    "MAGIC": MAGIC, "HARNESS_STACK": at.HARNESS_STACK, "CAPTURE_TSS": at.CAPTURE_TSS, "TASKS": _TASKS,
    "PRISTINE": at.PRISTINE, "WORLD": at.WORLD, "ROM": at.ROM, "IOAPIC": 0xFEC00000,
}  # fmt: skip

# At 4 GiB - 16, in real mode with CS based at FFFF0000: jump to START16, which enters protected mode.
_RESET = bytes.fromhex("E9 0D FE")  # jmp START16
_START16 = 0xFE00
_REAL_MODE = (
    "BC 00 30"  # mov sp, 3000
    "2E 66 0F 01 16 40 FE"  # o32 lgdt [cs:FE40]
    "0F 20 C0 0C 01 0F 22 C0"  # mov eax, cr0 / or al, 1 / mov cr0, eax
    "66 EA 00 00 FF FF 08 00"  # jmp dword 0008:FFFF0000
)


@dataclass(frozen=True)
class Image:
    """A read-only memory image, its probes, the addresses where their results will lie, and the end of those."""

    rom: bytes
    probes: tuple[Probe, ...]
    results: tuple[int, ...]
    end: int


@cache
def _harness() -> tuple[bytes, dict[str, int]]:
    return assemble(LISTING, at.HARNESS, _NAMES)


@cache
def _fixed() -> bytes:
    """The last 128 KiB: the pristine world and the harness."""
    code, labels = _harness()
    rom = bytearray(at.LANDING for _ in range(0x20000))

    def put(address: int, data: bytes) -> None:
        rom[address - at.PRISTINE : address - at.PRISTINE + len(data)] = data

    put(at.PRISTINE, pristine())
    put(at.HARNESS, code)
    for vector in range(256):
        target = labels["nmi" if vector == 2 else "gate"]
        pushes = bytes.fromhex("66 90" if vector in _WITH_ERROR_CODE else "6A 00") + b"\x68" + pack("<I", vector)
        for start, end in ((_STUBS, target), (_TASK_STUBS, labels["task"])):
            stub = start + 16 * vector
            put(stub, pushes + b"\xe9" + pack("<i", end - stub - 12))
        put(_TASKS + 104 * vector, _task(_TASK_STUBS + 16 * vector))
    put(at.HARNESS + _START16, bytes.fromhex(_REAL_MODE))
    put(at.HARNESS + _START16 + 0x40, pack("<HI", at.GDT_LIMIT, at.PRISTINE))
    put(at.HARNESS + 0xFFF0, _RESET)
    return bytes(rom)


def _task(eip: int) -> bytes:
    """A TSS whose task starts at `eip` in ring 0 on the harness's stack, interrupts off."""
    code, data = at.code_selector(0), at.data_selector(0)
    return pack(
        "<I 6I I 2I 4I 4I 6I 2I", 0, *[0] * 6, 0, eip, 2, *[0] * 4, at.HARNESS_STACK, 0, 0, 0,
        data, code, data, data, 0, 0, 0, 104 << 16,
    )  # fmt: skip


def pristine() -> bytes:
    """The pristine world: tables of the harness, everything else a landing trap."""
    world = bytearray([at.LANDING]) * at.WORLD_SIZE

    def put(address: int, data: bytes) -> None:
        world[address - at.WORLD : address - at.WORLD + len(data)] = data

    gdt = at.default_gdt()
    put(at.GDT, b"".join(pack("<Q", gdt.get(n, 0)) for n in range((at.GDT_LIMIT + 1) // 8)))
    put(at.LDT, bytes(at.LDT_LIMIT + 1))
    for vector in range(256):
        everyone = vector in (3, 4) or vector >= 32
        task = at.gate(at.TASK_GATE, at.CAPTURE_GDT + vector << 3, dpl=3 * everyone)
        handler = _STUBS + 16 * vector
        interrupt = at.gate(at.INTERRUPT_GATE, at.code_selector(0), handler, dpl=3 * everyone)
        put(at.IDT + 8 * vector, pack("<Q", task if vector == 8 else interrupt))
        put(at.TASK_IDT + 8 * vector, pack("<Q", task))
    stacks = [word for ring in range(3) for word in (at.stack_top(ring), at.data_selector(ring))]
    bitmap = bytes([0xFF]) * (at.TSS_LIMIT + 1 - 0x68)
    put(at.TSS, pack("<I 6I 18I I", 0, *stacks, *[0] * 18, 0x68 << 16) + bitmap)
    return bytes(world)


def images(probes: Iterable[Probe]) -> Iterator[Image]:
    """Images that together run `probes` in order, as many in each as fit.

    Raises `ProbeError` for a probe that needs more than an image has.
    """
    batch: list[Probe] = []
    used, watched = 0, 0
    for probe in probes:
        size, result = len(_record(probe, 0, 0, last=True)), result_size(probe)
        if size > _ROOM or result > _RESULT_ROOM:
            raise ProbeError(f"a probe of {size} bytes that watches {result} does not fit into an image")
        if used + size > _ROOM or watched + result > _RESULT_ROOM:
            yield _image(batch)
            batch, used, watched = [], 0, 0
        batch.append(probe)
        used, watched = used + size, watched + result
    if batch:
        yield _image(batch)


def result_size(probe: Probe) -> int:
    """The bytes that a result takes in memory: the captured state, then each watched range in whole dwords."""
    return 4 * FRAME_WORDS + sum((size + 3) // 4 * 4 for _, size in probe.watch)


def _image(probes: Sequence[Probe]) -> Image:
    results = list(accumulate(map(result_size, probes), initial=at.RESULTS))
    rom = bytearray()
    for number, probe in enumerate(probes):
        rom += _record(probe, at.ROM + len(rom), results[number], last=number == len(probes) - 1)
    rom += bytes(_ROOM - len(rom)) + _fixed()
    return Image(bytes(rom), tuple(probes), tuple(results[:-1]), results[-1])


def _record(probe: Probe, address: int, result: int, *, last: bool) -> bytes:
    """The record of a probe at `address`, in the form that `bochs_harness` describes."""
    _, labels = _harness()
    patches = probe.patches()
    registers = probe.all_registers()
    selectors = probe.all_selectors()
    far = pack("<IH", probe.entry_eip, selectors["cs"])
    stack = pack("<4I", *[selectors[name] for name in ("gs", "fs", "es", "ds")])
    order = ("edi", "esi", "ebp", "esp", "ebx", "edx", "ecx", "eax")
    stack += pack("<8I", *[registers[name] for name in order])
    frame = pack("<3I", probe.entry_eip, selectors["cs"], probe.eflags | 2)
    if probe.cpl:
        routine, stack = "outer", stack + frame + pack("<2I", registers["esp"], selectors["ss"])
    elif probe.entry_frame is not None:
        routine = "inner_iret"
        stack += pack("<2I", registers["esp"] - 12 & 0xFFFFFFFF, selectors["ss"])
        patches.append(probe.entry_frame)
    else:
        routine = "inner"
        stack += pack("<3I", probe.eflags | 2, registers["esp"], selectors["ss"])
        patches.append((_ENTRY, far))
    numbered = b"".join(pack("<IQ", number, value) for number, value in probe.msrs.items()) + bytes(4)
    patched = b"".join(pack("<2I", len(data), start) + data for start, data in patches) + bytes(4)
    watched = b"".join(pack("<2I", (size + 3) // 4 * 4, start) for start, size in probe.watch) + bytes(4)
    idt = at.TASK_IDT if probe.capture is Capture.TASK else at.IDT
    tables = pack("<HI2x HI2x", probe.gdt_limit, at.GDT, probe.idt_limit, idt)
    head = 0x28 + len(tables) + len(stack)
    end = head + len(patched) + len(watched) + len(numbered)
    end += -end % 4
    numbers = (
        0 if last else address + end, result, labels[routine], probe.cr4, probe.cr0, probe.ldtr, probe.tr,
        address + head, address + head + len(patched), address + head + len(patched) + len(watched),
    )  # fmt: skip
    record = pack("<10I", *numbers) + tables + stack + patched + watched + numbered
    return record + bytes(end - len(record))
