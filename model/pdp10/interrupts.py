"""The priority interrupt system as a device: its registers, CONO PI and CONI PI.

The model takes no interrupt by itself; it keeps the state that decides about them.
"""

from ..machine import DEVICE, RESOURCE, Machine
from ..terms import FALSE, BitVec, Bool, Term, bits, concat, ite
from .in_out import Device
from .machine import PDP10


def declare_interrupts(machine: Machine) -> None:
    machine.component("PI_on", Bool, RESOURCE, "the priority interrupt system is on")
    machine.component("PIE", BitVec(7), RESOURCE, "the interrupt levels that are on, level 1 highest")
    machine.component("PIH", BitVec(7), RESOURCE, "the levels on which an interrupt is in progress")
    machine.component("PIR", BitVec(7), RESOURCE, "the levels on which the program asks for an interrupt")
    machine.component("parity_enable", Bool, RESOURCE, "a memory parity error interrupts")
    machine.component("indicators", BitVec(36), DEVICE, "the memory indicators, lights on the console")


class PriorityInterrupt(Device):
    """Device 004. Its data are the memory indicators, which cannot be read."""

    name = "PI"
    first = last = 1

    def data(self, cpu: PDP10, device: Term) -> Term:
        return bits(0, 36)

    def set_data(self, cpu: PDP10, device: Term, word: Term) -> None:
        cpu.indicators = word

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        """Bits 28 to 35 what is on, 21 to 27 what is in progress, 20 parity."""
        return concat(bits(0, 20), cpu.parity_enable.as_bits(), cpu.PIH, cpu.PI_on.as_bits(), cpu.PIE)

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        """Bits 20 to 28 act on the system or on the levels of bits 29 to 35, in this order."""
        levels = e[6:0]
        with cpu.when(e.bit(12)):
            cpu.PIR, cpu.PIH, cpu.PIE = bits(0, 7), bits(0, 7), bits(0, 7)
            cpu.PI_on = FALSE
            cpu.parity_enable = FALSE
        cpu.PI_on = (cpu.PI_on | e.bit(7)) & ~e.bit(8)
        cpu.PIE = ite(e.bit(9), cpu.PIE & ~levels, cpu.PIE)
        cpu.PIE = ite(e.bit(10), cpu.PIE | levels, cpu.PIE)
        cpu.PIR = ite(e.bit(11), cpu.PIR | levels, cpu.PIR)
        cpu.parity_enable = (cpu.parity_enable | e.bit(14)) & ~e.bit(15)
