"""The SVM instructions. APM vol. 3, chapter 4; vol. 2, sections 15.5 to 15.17. EFER.SVME counts as set."""

from __future__ import annotations

from ..ia32.causes import GP_PROGRAM, UD, unsupported
from ..ia32.forms import Forms
from ..ia32.privilege import only_ring_0
from ..ia32_non_root.processor import NonRootIA32
from ..terms import FALSE, TRUE, Term
from . import switch
from .exits import SVM_INSTRUCTIONS
from .intercepts import as_configured

forms = Forms()

OTHER_INTERCEPTS = unsupported("VMRUN with intercepts other than the configuration's")


def intercepted(cpu: NonRootIA32, name: str) -> None:
    """#GP(0) unless CPL is 0, then the intercept."""
    only_ring_0(cpu)
    cpu.exit(SVM_INSTRUCTIONS[name], when=cpu.get(f"intercept_{name}"))


def block_address(cpu: NonRootIA32) -> Term:
    """The physical address in EAX; #GP(0) unless it is a page's."""
    address: Term = cpu.get("EAX")
    cpu.trap(GP_PROGRAM, when=address[11:0] != 0, error_code=0)
    return address


def untranslated(cpu: NonRootIA32) -> None:
    """In non-root operation without an intercept, the address in EAX is the guest's: left out."""
    cpu.trap(NESTED, when=cpu.non_root & cpu.translates)


NESTED = unsupported("a guest's own VMLOAD or VMSAVE through second-level translation")


@forms("VMRUN", "0F 01 D8")
def vmrun(cpu: NonRootIA32) -> None:
    """Runs the guest of the VMCB that EAX names; its intercept is always set. APM vol. 3, VMRUN."""
    only_ring_0(cpu)
    block = block_address(cpu)
    cpu.exit(SVM_INSTRUCTIONS["VMRUN"])
    cpu.trap(OTHER_INTERCEPTS, when=~as_configured(cpu, cpu.memory, block))
    switch.vmrun(cpu, block)


@forms("VMMCALL", "0F 01 D9")
def vmmcall(cpu: NonRootIA32) -> None:
    """Calls the monitor; #UD where it is not intercepted. APM vol. 3, VMMCALL."""
    cpu.exit(SVM_INSTRUCTIONS["VMMCALL"], when=cpu.get("intercept_VMMCALL"))
    cpu.trap(UD)


@forms("VMLOAD", "0F 01 DA")
def vmload(cpu: NonRootIA32) -> None:
    """Loads FS, GS, LDTR, TR and SYSENTER's registers from the VMCB that EAX names. APM vol. 3, VMLOAD."""
    intercepted(cpu, "VMLOAD")
    untranslated(cpu)
    switch.vmload(cpu, block_address(cpu))


@forms("VMSAVE", "0F 01 DB")
def vmsave(cpu: NonRootIA32) -> None:
    """Saves FS, GS, LDTR, TR and SYSENTER's registers to the VMCB that EAX names. APM vol. 3, VMSAVE."""
    intercepted(cpu, "VMSAVE")
    untranslated(cpu)
    switch.vmsave(cpu, block_address(cpu))


@forms("STGI", "0F 01 DC")
def stgi(cpu: NonRootIA32) -> None:
    """Sets the global interrupt flag. APM vol. 3, STGI."""
    intercepted(cpu, "STGI")
    cpu.put("GIF", TRUE)


@forms("CLGI", "0F 01 DD")
def clgi(cpu: NonRootIA32) -> None:
    """Clears the global interrupt flag: nothing interrupts. APM vol. 3, CLGI."""
    intercepted(cpu, "CLGI")
    cpu.put("GIF", FALSE)


@forms("INVLPGA", "0F 01 DF")
def invlpga(cpu: NonRootIA32) -> None:
    """Drops a page's translation of one ASID, of which the model has none. APM vol. 3, INVLPGA."""
    intercepted(cpu, "INVLPGA")
