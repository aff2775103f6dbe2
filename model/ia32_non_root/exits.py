"""Tables of exits: a row for each reason for which an instruction of IA-32 leaves non-root operation.

A row's condition and qualification are functions of the processor, the form and its operands. The forms themselves
are IA-32's, with the exit in front: so a condition says which of the instruction's own faults come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from importlib import import_module

from ..ia32 import INTEGER, SYSTEM
from ..ia32.encoding import any_word, region
from ..ia32.forms import Form, Forms, Meaning, install
from ..ia32.operands import Operand
from ..ia32.privilege import port_denied
from ..machine import Machine
from ..terms import TRUE, Term, bits
from .causes import Exit
from .processor import NonRootIA32

SHARED_OPCODES = ("0F 01", "0F 78", "0F 79", "0F C7")
"""Opcodes of which IA-32 leaves out what are the machines' own instructions."""

Told = Callable[..., Term | int]
Around = Callable[[Meaning], Meaning]


def always(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Whatever the state."""
    return TRUE


def nothing(cpu: NonRootIA32, form: Form, *operands: Operand) -> int:
    """No more than the reason."""
    return 0


@dataclass(frozen=True)
class Row:
    """The instructions `names` exit for `cause` where `when` holds."""

    names: str
    cause: Exit
    when: Callable[..., Term] = always
    qualification: Told = nothing
    address: Told = nothing
    information: Told = nothing

    def check(self, cpu: NonRootIA32, form: Form, *operands: Operand) -> None:
        """Exits if the row says so."""
        with cpu.when(cpu.non_root):
            when = self.when(cpu, form, *operands)
            cpu.exit(
                self.cause,
                when=when,
                qualification=self.qualification(cpu, form, *operands),
                address=self.address(cpu, form, *operands),
                information=self.information(cpu, form, *operands),
            )


# Conditions.


def ring_0(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """At CPL 0; the others get #GP(0)."""
    result: Term = cpu.CPL == 0
    return result


def not_hidden(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Unless CR4.UMIP makes it #GP(0)."""
    result: Term = ~cpu.UMIP | (cpu.CPL == 0)
    return result


def may_read_clock(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Unless CR4.TSD makes it #GP(0)."""
    result: Term = ~cpu.TSD | (cpu.CPL == 0)
    return result


def may_count(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Unless CR4.PCE makes it #GP(0)."""
    result: Term = cpu.PCE | (cpu.CPL == 0)
    return result


def permitted_port(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """Unless IOPL and the TSS's bitmap make it #GP(0)."""
    return ~port_denied(cpu, port(cpu, form, *operands), port_size(form))


def with_control(name: str, when: Callable[..., Term] = always) -> Callable[..., Term]:
    """Where the control `name` is set, and `when` holds."""

    def condition(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
        control = cpu.get(name)
        return control & when(cpu, form, *operands)

    return condition


# Ports, as both machines tell of them.

STRING_PORTS = ("INS", "OUTS")
SIZES = {"B": 1, "W": 2, "D": 4}
ACCUMULATORS = {"AL": 1, "AX": 2, "EAX": 4}


def port_size(form: Form) -> int:
    """How many ports the form accesses: by its letter, or its accumulator."""
    if form.name in STRING_PORTS:
        return SIZES[form.mnemonic[-1]]
    return next(ACCUMULATORS[text] for text in form.operands if text in ACCUMULATORS)


def port(cpu: NonRootIA32, form: Form, *operands: Operand) -> Term:
    """The first port, 16 bits."""
    if form.name in STRING_PORTS:
        result: Term = cpu.EDX[15:0]
        return result
    named = next(each for each, text in zip(operands, form.operands, strict=True) if text in ("DX", "imm8"))
    return cpu.read(named).zext(16)


# Forms.


def derived(groups: Iterable[Forms], rows: Sequence[Row], around: dict[str, Around]) -> list[Forms]:
    """IA-32's forms with the exits of `rows` in front, and `around` some of them what non-root operation changes."""
    result = []
    for group in groups:
        made = Forms()
        made.undefined_words, made.omitted_words = group.undefined_words, group.omitted_words
        for form in group.forms:
            mine = [row for row in rows if form.name in row.names.split("|")]
            wrap = around.get(form.name)
            made.forms.append(_with_exits(form, mine, wrap) if mine or wrap else form)
        result.append(made)
    return result


def _with_exits(form: Form, rows: Sequence[Row], around: Around | None) -> Form:
    inner = around(form.body) if around else form.body

    @wraps(form.body)
    def body(cpu: NonRootIA32, *operands: Operand) -> None:
        for row in rows:
            row.check(cpu, form, *operands)
        inner(cpu, *operands)

    return replace(form, body=body)


def install_with_exits(machine: Machine, own: Forms, rows: Sequence[Row], around: dict[str, Around]) -> None:
    """Adds IA-32's forms with their exits, then `own`, whose words IA-32 leaves out.

    Raises ValueError for a row that names no instruction.
    """
    modules = [import_module(f"..ia32.{name}", __package__) for name in (*INTEGER, *SYSTEM, "opcode_map")]
    groups = [module.forms for module in modules]
    known = {form.name for group in groups for form in group.forms}
    for name in {*around, *(name for row in rows for name in row.names.split("|"))} - known:
        raise ValueError(f"IA-32 has no instruction named {name!r} to exit")
    install(machine, [*derived(groups, rows, around), own])
    for module in modules:
        if hasattr(module, "extend"):
            module.extend(machine)
    added = any_word(*[form.encoding for form in own.forms])
    machine.omitted[:] = [
        region(e.text, e.matches & ~added) if e.text.startswith(SHARED_OPCODES) else e for e in machine.omitted
    ]


def control_register_access(number: Term | int, kind: int, register: Term | int = 0) -> Term:
    """The qualification of an access to a control register: SDM vol. 3, table 28-3."""
    value = number.zext(32) if isinstance(number, Term) else bits(number, 32)
    other = register.zext(32) if isinstance(register, Term) else bits(register, 32)
    return value | bits(kind << 4, 32) | (other << 8)


__all__ = [
    "Around", "Row", "always", "control_register_access", "install_with_exits", "may_count", "may_read_clock",
    "not_hidden", "permitted_port", "port", "port_size", "ring_0", "with_control",
]  # fmt: skip
