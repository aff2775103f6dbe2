"""Flags that decide about interrupts and I/O: CLI STI PUSHF POPF. SDM vol. 1, section 3.4.3; vol. 3, section 5.9."""

from __future__ import annotations

from ..machine import Machine
from ..terms import FALSE, TRUE, Term
from .causes import GP_PRIVILEGE, GP_PROGRAM
from .cpu import IA32
from .forms import Forms
from .privilege import flag_image, may_change_if

forms = Forms()


def virtual_interrupts(cpu: IA32) -> Term:
    """CLI and STI act on VIF instead: CR4.PVI is set, at CPL 3 above IOPL. SDM vol. 3, section 20.4."""
    virtual: Term = cpu.PVI & (cpu.CPL == 3) & ~may_change_if(cpu)
    return virtual


@forms("CLI", "FA")
def cli(cpu: IA32) -> None:
    """Clears IF; #GP(0) if CPL is above IOPL. SDM vol. 2, CLI."""
    virtual = virtual_interrupts(cpu)
    cpu.trap(GP_PRIVILEGE, when=~virtual & ~may_change_if(cpu), error_code=0)
    with cpu.when(virtual):
        cpu.VIF = FALSE
    with cpu.when(~virtual):
        cpu.IF = FALSE


@forms("STI", "FB")
def sti(cpu: IA32) -> None:
    """Sets IF; #GP(0) if CPL is above IOPL. SDM vol. 2, STI."""
    virtual = virtual_interrupts(cpu)
    cpu.trap(GP_PRIVILEGE, when=~virtual & ~may_change_if(cpu), error_code=0)
    with cpu.when(virtual):
        cpu.trap(GP_PROGRAM, when=cpu.VIP, error_code=0)
        cpu.VIF = TRUE
    with cpu.when(~virtual):
        cpu.IF = TRUE


@forms("PUSHFD", "9C", name="PUSHF", operand_size=32)
def pushfd(cpu: IA32) -> None:
    """Pushes EFLAGS with VM and RF clear. SDM vol. 2, PUSHF/PUSHFD."""
    cpu.push(flag_image(cpu))


@forms("PUSHF", "66 9C")
def pushf(cpu: IA32) -> None:
    """Pushes the low half of EFLAGS. SDM vol. 2, PUSHF/PUSHFD."""
    cpu.push(flag_image(cpu)[15:0])


@forms("POPFD", "9D", name="POPF", operand_size=32)
def popfd(cpu: IA32) -> None:
    """Pops EFLAGS: IOPL only at CPL 0, IF only if CPL is at most IOPL, silently. SDM vol. 2, POPF/POPFD.

    VIF, VIP and VM are unaffected, and RF is cleared.
    """
    image = cpu.pop(4)
    pop_low_half(cpu, image)
    cpu.load_eflags(image, "AC ID")


@forms("POPF", "66 9D")
def popf(cpu: IA32) -> None:
    """Pops the low half of EFLAGS, as POPFD does. SDM vol. 2, POPF/POPFD."""
    pop_low_half(cpu, cpu.pop(2))


def pop_low_half(cpu: IA32, image: Term) -> None:
    """The flags that 16 bits hold; IF by the IOPL before."""
    with cpu.when(may_change_if(cpu)):
        cpu.load_eflags(image, "IF")
    with cpu.when(cpu.CPL == 0):
        cpu.load_eflags(image, "IOPL")
    cpu.load_eflags(image, "CF PF AF ZF SF TF DF OF NT")


def extend(machine: Machine) -> None:
    """Declares what is left out."""
    machine.leave_out(
        "the interrupt shadow of STI",
        "the #GP before an instruction at CPL 3 that a pending virtual interrupt raises (CR4.PVI, VIF and VIP set)",
    )
