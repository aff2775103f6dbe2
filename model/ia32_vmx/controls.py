"""The execution controls, as configuration: with which of them guests are run. SDM vol. 3, section 25.6.

A guest never changes them; entry asks the VMCS for the very controls of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cpu import Cpu
from ..machine import Machine
from ..terms import Term, all_of
from . import fields

# Name, value, field, bit, text. The bit of MSR_exiting is inverted: "use MSR bitmaps" is off.
CONTROLS = (
    ("external_interrupt_exiting", 1, fields.PIN_CONTROLS, 0, "external interrupts exit, whatever IF is"),
    ("preemption_timer", 1, fields.PIN_CONTROLS, 6, "a timer that counts guest instructions down exits at 0"),
    ("HLT_exiting", 1, fields.PRIMARY_CONTROLS, 7, "HLT exits"),
    ("INVLPG_exiting", 0, fields.PRIMARY_CONTROLS, 9, "INVLPG exits"),
    ("RDPMC_exiting", 1, fields.PRIMARY_CONTROLS, 11, "RDPMC exits"),
    ("RDTSC_exiting", 1, fields.PRIMARY_CONTROLS, 12, "RDTSC exits"),
    ("CR3_load_exiting", 0, fields.PRIMARY_CONTROLS, 15, "MOV to CR3 exits"),
    ("CR3_store_exiting", 0, fields.PRIMARY_CONTROLS, 16, "MOV from CR3 exits"),
    ("MOV_DR_exiting", 1, fields.PRIMARY_CONTROLS, 23, "MOV of debug registers exits"),
    ("IO_exiting", 1, fields.PRIMARY_CONTROLS, 24, "IN, OUT, INS and OUTS exit; cleared, no bitmap makes them"),
    ("secondary_controls", 1, fields.PRIMARY_CONTROLS, 31, "the secondary controls count"),
    ("EPT", 1, fields.SECONDARY_CONTROLS, 1, "second-level translation of the guest's memory"),
    ("descriptor_table_exiting", 0, fields.SECONDARY_CONTROLS, 2, "access to GDTR, IDTR, LDTR and TR exits"),
    ("WBINVD_exiting", 0, fields.SECONDARY_CONTROLS, 6, "WBINVD exits"),
)
SECONDARY = "secondary_controls"
USE_MSR_BITMAPS = 28
UNRESTRICTED_GUEST = 7
# Controls that the model does not have, which must be 0: TSC offsetting, MWAIT, CR8, TPR shadow, NMI window,
# I/O bitmaps, monitor trap flag, MONITOR, PAUSE.
ABSENT = (3, 10, 19, 20, 21, 22, 25, 27, 29, 30)
INTERRUPT_WINDOW = 2


def declare(machine: Machine) -> None:
    """Adds the configuration."""
    for name, value, field, bit, text in CONTROLS:
        if name != SECONDARY:
            machine.configuration(name, value, f"VMCS {field:#06x} bit {bit}: {text}")
    machine.configuration("MSR_exiting", 1, "RDMSR and WRMSR exit; cleared, the MSR bitmap lets all of them through")
    machine.configuration("exception_bitmap", 0, "VMCS 0x4004: the exceptions that exit, by vector", width=32)
    machine.configuration("CR0_mask", 0, "VMCS 0x6000: the bits of CR0 that the monitor owns", width=32)
    machine.configuration("CR4_mask", 0, "VMCS 0x6002: the bits of CR4 that the monitor owns", width=32)


def as_configured(cpu: Cpu) -> Term:
    """Whether the VMCS holds the controls of the configuration."""
    held: Mapping[int, Term] = {field: cpu.VMCS[fields.at(field)] for field in fields.ALL}
    agree = [held[field].bit(bit) == cpu.get(name) for name, _, field, bit, _ in CONTROLS if name != SECONDARY]
    primary = held[fields.PRIMARY_CONTROLS]
    agree += [primary.bit(31), primary.bit(USE_MSR_BITMAPS) == ~cpu.MSR_exiting]
    agree += [~primary.bit(bit) for bit in ABSENT]
    # Paging is off in the guest, which without this control it could not be.
    agree.append(held[fields.SECONDARY_CONTROLS].bit(UNRESTRICTED_GUEST))
    for name, field in (
        ("exception_bitmap", fields.EXCEPTION_BITMAP),
        ("CR0_mask", fields.CR0_MASK),
        ("CR4_mask", fields.CR4_MASK),
    ):
        agree.append(held[field] == cpu.get(name))
    return all_of(*agree)


def control_words(constants: Mapping[str, Term]) -> dict[int, int]:
    """The control fields by encoding, as a monitor that runs guests under this configuration writes them."""
    words = dict.fromkeys((fields.PIN_CONTROLS, fields.PRIMARY_CONTROLS, fields.SECONDARY_CONTROLS), 0)
    for name, value, field, bit, _ in CONTROLS:
        on = constants[name].value if name in constants else value
        words[field] |= int(on) << bit
    words[fields.PRIMARY_CONTROLS] |= int(not constants["MSR_exiting"].value) << USE_MSR_BITMAPS
    words[fields.SECONDARY_CONTROLS] |= 1 << UNRESTRICTED_GUEST
    words[fields.EXCEPTION_BITMAP] = int(constants["exception_bitmap"].value)
    words[fields.CR0_MASK] = int(constants["CR0_mask"].value)
    words[fields.CR4_MASK] = int(constants["CR4_mask"].value)
    return words


__all__ = ["CONTROLS", "INTERRUPT_WINDOW", "as_configured", "control_words", "declare"]
