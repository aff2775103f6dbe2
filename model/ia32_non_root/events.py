"""What happens between two instructions, and how events are delivered: fetch, and the delivery of exceptions.

An interrupt that exits is taken whatever IF is: so a monitor regains control from a guest that has cleared it.
"""

from __future__ import annotations

from typing import cast

from ..cpu import Cpu
from ..ia32 import machine as ia32
from ..ia32.causes import WITH_ERROR_CODE, unsupported
from ..ia32.cpu import IA32
from ..ia32.interrupts import deliver_vector
from ..terms import FALSE, Term
from .causes import INTERRUPT
from .processor import EXECUTE, NonRootIA32

OTHER_EVENT = unsupported("injection of an event other than an interrupt or exception")
VALID, HAS_ERROR_CODE = 31, 11
EXTERNAL, EXCEPTION, PRIVILEGED_SOFTWARE, SOFTWARE_EXCEPTION = 0, 3, 5, 6
"""Types of events, bits 10 to 8 of the information on them."""


def information(vector: int, kind: int, *, error_code: bool = False) -> int:
    """What is told of an event: its vector, its type, whether there is an error code, and that it is valid.

    >>> hex(information(13, EXCEPTION, error_code=True))
    '0x80000b0d'
    """
    return vector | kind << 8 | error_code << HAS_ERROR_CODE | 1 << VALID


def exception_information(vector: int) -> int:
    """What is told of an exception."""
    return information(vector, EXCEPTION, error_code=vector in WITH_ERROR_CODE)


def begin(cpu: Cpu, length: Term) -> None:
    """As in IA-32; then all of the instruction must lie in memory that the tables map."""
    ia32.begin(cpu, length)
    processor = cast(NonRootIA32, cpu)
    first = processor.CS_base + processor.start
    processor.check_mapped([first, first + length - 1], EXECUTE)


def fetch_mapped(cpu: NonRootIA32) -> Term:
    """The instruction word, as in IA-32; its first byte must be mapped."""
    first = cpu.CS_base + cpu.EIP
    cpu.check_mapped([first], EXECUTE)
    return ia32.fetch(cpu)


def inject(cpu: NonRootIA32, event: Term, error_code: Term) -> None:
    """Delivers the event that entry is asked for through the guest's IDT. SDM vol. 3, section 27.6; APM 15.20."""
    valid, kind, has_error_code = event.bit(VALID), event[10:8], event.bit(HAS_ERROR_CODE)
    cpu.trap(OTHER_EVENT, when=valid & (kind != EXTERNAL) & (kind != EXCEPTION))
    loaded = cpu.outcome().state
    for pushed, code in ((False, None), (True, error_code)):
        inside = cpu.on_state(loaded)
        deliver_vector(inside, event[7:0], image=inside.eflags, error_code=code)
        inside.put("halted", FALSE)
        with cpu.when(valid & (has_error_code == pushed)):
            cpu.take_over(inside, loaded)


def take_interrupt(cpu: IA32) -> None:
    """Delivers the external interrupt through the running program's IDT and acknowledges it."""
    vector, image = cpu.INTR_vector, cpu.eflags
    deliver_vector(cpu, vector, image=image)
    cpu.put("INTR", FALSE)
    cpu.put("halted", FALSE)


__all__ = [
    "EXCEPTION", "EXTERNAL", "INTERRUPT", "PRIVILEGED_SOFTWARE", "SOFTWARE_EXCEPTION", "VALID", "begin",
    "exception_information", "fetch_mapped", "information", "inject", "take_interrupt",
]  # fmt: skip
