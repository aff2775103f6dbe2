"""The KI10: kernel, supervisor, concealed and public mode, and pages with access, public and write rights.

A program in public mode (user or supervisor) reaches only public pages, and enters others only at a PORTAL
(JRST 1), which leaves public mode; an instruction fetched from a public page sets it. The page map of a program
is in the process table that the user base register UBR designates. The executive's pages 000 to 337 are those of
core, unmapped; entries of the user's table map 340 to 377, and the table of the executive base register EBR maps
400 to 777. The model holds the entries of all tables apart from core, and has no associative memory.

So that states of two modes can be compared under one relocation R, as the paper's definitions ask, R in force is
apart from the registers: `user_table` and `executive_table` are the tables, `executive_map` says whether addresses
are the executive's, and `frame` is added to the core addresses of all pages, so that a program can be moved as a
whole. On a real KI10 they are UBR, EBR, the complement of User, and 0. A user program may find others, which
stand for the entries that its monitor has put in its map; entering executive mode, and loading a base register,
brings back the real ones.

Traps go through the user process table, the page that UBR designates. Two public simulators differ about
in-out instructions: here device codes 740 and up are legal in user mode and none in supervisor mode. They differ
about JRST 10 and JRST 4 with User In-Out set, here legal, and about JRSTF in supervisor mode, which here cannot
return to user mode.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cpu import Cause, Cpu, Kind, View
from ..machine import CLOCK, DEVICE, MEMORY, MODE, PROGRAM, RESOURCE, Machine, Relocation
from ..terms import FALSE, Array, BitVec, Bool, Term, all_of, bits, concat, ite, join_bits
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
from .moves import double_moves, moves
from .operations import add_operations, omit
from .shifts import shifts
from .stack import stack
from .word import WORD_SORT, is_plain_jsr, left, page_address, right

KERNEL, SUPERVISOR, CONCEALED, PUBLIC = range(4)

UUO_PLACE, PC_PLACE, FAULT_PLACE, NEW_PC_PLACE, FAILURE_PLACE = 0o424, 0o425, 0o426, 0o430, 0o420
"""Words of a process table."""

PAGE_FAILURE = Cause("page failure", Kind.MEMORY, FAILURE_PLACE)
PROPRIETARY = Cause("proprietary violation", Kind.MEMORY, FAILURE_PLACE)
NO_JSR = Cause("a trap location without a plain JSR", Kind.UNSUPPORTED)
RESET = Cause("in-out reset", Kind.UNSUPPORTED)
PAGER = Cause("a function of the pager that the model leaves out", Kind.UNSUPPORTED)
EXECUTIVE_XCT = Cause("XCT with an accumulator in executive mode", Kind.UNSUPPORTED)
EXECUTIVE_LUUO = Cause("LUUO in executive mode", Kind.UNSUPPORTED)

PORTAL = 0o254 << 5 | 1 << 1
UNASSIGNED_CODES = [(0o100, 0o107), (0o114, 0o117), (0o123, 0o123), (0o247, 0o247)]
OPEN_DEVICES = 0o740 >> 2
"""In-out instructions for devices from this number on are legal in user mode."""


UNMAPPED, PER_PROCESS, PER_PROCESS_ENTRIES = 0o340, 0o340, 0o1000
"""The executive's pages up to here are unmapped; from here to 377 the entries from 1000 of a user's table map them."""

UNMAPPED_RIGHTS = 0o420
"""What MAP finds for an unmapped page: access, and bit 4 of an entry, beside the page itself."""


class Page:
    """An entry of the page map: rights, and the page of core."""

    def __init__(self, cpu: KI10, number: Term) -> None:
        self.number = number
        self.unmapped = cpu.executive_map & (number < UNMAPPED)
        self.entry = ite(self.unmapped, concat(bits(UNMAPPED_RIGHTS, 9), number), cpu.map_entry(number))
        self.core_page = self.entry[12:0]
        self.accessible = cpu.reaches(self.entry)
        self.public, self.writable = self.entry.bit(16), self.entry.bit(15) | self.unmapped
        self.frame = cpu.frame

    def place(self, address: Term) -> Term:
        """Where `address`, which lies in this page, is in core."""
        return concat(self.core_page, address[8:0]) + self.frame


class KI10(PDP10):
    """Modes, mapping and traps of the KI10."""

    MODE: Term
    PCP: Term
    TRAP1: Term
    TRAP2: Term
    UBR: Term
    EBR: Term
    maps: Term
    executive_map: Term
    user_table: Term
    executive_table: Term
    frame: Term

    # Mapping.

    def map_entry(self, number: Term) -> Term:
        """The entry of a page that is mapped."""
        own = concat(self.user_table, number.zext(10))
        mine = concat(self.user_table, number.zext(10) + (PER_PROCESS_ENTRIES - PER_PROCESS))
        executives = ite(number.bit(8), concat(self.executive_table, number.zext(10)), mine)
        return self.maps[ite(self.executive_map, executives, own)]

    def reaches(self, entry: Term) -> Term:
        """The entry gives access to its page of core."""
        return entry.bit(17)

    def use_own_map(self) -> None:
        """Puts in force what the base registers and the mode say."""
        self.user_table, self.executive_table = self.UBR, self.EBR
        self.executive_map = ~self.user
        self.frame = bits(0, 22)

    def page_of(self, address: Term, *, write: bool) -> Page:
        """The page of a program's address; traps where the program may not reach it."""
        page = Page(self, address[17:9])
        self._check_rights(page, write)
        self._check_public(page, ~page.public)
        return page

    def load_core(self, address: Term, *, rewrite: bool) -> Term:
        return self.core[self.page_of(address, write=rewrite).place(address)]

    def store_core(self, address: Term, word: Term) -> None:
        self.core = self.core.set(self.page_of(address, write=True).place(address), word)

    def _check_rights(self, page: Page, write: bool) -> None:
        refused = ~page.accessible | ~page.writable if write else ~page.accessible
        rights = concat(page.accessible.as_bits(), page.writable.as_bits(), page.entry[14], bits(int(write), 1))
        self.trap(PAGE_FAILURE, when=refused, fault=self._fault(page, rights.zext(18)), **self.failure(page))

    def failure(self, page: Page) -> Mapping[str, Term]:
        """What else there is to say of a page failure."""
        return {}

    def _check_public(self, page: Page, hidden: Term) -> None:
        self.trap(PROPRIETARY, when=self.public & hidden, fault=self._fault(page, bits(0o21, 18)))

    def _fault(self, page: Page, why: Term) -> Term:
        return concat(self.user.as_bits(), page.number, why).zext(32)

    def next_address(self) -> Term:
        return ite(self.executing, self.execute_address, self.PC)

    def next_word(self) -> Term:
        """The next instruction, without the checks that its fetch makes."""
        address = self.next_address()
        word = self.core[Page(self, address[17:9]).place(address)]
        return ite(address < ACCUMULATORS, self.AC[address[3:0]], word)

    def fetch(self) -> Term:
        """The next instruction; from a public page, it sets public mode."""
        address, word = self.next_address(), self.next_word()
        page = Page(self, address[17:9])
        with self.when(address >= ACCUMULATORS):
            self._check_rights(page, write=False)
            self._check_public(page, ~page.public & (word[35:22] != PORTAL))
            with self.when(page.public):
                self.MODE = self.MODE | SUPERVISOR
        return word

    # Flags and modes.

    @property
    def user(self) -> Term:
        return self.MODE.bit(1)

    @property
    def public(self) -> Term:
        return self.MODE.bit(0)

    def set_mode(self, user: Term, public: Term) -> None:
        self.MODE = concat(user.as_bits(), public.as_bits())

    def pc_word(self, address: Term) -> Term:
        """In executive mode bit 0 is Previous Context Public in place of Overflow."""
        first = ite(self.user, self.OV, self.PCP)
        return concat(self.flags(first, self.public, 0, self.TRAP2, self.TRAP1), address)

    def load_flags(self, word: Term) -> None:
        super().load_flags(word)
        self.TRAP2, self.TRAP1 = word.bit(26), word.bit(25)

    def leave_subroutine_flags(self) -> None:
        super().leave_subroutine_flags()
        self.TRAP1 = FALSE
        self.TRAP2 = FALSE

    def restore_flags(self, word: Term) -> None:
        """From kernel mode the word sets mode and UIO; elsewhere it can set public and clear UIO only."""
        kernel = self.MODE == KERNEL
        self.load_flags(word)
        self.UIO = word.bit(29) & (self.UIO | kernel)
        enters = kernel & word.bit(30)
        self.set_mode(self.user | enters, self.public | word.bit(28))
        with self.when(enters):
            self.use_own_map()
        self.PCP = ~self.user & word.bit(35)

    def change_mode(self) -> None:
        """JRST 1 is PORTAL: it leaves public mode."""
        self.MODE = self.MODE & CONCEALED
        self.PCP = FALSE

    def control_illegal(self) -> Term:
        return (self.user & ~self.UIO) | (self.MODE == SUPERVISOR)

    def in_out_illegal(self, device: Term) -> Term:
        return (self.user & ~self.UIO & (device < OPEN_DEVICES)) | (self.MODE == SUPERVISOR)

    def executive_execute(self, ac: Term) -> None:
        self.trap(EXECUTIVE_XCT, when=~self.user & (ac != 0))

    def local_operation_supported(self) -> None:
        """In executive mode an LUUO goes through the executive process table."""
        self.trap(EXECUTIVE_LUUO, when=~self.user)

    # What differs in instructions.

    def overflow(self, when: Term) -> None:
        super().overflow(when)
        self.TRAP1 = self.TRAP1 | when

    def pushdown_overflow(self, when: Term) -> None:
        self.TRAP2 = self.TRAP2 | when

    def add_to_halves(self, word: Term, amount: int) -> tuple[Term, Term]:
        """No carry passes between the halves."""
        carried = left(word) == -1 if amount > 0 else left(word) != 0
        return concat(left(word) + amount, right(word) + amount), carried

    def multiplier(self, word: Term) -> Term:
        return word.sext(72)

    def product_overflows(self, ac: Term, product: Term) -> Term:
        return product[71] != product[70]

    def next_byte_word(self, pointer: Term) -> Term:
        """The address alone is counted up."""
        return concat(pointer[29:18], right(pointer) + 1)

    # Traps.

    def place_in_table(self, table: Term, place: int | Term) -> Term:
        """The core address of a word of a process table."""
        return concat(table, bits(place, 9) if isinstance(place, int) else place)

    def store_in_table(self, place: int | Term, word: Term) -> None:
        """Stores in the user process table."""
        self.core = self.core.set(self.place_in_table(self.UBR, place), word)

    def jump_by_jsr(self, word: Term, pc_word: Term) -> None:
        """Executes `word`, a JSR, which saves `pc_word` and enters kernel mode."""
        self.trap(NO_JSR, when=~is_plain_jsr(word))
        self.MODE = bits(KERNEL, 2)
        self.use_own_map()
        place = right(word)
        self.write(place, pc_word)
        self.leave_subroutine_flags()
        self.executing = FALSE
        self.PC = place + 1

    def load_new_pc(self, word: Term) -> None:
        """An MUUO's new flags and PC; previous context bits say where it came from."""
        from_user, from_public = self.user, self.public
        self.load_flags(word)
        self.set_mode(word.bit(30), word.bit(28))
        self.use_own_map()
        self.UIO = word.bit(29) | (~word.bit(30) & from_user)
        previous_public = ~word.bit(30) & (from_public | word.bit(35))
        self.PCP = previous_public
        self.OV = self.OV | previous_public
        self.executing = FALSE
        self.PC = right(word)


class Processor(Device):
    """Device 000, the APR of the KI10."""

    name = "APR"

    def data(self, cpu: PDP10, device: Term) -> Term:
        """The data switches of the console."""
        return cpu.switches  # type: ignore[no-any-return]

    def set_data(self, cpu: PDP10, device: Term, word: Term) -> None:
        """Sets margins for maintenance, which the model leaves out."""

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        high = join_bits(cpu.timer_flag, 0, cpu.parity_enable, cpu.timer_enable, 0, 0, 0)
        low = join_bits(cpu.clock_enable, cpu.clock_flag, 0, cpu.in_out_failure, cpu.NXM)
        return concat(high, low, cpu.APR_channel, cpu.clock_channel).zext(36)

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        """Assigns the interrupt channels; each other bit sets or clears one condition."""
        cpu.trap(RESET, when=e.bit(16))
        cpu.APR_channel, cpu.clock_channel = e[5:3], e[2:0]
        for bit, name in ((6, "NXM"), (7, "in_out_failure"), (9, "clock_flag"), (17, "timer_flag")):
            cpu.put(name, cpu.get(name) & ~e.bit(bit))
        for bit, name in ((10, "clock_enable"), (14, "timer_enable")):
            cpu.put(name, (cpu.get(name) | e.bit(bit)) & ~e.bit(bit + 1))


class Interrupts(PriorityInterrupt):
    """Device 004: on the KI10 the program's requests can be read, and dropped one by one."""

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        return concat(bits(0, 11), cpu.PIR, super().conditions(cpu, device)[17:0])

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        super().set_conditions(cpu, device, e)
        cpu.PIR = ite(e.bit(13), cpu.PIR & ~e[6:0], cpu.PIR)


class Pager(Device):
    """Device 010: the base registers."""

    name = "PAG"
    first = last = 2

    def data(self, cpu: PDP10, device: Term) -> Term:
        return concat(bits(0, 5), cpu.UBR, bits(0, 4), bits(1, 1), cpu.EBR)

    def set_data(self, cpu: PDP10, device: Term, word: Term) -> None:
        """Loads the user base register (bit 0) and the executive base register (bit 18), and so another map."""
        assert isinstance(cpu, KI10)
        user, executive = word.bit(35), word.bit(17)
        cpu.trap(PAGER, when=(user & (word[34:31] != 0)) | (executive & ~word.bit(13)))
        cpu.UBR = ite(user, word[30:18], cpu.UBR)
        cpu.EBR = ite(executive, word[12:0], cpu.EBR)
        with cpu.when(user | executive):
            cpu.use_own_map()

    def conditions(self, cpu: PDP10, device: Term) -> Term:
        cpu.trap(PAGER)
        return bits(0, 36)

    def set_conditions(self, cpu: PDP10, device: Term, e: Term) -> None:
        cpu.trap(PAGER)


pager = Group()


@pager("MAP", 0o257)
def map_address(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC) := what the page map says of E: no access, public, writable, software bit, and the page of core."""
    assert isinstance(cpu, KI10)
    page = Page(cpu, e[17:9])
    entry = concat(page.entry[17:13], page.place(e)[21:9])
    mapped = ite(page.accessible, entry & 0o377777, concat(bits(0b1000, 4), entry[13:0]))
    mapped = ite(entry == 0, bits(0o437777, 18), mapped)
    cpu.set_ac(ac, ite(e < ACCUMULATORS, bits(0o020000, 18), mapped).zext(36))


def ki10() -> Machine:
    """The KI10 with 2**22 words of core."""
    machine = Machine(
        name="pdp10-ki10",
        summary="the DEC KI10 processor of the PDP-10, four modes and paging",
        source="DEC KI10, as in the simulators of R. Cornwell and K. Harrenstien",
        word=WORD_SORT,
        mode="MODE",
        levels={"kernel": KERNEL, "supervisor": SUPERVISOR, "concealed": CONCEALED, "public": PUBLIC},
        guest="public",
        counter="PC",
        cpu=KI10,
        begin=begin,
        fetch=_fetch,
        deliver=_deliver,
        relocation=Relocation(amount=BitVec(13), memory="core", offset=lambda x: page_address(x, 0), bases=_moved),
    )
    _declare_state(machine)
    machine.start = {"executive_map": 1}
    for group in (
        moves, double_moves, halfwords, arithmetic, booleans, bit_tests, comparisons, shifts, stack, byte_instructions,
        jumps, pager,
    ):  # fmt: skip
        group.add_to(machine)
    add_jrst(machine, "portal")
    add_operations(machine, [(0o000, 0o000), (0o040, 0o077)], UNASSIGNED_CODES)
    closed = OtherDevices("device", 3, OPEN_DEVICES - 1)
    opened = OtherDevices("device 740-774", OPEN_DEVICES, 0o177)
    add_in_out(machine, [Processor(), Interrupts(), Pager(), closed, opened])
    omit(machine, "floating point", [(0o110, 0o113), (0o122, 0o122), (0o126, 0o127), (0o130, 0o132), (0o140, 0o177)])
    machine.leave_out(
        "page tables in core and the associative memory: each process table has a page map, which core does not hold",
        "accumulator blocks 1 to 3, small user, address compare, address failure inhibit, paging turned off",
        "executive XCT, LUUO in executive mode, CONI PAG and CONO PAG",
        "traps by overflow: Trap 1 and Trap 2 are set and never acted on",
        "interrupts, and what devices do: each keeps the last data and conditions that it was given",
        "indirect addressing deeper than the assumption `indirection`",
        "instructions other than JSR without index and indirection in location 420 of a process table",
        "memories of less than 2**22 words, parity errors, in-out reset (CONO APR with bit 19)",
        "what an instruction has done before a page failure stops it; here that is nothing",
        "an interrupt in the middle of a byte instruction or a BLT (the model moves one word of a BLT a step)",
    )
    return machine


def _declare_state(machine: Machine) -> None:
    machine.component("core", Array(22, 36), MEMORY, "core memory")
    machine.component("MODE", BitVec(2), MODE, "the flags User and Public")
    declare_program(machine)
    machine.component("TRAP1", Bool, PROGRAM, "Trap 1, set by arithmetic overflow")
    machine.component("TRAP2", Bool, PROGRAM, "Trap 2, set by pushdown overflow")
    machine.component("PCP", Bool, RESOURCE, "Previous Context Public, in executive mode")
    machine.component("UBR", BitVec(13), RESOURCE, "user base register: the page of the user process table")
    machine.component("EBR", BitVec(13), RESOURCE, "executive base register")
    machine.component("maps", Array(23, 18), RESOURCE, "page map entries by process table and place: rights, page")
    machine.component(
        "executive_map", Bool, RESOURCE, "addresses are the executive's; on a real KI10, outside user mode"
    )
    machine.component("user_table", BitVec(13), RESOURCE, "the user process table in force; UBR on a real KI10")
    machine.component("executive_table", BitVec(13), RESOURCE, "the executive's table in force; EBR on a real KI10")
    machine.component("frame", BitVec(22), RESOURCE, "added to the core addresses of all pages; 0 on a real KI10")
    machine.invariant("the frame is a multiple of 512", lambda state: state.frame[8:0] == 0)
    machine.invariant(
        "in executive mode its own map is in force, which has frame 0",
        lambda s: (
            s.MODE.bit(1) | all_of(s.executive_map, s.user_table == s.UBR, s.executive_table == s.EBR, s.frame == 0)
        ),
    )
    machine.invariant("Previous Context Public is clear in user mode", lambda state: ~(state.MODE.bit(1) & state.PCP))
    declare_interrupts(machine)
    machine.component("APR_channel", BitVec(3), RESOURCE, "the level on which the processor interrupts")
    machine.component("clock_channel", BitVec(3), RESOURCE, "the level on which the clock interrupts")
    machine.component("clock_enable", Bool, RESOURCE, "the clock interrupts")
    machine.component("clock_flag", Bool, CLOCK, "the clock has ticked")
    machine.component("timer_enable", Bool, RESOURCE, "the timer restarts the processor")
    machine.component("timer_flag", Bool, CLOCK, "the timer has run out")
    machine.component("NXM", Bool, RESOURCE, "nonexistent memory was addressed")
    machine.component("in_out_failure", Bool, RESOURCE, "an interrupt instruction failed")
    machine.component("switches", BitVec(36), DEVICE, "the data switches of the console")
    declare_devices(machine)
    machine.context("UIO", 0, "guests run with User In-Out clear", holds=lambda state, value: value == state.UIO)


def _moved(state: View, x: Term) -> dict[str, Term]:
    """Every page moves by x pages, by way of `frame`; the map is otherwise the same."""
    kept = {name: getattr(state, name) for name in ("maps", "UBR", "executive_map", "user_table", "executive_table")}
    return {"frame": state.frame + page_address(x, 0), **kept}


def _fetch(cpu: Cpu) -> Term:
    assert isinstance(cpu, KI10)
    return cpu.fetch()


def _deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """An MUUO exchanges PC words in the user process table; a page failure stores why and executes location 420."""
    assert isinstance(cpu, KI10)
    if cause.kind is Kind.UNSUPPORTED:
        cpu.trap(cause)
    elif cause.vector == FAILURE_PLACE:
        cpu.store_in_table(bits(FAULT_PLACE, 9) + cpu.user.as_bits(9), details["fault"].zext(36))
        table = ite(cpu.user, cpu.UBR, cpu.EBR)
        cpu.jump_by_jsr(cpu.core[cpu.place_in_table(table, FAILURE_PLACE)], cpu.pc_word(cpu.PC))
    else:
        word = cpu.next_word()
        cpu.store_in_table(UUO_PLACE, uuo_word(word, cpu.effective_word(word)))
        cpu.store_in_table(PC_PLACE, cpu.pc_word(cpu.PC + 1))
        place = concat(bits(NEW_PC_PLACE >> 3, 6), cpu.MODE, bits(0, 1))
        cpu.load_new_pc(cpu.core[cpu.place_in_table(cpu.UBR, place)])
