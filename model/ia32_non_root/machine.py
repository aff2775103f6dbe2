"""The state of IA-32 with root and non-root operation: IA-32's, with other roles, and what decides on guests.

In non-root operation the registers are the guest's own duplicate, which entry loads and exit saves: they are the
program's. Resources are what the duplicate does not hold: the control structure, ports, the debug registers that
no switch saves, the second-level translation, and whether the processor has stopped.

**Second-level translation.** The tables are restricted to a window: guest-physical addresses from 0 to
`window_bound` lie at consecutive places from `window_base` on, and no others are mapped. That is the paper's
R = (l, b). `second_level` has the walk of tables of four levels and says which tables make such a window. In root
operation there is no translation, and `window_base` is 0, so that a guest in non-root and the same program in root
operation can be compared as the paper compares states with different R.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..cpu import Cpu, View
from ..ia32 import machine as ia32
from ..ia32.encoding import to_bytes
from ..machine import DEVICE, MODE, PROGRAM, RESOURCE, Machine, Relocation, Role
from ..terms import BitVec, Bool, Term, all_of, bits, concat
from .processor import NonRootIA32

PAGE_BITS = 12
BASE = ia32.base_machine()


def non_root_machine(*, name: str, summary: str, source: str, cpu: type[NonRootIA32], kept: Iterable[str]) -> Machine:
    """The machine without instructions. `kept` are the registers that the control structure does not switch."""
    machine = Machine(
        name=name,
        summary=summary,
        source=source,
        word=BASE.word,
        mode="operation",
        levels={"root": 0, "non-root": 1},
        guest="non-root",
        counter="EIP",
        cpu=cpu,
        stored=to_bytes,
        relocation=Relocation(
            amount=BitVec(32 - PAGE_BITS),
            memory="memory",
            offset=_pages,
            bases=lambda state, x: {"window_base": state.window_base + _pages(x)},
            visible=_seen,
        ),
    )
    machine.component("operation", BitVec(1), MODE, "root or non-root operation")
    roles = {"halted": RESOURCE, **dict.fromkeys(kept, RESOURCE)}
    for each in BASE.components.values():
        own = PROGRAM if each.role in (Role.RESOURCE, Role.MODE) else each.role
        machine.component(each.name, each.sort, roles.get(each.name, own), each.text)
    machine.component("window_base", BitVec(32), RESOURCE, "where guest-physical address 0 lies; 0 in root operation")
    machine.component("window_bound", BitVec(32), RESOURCE, "the size of guest-physical memory in bytes")
    machine.component("INTR", Bool, DEVICE, "an external interrupt is pending")
    machine.component("INTR_vector", BitVec(8), DEVICE, "its vector")
    for setting in BASE.assumptions.values():
        if setting.scope == "configuration":
            machine.assumptions[setting.name] = setting
    machine.invariants.extend(BASE.invariants)
    machine.invariant("there is no translation in root operation", lambda s: (s.operation == 1) | (s.window_base == 0))
    machine.invariant(
        "the window is made of whole pages and lies in memory",
        lambda s: (
            (s.window_base[PAGE_BITS - 1 : 0] == 0)
            & (s.window_bound[PAGE_BITS - 1 : 0] == 0)
            & ((s.window_base.zext(33) + s.window_bound.zext(33)) <= 1 << 32)
        ),
    )
    machine.leave_out(*BASE.left_out)
    machine.leave_out("second-level tables that map anything but a window; access and dirty bits, caches of mappings")
    machine.start = BASE.start
    return machine


def _pages(x: Term) -> Term:
    return concat(x, bits(0, PAGE_BITS))


def _seen(state: View, address: Term) -> Term:
    """In root operation all of memory, in non-root the window."""
    return (state.operation == 0) | (address - state.window_base < state.window_bound)


def known_state(cpu: Cpu) -> Term:
    """Whether the state is one that IA-32 has in this model: what the machine's invariants say of its registers."""
    state: Mapping[str, Term] = cpu.outcome().state
    view = View({**cpu._constants, **state})
    holds = [invariant.holds(view) for invariant in BASE.invariants]
    fixed = [a.holds(view, getattr(view, a.name)) for a in BASE.assumptions.values() if _binds(a.scope) and a.holds]
    return all_of(*holds, *fixed)


def _binds(scope: str) -> bool:
    return scope == "configuration"


__all__ = ["PAGE_BITS", "known_state", "non_root_machine"]
