"""VMRUN and #VMEXIT, VMLOAD and VMSAVE: exchanging the guest's duplicate of the registers. APM vol. 2, 15.5 and 15.6.

VMRUN keeps the host in a save area whose format is the processor's own; here it is the component HSAVE, indexed by
the VMCB's offsets. FS, GS, LDTR, TR and SYSENTER's registers are exchanged by VMLOAD and VMSAVE alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ia32.causes import unsupported
from ..ia32.machine import DATA_SEGMENTS
from ..ia32_non_root.causes import Exit
from ..ia32_non_root.events import inject
from ..ia32_non_root.machine import known_state
from ..ia32_non_root.processor import NonRootIA32
from ..ia32_non_root.second_level import walk_nested
from ..terms import FALSE, TRUE, Term, bits, concat, ite
from . import vmcb
from .exits import NESTED_PAGE_FAULT
from .vmcb import with_word, word

FLAGS = "CF PF AF ZF SF TF DF OF NT RF AC ID IOPL IF VIF VIP"
SWITCHED, BY_VMLOAD = ("ES", "CS", "SS", "DS"), ("FS", "GS", "LDTR", "TR")
GRANULAR, BIG, PRESENT = 11, 10, 7
HOST = {n: offset for n, offset in vmcb.REGISTERS.items() if n not in ("CR2", "DR6", "DR7")}
DR7_AT_RESET = 0x400

NO_GUEST_STATE = unsupported("VMRUN of a guest state that the model does not have")
NO_HOST_STATE = unsupported("#VMEXIT to a host state that the model does not have")
OTHER_TABLES = unsupported("VMRUN with second-level tables that do not map page 0")


# Segments in the format of the VMCB.


def segment_words(cpu: NonRootIA32, name: str) -> dict[int, Term]:
    """Selector and attributes, limit, base of a segment register, LDTR or TR, by offset."""
    at = vmcb.SEGMENTS[name]
    access, limit = cpu.get(f"{name}_access"), cpu.get(f"{name}_limit")
    big = TRUE if name in ("CS", "SS") else cpu.get(f"{name}_big") if name in DATA_SEGMENTS else FALSE
    selector = concat(cpu.get(f"{name}_index"), cpu.CPL) if name in ("CS", "SS") else cpu.get(f"{name}_selector")
    attributes = concat(bits(0, 4), (limit[31:20] != 0).as_bits(1), big.as_bits(1), bits(0, 2), access)
    base = cpu.get(f"{name}_base")
    return {at: concat(attributes, selector), at + vmcb.LIMIT: limit, at + vmcb.BASE: base}


def load_segment(cpu: NonRootIA32, name: str, words: Mapping[int, Term]) -> Term:
    """Loads a segment register from its words; the Bool that says that this model has no such segment."""
    at = vmcb.SEGMENTS[name]
    selector, attributes = words[at][15:0], words[at][31:16]
    strange = FALSE
    if name in ("CS", "SS"):
        cpu.put(f"{name}_index", selector[15:2])
        strange = ~attributes.bit(BIG)
    else:
        cpu.put(f"{name}_selector", selector)
    if name in DATA_SEGMENTS:
        cpu.put(f"{name}_big", attributes.bit(BIG))
    cpu.put(f"{name}_access", ite(attributes.bit(PRESENT), attributes[7:0], bits(0, 8)))
    cpu.put(f"{name}_limit", words[at + vmcb.LIMIT])
    cpu.put(f"{name}_base", words[at + vmcb.BASE])
    return strange


def state_words(cpu: NonRootIA32, registers: Mapping[str, int]) -> dict[int, Term]:
    """What VMRUN and #VMEXIT exchange of the state of `cpu`, by offset, with `registers` among it."""
    words = {offset: cpu.get(name) for name, offset in registers.items()}
    words |= {vmcb.EFLAGS: cpu.eflags, vmcb.EIP: cpu.EIP, vmcb.ESP: cpu.ESP, vmcb.EAX: cpu.get("EAX")}
    for name in SWITCHED:
        words |= segment_words(cpu, name)
    for name, at in vmcb.TABLES.items():
        words |= {at + vmcb.LIMIT: cpu.get(f"{name}_limit").zext(32), at + vmcb.BASE: cpu.get(f"{name}_base")}
    return words


def load_state(cpu: NonRootIA32, words: Mapping[int, Term], level: Term, registers: Mapping[str, int]) -> Term:
    """Loads what `state_words` names, at CPL `level`; the Bool that says that this model has no such state."""
    for name, offset in registers.items():
        cpu.put(name, words[offset])
    cpu.load_eflags(words[vmcb.EFLAGS], FLAGS)
    cpu.EIP, cpu.ESP = words[vmcb.EIP], words[vmcb.ESP]
    cpu.put("EAX", words[vmcb.EAX])
    strange = words[vmcb.EFLAGS].bit(17)
    for name in SWITCHED:
        strange = strange | load_segment(cpu, name, words)
    for name in ("CS", "SS"):
        strange = strange | (words[vmcb.SEGMENTS[name]][1:0] != level)
    cpu.put("CPL", level)
    for name, at in vmcb.TABLES.items():
        cpu.put(f"{name}_limit", words[at + vmcb.LIMIT][15:0])
        cpu.put(f"{name}_base", words[at + vmcb.BASE])
    return strange | ~known_state(cpu)


# Entry.


def vmrun(cpu: NonRootIA32, block: Term) -> None:
    """Saves the host, enters the guest of the VMCB at `block`, and injects the event that it asks for."""
    before = cpu.outcome().state
    host, guest = cpu.on_state(before), cpu.on_state(before)
    saved = guest.get("HSAVE")
    for offset, value in state_words(host, HOST).items():
        saved = saved.set(bits(offset, 12), value)
    guest.put("HSAVE", saved)
    guest.put("VMCB", block)
    guest.put("GIF", TRUE)
    guest.put("operation", 1)
    memory = guest.memory
    if guest.translates is not FALSE:
        walk = walk_nested(memory, word(memory, block, vmcb.NESTED_CR3), bits(0, 32))
        beyond = walk.place.zext(33) + guest.window_bound.zext(33) > 1 << 32
        guest.trap(OTHER_TABLES, when=~walk.mapped | beyond)
        guest.put("window_base", walk.place)
    words = {offset: word(memory, block, offset) for offset in state_words(host, vmcb.REGISTERS)}
    strange = load_state(guest, words, word(memory, block, vmcb.CPL, 1)[1:0], vmcb.REGISTERS)
    guest.trap(NO_GUEST_STATE, when=strange)
    inject(guest, word(memory, block, vmcb.EVENT), word(memory, block, vmcb.EVENT_ERROR_CODE))
    cpu.take_over(guest, before)


# Exit.


def vm_exit(cpu: NonRootIA32, before: Mapping[str, Term], cause: Exit, details: Mapping[str, Term]) -> None:
    """Leaves non-root operation from the state `before`: saves the guest, tells the reason, loads the host.

    The global interrupt flag is cleared, so that the host is not interrupted before it sets it.
    """
    guest, host = cpu.on_state(before), cpu.on_state(before)
    block, zero = guest.VMCB, bits(0, 32)
    words = state_words(guest, vmcb.REGISTERS) | {
        vmcb.EXIT_CODE: bits(cause.reason, 32),
        vmcb.EXIT_INFO_1: details["qualification"],
        # Bit 32: the fault was in the translation of the final address.
        vmcb.EXIT_INFO_1 + 4: bits(int(cause is NESTED_PAGE_FAULT), 32),
        vmcb.EXIT_INFO_2: details["address"],
        vmcb.NEXT_EIP: guest.EIP + details["length"],
    }
    words |= dict.fromkeys((vmcb.EXIT_CODE + 4, vmcb.EXIT_INFO_2 + 4, vmcb.EXIT_EVENT, vmcb.EVENT), zero)
    memory = host.memory
    for offset, value in words.items():
        memory = with_word(memory, block, offset, value)
    memory = with_word(memory, block, vmcb.CPL, guest.CPL.zext(8))
    host.put("memory", memory)
    host.put("operation", 0)
    host.put("window_base", 0)
    host.put("halted", FALSE)
    host.put("GIF", FALSE)
    host.put("DR7", DR7_AT_RESET)
    saved = {offset: host.get("HSAVE")[bits(offset, 12)] for offset in state_words(guest, HOST)}
    host.trap(NO_HOST_STATE, when=load_state(host, saved, bits(0, 2), HOST))
    cpu.take_over(host, before)


# What VMLOAD and VMSAVE exchange.


def vmsave(cpu: NonRootIA32, block: Term) -> None:
    """Writes FS, GS, LDTR, TR and SYSENTER's registers to the VMCB."""
    memory = cpu.memory
    for name in BY_VMLOAD:
        for offset, value in segment_words(cpu, name).items():
            memory = with_word(memory, block, offset, value)
    for number, offset in vmcb.SYSENTER.items():
        memory = with_word(memory, block, offset, cpu.get("MSR")[bits(number, 32)])
    cpu.memory = memory


def vmload(cpu: NonRootIA32, block: Term) -> None:
    """Reads FS, GS, LDTR, TR and SYSENTER's registers from the VMCB."""
    before = cpu.outcome().state
    inside = cpu.on_state(before)
    memory, registers = inside.memory, inside.get("MSR")
    for name in BY_VMLOAD:
        words = {offset: word(memory, block, offset) for offset in segment_words(inside, name)}
        load_segment(inside, name, words)
    for number, offset in vmcb.SYSENTER.items():
        registers = registers.set(bits(number, 32), word(memory, block, offset, 8))
    inside.put("MSR", registers)
    inside.trap(NO_GUEST_STATE, when=~known_state(inside))
    cpu.take_over(inside, before)
