"""Descriptors: reading them from the GDT and the LDT, checking them, and loading them into segment registers.

SDM vol. 3, sections 3.4.2 to 3.5 (selectors, segment and system descriptors), 5.2 to 5.8 (the checks). An
instruction reads every descriptor and every operand before it writes anything; the manual leaves that order
open, and it shows only where a stack overlaps a descriptor table.

Of the failures, a comparison of DPL or RPL with a privilege level is of kind PRIVILEGE. A descriptor outside its
table, of the wrong type, or not present is of kind MEMORY, as is a null selector where a segment is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cpu import Cause
from ..terms import Term, bits, concat, ite
from .causes import GP_MEMORY, GP_PRIVILEGE, NP_MEMORY, SS_MEMORY, unsupported
from .cpu import IA32
from .operands import SEGMENTS

CODE_16 = unsupported("16-bit code segment")
STACK_16 = unsupported("16-bit stack segment")
SS_NUMBER = SEGMENTS.index("SS")

# Types of system descriptors. SDM vol. 3, table 3-2.
TSS_16, LDT, BUSY_TSS_16, CALL_GATE_16, TASK_GATE, INTERRUPT_GATE_16, TRAP_GATE_16 = range(1, 8)
TSS, BUSY_TSS, CALL_GATE, INTERRUPT_GATE, TRAP_GATE = 9, 11, 12, 14, 15


@dataclass(frozen=True, eq=False)
class Descriptor:
    """Eight bytes of a descriptor table at a linear address, the selector that names them, and its error code.

    `low` and `high` are the two doublewords of SDM vol. 3, figure 3-8 (gates: figures 5-8 and 6-2).
    """

    selector: Term
    address: Term
    low: Term
    high: Term
    error_code: Term

    @property
    def base(self) -> Term:
        return concat(self.high[31:24], self.high[7:0], self.low[31:16])

    @property
    def limit(self) -> Term:
        """The limit in bytes: in units of 4 Kbytes where G is set."""
        limit = concat(self.high[19:16], self.low[15:0])
        return ite(self.high.bit(23), concat(limit, bits(-1, 12)), limit.zext(32))

    @property
    def access(self) -> Term:
        """P, DPL, S and type: byte 5."""
        return self.high[15:8]

    @property
    def type(self) -> Term:
        return self.high[11:8]

    @property
    def dpl(self) -> Term:
        return self.high[14:13]

    @property
    def rpl(self) -> Term:
        """The requested privilege level, from the selector."""
        return self.selector[1:0]

    @property
    def present(self) -> Term:
        return self.high.bit(15)

    @property
    def big(self) -> Term:
        """D/B: 32-bit code, a 32-bit stack, or an upper bound of 4 Gbytes."""
        return self.high.bit(22)

    @property
    def is_system(self) -> Term:
        """S is clear: a gate, a TSS or an LDT."""
        return self.high[12] == 0

    @property
    def is_code(self) -> Term:
        return self.high[12:11] == 3

    @property
    def is_conforming_code(self) -> Term:
        return self.high[12:10] == 7

    @property
    def is_readable(self) -> Term:
        """Data, or code that may be read."""
        return (self.high[12:11] == 2) | (self.is_code & self.high.bit(9))

    @property
    def is_writable_data(self) -> Term:
        return (self.high[12:11] == 2) & self.high.bit(9)

    @property
    def target_selector(self) -> Term:
        """The selector in a gate."""
        return self.low[31:16]

    @property
    def target_offset(self) -> Term:
        """The offset in a 32-bit gate."""
        return concat(self.high[31:16], self.low[15:0])

    @property
    def parameters(self) -> Term:
        """How many parameters a call gate copies, 5 bits."""
        return self.high[4:0]

    def is_type(self, *types: int) -> Term:
        """A system descriptor of one of `types`."""
        found = [self.type == number for number in types]
        result = found[0]
        for each in found[1:]:
            result = result | each
        return self.is_system & result


def is_null(selector: Term) -> Term:
    """Index 0 of the GDT, whatever the RPL. SDM vol. 3, section 3.4.2."""
    return selector[15:2] == 0


def selector_error(selector: Term, external: int = 0) -> Term:
    """The error code that names `selector`; `external` is its EXT bit. SDM vol. 3, section 6.13."""
    return concat(bits(0, 16), selector[15:2], bits(external, 2))


def outside_table(cpu: IA32, selector: Term) -> Term:
    """Whether the descriptor lies beyond its table's limit, or in an LDT that there is not."""
    last = concat(bits(0, 16), selector[15:3], bits(7, 3))
    in_ldt = selector.bit(2)
    return ite(in_ldt, (cpu.LDTR_access == 0) | (last > cpu.LDTR_limit), last > cpu.GDTR_limit.zext(32))


def peek(cpu: IA32, selector: Term, external: int = 0) -> Descriptor:
    """The descriptor that `selector` names, which must lie in its table."""
    table = ite(selector.bit(2), cpu.LDTR_base, cpu.GDTR_base)
    address = table + concat(bits(0, 16), selector[15:3], bits(0, 3))
    raw = cpu.linear_load(address, 8)
    return Descriptor(selector, address, raw[31:0], raw[63:32], selector_error(selector, external))


def fetch(cpu: IA32, selector: Term, *, cause: Cause = GP_MEMORY, external: int = 0) -> Descriptor:
    """The descriptor that `selector` names; `cause` with the selector as its error code if it is outside its table."""
    cpu.trap(cause, when=outside_table(cpu, selector), error_code=selector_error(selector, external))
    return peek(cpu, selector, external)


def choose(condition: Term, then: Descriptor, other: Descriptor) -> Descriptor:
    """`then` where `condition` holds, else `other`."""
    pairs = zip(vars(then).values(), vars(other).values(), strict=True)
    return Descriptor(*[ite(condition, a, b) for a, b in pairs])


def mark_accessed(cpu: IA32, descriptor: Descriptor) -> None:
    """Sets the accessed bit in the table, as every load of a segment register does. SDM vol. 3, section 3.4.5.1."""
    cpu.linear_store(descriptor.address + 5, descriptor.access | 1)


# Code segments.


def check_present(cpu: IA32, descriptor: Descriptor) -> None:
    """#NP(selector) unless present."""
    cpu.trap(NP_MEMORY, when=~descriptor.present, error_code=descriptor.error_code)


def load_code(cpu: IA32, code: Descriptor, level: Term, offset: Term) -> None:
    """Loads CS and EIP and enters `level`; #GP(0), or #GP(EXT), when `offset` is beyond the limit."""
    cpu.trap(GP_MEMORY, when=offset > code.limit, error_code=code.error_code & 1)
    cpu.trap(CODE_16, when=~code.big)
    cpu.CS_index = code.selector[15:2]
    cpu.CS_base = code.base
    cpu.CS_limit = code.limit
    cpu.CS_access = code.access | 1
    cpu.CPL = level
    cpu.EIP = offset
    mark_accessed(cpu, code)


# Stack segments.


def check_stack(cpu: IA32, stack: Descriptor, level: Term, type_fault: Cause, privilege_fault: Cause) -> None:
    """A stack for `level`: RPL and DPL are `level`, a writable data segment, present (#SS(selector))."""
    code = stack.error_code
    cpu.trap(privilege_fault, when=stack.rpl != level, error_code=code)
    cpu.trap(type_fault, when=~stack.is_writable_data, error_code=code)
    cpu.trap(privilege_fault, when=stack.dpl != level, error_code=code)
    cpu.trap(SS_MEMORY, when=~stack.present, error_code=code)


def load_stack(cpu: IA32, stack: Descriptor) -> None:
    """Loads SS from a checked descriptor; its RPL is CPL by construction."""
    cpu.trap(STACK_16, when=~stack.big)
    cpu.SS_index = stack.selector[15:2]
    cpu.SS_base = stack.base
    cpu.SS_limit = stack.limit
    cpu.SS_access = stack.access | 1
    mark_accessed(cpu, stack)


# Loading by an instruction.


def load_segment(cpu: IA32, number: Term, selector: Term) -> None:
    """Loads segment register `number` (ES, SS, DS, FS or GS) as MOV, POP and LDS do. SDM vol. 2, MOV."""
    null = is_null(selector)
    with cpu.when(number == SS_NUMBER):
        cpu.trap(GP_MEMORY, when=null, error_code=0)
        stack = fetch(cpu, selector)
        check_stack(cpu, stack, cpu.CPL, GP_MEMORY, GP_PRIVILEGE)
        load_stack(cpu, stack)
    with cpu.when(number != SS_NUMBER):
        _load_data(cpu, number, selector, null)


def _load_data(cpu: IA32, number: Term, selector: Term, null: Term) -> None:
    """A null selector makes the register unusable and leaves its hidden base and limit as they are."""
    with cpu.when(~null):
        data = fetch(cpu, selector)
        code = data.error_code
        cpu.trap(GP_MEMORY, when=~data.is_readable, error_code=code)
        beyond = (data.rpl > data.dpl) | (data.dpl < cpu.CPL)
        cpu.trap(GP_PRIVILEGE, when=beyond & ~data.is_conforming_code, error_code=code)
        check_present(cpu, data)
        mark_accessed(cpu, data)
    for index, name in enumerate(SEGMENTS):
        if name in ("CS", "SS"):
            continue
        with cpu.when(number == index):
            cpu.put(f"{name}_selector", selector)
            cpu.put(f"{name}_access", ite(null, bits(0, 8), data.access | 1))
            with cpu.when(~null):
                cpu.put(f"{name}_base", data.base)
                cpu.put(f"{name}_limit", data.limit)
                cpu.put(f"{name}_big", data.big)
