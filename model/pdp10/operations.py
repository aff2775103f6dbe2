"""Unimplemented user operations: LUUOs, which a program handles itself, and MUUOs, which call the monitor."""

from collections.abc import Callable, Mapping

from ..machine import Machine
from ..terms import Term, bits, concat
from .group import prepare
from .machine import MUUO, PDP10, UNASSIGNED
from .word import encode_range, operand_text


def add_operations(machine: Machine, muuos: list[tuple[int, int]], unassigned: list[tuple[int, int]]) -> None:
    """Adds LUUO (001 to 037), and the ranges of codes that trap as MUUOs and as unassigned."""
    _add(machine, "LUUO", 0o001, 0o037, local_operation)
    for first, last in muuos:
        _add(machine, "MUUO", first, last, monitor_operation)
    for first, last in unassigned:
        _add(machine, "unassigned code", first, last, unassigned_code)


def _add(machine: Machine, name: str, first: int, last: int, meaning: Callable[..., None]) -> None:
    machine.add(name, f"{name} AC,E", encode_range(first, last), meaning, _render)


def _render(fields: Mapping[str, int]) -> str:
    return f"{fields['operation']:03o} {fields['ac']:o},{operand_text(fields)}"


def omit(machine: Machine, what: str, codes: list[tuple[int, int]]) -> None:
    """Declares ranges of operation codes, `what` in words, that the model leaves out."""
    machine.omitted.extend([encode_range(first, last) for first, last in codes])
    ranges = [f"{first:03o}" if first == last else f"{first:03o} to {last:03o}" for first, last in codes]
    machine.leave_out(f"{what} ({', '.join(ranges)})")


def _prepare(cpu: PDP10, operation: Term, ac: Term, i: Term, x: Term, y: Term) -> Term:
    prepare(cpu, concat(operation, ac, i, x, y))
    return cpu.uuo


def local_operation(cpu: PDP10, **fields: Term) -> None:
    """Stores code, AC and E in location 40 of the program's own space and executes the instruction in 41."""
    word = _prepare(cpu, **fields)
    cpu.local_operation_supported()
    cpu.write(bits(0o40, 18), word)
    cpu.execute(bits(0o41, 18))


def monitor_operation(cpu: PDP10, **fields: Term) -> None:
    """Traps to the monitor, with code, AC and E."""
    cpu.trap(MUUO, uuo=_prepare(cpu, **fields))


def unassigned_code(cpu: PDP10, **fields: Term) -> None:
    """Traps to the monitor, as codes do that mean nothing."""
    cpu.trap(UNASSIGNED, uuo=_prepare(cpu, **fields))
