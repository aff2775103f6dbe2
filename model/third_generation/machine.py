"""The machine <E, M, P, R> of Popek and Goldberg 1974, section 2, with a small general instruction set.

Where the paper leaves a gap, this model decides:

1. R = (l, b) and b is a *size*: all of memory is (0, q). The paper writes (0, q-1), which with its test
   `a >= b` leaves E[q-1] out of reach; b is therefore one bit wider than an address.
2. Nothing keeps l + b below q; an access traps by l + a >= q as the paper's address development says.
3. A memory trap is an ordinary trap: the old PSW goes to E[0], the new one comes from E[1].
4. Every trap, not only a memory trap, is outside the definitions, so a supervisor call is innocuous.
5. No instruction traps by configuration: a trap depends on M, R and the operands alone.

There are no general registers, as in the paper: instructions move and compute from storage to storage.
"""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from ..cpu import Cause, Cpu, Kind
from ..encoding import Encoding, pattern, units
from ..machine import MEMORY, MODE, PROGRAM, RESOURCE, Machine, Relocation
from ..terms import Array, BitVec, Term, bits, concat, ite

Declare: TypeAlias = Callable[[Callable[..., None]], Callable[..., None]]

SUPERVISOR, USER = 0, 1

MEMORY_TRAP = Cause("memory trap", Kind.MEMORY)
PRIVILEGE_TRAP = Cause("privilege trap", Kind.PRIVILEGE)
CALL_TRAP = Cause("supervisor call", Kind.PROGRAM)


class ThirdGeneration(Cpu):
    """Address development (section 2.3.2), and the program status word."""

    E: Any
    M: Any
    P: Any
    l: Any
    b: Any

    @property
    def q(self) -> int:
        """The size of executable storage."""
        return 1 << int(self.P.width)

    def develop(self, a: Term) -> Term:
        """The absolute address of the relative address `a`; memory traps outside R or outside storage."""
        wide = self.P.width + 1
        real = self.l.zext(wide) + a.zext(wide)
        self.trap(MEMORY_TRAP, when=(real >= self.q) | (a.zext(wide) >= self.b))
        return cast(Term, self.l + a)

    def load(self, a: Term) -> Term:
        return cast(Term, self.E[self.develop(a)])

    def store(self, a: Term, value: Term) -> None:
        self.E = self.E.set(self.develop(a), value)

    def address(self, cell: Term) -> Term:
        """The address part of a cell: its low bits."""
        return cell[self.P.width - 1 : 0]

    def supervisor_only(self) -> None:
        self.trap(PRIVILEGE_TRAP, when=self.M == USER)

    @property
    def psw(self) -> Term:
        """(M, P, l, b) as one cell."""
        return concat(self.M, self.P, self.l, self.b).zext(self.E.sort.value.width)

    def load_psw(self, cell: Term) -> None:
        n = self.P.width
        self.b = cell[n:0]
        self.l = cell[2 * n : n + 1]
        self.P = cell[3 * n : 2 * n + 1]
        self.M = cell[3 * n + 1]


def third_generation(address_bits: int = 16, word_bits: int = 64) -> Machine:
    """The machine with 2**address_bits cells of `word_bits` bits.

    A cell holds a PSW (3 * address_bits + 2 bits) and an instruction (4 + 2 * address_bits bits).
    """
    n = address_bits
    if n < 1 or word_bits < max(3 * n + 2, 2 * n + 4):
        raise ValueError(
            f"a cell of {word_bits} bits cannot hold a PSW ({3 * n + 2} bits) and an instruction ({2 * n + 4} bits)"
        )
    machine = Machine(
        name="third-generation",
        summary=f"the conventional third generation machine, {1 << n} cells of {word_bits} bits",
        source="Popek and Goldberg 1974, section 2",
        word=BitVec(word_bits),
        mode="M",
        levels={"supervisor": SUPERVISOR, "user": USER},
        guest="user",
        counter="P",
        cpu=ThirdGeneration,
        begin=_advance,
        fetch=_fetch,
        deliver=_deliver,
        relocation=Relocation(
            amount=BitVec(n),
            memory="E",
            offset=lambda x: x,
            bases=lambda state, x: {"l": state.l + x},
            visible=lambda state, address: (address - state.l).zext(n + 1) < state.b,
        ),
        reserved=lambda state, address: (address <= 1) & ((address - state.l).zext(n + 1) >= state.b),
    )
    machine.component("E", Array(n, word_bits), MEMORY, "executable storage")
    machine.component("M", BitVec(1), MODE, "0 supervisor, 1 user")
    machine.component("P", BitVec(n), PROGRAM, "program counter, relative to R")
    machine.component("l", BitVec(n), RESOURCE, "relocation: the absolute address of relative address 0")
    machine.component("b", BitVec(n + 1), RESOURCE, "bounds: the size of the program's storage")
    machine.leave_out("input and output", "asynchronous interrupts")
    machine.start = {"b": 1 << n}
    _general_instructions(machine)
    _privileged_instructions(machine)
    declare_undefined(machine)
    return machine


def declare_undefined(machine: Machine) -> None:
    """Declares the operation codes that no instruction has as undefined."""
    used = {instruction.encoding.text[:4] for instruction in machine.instructions}
    unused = [opcode for opcode in range(16) if f"{opcode:04b}" not in used]
    machine.undefined = [form(machine, opcode, "") for opcode in unused]


def form(machine: Machine, opcode: int, fields: str = "a b") -> Encoding:
    """The encoding of `opcode` with the named address fields; the other bits are ignored."""
    n = machine.components["P"].variable.width
    names = fields.split()
    spare = machine.word.width - 4 - n * len(names)
    text = " ".join([f"{opcode:04b}", *[f"{name}:{n}" for name in names], f"-:{spare}" if spare else ""])
    return pattern(text, word=machine.word, length=units(1, n))


def _advance(cpu: Cpu, length: Term) -> None:
    cpu.P = cpu.P + length


def _fetch(cpu: Cpu) -> Term:
    assert isinstance(cpu, ThirdGeneration)
    return cpu.load(cpu.P)


def _deliver(cpu: Cpu, cause: Cause, details: object) -> None:
    assert isinstance(cpu, ThirdGeneration)
    new = cpu.E[bits(1, cpu.P.width)]
    cpu.E = cpu.E.set(bits(0, cpu.P.width), cpu.psw)
    cpu.load_psw(new)


def _general_instructions(machine: Machine) -> None:
    def declare(name: str, opcode: int, fields: str = "a b") -> Declare:
        syntax = name + " " + ", ".join("{" + f + "}" for f in fields.split())
        return machine.instruction(name, syntax, form(machine, opcode, fields))

    @declare("MOVE", 0)
    def move(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[a]."""
        cpu.store(b, cpu.load(a))

    @declare("MOVE (indirect)", 1)
    def move_indirect(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[E[a]]: table look-up."""
        cpu.store(b, cpu.load(cpu.address(cpu.load(a))))

    @declare("ADD", 2)
    def add(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[b] + E[a]."""
        cpu.store(b, cpu.load(b) + cpu.load(a))

    @declare("SUBTRACT", 3)
    def subtract(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[b] - E[a]."""
        cpu.store(b, cpu.load(b) - cpu.load(a))

    @declare("AND", 4)
    def logical_and(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """E[b] := E[b] and E[a]."""
        cpu.store(b, cpu.load(b) & cpu.load(a))

    @declare("JUMP", 5, "a")
    def jump(cpu: ThirdGeneration, a: Term) -> None:
        """P := a."""
        cpu.P = a

    @declare("JUMP (zero)", 6)
    def jump_zero(cpu: ThirdGeneration, a: Term, b: Term) -> None:
        """P := b if E[a] = 0."""
        cpu.P = ite(cpu.load(a) == 0, b, cpu.P)


def _privileged_instructions(machine: Machine) -> None:
    @machine.instruction("LOAD PSW", "LOAD PSW {a}", form(machine, 7, "a"))
    def load_psw(cpu: ThirdGeneration, a: Term) -> None:
        """(M, P, R) := E[a]. Privileged (the paper's example: LPSW of S/360)."""
        cpu.supervisor_only()
        cpu.load_psw(cpu.load(a))

    @machine.instruction("LOAD R", "LOAD R {a}", form(machine, 8, "a"))
    def load_r(cpu: ThirdGeneration, a: Term) -> None:
        """R := E[a]. Privileged (the paper's example: LBAR of the Honeywell 6000)."""
        cpu.supervisor_only()
        cell = cpu.load(a)
        n = cpu.P.width
        cpu.b = cell[n:0]
        cpu.l = cell[2 * n : n + 1]
