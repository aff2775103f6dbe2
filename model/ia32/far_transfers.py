"""Far JMP, CALL and RET: to code segments directly and through call gates, with the switch of stacks.

SDM vol. 2, JMP, CALL and RET; vol. 3, section 5.8. Task switches are refused, as are 16-bit gates and calls to an
inner level that copy more than `PARAMETERS` doublewords.
"""

from __future__ import annotations

from ..machine import Machine
from ..terms import Term, bits, ite
from .causes import GP_MEMORY, GP_PRIVILEGE, NP_MEMORY, unsupported
from .cpu import IA32
from .descriptors import (
    CALL_GATE,
    CALL_GATE_16,
    TASK_GATE,
    TSS,
    TSS_16,
    Descriptor,
    check_present,
    choose,
    fetch,
    is_null,
    load_code,
)
from .forms import Forms
from .operands import FarPointer, Operand
from .returns import return_to
from .stack_switch import Frame

forms = Forms()

PARAMETERS = 4
TASK_SWITCH = unsupported("task switch")
GATE_16 = unsupported("16-bit gate")
MANY_PARAMETERS = unsupported(f"call gate that copies more than {PARAMETERS} parameters")
FAR_16 = "16-bit far transfer"


def resolve(cpu: IA32, selector: Term) -> tuple[Descriptor, Descriptor, Term]:
    """The code segment that a far pointer leads to, the descriptor that it names, and whether that is a call gate.

    Which gate it is, the program may choose: each of them is an entry point.
    """
    cpu.choose_entry(selector)
    cpu.trap(GP_MEMORY, when=is_null(selector), error_code=0)
    named = fetch(cpu, selector)
    is_gate, error = named.is_system, named.error_code
    with cpu.when(is_gate):
        is_tss = named.is_type(TSS_16, TSS)
        is_task = is_tss | named.is_type(TASK_GATE)
        known = is_task | named.is_type(CALL_GATE_16, CALL_GATE)
        cpu.trap(GP_MEMORY, when=~known, error_code=error)
        cpu.trap(GP_PRIVILEGE, when=(named.dpl < cpu.CPL) | (named.dpl < named.rpl), error_code=error)
        cpu.trap(GP_MEMORY, when=is_tss & selector.bit(2), error_code=error)
        cpu.trap(NP_MEMORY, when=~named.present, error_code=error)
        cpu.trap(TASK_SWITCH, when=is_task)
        cpu.trap(GATE_16, when=named.is_type(CALL_GATE_16))
        cpu.trap(GP_MEMORY, when=is_null(named.target_selector), error_code=0)
        target = fetch(cpu, named.target_selector)
    code = choose(is_gate, target, named)
    cpu.trap(GP_MEMORY, when=~code.is_code, error_code=code.error_code)
    return code, named, is_gate


@forms("JMP ptr16:32", "EA cp", name="JMP (far)", operand_size=32)
@forms("JMP m16:32", "FF /5", name="JMP (far)", operand_size=32)
def jmp_far(cpu: IA32, target: Operand) -> None:
    """Jumps to another code segment at the same level, directly or through a call gate. SDM vol. 2, JMP."""
    selector, offset = far_target(cpu, target)
    code, named, through_gate = resolve(cpu, selector)
    forbidden = (code.dpl > cpu.CPL) | (
        ~code.is_conforming_code & ((code.dpl != cpu.CPL) | (~through_gate & (named.rpl > cpu.CPL)))
    )
    cpu.trap(GP_PRIVILEGE, when=forbidden, error_code=code.error_code)
    check_present(cpu, code)
    load_code(cpu, code, cpu.CPL, ite(through_gate, named.target_offset, offset))


@forms("CALL ptr16:32", "9A cp", name="CALL (far)", operand_size=32)
@forms("CALL m16:32", "FF /3", name="CALL (far)", operand_size=32)
def call_far(cpu: IA32, target: Operand) -> None:
    """Calls another code segment, through a call gate also one at an inner level. SDM vol. 2, CALL."""
    selector, offset = far_target(cpu, target)
    code, named, through_gate = resolve(cpu, selector)
    nonconforming = ~code.is_conforming_code
    direct = (code.dpl != cpu.CPL) | (named.rpl > cpu.CPL)
    forbidden = (code.dpl > cpu.CPL) | (nonconforming & ~through_gate & direct)
    cpu.trap(GP_PRIVILEGE, when=forbidden, error_code=code.error_code)
    check_present(cpu, code)

    inner = through_gate & nonconforming & (code.dpl != cpu.CPL)
    frame = Frame(cpu, inner, code.dpl, parameters=named.parameters)
    copy_parameters(cpu, frame, named.parameters, inner)
    frame.push(cpu.selector(1).zext(32))
    frame.push(cpu.EIP)
    frame.check_room()
    frame.enter()
    load_code(cpu, code, ite(inner, code.dpl, cpu.CPL), ite(through_gate, named.target_offset, offset))


def copy_parameters(cpu: IA32, frame: Frame, count: Term, inner: Term) -> None:
    """Copies `count` doublewords from the old stack to the new one, in the same order."""
    cpu.trap(MANY_PARAMETERS, when=inner & (count > PARAMETERS))
    parameters = frame.inner_top
    for number in range(PARAMETERS):
        copied = inner & (count > number)
        with cpu.when(copied):
            value = cpu.load("SS", cpu.ESP + 4 * number, 4)
        frame.place_inner(parameters + 4 * number, value, copied)


def far_target(cpu: IA32, target: Operand) -> tuple[Term, Term]:
    """The selector and the offset of a far pointer, in the instruction or in memory."""
    if isinstance(target, FarPointer):
        return target.selector, target.offset
    pointer = cpu.read(target)
    return pointer[47:32], pointer[31:0]


@forms("RETF", "CB", name="RET (far)", operand_size=32)
@forms("RETF imm16", "CA iw", name="RET (far)", operand_size=32)
def ret_far(cpu: IA32, released: Operand | None = None) -> None:
    """Returns to the same level or an outer one, dropping parameters. SDM vol. 2, RET."""
    size = bits(0, 32) if released is None else cpu.read(released).zext(32)
    selector = cpu.load("SS", cpu.ESP + 4, 4)[15:0]
    offset = cpu.load("SS", cpu.ESP, 4)
    return_to(cpu, offset, selector, 8, size)


for text in ("EA", "9A", "CA", "CB"):
    forms.omitted(f"66 {text}", FAR_16)
for text in ("FF /3", "FF /5"):
    forms.omitted(f"66 {text}", FAR_16, modrm="memory")
    forms.undefined(text, modrm="register", why="a far pointer lies in memory")


def extend(machine: Machine) -> None:
    """Declares what is left out."""
    machine.leave_out(
        "task switches: by far JMP and CALL, task gates, IRET with NT set",
        "16-bit gates, far transfers with a 16-bit operand, 16-bit TSSs",
        f"call gates to an inner level that copy more than {PARAMETERS} parameters",
    )
