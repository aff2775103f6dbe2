"""The KA10: executive and user mode, and relocation and protection by two pairs of registers.

In user mode a program has a low segment from address 0 to Pl and, where that does not reach, a high segment
from 400000 to Ph, which may be write-protected; Rl and Rh relocate them in blocks of 1024 words. DATAO APR
loads these registers. In executive mode addresses are those of core. So that states of the two modes can be
compared under one relocation R = (l, b), as the paper's definitions ask, `base` and `bound` hold the low
segment's R in force: (Rl, Pl) in user mode, (0, all of memory) in executive mode.

Pushdown Overflow is a condition of the processor that a program sets by PUSH, as it sets Overflow by ADD; both
can be made to interrupt. It is therefore the program's, not a resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cpu import Cause, Cpu, Kind, View
from ..machine import CLOCK, DEVICE, MEMORY, MODE, PROGRAM, RESOURCE, Machine, Relocation
from ..terms import FALSE, TRUE, Array, BitVec, Bool, Term, all_of, bits, concat, ite, join_bits
from .arithmetic import arithmetic
from .bit_tests import bit_tests
from .booleans import booleans
from .bytes import byte_instructions
from .comparisons import comparisons
from .group import Group, uuo_word
from .halfwords import halfwords
from .in_out import Device, OtherDevices, add_in_out, declare_devices
from .interrupts import PriorityInterrupt, declare_interrupts
from .jumps import add_jrst, jumps
from .machine import ACCUMULATORS, PDP10, begin, declare_program
from .moves import moves
from .operations import add_operations, omit
from .shifts import shifts
from .stack import stack
from .word import WORD_SORT, is_negative, is_plain_jsr, right

ALL_OF_MEMORY = 0o377
"""The bound of executive mode, in blocks of 1024 words less one."""

PROTECTION = Cause("memory protection", Kind.MEMORY)
FETCH_PROTECTION = Cause("memory protection (fetch)", Kind.MEMORY)
NO_JSR = Cause("a trap or interrupt location without a plain JSR", Kind.UNSUPPORTED)
RESET = Cause("in-out reset", Kind.UNSUPPORTED)
BLT = 0o251


class KA10(PDP10):
    """Modes, mapping and traps of the KA10."""

    USER: Term
    base: Term
    bound: Term
    Rl: Term
    Pl: Term
    Rh: Term
    Ph: Term
    WP: Term
    PDL: Term
    PI_on: Term
    PIE: Term
    PIH: Term
    APR_channel: Term
    protection_flag: Term

    # Mapping.

    def in_low_segment(self, address: Term, *, write: bool, cause: Cause = PROTECTION) -> Term:
        """The low segment reaches up to `bound`; above 400000 there may be a high one up to Ph. Traps elsewhere."""
        block = address[17:10]
        low = block <= self.bound
        high = address.bit(17) & (block <= self.Ph)
        if write:
            high &= ~self.WP
        self.trap(cause, when=~(low | high))
        return low

    def load_core(self, address: Term, *, rewrite: bool, cause: Cause = PROTECTION) -> Term:
        low = self.in_low_segment(address, write=rewrite, cause=cause)
        return ite(low, self.core[address + self.base], self.core[address + self.Rh])

    def store_core(self, address: Term, word: Term) -> None:
        low = self.in_low_segment(address, write=True)
        with self.when(low):
            self.core = self.core.set(address + self.base, word)
        with self.when(~low):
            self.core = self.core.set(address + self.Rh, word)

    def fetch(self) -> Term:
        """The next instruction."""
        address = ite(self.executing, self.execute_address, self.PC)
        with self.when(address >= ACCUMULATORS):
            word = self.load_core(address, rewrite=False, cause=FETCH_PROTECTION)
        return ite(address < ACCUMULATORS, self.AC[address[3:0]], word)

    def enter_user(self) -> None:
        self.USER = TRUE
        self.base, self.bound = self.Rl, self.Pl

    def enter_executive(self) -> None:
        self.USER = FALSE
        self.base, self.bound = bits(0, 18), bits(ALL_OF_MEMORY, 8)

    # Flags and modes.

    @property
    def user(self) -> Term:
        return self.USER

    def pc_word(self, address: Term) -> Term:
        return concat(self.flags(self.OV, 0, 0, 0, 0), address)

    def restore_flags(self, word: Term) -> None:
        """In executive mode USER and UIO come from the word too; in user mode UIO can be cleared only."""
        self.load_flags(word)
        self.UIO = word.bit(29) & (self.UIO | ~self.USER)
        with self.when(word.bit(30) & ~self.USER):
            self.enter_user()

    def change_mode(self) -> None:
        """JRST 1 enters user mode, whatever the mode is. It never traps."""
        self.enter_user()

    def control_illegal(self) -> Term:
        return self.USER & ~self.UIO

    def in_out_illegal(self, device: Term) -> Term:
        return self.USER & ~self.UIO

    def executive_execute(self, ac: Term) -> None:
        """The accumulator field of XCT is ignored."""

    def local_operation_supported(self) -> None:
        """Location 40 is the program's own in both modes."""

    # What differs in instructions.

    def pushdown_overflow(self, when: Term) -> None:
        self.PDL = self.PDL | when

    def add_to_halves(self, word: Term, amount: int) -> tuple[Term, Term]:
        """The right half carries into the left one."""
        both = bits(amount * 0o1000001, 36)
        return word + both, (word + both) < both

    def multiplier(self, word: Term) -> Term:
        """An accumulator that holds -2**35 is taken as 2**35 in a multiplication."""
        least = is_negative(word) & (word[34:0] == 0)
        return ite(least, bits(1 << 35, 72), word.sext(72))

    def product_overflows(self, ac: Term, product: Term) -> Term:
        return is_negative(ac) & (ac[34:0] == 0) & is_negative(product)

    def next_byte_word(self, pointer: Term) -> Term:
        """The address and what stands left of it count as one number."""
        return pointer[29:0] + 1

    # Traps.

    def flag_violation(self, details: Mapping[str, Term]) -> None:
        """Notes a trap for memory."""
        self.protection_flag = TRUE

    def trap_to(self, location: Term, pc_word: Term) -> None:
        """Executes the JSR in an absolute location, which saves `pc_word` and leaves user mode."""
        self.enter_executive()
        word = self.core[location]
        self.trap(NO_JSR, when=~is_plain_jsr(word))
        place = right(word)
        self.write(place, pc_word)
        self.leave_subroutine_flags()
        self.executing = FALSE
        self.PC = place + 1


CLEARED_BY = {
    "OV": 3, "FOV": 6, "clock_flag": 9, "NXM": 12, "protection_flag": 13, "address_break": 14, "PDL": 17,
}  # fmt: skip
ENABLED_BY = {"OV_enable": 4, "FOV_enable": 7, "clock_enable": 10}
"""Bits of CONO APR, counted from the right; the bit left of one that enables disables."""


class Processor(Device):
    """Device 000, the APR of the KA10."""

    name = "APR"

    def data(self, cpu: PDP10, device: Term) -> Term:
        """The data switches of the console."""
        return cpu.switches  # type: ignore[no-any-return]

    def set_data(self, cpu: PDP10, device: Term, word: Term) -> None:
        """Loads protection and relocation: Pl, Ph, write protection of the high segment, Rl, Rh."""
        cpu.Pl, cpu.Ph = word[35:28], word[26:19]
        cpu.Rl, cpu.Rh = block_address(word[17:10]), block_address(word[8:1])
        cpu.WP = word.bit(18)
        with cpu.when(cpu.USER):
            cpu.base, cpu.bound = cpu.Rl, cpu.Pl

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        """Bits 19 to 35: what is set and enabled, and the interrupt channel."""
        high = join_bits(cpu.PDL, cpu.UIO, cpu.address_break, cpu.protection_flag, cpu.NXM, 0)
        low = join_bits(cpu.clock_enable, cpu.clock_flag, 0, cpu.FOV_enable, cpu.FOV, 0, cpu.OV_enable, cpu.OV)
        return concat(high, low, cpu.APR_channel).zext(36)

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        """Assigns the interrupt channel; each other bit sets or clears one condition."""
        cpu.trap(RESET, when=e.bit(16))
        cpu.APR_channel = e[2:0]
        for name, bit in CLEARED_BY.items():
            cpu.put(name, cpu.get(name) & ~e.bit(bit))
        for name, bit in ENABLED_BY.items():
            cpu.put(name, (cpu.get(name) | e.bit(bit)) & ~e.bit(bit + 1))


processor = Group()


@processor("257 (no operation)", 0o257)
def no_operation(cpu: PDP10, ac: Term, e: Term) -> None:
    """Does nothing; on later processors this is MAP."""


def ka10() -> Machine:
    """The KA10 with 2**18 words of core."""
    machine = Machine(
        name="pdp10-ka10",
        summary="the DEC KA10 processor of the PDP-10, two modes, relocation and protection",
        source="DEC KA10, as in the simulator of R. Cornwell",
        word=WORD_SORT,
        mode="USER",
        levels={"executive": 0, "user": 1},
        guest="user",
        counter="PC",
        cpu=KA10,
        begin=begin,
        fetch=_fetch,
        deliver=_deliver,
        relocation=Relocation(amount=BitVec(8), memory="core", offset=block_address, bases=_moved, visible=_visible),
        reserved=lambda state, address: (address >= 0o40) & (address <= 0o61) & ~_visible(state, address),
    )
    _declare_state(machine)
    machine.start = {"bound": ALL_OF_MEMORY}
    for group in (
        moves, halfwords, arithmetic, booleans, bit_tests, comparisons, shifts, stack, byte_instructions, jumps,
        processor,
    ):  # fmt: skip
        group.add_to(machine)
    add_jrst(machine, "enter user")
    add_operations(machine, [(0o000, 0o000), (0o040, 0o077)], [(0o100, 0o127), (0o247, 0o247)])
    add_in_out(machine, [Processor(), PriorityInterrupt(), OtherDevices("device", 2, 0o177)])
    omit(machine, "floating point", [(0o130, 0o132), (0o140, 0o177)])
    machine.leave_out(
        "interrupts, except that of a memory protection violation; so overflow, the clock and devices never interrupt",
        "indirect addressing deeper than the assumption `indirection`",
        "what devices do: each keeps the last data and conditions that it was given",
        "instructions other than JSR without index and indirection in the trap and interrupt locations 41 to 61",
        "memories of less than 2**18 words, parity errors, address break, the trap offset of a second processor",
        "in-out reset (CONO APR with bit 19)",
        "what an instruction has done before a memory protection violation stops it; here that is nothing",
        "an interrupt in the middle of a byte instruction or a BLT (the model moves one word of a BLT a step)",
    )
    return machine


def _declare_state(machine: Machine) -> None:
    machine.component("core", Array(18, 36), MEMORY, "core memory; what lies under addresses 0 to 17 is out of reach")
    machine.component("USER", Bool, MODE, "user mode")
    declare_program(machine)
    machine.component(
        "PDL", Bool, PROGRAM, "Pushdown Overflow; a program's own, as Overflow is, since interrupts are left out"
    )
    machine.component("base", BitVec(18), RESOURCE, "relocation in force: where address 0 is in core")
    machine.component("bound", BitVec(8), RESOURCE, "last block of 1024 words of the low segment in force")
    machine.component("Rl", BitVec(18), RESOURCE, "relocation of the low segment in user mode")
    machine.component("Pl", BitVec(8), RESOURCE, "last block of the low segment in user mode")
    machine.component("Rh", BitVec(18), RESOURCE, "relocation of the high segment")
    machine.component("Ph", BitVec(8), RESOURCE, "last block of the high segment")
    machine.component("WP", Bool, RESOURCE, "the high segment is write-protected")
    declare_interrupts(machine)
    machine.component("APR_channel", BitVec(3), RESOURCE, "the level on which the processor interrupts, 0 for none")
    machine.component("OV_enable", Bool, RESOURCE, "Overflow interrupts")
    machine.component("FOV_enable", Bool, RESOURCE, "Floating Overflow interrupts")
    machine.component("clock_enable", Bool, RESOURCE, "the clock interrupts")
    machine.component("clock_flag", Bool, CLOCK, "the clock has ticked")
    machine.component("NXM", Bool, RESOURCE, "nonexistent memory was addressed")
    machine.component("protection_flag", Bool, RESOURCE, "memory protection was violated")
    machine.component("address_break", Bool, RESOURCE, "the address set on the console was met")
    machine.component("switches", BitVec(36), DEVICE, "the data switches of the console")
    declare_devices(machine)
    machine.invariant(
        "the relocation in force is Rl and Pl in user mode, none in executive mode",
        lambda state: ite(
            state.USER,
            (state.base == state.Rl) & (state.bound == state.Pl),
            (state.base == 0) & (state.bound == ALL_OF_MEMORY),
        ),
    )
    machine.invariant(
        "relocations are multiples of 1024",
        lambda state: all_of(*[register[9:0] == 0 for register in (state.base, state.Rl, state.Rh)]),
    )
    machine.context("UIO", 0, "guests run with User In-Out clear", holds=lambda state, value: value == state.UIO)


def block_address(block: Term) -> Term:
    """The address of a block of 1024 words."""
    return concat(block, bits(0, 10))


def _moved(state: View, x: Term) -> dict[str, Term]:
    """R + x: every relocation moves; the bounds belong to R and stay."""
    relocations = {name: getattr(state, name) + block_address(x) for name in ("base", "Rl", "Rh")}
    return {**relocations, **{name: getattr(state, name) for name in ("bound", "Pl", "Ph", "WP")}}


def _visible(state: View, address: Term) -> Term:
    """A cell of core that the program reaches: in a segment, and not hidden by the accumulators."""
    low, high = address - state.base, address - state.Rh
    in_low = (low[17:10] <= state.bound) & (low >= ACCUMULATORS)
    return in_low | (high.bit(17) & (high[17:10] <= state.Ph) & (high[17:10] > state.bound))


def _fetch(cpu: Cpu) -> Term:
    assert isinstance(cpu, KA10)
    return cpu.fetch()


def _deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """An MUUO or an unassigned code traps through 40 or 60, a protection violation interrupts."""
    assert isinstance(cpu, KA10)
    if cause.kind is Kind.UNSUPPORTED:
        cpu.trap(cause)
    elif cause.name == FETCH_PROTECTION.name:
        cpu.flag_violation(details)
        _processor_interrupt(cpu, cpu.PC, cpu.PC + 1)
    elif cause.vector is None:
        # A BLT can be taken up again: PC stays on it.
        following = ite(cpu.fetch()[35:27] == BLT, cpu.PC, cpu.PC + 1)
        cpu.flag_violation(details)
        _processor_interrupt(cpu, following, following)
    else:
        word = cpu.fetch()
        saved = cpu.pc_word(cpu.PC + 1)
        cpu.core = cpu.core.set(cause.vector, uuo_word(word, cpu.effective_word(word)))
        cpu.trap_to(bits(cause.vector + 1, 18), saved)


def _processor_interrupt(cpu: KA10, saved: Term, following: Term) -> None:
    """Interrupts through 40 + 2n on level n, where the PC `saved` is stored, if the level is on and no other
    stands in the way; else the program goes on at `following`."""
    channel = cpu.APR_channel
    level = bits(0o200, 8) >> channel.zext(8)
    taken = cpu.PI_on & (channel != 0) & ((cpu.PIE & level[6:0]) != 0) & (cpu.PIH.zext(8) < level)
    with cpu.when(~taken):
        cpu.PC = following
        cpu.executing = FALSE
    with cpu.when(taken):
        cpu.PIH = cpu.PIH | level[6:0]
        cpu.trap_to(bits(0o40, 18) + concat(bits(0, 14), channel, bits(0, 1)), cpu.pc_word(saved))
