"""Variants of the third generation machine: each adds one instruction, or makes one behave otherwise.

Each is a machine of its own, so that what it does to the classification can be seen alone. They are the
examples of Popek and Goldberg 1974, sections 3 and 4, and of its footnotes.
"""

from collections.abc import Callable

from ..machine import PROGRAM, RESOURCE, Machine
from ..terms import Bool, Term, bits, concat, ite
from .machine import (
    CALL_TRAP,
    SUPERVISOR,
    USER,
    Declare,
    ThirdGeneration,
    declare_undefined,
    form,
    third_generation,
)

Change = Callable[[Machine], None]

OPCODE = 9


def _declare(machine: Machine, name: str, fields: str = "a") -> Declare:
    syntax = " ".join([name, ", ".join("{" + f + "}" for f in fields.split())]).strip()
    return machine.instruction(name, syntax, form(machine, OPCODE, fields))


def return_to_user(machine: Machine) -> None:
    """Adds an unprivileged RETURN TO USER, the JRST 1 of the PDP-10."""

    @_declare(machine, "RETURN TO USER")
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """M := user; P := a, in either mode and without a trap (section 3, PDP-10 JRST 1)."""
        cpu.M = bits(USER, 1)
        cpu.P = a


def privileged_return(machine: Machine) -> None:
    """Adds RETURN TO USER as a privileged instruction."""

    @_declare(machine, "RETURN TO USER")
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """M := user; P := a. Traps in user mode."""
        cpu.supervisor_only()
        cpu.M = bits(USER, 1)
        cpu.P = a


def load_real_address(machine: Machine) -> None:
    """Adds LOAD REAL ADDRESS, the LRA of the IBM 360/67."""

    @_declare(machine, "LOAD REAL ADDRESS", "a b")
    def meaning(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := the absolute address of a (section 3, IBM 360/67 LRA)."""
        real = cpu.develop(a)
        cpu.store(b, real.zext(cpu.E.sort.value.width))


def read_mode(machine: Machine) -> None:
    """Adds READ MODE, which shows M to any program."""

    @_declare(machine, "READ MODE")
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """E[a] := M."""
        cpu.store(a, cpu.M.zext(cpu.E.sort.value.width))


def previous_space(machine: Machine) -> None:
    """Adds MOVE FROM PREVIOUS SPACE, the MFPI of the PDP-11/45."""

    @_declare(machine, "MOVE FROM PREVIOUS SPACE", "a b")
    def meaning(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[a], where a is formed in a space that depends on M (section 3, PDP-11/45 MFPI).

        In supervisor mode the previous space is the user's, which here starts one cell higher.
        """
        cpu.store(b, cpu.load(ite(cpu.M == SUPERVISOR, a + 1, a)))


def user_no_op(machine: Machine) -> None:
    """Makes LOAD R do nothing in user mode in place of trapping (section 3: that is not privileged)."""
    machine.instructions = [i for i in machine.instructions if i.name != "LOAD R"]

    @machine.instruction("LOAD R", "LOAD R {a}", form(machine, 8, "a"))
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """R := E[a] in supervisor mode; nothing in user mode."""
        cell = cpu.load(a)
        n = cpu.P.width
        with cpu.when(cpu.M == SUPERVISOR):
            cpu.b = cell[n:0]
            cpu.l = cell[2 * n : n + 1]


def shrink(machine: Machine) -> None:
    """Adds an unprivileged SHRINK, which can only lower the bound (section 4: harmless, yet sensitive)."""

    @_declare(machine, "SHRINK")
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """b := min(b, a)."""
        cpu.b = ite(a.zext(cpu.b.width) < cpu.b, a.zext(cpu.b.width), cpu.b)


def halt(machine: Machine) -> None:
    """Adds an unprivileged HALT; memory is the only resource, the processor is not one (footnote 3)."""
    _halt(machine)
    machine.component("halted", Bool, PROGRAM, "the processor has stopped")


def halt_shared(machine: Machine) -> None:
    """Adds an unprivileged HALT where the processor is shared in time, and so a resource (footnote 3)."""
    _halt(machine)
    machine.component("halted", Bool, RESOURCE, "the processor has stopped")


def _halt(machine: Machine) -> None:
    @_declare(machine, "HALT", "")
    def meaning(cpu: ThirdGeneration) -> None:
        """The processor stops."""
        cpu.halted = True


def supervisor_call(machine: Machine) -> None:
    """Adds SUPERVISOR CALL, which traps in both modes; traps are outside the definitions."""

    @_declare(machine, "SUPERVISOR CALL", "")
    def meaning(cpu: ThirdGeneration) -> None:
        """Traps."""
        cpu.trap(CALL_TRAP)


def store_absolute(machine: Machine) -> None:
    """Adds an unprivileged STORE ABSOLUTE, which reaches the PSW cells regardless of R (footnote 2)."""

    @_declare(machine, "STORE ABSOLUTE", "a b")
    def meaning(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """The cell at absolute address b := E[a]."""
        cpu.E = cpu.E.set(b, cpu.load(a))


def read_psw(machine: Machine) -> None:
    """Adds an unprivileged READ PSW, which shows M and R."""

    @_declare(machine, "READ PSW")
    def meaning(cpu: ThirdGeneration, a: Term) -> None:
        """E[a] := (M, R)."""
        cpu.store(a, concat(cpu.M, cpu.l, cpu.b).zext(cpu.E.sort.value.width))


VARIANTS: dict[str, Change] = {
    "return-to-user": return_to_user,
    "privileged-return": privileged_return,
    "load-real-address": load_real_address,
    "read-mode": read_mode,
    "read-psw": read_psw,
    "previous-space": previous_space,
    "user-no-op": user_no_op,
    "shrink": shrink,
    "halt": halt,
    "halt-shared": halt_shared,
    "supervisor-call": supervisor_call,
    "store-absolute": store_absolute,
}


def variant(name: str, address_bits: int = 16, word_bits: int = 64) -> Machine:
    """The machine `third-generation-NAME` at these widths. Raises KeyError for a name not in VARIANTS."""
    machine = third_generation(address_bits, word_bits)
    change = VARIANTS[name]
    change(machine)
    declare_undefined(machine)
    machine.name = f"third-generation-{name}"
    machine.summary = " ".join((change.__doc__ or "").split())
    return machine
