"""IA-32 in 32-bit protected mode: `ia32()` is the machine. Read `machine`, then `forms`, then any group."""

from __future__ import annotations

from importlib import import_module

from ..machine import Machine

# The files that declare instructions, each with a `forms`, in the order in which the machine lists them.
INTEGER = (
    *("moves", "stack", "arithmetic", "logic", "shifts", "bit_tests"),
    *("multiply", "strings", "near", "flags"),
)
SYSTEM = (
    *("segments", "far_transfers", "interrupts", "system_flags", "ports"),
    *("system_registers", "processor", "access_checks"),
)


def ia32() -> Machine:
    """The machine, with every instruction. Files in `SYSTEM` may complete it by `extend(machine)`."""
    from .forms import install
    from .machine import base_machine

    machine = base_machine()
    modules = [import_module(f".{name}", __name__) for name in (*INTEGER, *SYSTEM, "opcode_map")]
    install(machine, [module.forms for module in modules])
    for module in modules:
        if hasattr(module, "extend"):
            module.extend(machine)
    return machine


__all__ = ["ia32"]
