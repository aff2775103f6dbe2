"""The causes of traps. Privileged manual, version 20240411, section 3.1.15, table 14 (mcause values)."""

from enum import Enum

from ..cpu import Cause, Kind

INTERRUPT = 1 << 31
"""Marks the vector of an interrupt; in mcause its place is the highest bit."""

FETCH_MISALIGNED = Cause("instruction address misaligned", Kind.PROGRAM, 0)
FETCH_ACCESS = Cause("instruction access fault", Kind.MEMORY, 1)
ILLEGAL = Cause("illegal instruction", Kind.PRIVILEGE, 2)
RESERVED = Cause("illegal instruction (not defined)", Kind.UNDEFINED, 2)
BREAKPOINT = Cause("breakpoint", Kind.PROGRAM, 3)
LOAD_MISALIGNED = Cause("load address misaligned", Kind.PROGRAM, 4)
LOAD_ACCESS = Cause("load access fault", Kind.MEMORY, 5)
STORE_MISALIGNED = Cause("store/AMO address misaligned", Kind.PROGRAM, 6)
STORE_ACCESS = Cause("store/AMO access fault", Kind.MEMORY, 7)
CALL_FROM_U = Cause("environment call from U-mode", Kind.PROGRAM, 8)
CALL_FROM_S = Cause("environment call from S-mode", Kind.PROGRAM, 9)
CALL_FROM_M = Cause("environment call from M-mode", Kind.PROGRAM, 11)
FETCH_PAGE = Cause("instruction page fault", Kind.MEMORY, 12)
LOAD_PAGE = Cause("load page fault", Kind.MEMORY, 13)
STORE_PAGE = Cause("store/AMO page fault", Kind.MEMORY, 15)

LEFT_OPEN = Cause("a CSR that is not defined", Kind.UNPREDICTABLE)
"""Where the manual leaves open whether a reserved CSR traps."""

WAITING = Cause("waiting for an interrupt that cannot come", Kind.UNSUPPORTED)


class Access(Enum):
    """A kind of memory access, with the causes of its faults: misaligned address, access fault, page fault."""

    FETCH = (FETCH_MISALIGNED, FETCH_ACCESS, FETCH_PAGE)
    LOAD = (LOAD_MISALIGNED, LOAD_ACCESS, LOAD_PAGE)
    STORE = (STORE_MISALIGNED, STORE_ACCESS, STORE_PAGE)

    @property
    def misaligned(self) -> Cause:
        return self.value[0]

    @property
    def access_fault(self) -> Cause:
        return self.value[1]

    @property
    def page_fault(self) -> Cause:
        return self.value[2]
