"""Hardware assistance with a control of the processor's cleared, or with a fault of the monitor's own.

A control is one by which the monitor learns of what the guest must not do by itself: so a cleared one shows what it
was for. What guards no more than the guest's own registers, as descriptor-table exiting does, breaks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from ..cpu import View
from ..ia32.cpu import IA32
from ..terms import FALSE, Term
from .construction import Construction, Routine
from .fault import Change, Fault
from .ia32_hardware import Hardware, hardware_assisted
from .ia32_hardware_hosts import amd, intel

VMX, SVM = "ia32-vmx/hardware-assisted", "ia32-svm/hardware-assisted"
MACHINES: Mapping[str, tuple[str, Callable[[], Hardware]]] = {"vmx": (VMX, intel), "svm": (SVM, amd)}
PORTS = ("IN", "OUT", "INS", "OUTS")
ACCESSES = ("LODS", "PUSHF", "fetch")

FAULTS: dict[str, Fault] = {}


# The processor's controls.


def _set(make: Callable[[], Hardware], control: str, value: int) -> Construction:
    """The monitor on a processor where one control is another."""
    hardware = make()
    hardware.host.assuming({control: str(value)})
    return hardware_assisted(hardware)


def _control(kind: str, name: str, control: str, only: tuple[str, ...], text: str, value: int = 0) -> None:
    system, make = MACHINES[kind]
    FAULTS[f"{kind}-{name}"] = Fault(system, text, lambda right: right, partial(_set, make, control, value), only)


for _kind, _name, _field, _only, _text in (
    ("vmx", "ports", "IO_exiting", PORTS, "VMX without I/O exiting: the guest reaches the host's ports"),
    ("vmx", "interrupts", "external_interrupt_exiting", ("fetch",), "VMX without external-interrupt exiting"),
    ("vmx", "timer", "preemption_timer", ("fetch",), "VMX without the preemption timer that the monitor relies on"),
    ("vmx", "memory", "EPT", ACCESSES, "VMX without second-level translation"),
    ("vmx", "halt", "HLT_exiting", ("HLT",), "VMX without HLT exiting: the guest stops the host"),
    ("vmx", "debug", "MOV_DR_exiting", ("MOV (to DR)", "MOV (from DR)"), "VMX without MOV-DR exiting"),
    ("vmx", "clock", "RDTSC_exiting", ("RDTSC",), "VMX without RDTSC exiting: the guest sees the host's clock"),
    ("vmx", "msr", "MSR_exiting", ("RDMSR", "WRMSR"), "VMX with an MSR bitmap that lets all registers through"),
    ("svm", "ports", "intercept_IOIO", PORTS, "SVM without the intercept of ports"),
    ("svm", "interrupts", "intercept_INTR", ("fetch",), "SVM without the intercept of external interrupts"),
    ("svm", "masked", "V_INTR_MASKING", ("fetch",), "SVM where the guest's IF masks the host's interrupts"),
    ("svm", "memory", "nested_paging", ACCESSES, "SVM without nested paging"),
    ("svm", "halt", "intercept_HLT", ("HLT",), "SVM without the intercept of HLT"),
    ("svm", "debug", "intercept_DR", ("MOV (to DR)", "MOV (from DR)"), "SVM without the intercept of debug registers"),
    ("svm", "clock", "intercept_RDTSC", ("RDTSC",), "SVM without the intercept of RDTSC"),
    ("svm", "stgi", "intercept_STGI", ("STGI",), "SVM without the intercept of STGI"),
    (
        "svm",
        "clgi",
        "intercept_CLGI",
        ("CLGI",),
        "SVM without the intercept of CLGI: the guest holds all interrupts off",
    ),
):
    _control(_kind, _name, _field, _only, _text)

TABLES = ("SGDT", "SIDT", "SLDT", "STR", "LGDT", "LIDT", "LLDT", "LTR")
_control("vmx", "tables", "descriptor_table_exiting", TABLES, "VMX with descriptor-table exiting, not needed", 1)
_control("svm", "identity", "intercept_CPUID", ("CPUID",), "SVM with the intercept of CPUID, which VMX always has", 1)


# The monitor itself.


def _fault(kind: str, name: str, text: str, only: tuple[str, ...], change: Change) -> None:
    system, make = MACHINES[kind]
    FAULTS[f"{kind}-{name}"] = Fault(system, text, change, lambda: hardware_assisted(make()), only)


def _deciding(name: str, change: Callable[[View], Term]) -> Change:
    """The monitor sets the component `name` otherwise."""

    def apply(construction: Construction) -> Construction:
        where = construction.placement

        def decided(guest: View, own: View) -> Mapping[str, Term]:
            return {**where.decided(guest, own), name: change(guest)}

        return replace(construction, placement=replace(where, decided=decided))

    return apply


def _never_asks(construction: Construction) -> Construction:
    return replace(construction, placement=replace(construction.placement, assumed=lambda guest, own: []))


def _routine(name: str, routine: Routine) -> Change:
    return lambda construction: replace(construction, routines={name: routine})


def _cpuid_of_the_host(cpu: IA32, **fields: Term) -> None:
    for name in ("EAX", "EBX", "ECX", "EDX"):
        cpu.put(name, 0x40000000)


def _keeps_running(cpu: IA32, **fields: Term) -> None:
    """HLT as if an interrupt had come at once."""
    cpu.put("halted", FALSE)


for _kind in MACHINES:
    _title = _kind.upper()
    _fault(
        _kind,
        "bound-one-page-more",
        f"{_title}: the tables map a page after the window",
        ACCESSES,
        _deciding("window_bound", lambda guest: guest.size + 0x1000),
    )
    _fault(
        _kind,
        "bound-one-page-less",
        f"{_title}: the tables do not map the window's last page",
        ACCESSES,
        _deciding("window_bound", lambda guest: guest.size - 0x1000),
    )
    _fault(
        _kind,
        "base-one-page-off",
        f"{_title}: the tables map the page before the window first",
        ACCESSES,
        _deciding("window_base", lambda guest: guest.start - 0x1000),
    )
    _fault(
        _kind,
        "never-asks",
        f"{_title}: the processor is not asked to exit for the guest's interrupt",
        ("fetch",),
        _never_asks,
    )
    _fault(
        _kind,
        "halts-not",
        f"{_title}: the routine of HLT lets the guest go on",
        ("HLT",),
        _routine("HLT", _keeps_running),
    )

_fault(
    "vmx",
    "host-identity",
    "VMX: the routine of CPUID answers as the monitor",
    ("CPUID",),
    _routine("CPUID", _cpuid_of_the_host),
)
