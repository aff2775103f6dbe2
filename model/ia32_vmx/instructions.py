"""The VMX instructions. SDM vol. 3, chapter 31; their exits come before the check of CPL (26.1.2 and each operation).

VMX instructions end in VMsucceed, VMfailInvalid or VMfailValid, which the flags tell. Error numbers: section 31.4.
"""

from __future__ import annotations

from ..ia32.causes import GP_PRIVILEGE, UD, unsupported
from ..ia32.forms import Forms
from ..ia32.operands import Operand
from ..ia32_non_root.processor import NonRootIA32
from ..terms import FALSE, TRUE, Term, bits, ite
from . import fields
from .controls import as_configured
from .exits import VMX_INSTRUCTIONS
from .fields import at, is_known, is_read_only
from .switch import host_area_is_valid, vm_entry

forms = Forms()

VMCALL_IN_ROOT, VMCLEAR_ADDRESS, LAUNCH_NOT_CLEAR, RESUME_NOT_LAUNCHED = 1, 2, 4, 5
HOST_STATE, VMPTRLD_ADDRESS, NO_SUCH_FIELD, READ_ONLY_FIELD, ALREADY_ON = 8, 9, 12, 13, 15

SECOND_VMCS = unsupported("a second VMCS")
OTHER_CONTROLS = unsupported("VM entry with execution controls other than the configuration's")
STATUS = ("CF", "PF", "AF", "ZF", "SF", "OF")


def succeed(cpu: NonRootIA32) -> None:
    """VMsucceed: all status flags are clear."""
    for name in STATUS:
        cpu.put(name, FALSE)


def fail_invalid(cpu: NonRootIA32) -> None:
    """VMfailInvalid: CF is set."""
    succeed(cpu)
    cpu.put("CF", TRUE)


def fail(cpu: NonRootIA32, error: Term | int) -> None:
    """VMfail: ZF is set and the error's number lies in the current VMCS; without one, VMfailInvalid."""
    succeed(cpu)
    cpu.put("CF", ~cpu.VMCS_current)
    cpu.put("ZF", cpu.VMCS_current)
    with cpu.when(cpu.VMCS_current):
        number = error if isinstance(error, Term) else bits(error, 32)
        cpu.put("VMCS", cpu.VMCS.set(at(fields.INSTRUCTION_ERROR), number))


def begin(cpu: NonRootIA32, name: str, *, anywhere: bool = False) -> None:
    """#UD outside VMX operation (unless `anywhere`), the exit, then #GP(0) unless CPL is 0."""
    if not anywhere:
        cpu.trap(UD, when=~cpu.VMX_on)
    cpu.exit(VMX_INSTRUCTIONS[name])
    cpu.trap(GP_PRIVILEGE, when=cpu.CPL != 0, error_code=0)


def physical_address(cpu: NonRootIA32, source: Operand) -> tuple[Term, Term]:
    """The address of 64 bits in memory, its low half, and whether it is a page that the processor can address."""
    value = cpu.read(source)
    return value[31:0], (value[11:0] == 0) & (value[63:32] == 0)


@forms("VMXON m64", "F3 0F C7 /6")
def vmxon(cpu: NonRootIA32, source: Operand) -> None:
    """Enters VMX operation, in which this is root operation. SDM vol. 3, VMXON."""
    begin(cpu, "VMXON", anywhere=True)
    with cpu.when(cpu.VMX_on):
        fail(cpu, ALREADY_ON)
    with cpu.when(~cpu.VMX_on):
        _, valid = physical_address(cpu, source)
        with cpu.when(~valid):
            fail_invalid(cpu)
        with cpu.when(valid):
            succeed(cpu)
            cpu.put("VMCS_current", FALSE)
            cpu.put("VMX_on", TRUE)


@forms("VMXOFF", "NP 0F 01 C4")
def vmxoff(cpu: NonRootIA32) -> None:
    """Leaves VMX operation. SDM vol. 3, VMXOFF."""
    begin(cpu, "VMXOFF")
    succeed(cpu)
    cpu.put("VMX_on", FALSE)
    cpu.put("VMCS_current", FALSE)


@forms("VMCALL", "NP 0F 01 C1")
def vmcall(cpu: NonRootIA32) -> None:
    """Calls the monitor: the guest's way to ask for something. SDM vol. 3, VMCALL."""
    begin(cpu, "VMCALL")
    fail(cpu, VMCALL_IN_ROOT)


@forms("VMCLEAR m64", "66 0F C7 /6")
def vmclear(cpu: NonRootIA32, source: Operand) -> None:
    """Makes a VMCS clear, and no VMCS current if it was. SDM vol. 3, VMCLEAR."""
    begin(cpu, "VMCLEAR")
    address, valid = physical_address(cpu, source)
    with cpu.when(~valid):
        fail(cpu, VMCLEAR_ADDRESS)
    with cpu.when(valid):
        cpu.trap(SECOND_VMCS, when=address != cpu.VMCS_address)
        succeed(cpu)
        cpu.put("VMCS_current", FALSE)
        cpu.put("VMCS_launched", FALSE)


@forms("VMPTRLD m64", "NP 0F C7 /6")
def vmptrld(cpu: NonRootIA32, source: Operand) -> None:
    """Makes a VMCS current. SDM vol. 3, VMPTRLD."""
    begin(cpu, "VMPTRLD")
    address, valid = physical_address(cpu, source)
    with cpu.when(~valid):
        fail(cpu, VMPTRLD_ADDRESS)
    with cpu.when(valid):
        cpu.trap(SECOND_VMCS, when=address != cpu.VMCS_address)
        succeed(cpu)
        cpu.put("VMCS_current", TRUE)


@forms("VMPTRST m64", "NP 0F C7 /7")
def vmptrst(cpu: NonRootIA32, destination: Operand) -> None:
    """Stores the address of the current VMCS, all ones if there is none. SDM vol. 3, VMPTRST."""
    begin(cpu, "VMPTRST")
    cpu.write(destination, ite(cpu.VMCS_current, cpu.VMCS_address.zext(64), bits(-1, 64)))
    succeed(cpu)


@forms("VMREAD r/m32, r32", "NP 0F 78 /r")
def vmread(cpu: NonRootIA32, destination: Operand, source: Operand) -> None:
    """Reads a field of the current VMCS. SDM vol. 3, VMREAD."""
    begin(cpu, "VMREAD")
    encoding = cpu.read(source)
    known = is_known(encoding)
    with cpu.when(~cpu.VMCS_current | ~known):
        fail(cpu, NO_SUCH_FIELD)
    with cpu.when(cpu.VMCS_current & known):
        cpu.write(destination, cpu.VMCS[encoding[15:0]])
        succeed(cpu)


@forms("VMWRITE r32, r/m32", "NP 0F 79 /r")
def vmwrite(cpu: NonRootIA32, destination: Operand, source: Operand) -> None:
    """Writes a field of the current VMCS, except exit information. SDM vol. 3, VMWRITE."""
    begin(cpu, "VMWRITE")
    encoding, value = cpu.read(destination), cpu.read(source)
    known, read_only = is_known(encoding), is_read_only(encoding)
    with cpu.when(~cpu.VMCS_current | ~known):
        fail(cpu, NO_SUCH_FIELD)
    with cpu.when(cpu.VMCS_current & known & read_only):
        fail(cpu, READ_ONLY_FIELD)
    with cpu.when(cpu.VMCS_current & known & ~read_only):
        succeed(cpu)
        cpu.put("VMCS", cpu.VMCS.set(encoding[15:0], value))


def enter(cpu: NonRootIA32, wrong_state: Term, error: int) -> None:
    """The checks of entry in the manual's order, then entry. SDM vol. 3, VMLAUNCH/VMRESUME and section 27.2."""
    current = cpu.VMCS_current
    bad_host = ~host_area_is_valid(cpu.VMCS)
    enters = current & ~wrong_state & ~bad_host
    cpu.trap(OTHER_CONTROLS, when=current & ~wrong_state & ~as_configured(cpu))
    with cpu.when(~enters):
        fail(cpu, ite(wrong_state, bits(error, 32), bits(HOST_STATE, 32)))
    vm_entry(cpu, enters)
    with cpu.when(enters):
        cpu.put("VMCS_launched", TRUE)


@forms("VMLAUNCH", "NP 0F 01 C2")
def vmlaunch(cpu: NonRootIA32) -> None:
    """Enters the guest of a clear VMCS, which becomes launched. SDM vol. 3, VMLAUNCH/VMRESUME."""
    begin(cpu, "VMLAUNCH")
    enter(cpu, cpu.VMCS_launched, LAUNCH_NOT_CLEAR)


@forms("VMRESUME", "NP 0F 01 C3")
def vmresume(cpu: NonRootIA32) -> None:
    """Enters the guest of a launched VMCS. SDM vol. 3, VMLAUNCH/VMRESUME."""
    begin(cpu, "VMRESUME")
    enter(cpu, ~cpu.VMCS_launched, RESUME_NOT_LAUNCHED)
