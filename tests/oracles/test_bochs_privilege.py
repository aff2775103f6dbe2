"""Bochs and the manual agree on what each ring may do: SDM vol. 2, the exceptions of each instruction."""

from __future__ import annotations

import pytest

from ringproof.traces.oracles import bochs_layout as at
from ringproof.traces.oracles.bochs import Bochs, Probe, summary

pytestmark = pytest.mark.slow

M = "00 C0 01 00"  # the address of scratch memory
TABLE = at.segment(0, 0xFFFF, at.DATA)
REGISTERS = {"eax": at.LDT_SELECTOR, "ecx": 0x19, "edx": 0x80, "ebx": 0x80, "esi": at.SCRATCH, "edi": at.SCRATCH}
GDT = {16: at.segment(at.SCRATCH, 0x67, at.TSS_AVAILABLE)}
UMIP, TSD, PCE, PVI = 1 << 11, 1 << 2, 1 << 8, 1 << 1
IF, VIF, VIP = 1 << 9, 1 << 19, 1 << 20

# Instruction, its code, what it does in ring 0; #GP(0) in the others.
PRIVILEGED = {
    "HLT": ("F4", "halted"),
    "CLTS": ("0F 06", "completed cr0=11"),
    "LGDT m": ("0F 01 15" + M, "completed gdtr=10000:7ff"),
    "LLDT AX": ("0F 00 D0", "completed"),
    "LTR BX": ("0F 00 DB", "completed tr=80"),
    "LMSW CX": ("0F 01 F1", "completed"),
    "INVD": ("0F 08", "completed"),
    "WBINVD": ("0F 09", "completed"),
    "INVLPG m": ("0F 01 3D" + M, "completed"),
    "MOV EAX, CR0": ("0F 20 C0", "completed eax=19"),
    "MOV CR0, ECX": ("0F 22 C1", "completed"),
    "MOV CR3, EDX": ("0F 22 DA", "completed cr3=80"),
    "MOV EAX, CR4": ("0F 20 E0", "completed eax=0"),
    "MOV EAX, DR7": ("0F 21 F8", "completed eax=400"),
    "MOV DR0, EDX": ("0F 23 C2", "completed dr0=80"),
}

# Instruction, its code, what it does in every ring without UMIP; #GP(0) with it above ring 0.
PREVENTED = {
    "SGDT m": ("0F 01 05" + M, "completed [1c000]=ff 0f 00 00 01 00"),
    "SIDT m": ("0F 01 0D" + M, "completed [1c000]=ff 07 00 10 01 00"),
    "SLDT ECX": ("0F 00 C1", "completed ecx=50"),
    "STR ECX": ("0F 00 C9", "completed ecx=48"),
    "SMSW ECX": ("0F 01 E1", "completed ecx=11"),
}

CASES: dict[str, tuple[Probe, str]] = {}


def case(name: str, code: str, expected: str, **state: object) -> None:
    CASES[name] = (Probe(code=bytes.fromhex(code), **state), expected)  # type: ignore[arg-type]


for ring in range(4):
    for name, (code, done) in PRIVILEGED.items():
        memory = {at.SCRATCH: bytes.fromhex("FF 07 00 00 01 00")}
        state = {"registers": REGISTERS, "gdt": GDT, "memory": memory, "cr0": 0x19}
        case(f"{name} in ring {ring}", code, done if ring == 0 else "#GP(0)", cpl=ring, **state)
    for name, (code, done) in PREVENTED.items():
        watch = ((at.SCRATCH, 6),) if name.endswith("m") else ()
        for cr4 in (0, UMIP):
            unchanged = " [1c000]=f1 f1 f1 f1 f1 f1" if watch else ""
            expected = "#GP(0)" + unchanged if cr4 and ring else done
            case(f"{name} in ring {ring}, CR4={cr4:x}", code, expected, cpl=ring, cr4=cr4, watch=watch)
    for cr4 in (0, TSD, PCE):
        pmc = "completed" if ring == 0 or cr4 == PCE else "#GP(0)"
        case(f"RDPMC in ring {ring}, CR4={cr4:x}", "0F 33", pmc, cpl=ring, cr4=cr4)
    if ring:
        case(f"RDTSC in ring {ring}, TSD", "0F 31", "#GP(0)", cpl=ring, cr4=TSD)
    for iopl in range(4):
        flags, allowed, where = 2 | iopl << 12, ring <= iopl, f"in ring {ring}, IOPL={iopl}"
        cleared = f"completed eflags={flags:x}" if allowed else "#GP(0)"
        case(f"CLI {where}", "FA", cleared, cpl=ring, eflags=flags | IF)
        case(f"STI {where}", "FB", f"completed eflags={flags | IF:x}" if allowed else "#GP(0)", cpl=ring, eflags=flags)
        # POPF never traps: IOPL changes in ring 0 only, IF where CLI may change it.
        top = at.stack_top(ring) - at.STACK_SIZE // 2
        popped = 3 << 12 | 2 if ring == 0 else flags
        popped |= IF if allowed else 0
        changed = f" eflags={popped:x}" if popped != flags else ""
        for flag, image in (("set", b"\x02\x32\x00\x00"),):
            name = f"POPF, IF and IOPL {flag}, {where}"
            case(name, "9D", f"completed{changed} esp={top + 4:x}", cpl=ring, eflags=flags, memory={top: image})
        pushed = flags.to_bytes(4, "little").hex(" ")
        watch = ((top - 4, 4),)
        done = f"completed esp={top - 4:x} [{top - 4:x}]={pushed}"
        case(f"PUSHF {where}", "9C", done, cpl=ring, eflags=flags, watch=watch)
        for name, code, done in (
            ("IN AX", "66 ED", "completed eax=ffff"),
            ("OUT AX", "66 EF", "completed"),
            ("INSB", "6C", "completed edi=1c001"),
            ("OUTSB", "6E", "completed esi=1c001"),
        ):
            registers = {"edx": 0xED, "esi": at.SCRATCH, "edi": at.SCRATCH}
            expected = done if allowed else "#GP(0)"
            case(f"{name} {where}", code, expected, cpl=ring, eflags=flags, registers=registers)

# Above IOPL the bitmap decides, and every bit of a wide access counts. SDM vol. 1, section 19.5.2.
PORT = {"edx": 0x86}
case("IN AL, its bit clear", "EC", "completed", registers=PORT, io_bitmap={0x10: 0xBF})
case("IN AL, its bit set", "EC", "#GP(0)", registers=PORT, io_bitmap={0x10: 0x40, 0x11: 0})
case("IN AX, one of two bits clear", "66 ED", "#GP(0)", registers=PORT, io_bitmap={0x10: 0xBF})
case("IN EAX, across two bytes", "ED", "completed eax=ffffffff", registers=PORT, io_bitmap={0x10: 0x3F, 0x11: 0xFC})
case("IN EAX, last bit set", "ED", "#GP(0)", registers=PORT, io_bitmap={0x10: 0x3F, 0x11: 0xFE})
NO_BITMAP = {at.TSS + 0x66: b"\xff\xff"}
case("IN AL, bitmap beyond the TSS", "EC", "#GP(0)", registers=PORT, memory=NO_BITMAP, io_bitmap={0x10: 0})

# Protected-mode virtual interrupts: SDM vol. 3, section 21.4.
case("CLI with PVI", "FA", f"completed eflags={IF | 2:x}", cr4=PVI, eflags=IF | VIF)
case("STI with PVI", "FB", f"completed eflags={VIF | 2:x}", cr4=PVI)
case("STI with PVI, VIP set", "FB", "#GP(0)", cr4=PVI, eflags=VIP)

case("MOV CR0, PG without PE", "0F 22 C0", "#GP(0)", cpl=0, registers={"eax": 0x80000010})
case("MOV CR0, NW without CD", "0F 22 C0", "#GP(0)", cpl=0, registers={"eax": 0x20000011})
case("MOV CR4, a reserved bit", "0F 22 E0", "#GP(0)", cpl=0, registers={"eax": 1 << 31})
case("MOV EAX, CR1", "0F 20 C8", "#UD", cpl=0)
case("MOV EAX, DR4, DE set", "0F 21 E0", "#UD", cpl=0, cr4=8)
case("LMSW cannot clear PE", "0F 01 F0", "completed", cpl=0)
case("SMSW EAX gives all of CR0", "0F 01 E0", "completed eax=40050011", cr0=0x40050011)
case("SMSW AX gives 16 bits", "66 0F 01 E0", "completed eax=ffff0011", registers={"eax": 0xFFFFFFFF})
case("RDMSR in ring 3", "0F 32", "#GP(0)", registers={"ecx": 0x10})
case("WRMSR in ring 3", "0F 30", "#GP(0)", registers={"ecx": 0x10})
case("RDMSR in ring 0", "0F 32", "completed eax=fee00900", cpl=0, registers={"ecx": 0x1B})


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    if trouble := Bochs.available():
        pytest.skip(trouble)
    probes = [probe for probe, _ in CASES.values()]
    results = Bochs().run(probes)
    return {name: summary(p, result) for name, p, result in zip(CASES, probes, results, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_ring_may_or_may_not(name: str, answers: dict[str, str]) -> None:
    assert answers[name] == CASES[name][1]
