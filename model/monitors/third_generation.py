"""Virtual third generation machines: storage of a given size, the paper's standard VM map, and the monitor's routines.

Popek and Goldberg 1974, section 4. The comparison machine is one "of the same, smaller resources": storage has a size
that is a component of its own, and an address past it is a memory trap.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cpu import Cause, Cpu, View
from ..machine import RESOURCE, Machine
from ..terms import BitVec, Term, bits, concat, ite
from ..third_generation.machine import MEMORY_TRAP, SUPERVISOR, USER, ThirdGeneration, third_generation
from ..third_generation.variants import VARIANTS, variant
from .placement import Placement, kept_name, own_name


class Sized(ThirdGeneration):
    """The processor beside storage of `size` cells."""

    size: Term

    @property
    def q(self) -> Term:  # type: ignore[override]
        return self.size.zext(self.P.width + 1)


def sized(name: str, address_bits: int = 16) -> Machine:
    """The machine `third-generation` or a variant, with a component for the size of its storage."""
    kind = name.removeprefix("third-generation").removeprefix("-")
    machine = variant(kind, address_bits) if kind in VARIANTS else third_generation(address_bits)
    machine.cpu = Sized
    n = machine.components["P"].variable.width
    machine.component("size", BitVec(n + 1), RESOURCE, "how many cells of storage there are")
    machine.start = {"b": 1 << n, "size": 1 << n}
    return machine


def clamped_bound(l: Term, b: Term, size: Term) -> Term:
    """The bound of the composed relocation: the guest's own, cut where its storage ends."""
    wide = l.zext(size.width)
    left = ite(wide >= size, bits(0, size.width), size - wide)
    return ite(b < left, b, left)


def placement(name: str, address_bits: int = 16) -> Placement:
    """The standard VM map: the guest's cell i is the host's cell start + i, for i below the guest's size."""
    guest, host = sized(name, address_bits), sized(name, address_bits)
    n = guest.components["P"].variable.width

    def granted(guest: View, own: View) -> list[Term]:
        start, size = guest.start.zext(n + 2), guest.size.zext(n + 2)
        return [
            guest.start >= 2,
            guest.size >= 2,
            start + size <= own.size.zext(n + 2),
            own.size <= 1 << n,
            own.E[bits(1, n)][3 * n + 1 : 0] == _psw(SUPERVISOR, guest.entry, bits(0, n), own.size),
        ]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        return {
            "M": bits(USER, 1),
            "l": guest.l + guest.start,
            "b": clamped_bound(guest.l, guest.b, guest.size),
        }

    return Placement(
        guest=guest,
        host=host,
        memory="E",
        kept={"start": BitVec(n), "entry": BitVec(n)},
        offset=lambda guest: guest.start,
        region=lambda guest, address: (address - guest.start).zext(n + 1) < guest.size,
        granted=granted,
        decided=decided,
        entered=lambda own, after: (after.M == SUPERVISOR) & (after.l == 0) & (after.b == own.size),
        ordinary=_ordinary(n) if n > 6 else {},
        ordinary_text=ORDINARY if n > 6 else "",
    )


ORDINARY = "in supervisor mode at 2, with 32 cells (size and b are 0x20), and its traps lead to 0x10 (E[1])"


def _ordinary(n: int) -> Mapping[str, int | Mapping[int, int]]:
    """A guest of 32 cells a quarter up the host, or at cell 256: its program at 2, and where its traps lead at 16."""
    size, everything = 32, 1 << n
    start = min(256, everything // 4)
    own = _psw(SUPERVISOR, bits(2, n), bits(0, n), bits(everything, n + 1)).value
    guest = _psw(SUPERVISOR, bits(16, n), bits(0, n), bits(size, n + 1)).value
    return {
        own_name("E"): {1: own, start + 1: guest},
        own_name("size"): everything,
        kept_name("start"): start,
        kept_name("entry"): 2,
        "P": 2,
        "size": size,
        "b": size,
    }


def _psw(mode: int, p: Term, l: Term, b: Term) -> Term:
    return concat(bits(mode, 1), p, l, b)


# The monitor's routines. The control program runs in supervisor mode over all of storage, so it checks by itself
# what the hardware would have checked for the guest.


def interpret_load_psw(cpu: Sized, a: Term) -> None:
    """v of LOAD PSW: the virtual mode, program counter and relocation come from the guest's cell."""
    cell = guest_cell(cpu, a)
    n = cpu.P.width
    cpu.M = cell[3 * n + 1]
    cpu.P = cell[3 * n : 2 * n + 1]
    set_relocation(cpu, cell)


def interpret_load_r(cpu: Sized, a: Term) -> None:
    """v of LOAD R: the virtual relocation comes from the guest's cell."""
    set_relocation(cpu, guest_cell(cpu, a))


def guest_cell(cpu: Sized, a: Term) -> Term:
    """The guest's cell at a relative address; it traps in the guest where the guest's own access would."""
    wide = cpu.size.width
    last = cpu.l.zext(wide) + a.zext(wide)
    cpu.trap(MEMORY_TRAP, when=(last >= cpu.size) | (a.zext(wide) >= cpu.b))
    cell: Term = cpu.E[cpu.l + a]
    return cell


def set_relocation(cpu: Sized, cell: Term) -> None:
    """The virtual relocation; the allocator composes it with the region when the guest runs again."""
    n = cpu.P.width
    cpu.l, cpu.b = cell[2 * n : n + 1], cell[n:0]


ROUTINES = {"LOAD PSW": interpret_load_psw, "LOAD R": interpret_load_r}


def reflect(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """A trap into the guest: the virtual PSW goes to the guest's cell 0, the new one comes from its cell 1."""
    n = cpu.P.width
    saved = concat(cpu.M, cpu.P, cpu.l, cpu.b).zext(cpu.E.sort.value.width)
    new = cpu.E[bits(1, n)]
    cpu.E = cpu.E.set(bits(0, n), saved)
    cpu.M, cpu.P = new[3 * n + 1], new[3 * n : 2 * n + 1]
    set_relocation(cpu, new)  # type: ignore[arg-type]
