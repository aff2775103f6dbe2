"""The words in which IA-32's instructions are written: registers, memory through segments, the stack, flags.

SDM vol. 3, sections 3.4.3 (hidden parts of segment registers), 5.3 and 5.5 (limit and type checks).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cpu import Cpu
from ..terms import FALSE, TRUE, Term, TermError, all_of, any_of, bits, concat, ite, join_bits
from .causes import GP_MEMORY, SS_MEMORY
from .operands import REGISTERS, SEGMENTS, Operand, Segment, pick

# EFLAGS, the highest bit first; a number is a constant bit. SDM vol. 1, section 3.4.3.
EFLAGS: tuple[str | int, ...] = (
    *[0] * 10, "ID", "VIP", "VIF", "AC", 0, "RF",
    0, "NT", "IOPL", "OF", "DF", "IF", "TF", "SF", "ZF", 0, "AF", 0, "PF", 1, "CF",
)  # fmt: skip
FLAG_BITS = {"CF": 0, "PF": 2, "AF": 4, "ZF": 6, "SF": 7, "TF": 8, "IF": 9, "DF": 10, "OF": 11, "NT": 14} | {
    "RF": 16, "AC": 18, "VIF": 19, "VIP": 20, "ID": 21
}  # fmt: skip


class IA32(Cpu):
    """The processor while one instruction runs.

    `prefix` is the instruction's prefix byte (see `encoding`). `start` is the EIP of the instruction, while
    `EIP` is already that of the next one.
    """

    prefix: Term
    start: Term
    unspecified: dict[str, Term]

    # Components that methods here write; the others need no annotation.
    ESP: Any
    EIP: Any
    IOPL: Any
    SF: Any
    ZF: Any
    PF: Any
    memory: Any

    def __init__(self, state: Mapping[str, Term], constants: Mapping[str, Term]) -> None:
        super().__init__(state, constants)
        object.__setattr__(self, "prefix", bits(0, 8))
        object.__setattr__(self, "start", state.get("EIP"))
        object.__setattr__(self, "unspecified", {})

    # General registers.

    def register(self, number: Term | int, size: int) -> Term:
        """General register `number` (3 bits) of `size` bits: 4 to 7 are AH, CH, DH, BH where size is 8."""
        number = bits(number, 3) if isinstance(number, int) else number
        whole = [self.get(name) for name in REGISTERS[32]]
        if size == 8:
            return pick(number, (*[r[7:0] for r in whole[:4]], *[r[15:8] for r in whole[:4]]))
        value = pick(number, tuple(whole))
        return value if size == 32 else value[size - 1 : 0]

    def set_register(self, number: Term | int, size: int, value: Term | int) -> None:
        """Writes general register `number`; the bits above `size` keep their value."""
        number = bits(number, 3) if isinstance(number, int) else number
        if isinstance(value, int):
            value = bits(value, size)
        if value.width != size:
            raise TermError(f"a register of {size} bits cannot hold {value.width} bits")
        for index, name in enumerate(REGISTERS[32]):
            old = self.get(name)
            if size == 8:
                if index > 3:
                    break
                new = ite(number == index, concat(old[31:8], value), old)
                new = ite(number == index + 4, concat(old[31:16], value, old[7:0]), new)
            else:
                new = ite(number == index, value if size == 32 else concat(old[31:16], value), old)
            if new is not old:
                self.put(name, new)

    # Operands.

    def read(self, operand: Operand) -> Term:
        """The operand's value; a memory operand is loaded with all checks."""
        return operand.read(self)

    def write(self, operand: Operand, value: Term | int) -> None:
        """Gives the operand a value; a memory operand is stored with all checks."""
        operand.write(self, bits(value, operand.size) if isinstance(value, int) else value)

    def address(self, operand: Operand) -> tuple[Segment, Term]:
        """The segment and the offset of a memory operand."""
        return operand.address(self)

    # Segments.

    def selector(self, number: Term | int) -> Term:
        """The visible part of segment register `number` (0 ES to 5 GS); the RPL of CS and SS is CPL."""
        number = bits(number, 3) if isinstance(number, int) else number
        cs, ss = concat(self.CS_index, self.CPL), concat(self.SS_index, self.CPL)
        return pick(number, (self.ES_selector, cs, ss, self.DS_selector, self.FS_selector, self.GS_selector))

    def segment(self, name: str) -> Segment:
        """The segment register `name`."""
        code_or_stack = name in ("CS", "SS")
        return Segment(
            self.get(f"{name}_base"),
            self.get(f"{name}_limit"),
            self.get(f"{name}_access"),
            TRUE if code_or_stack else self.get(f"{name}_big"),
            TRUE if name == "SS" else FALSE,
        )

    def choose_segment(self, number: Term) -> Segment:
        """The segment register `number`, a term of 3 bits: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 and above GS."""
        if number.is_constant:
            return self.segment(SEGMENTS[min(number.value, 5)])
        every = [self.segment(name) for name in SEGMENTS]
        return Segment(
            pick(number, tuple(s.base for s in every)),
            pick(number, tuple(s.limit for s in every)),
            pick(number, tuple(s.access for s in every)),
            pick(number, tuple(s.big for s in every)),
            number == 2,
        )

    def override(self, default_is_stack: Term = FALSE) -> Segment:
        """The segment that the prefix names, else SS where `default_is_stack` holds, else DS."""
        chosen = self.prefix[7:5]
        default = ite(default_is_stack, bits(2, 3), bits(3, 3))
        return self.choose_segment(ite(chosen == 0, default, chosen - 1))

    # Memory.

    def outside(self, segment: Segment, offset: Term, size: int) -> Term:
        """Whether `size` bytes at `offset` leave the limit; nothing wraps. SDM vol. 3, section 5.3."""
        last = offset.zext(33) + (size - 1)
        expand_down = segment.access[3:2] == 1
        upper = concat(bits(0, 1), ite(segment.big, bits(-1, 16), bits(0, 16)), bits(-1, 16))
        highest = ite(expand_down, upper, segment.limit.zext(33))
        return (last > highest) | (expand_down & (offset <= segment.limit))

    def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
        """Traps unless the segment may be read or written there: #SS(0) for SS, else #GP(0)."""
        access = segment.access
        code, accessible = access.bit(3), access.bit(1)
        allowed = (accessible & ~code) if write else (access.bit(7) & (accessible | ~code))
        outside = self.outside(segment, offset, size)
        # A null or unsuitable segment is #GP even for SS, which the invariant never lets be either.
        self.trap(GP_MEMORY, when=~allowed | (outside & ~segment.is_stack), error_code=0)
        self.trap(SS_MEMORY, when=outside & segment.is_stack, error_code=0)

    def load(self, segment: Segment | str, offset: Term, size: int) -> Term:
        """`size` bytes at an offset in a segment, the lowest address lowest, with all checks."""
        segment = self.segment(segment) if isinstance(segment, str) else segment
        self.check(segment, offset, size, write=False)
        return self.linear_load(segment.base + offset, size)

    def store(self, segment: Segment | str, offset: Term, value: Term) -> None:
        """Stores `value`, a whole number of bytes, at an offset in a segment, with all checks."""
        segment = self.segment(segment) if isinstance(segment, str) else segment
        self.check(segment, offset, value.width // 8, write=True)
        self.linear_store(segment.base + offset, value)

    def linear_load(self, address: Term, size: int) -> Term:
        """`size` bytes at a linear address, without checks: the processor's own accesses to its tables."""
        place = self.place(address, size, write=False)
        return concat(*[self.memory[place + n] for n in reversed(range(size))])

    def linear_store(self, address: Term, value: Term) -> None:
        """Stores `value` at a linear address, without checks."""
        place = self.place(address, value.width // 8, write=True)
        memory = self.memory
        for n in range(value.width // 8):
            memory = memory.set(place + n, value[8 * n + 7 : 8 * n])
        self.memory = memory

    def place(self, address: Term, size: int, *, write: bool) -> Term:
        """Where `size` bytes at a linear address lie in memory: there, without paging.

        Machines that translate addresses once more have their own `place`, which may trap.
        """
        return address

    # Stack and control.

    def push(self, value: Term) -> None:
        """Pushes `value` (16 or 32 bits); ESP moves by its size."""
        top = self.ESP - value.width // 8
        self.store("SS", top, value)
        self.ESP = top

    def pop(self, size: int) -> Term:
        """Pops `size` bytes."""
        value = self.load("SS", self.ESP, size)
        self.ESP = self.ESP + size
        return value

    def jump(self, target: Term) -> None:
        """Transfers control within CS; #GP(0) when `target` is beyond its limit."""
        self.trap(GP_MEMORY, when=target > self.CS_limit, error_code=0)
        self.EIP = target

    # Flags.

    @property
    def eflags(self) -> Term:
        """EFLAGS as 32 bits."""
        parts: list[Term] = []
        for item in EFLAGS:
            if item == "IOPL":
                parts.append(self.IOPL)
            else:
                parts.append(join_bits(item if isinstance(item, int) else self.get(str(item))))
        return concat(*parts)

    def load_eflags(self, image: Term, names: str) -> None:
        """Sets the flags in `names` (as "CF PF IOPL") from an image of EFLAGS of 16 or 32 bits."""
        for name in names.split():
            if name == "IOPL":
                self.IOPL = image[13:12]
            else:
                self.put(name, image.bit(FLAG_BITS[name]))

    def set_result_flags(self, result: Term) -> None:
        """SF, ZF and PF of a result; PF is of the low byte."""
        self.SF = result.bit(result.width - 1)
        self.ZF = result == 0
        self.PF = parity(result)

    def undefined(self, names: str, *, when: Term | bool = True) -> None:
        """The manual leaves `names` undefined where `when` holds; the model still gives them a value."""
        condition = all_of(self.guard, when)
        for name in names.split():
            self.unspecified[name] = any_of(self.unspecified.get(name, FALSE), condition)


def parity(value: Term) -> Term:
    """PF of `value`: its low byte has an even number of ones."""
    folded = value[7:4] ^ value[3:0]
    folded = folded[3:2] ^ folded[1:0]
    return folded[1] == folded[0]
