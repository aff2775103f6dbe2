"""Returning to the same level or an outer one: what RET and IRET share. SDM vol. 3, section 5.8.6."""

from __future__ import annotations

from ..terms import Term, bits
from .causes import GP_MEMORY, GP_PRIVILEGE
from .cpu import IA32
from .descriptors import check_present, check_stack, fetch, is_null, load_code, load_stack
from .machine import DATA_SEGMENTS


def return_to(cpu: IA32, offset: Term, selector: Term, frame: int, released: Term) -> None:
    """Returns to `selector`:`offset`, which lie in the lowest `frame` bytes of the stack.

    `released` is how many bytes above them, the parameters, are dropped. If the selector's RPL is an outer
    level, ESP and SS follow them on the stack, and the parameters are dropped from the outer stack too.
    """
    cpu.trap(GP_MEMORY, when=is_null(selector), error_code=0)
    code = fetch(cpu, selector)
    level = code.rpl
    conforming = code.is_conforming_code
    cpu.trap(GP_MEMORY, when=~code.is_code, error_code=code.error_code)
    cpu.trap(GP_PRIVILEGE, when=level < cpu.CPL, error_code=code.error_code)
    wrong = (code.dpl > level) | ((code.dpl != level) & ~conforming)
    cpu.trap(GP_PRIVILEGE, when=wrong, error_code=code.error_code)
    check_present(cpu, code)

    outer = level != cpu.CPL
    above = cpu.ESP + frame + released
    with cpu.when(outer):
        stack_offset = cpu.load("SS", above, 4)
        stack_selector = cpu.load("SS", above + 4, 2)
        cpu.trap(GP_MEMORY, when=is_null(stack_selector), error_code=0)
        stack = fetch(cpu, stack_selector)
        check_stack(cpu, stack, level, GP_MEMORY, GP_PRIVILEGE)
    load_code(cpu, code, level, offset)
    with cpu.when(~outer):
        cpu.ESP = above
    with cpu.when(outer):
        load_stack(cpu, stack)
        cpu.ESP = stack_offset + released
        drop_data_segments(cpu, level)


def drop_data_segments(cpu: IA32, level: Term) -> None:
    """Makes null the data segment registers that code at `level` could not have loaded.

    Those that hold data or nonconforming code of a lower DPL; and null ones, whose selector becomes 0.
    """
    for name in DATA_SEGMENTS:
        access = cpu.get(f"{name}_access")
        conforming = access[3:2] == 3
        with cpu.when((access[6:5] < level) & ~conforming):
            cpu.put(f"{name}_selector", bits(0, 16))
            cpu.put(f"{name}_access", bits(0, 8))
