"""The checks of CPL alone, and of CPL against IOPL. SDM vol. 3, section 5.9; vol. 1, section 19.5."""

from __future__ import annotations

from ..terms import Term, bits, concat
from .causes import GP_PRIVILEGE
from .cpu import IA32
from .machine import IO_MAP_BASE

TSS_SIZE = 0x67  # the limit of the smallest 32-bit TSS


def only_ring_0(cpu: IA32) -> None:
    """#GP(0) unless CPL is 0."""
    cpu.trap(GP_PRIVILEGE, when=cpu.CPL != 0, error_code=0)


def hidden_by_umip(cpu: IA32) -> None:
    """#GP(0) outside ring 0 if CR4.UMIP is set. SDM vol. 3, section 2.5."""
    cpu.trap(GP_PRIVILEGE, when=cpu.UMIP & (cpu.CPL != 0), error_code=0)


def may_change_if(cpu: IA32) -> Term:
    """Whether POPF and IRET may change IF, and CLI and STI execute."""
    allowed: Term = cpu.CPL <= cpu.IOPL
    return allowed


def port_denied(cpu: IA32, port: Term, size: int) -> Term:
    """Whether CPL is above IOPL and the TSS's bitmap denies one of `size` ports from `port` (16 bits) on.

    The two bytes of the bitmap that are read must lie within the TSS. SDM vol. 1, section 19.5.2.
    """
    restricted = ~may_change_if(cpu)
    with cpu.when(restricted):
        map_base = cpu.linear_load(cpu.TR_base + IO_MAP_BASE, 2)
        place = map_base.zext(32) + port[15:3].zext(32)
        permission = cpu.linear_load(cpu.TR_base + place, 2)
    denied = (permission >> port[2:0].zext(16))[size - 1 : 0] != 0
    outside = (cpu.TR_limit < TSS_SIZE) | (place >= cpu.TR_limit)
    result: Term = restricted & (outside | denied)
    return result


def check_port(cpu: IA32, port: Term, size: int) -> None:
    """#GP(0) if the port is denied."""
    cpu.trap(GP_PRIVILEGE, when=port_denied(cpu, port, size), error_code=0)


def flag_image(cpu: IA32) -> Term:
    """EFLAGS as PUSHFD stores it: VM and RF are clear."""
    image = cpu.eflags
    return concat(bits(0, 8), image[23:18], bits(0, 2), image[15:0])
