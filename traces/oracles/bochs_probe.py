"""What is put to Bochs: one instruction in a machine state of protected mode without paging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from struct import pack

from . import bochs_layout as at

REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi")
SELECTORS = ("es", "cs", "ss", "ds", "fs", "gs")
CR0_PE, CR0_PG, CR4_PAE = 1, 1 << 31, 1 << 5
NOT_BY_POPF = 1 << 8 | 1 << 16 | 1 << 19 | 1 << 20  # TF, which would trap at once; RF, VIF, VIP


class ProbeError(ValueError):
    """A probe asks for a state that the harness cannot set up."""


class Capture(Enum):
    """How the state after the instruction is caught.

    GATE reports everything; in ring 0 the trap is pushed on the stack of the probe, so the 32 bytes below its
    ESP are overwritten afterwards, and a stack that cannot take them gives vector 8, a double fault.
    TASK, a task switch, touches no stack, but sets CR0.TS, clears DR7's local enables and loses LDTR.
    """

    GATE = "gate"
    TASK = "task"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One instruction and the state that it starts from.

    `code` is placed at linear address `address`, and EIP is such that CS:EIP is there. What is not given is
    flat, zero, or absent: general registers are 0 but ESP, which is in the middle of the ring's stack; data
    segments are the flat ones of the ring; I/O is denied; every free byte of memory is F1, a trap that ends
    the probe wherever control may arrive. `bochs_layout` has the addresses and the descriptors' makers.

    Parameters
    ----------
    code: machine code, one instruction as a rule; control that runs past its end stops there.
    cpl: the ring, 0 to 3.
    registers: 32-bit values by name, "eax" to "edi".
    eflags: IF, IOPL, TF and so on; bit 1 is added, VM refused.
    selectors: 16-bit values by name, "es" to "gs"; RPL of "cs" and "ss" must be `cpl`. IRET makes a data
        segment null whose DPL is below `cpl`.
    cr0, cr4: whole registers, PE set, PG clear.
    gdt, ldt, idt: descriptors (64 bits) by index; the GDT's 16 to 255 are free, all of the others. Captures
        need vector 1, and the vector that the instruction is expected to raise, as they are.
    ldtr, tr: selectors; 0 makes LDTR unusable.
    gdt_limit, idt_limit: in bytes; captures need no less than 0x57 in the GDT and all their vectors in the IDT.
    memory: bytes by linear address, within the world (10000 to 1FFFF).
    io_bitmap: bytes of the TSS's I/O bitmap by index: bit n of byte k denies port 8k + n.
    msrs: model-specific registers to load first, by number; the others keep what earlier probes left.
    watch: (linear address, size) ranges to report.
    """

    code: bytes
    cpl: int = 3
    registers: Mapping[str, int] = field(default_factory=dict)
    eflags: int = 2
    selectors: Mapping[str, int] = field(default_factory=dict)
    cr0: int = 0x11
    cr4: int = 0
    gdt: Mapping[int, int] = field(default_factory=dict)
    ldt: Mapping[int, int] = field(default_factory=dict)
    idt: Mapping[int, int] = field(default_factory=dict)
    ldtr: int = at.LDT_SELECTOR
    tr: int = at.TSS_SELECTOR
    gdt_limit: int = at.GDT_LIMIT
    idt_limit: int = at.IDT_LIMIT
    memory: Mapping[int, bytes] = field(default_factory=dict)
    io_bitmap: Mapping[int, int] = field(default_factory=dict)
    msrs: Mapping[int, int] = field(default_factory=dict)
    watch: tuple[tuple[int, int], ...] = ()
    address: int = at.CODE
    capture: Capture = Capture.GATE

    def __post_init__(self) -> None:
        if self.cpl not in range(4):
            raise ProbeError(f"cpl is {self.cpl}, not 0 to 3")
        for what, names, known in (
            ("register", self.registers, REGISTERS),
            ("segment register", self.selectors, SELECTORS),
        ):
            for name in names:
                if name not in known:
                    raise ProbeError(f"{name!r} is not a {what}: those are {', '.join(known)}")
        if not self.cr0 & CR0_PE or self.cr0 & CR0_PG:
            raise ProbeError(f"cr0 is {self.cr0:#x}, but protected mode without paging needs PE=1 and PG=0")
        if self.eflags & 1 << 17:
            raise ProbeError(f"eflags is {self.eflags:#x}: virtual-8086 mode is not offered")
        for index in self.gdt:
            if index not in at.FREE_GDT:
                raise ProbeError(f"GDT entry {index} is the harness's: 16 to 255 are free")
        for start, data in self.patches():
            if not at.WORLD <= start <= start + len(data) <= at.WORLD + at.WORLD_SIZE:
                raise ProbeError(f"{len(data)} bytes at {start:#x} are not within 0x10000 to 0x1ffff")
        for name, value in self.all_selectors().items():
            if name in ("cs", "ss") and value & 3 != self.cpl:
                raise ProbeError(f"{name} is {value:#x}, but its RPL must be the ring, {self.cpl}")

    def all_registers(self) -> dict[str, int]:
        """The general registers, the default ones included."""
        values = dict.fromkeys(REGISTERS, 0) | {"esp": at.stack_top(self.cpl) - at.STACK_SIZE // 2}
        return values | {name: value & 0xFFFFFFFF for name, value in self.registers.items()}

    def all_selectors(self) -> dict[str, int]:
        """The segment registers, the default ones included."""
        values = dict.fromkeys(SELECTORS, at.data_selector(self.cpl)) | {"cs": at.code_selector(self.cpl)}
        return values | {name: value & 0xFFFF for name, value in self.selectors.items()}

    def base(self, name: str) -> int:
        """The base of the segment in the segment register `name`, from its descriptor; 0 where there is none."""
        selector = self.all_selectors()[name]
        table = self.ldt if selector & 4 else {**at.default_gdt(), **self.gdt}
        return at.base_of(table.get(selector >> 3, 0))

    @property
    def entry_eip(self) -> int:
        """EIP at the start."""
        return self.address - self.base("cs") & 0xFFFFFFFF

    def patches(self) -> list[tuple[int, bytes]]:
        """What this probe changes in the pristine world: (linear address, bytes), later ones winning."""
        idt = at.TASK_IDT if self.capture is Capture.TASK else at.IDT
        patches = [
            (table + 8 * index, pack("<Q", value))
            for table, entries in ((at.GDT, self.gdt), (at.LDT, self.ldt), (idt, self.idt))
            for index, value in entries.items()
        ]
        patches += [(at.IO_BITMAP + index, bytes([value])) for index, value in self.io_bitmap.items()]
        patches += self.memory.items()
        return [*patches, (self.address, self.code)]

    @property
    def entry_frame(self) -> tuple[int, bytes] | None:
        """The frame that IRET pops to enter ring 0 with flags that POPF cannot set, just below ESP; else None."""
        if self.cpl or not self.eflags & NOT_BY_POPF:
            return None
        top = self.all_registers()["esp"] - 12 & 0xFFFFFFFF
        frame = pack("<3I", self.entry_eip, self.all_selectors()["cs"], self.eflags | 2)
        return self.base("ss") + top & 0xFFFFFFFF, frame
