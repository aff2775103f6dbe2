"""IA-32 as unicorn has it where it leaves checks out: machines made from the model's, for `unicorn_deviations`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ringproof.model.cpu import Cpu
from ringproof.model.ia32.operands import Segment
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, Term, bits, concat, ite


def without_limits(machine: Machine) -> Machine:
    """Every segment holds every offset, of data and of instructions."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def outside(self, segment: Segment, offset: Term, size: int) -> Term:
            return FALSE

        def jump(self, target: Term) -> None:
            self.EIP = target

    def begin(cpu: Cpu, length: Term) -> None:
        object.__setattr__(cpu, "start", cpu.EIP)
        cpu.EIP = cpu.EIP + length
        cpu.RF = FALSE

    return replace(machine, cpu=Seen, begin=begin)


def without_types(machine: Machine) -> Machine:
    """Every segment that is not null may be read and written."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
            access = segment.access
            open_access = concat(bits(0x9, 4), bits(0, 1), access[2] & ~access[3], bits(3, 2))
            seen = replace(segment, access=ite(access == 0, access, open_access))
            super().check(seen, offset, size, write=write)

    return replace(machine, cpu=Seen)


def without_null(machine: Machine) -> Machine:
    """An unusable segment is one that starts at 0."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
            null = segment.access == 0
            access, limit = ite(null, bits(0x93, 8), segment.access), ite(null, bits(-1, 32), segment.limit)
            super().check(replace(segment, access=access, limit=limit), offset, size, write=write)

    return replace(machine, cpu=Seen)


def privileged_for_io(machine: Machine) -> Machine:
    """IOPL is 3 wherever it is asked for."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def __getattr__(self, name: str) -> Any:
            return bits(3, 2) if name == "IOPL" else super().__getattr__(name)

    return replace(machine, cpu=Seen)
