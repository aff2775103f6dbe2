"""VM entry and VM exit: exchanging the guest's duplicate of the registers. SDM vol. 3, chapters 27 and 28.

Entry takes the guest-state area as it is; what IA-32 in this model has no state for, it refuses to go on with
(a processor that refuses would exit with reason 33). General registers, CR2 and DR0 to DR6 are not switched.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..ia32.causes import unsupported
from ..ia32.cpu import IA32
from ..ia32.descriptors import is_null
from ..ia32.machine import DATA_SEGMENTS, SEGMENT_NAMES
from ..ia32_non_root.events import EXTERNAL, VALID, inject
from ..ia32_non_root.machine import known_state
from ..ia32_non_root.processor import NonRootIA32
from ..ia32_non_root.second_level import walk_ept
from ..terms import FALSE, TRUE, Term, all_of, any_of, bits, concat, ite
from . import fields
from .fields import at

SAVED_FLAGS = "CF PF AF ZF SF TF DF OF NT RF AC ID IOPL IF VIF VIP"
CLEARED_FLAGS = bits(2, 32)
HOST_CODE, HOST_DATA, HOST_TASK, HOST_TASK_LIMIT = 0x9B, 0x93, 0x8B, 0x67
HOST_TABLE_LIMIT, DR7_AT_RESET = 0xFFFF, 0x400
UNUSABLE, GRANULAR, BIG = 16, 15, 14
HALTED_ACTIVITY = 1

NO_GUEST_STATE = unsupported("VM entry to a guest state that the model does not have")
NO_HOST_STATE = unsupported("VM exit to a host state that the model does not have")
OTHER_TABLES = unsupported("VM entry with second-level tables that do not map page 0")


# The guest-state area. SDM vol. 3, section 25.4.


def saved_guest(cpu: NonRootIA32) -> dict[int, Term]:
    """What an exit writes to the guest-state area, by field: the state of `cpu`."""
    area = {field: cpu.get(name) for name, field in fields.GUEST_CR.items()}
    area |= {fields.GUEST_DR7: cpu.DR7, fields.GUEST_ESP: cpu.ESP, fields.GUEST_EIP: cpu.EIP}
    area[fields.GUEST_EFLAGS] = cpu.eflags
    area[fields.GUEST_ACTIVITY] = cpu.halted.as_bits(32)
    area |= {field: cpu.MSR[bits(number, 32)][31:0] for number, field in fields.GUEST_SYSENTER.items()}
    for name in fields.SEGMENTS:
        area[fields.GUEST_SELECTOR[name]] = selector(cpu, name).zext(32)
        area[fields.GUEST_LIMIT[name]] = cpu.get(f"{name}_limit")
        area[fields.GUEST_BASE[name]] = cpu.get(f"{name}_base")
        area[fields.GUEST_ACCESS[name]] = access_rights(cpu, name)
    for name in ("GDTR", "IDTR"):
        area[fields.GUEST_LIMIT[name]] = cpu.get(f"{name}_limit").zext(32)
        area[fields.GUEST_BASE[name]] = cpu.get(f"{name}_base")
    return area


def selector(cpu: IA32, name: str) -> Term:
    """The visible part of a segment register, LDTR or TR."""
    if name in ("CS", "SS"):
        return concat(cpu.get(f"{name}_index"), cpu.CPL)
    return cpu.get(f"{name}_selector")


def access_rights(cpu: IA32, name: str) -> Term:
    """The format of SDM vol. 3, table 25-2: type, S, DPL, P; D/B, G; and whether the register is unusable."""
    access, limit = cpu.get(f"{name}_access"), cpu.get(f"{name}_limit")
    big = TRUE if name in ("CS", "SS") else cpu.get(f"{name}_big") if name in DATA_SEGMENTS else FALSE
    granular, unusable = limit[31:20] != 0, access == 0
    return concat(bits(0, 15), unusable.as_bits(1), granular.as_bits(1), big.as_bits(1), bits(0, 6), access)


def load_guest(cpu: NonRootIA32, vmcs: Term) -> None:
    """Loads the registers from the guest-state area; traps where it holds what the model has no state for.

    CPL is the RPL of SS, which the processor asks to be SS's DPL.
    """
    for name, field in fields.GUEST_CR.items():
        cpu.put(name, vmcs[at(field)])
    cpu.put("DR7", vmcs[at(fields.GUEST_DR7)])
    cpu.ESP, cpu.EIP = vmcs[at(fields.GUEST_ESP)], vmcs[at(fields.GUEST_EIP)]
    flags = vmcs[at(fields.GUEST_EFLAGS)]
    cpu.load_eflags(flags, SAVED_FLAGS)
    activity = vmcs[at(fields.GUEST_ACTIVITY)]
    cpu.put("halted", activity == HALTED_ACTIVITY)
    load_sysenter(cpu, vmcs, fields.GUEST_SYSENTER)
    strange = [flags.bit(17), activity > HALTED_ACTIVITY]
    for name in fields.SEGMENTS:
        chosen, rights = vmcs[at(fields.GUEST_SELECTOR[name])][15:0], vmcs[at(fields.GUEST_ACCESS[name])]
        if name in ("CS", "SS"):
            cpu.put(f"{name}_index", chosen[15:2])
            strange.append(~rights.bit(BIG))
            strange.append(chosen[1:0] != vmcs[at(fields.GUEST_SELECTOR["SS"])][1:0])
        else:
            cpu.put(f"{name}_selector", chosen)
        if name in DATA_SEGMENTS:
            cpu.put(f"{name}_big", rights.bit(BIG))
        cpu.put(f"{name}_limit", vmcs[at(fields.GUEST_LIMIT[name])])
        cpu.put(f"{name}_base", vmcs[at(fields.GUEST_BASE[name])])
        cpu.put(f"{name}_access", ite(rights.bit(UNUSABLE), bits(0, 8), rights[7:0]))
    cpu.put("CPL", vmcs[at(fields.GUEST_SELECTOR["SS"])][1:0])
    for name in ("GDTR", "IDTR"):
        cpu.put(f"{name}_limit", vmcs[at(fields.GUEST_LIMIT[name])][15:0])
        cpu.put(f"{name}_base", vmcs[at(fields.GUEST_BASE[name])])
    cpu.trap(NO_GUEST_STATE, when=any_of(*strange) | ~known_state(cpu))


def load_sysenter(cpu: IA32, vmcs: Term, where: Mapping[int, int]) -> None:
    """Loads the model-specific registers of SYSENTER."""
    registers = cpu.MSR
    for number, field in where.items():
        registers = registers.set(bits(number, 32), vmcs[at(field)].zext(64))
    cpu.put("MSR", registers)


# Exit.


def vm_exit(cpu: NonRootIA32, before: Mapping[str, Term], reason: int, details: Mapping[str, Term]) -> None:
    """Leaves non-root operation from the state `before`: saves the guest, tells the reason, loads the host."""
    guest, host = cpu.on_state(before), cpu.on_state(before)
    area = saved_guest(guest) | {
        fields.EXIT_REASON: bits(reason, 32),
        fields.EXIT_QUALIFICATION: details["qualification"],
        fields.GUEST_PHYSICAL_ADDRESS: details["address"],
        fields.EXIT_INFORMATION: details["information"],
        fields.EXIT_LENGTH: details["length"],
    }
    if "error_code" in details:
        area[fields.EXIT_ERROR_CODE] = details["error_code"]
    vmcs = host.VMCS
    for field, value in area.items():
        vmcs = vmcs.set(at(field), value)
    host.put("VMCS", vmcs)
    load_host(host, before["VMCS"])
    host.trap(NO_HOST_STATE, when=~known_state(host))
    cpu.take_over(host, before)


def load_host(cpu: NonRootIA32, vmcs: Term) -> None:
    """Loads the host-state area: ring 0 in flat segments. SDM vol. 3, section 28.5."""
    cpu.put("operation", 0)
    cpu.put("window_base", 0)
    cpu.put("halted", FALSE)
    cpu.put("CPL", 0)
    cpu.load_eflags(CLEARED_FLAGS, SAVED_FLAGS)
    cpu.put("DR7", DR7_AT_RESET)
    cpu.ESP, cpu.EIP = vmcs[at(fields.HOST_ESP)], vmcs[at(fields.HOST_EIP)]
    for name, field in fields.HOST_CR.items():
        cpu.put(name, vmcs[at(field)])
    load_sysenter(cpu, vmcs, fields.HOST_SYSENTER)
    for name in SEGMENT_NAMES:
        chosen = vmcs[at(fields.HOST_SELECTOR[name])][15:0]
        cpu.put(f"{name}_limit", bits(-1, 32))
        cpu.put(f"{name}_base", vmcs[at(fields.HOST_BASE[name])] if name in fields.HOST_BASE else 0)
        if name in DATA_SEGMENTS:
            cpu.put(f"{name}_selector", chosen)
            cpu.put(f"{name}_big", TRUE)
            cpu.put(f"{name}_access", ite(is_null(chosen), bits(0, 8), bits(HOST_DATA, 8)))
        else:
            cpu.put(f"{name}_index", chosen[15:2])
            cpu.put(f"{name}_access", HOST_CODE if name == "CS" else HOST_DATA)
    cpu.put("TR_selector", vmcs[at(fields.HOST_SELECTOR["TR"])][15:0])
    cpu.put("TR_base", vmcs[at(fields.HOST_BASE["TR"])])
    cpu.put("TR_limit", HOST_TASK_LIMIT)
    cpu.put("TR_access", HOST_TASK)
    cpu.put("LDTR_selector", 0)
    cpu.put("LDTR_access", 0)
    for name in ("GDTR", "IDTR"):
        cpu.put(f"{name}_base", vmcs[at(fields.HOST_BASE[name])])
        cpu.put(f"{name}_limit", HOST_TABLE_LIMIT)


def host_area_is_valid(vmcs: Term) -> Term:
    """The checks of the host's selectors: RPL and TI are 0, and CS, SS and TR are not null.

    SDM vol. 3, section 27.2.3.
    """
    chosen = {name: vmcs[at(field)] for name, field in fields.HOST_SELECTOR.items()}
    flat = [value[2:0] == 0 for value in chosen.values()]
    return all_of(*flat, *[~is_null(chosen[name][15:0]) for name in ("CS", "SS", "TR")])


# Entry.


def vm_entry(cpu: NonRootIA32, when: Term) -> None:
    """Enters non-root operation with the guest of the VMCS, and injects the event that its fields ask for."""
    before = cpu.outcome().state
    guest = cpu.on_state(before)
    vmcs = guest.VMCS
    guest.put("operation", 1)
    guest.put("timer", vmcs[at(fields.GUEST_TIMER)])
    if guest.translates is not FALSE:
        pointer = vmcs[at(fields.EPT_POINTER)]
        walk = walk_ept(guest.memory, pointer, bits(0, 32))
        unmapped = ~walk.mapped | (walk.place[11:0] != 0)
        beyond = walk.place.zext(33) + guest.window_bound.zext(33) > 1 << 32
        guest.trap(OTHER_TABLES, when=unmapped | beyond | (vmcs[at(fields.EPT_POINTER + 1)] != 0))
        guest.put("window_base", walk.place)
    load_guest(guest, vmcs)
    event = vmcs[at(fields.ENTRY_EVENT)]
    guest.trap(NO_GUEST_STATE, when=event.bit(VALID) & (event[10:8] == EXTERNAL) & ~guest.IF)
    inject(guest, event, vmcs[at(fields.ENTRY_ERROR_CODE)])
    # The valid bit of the field is cleared on every exit; clearing it here shows the same to the monitor.
    guest.put("VMCS", vmcs.set(at(fields.ENTRY_EVENT), event & 0x7FFFFFFF))
    with cpu.when(when):
        cpu.take_over(guest, before)
