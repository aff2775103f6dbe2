"""Words at fixed addresses by which the kernel and its callers speak, and choosing code by number."""

from __future__ import annotations

from collections.abc import Callable

from .outcomes import Leave, leave_function
from .wasm import Function

COUNT, TRAP, NESTED, STOP_ARMED, STOP_VALUE, LAST = 24, 32, 36, 40, 48, 56
"""Addresses of control words: steps taken, the last trap's number, that of its delivery, where to stop, and the last
step's decoded instruction (0 where its fetch trapped)."""

LIMIT_REACHED, STOPPED, STUCK, NO_ROOM = range(4)
"""Why a run ended: all steps taken, at the place to stop, a trap that is not delivered, the memory limit."""


def switch(
    f: Function,
    count: int,
    selector: Callable[[], None],
    case: Callable[[int], None],
    leave: Leave = leave_function,
) -> None:
    """Leaves with what `case` pushes for the number that `selector` pushes; goes on where that is not below `count`."""
    outside = f.block()
    marks = [f.block() for _ in range(count)]
    selector()
    f.branch_table(list(reversed(marks)), outside)
    for position in range(count):
        f.end()
        case(position)
        leave(f)
    f.end()
