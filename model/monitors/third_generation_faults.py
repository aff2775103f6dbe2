"""Monitors with one fault each, of the kinds that monitors have had: what the three properties must notice.

They stand over the third generation machine with 2**5 cells. A fault is a change of a right construction; the name of
its system is that of the right one with `~FAULT` behind. Sources: the gaps of Popek and Goldberg 1974 (the clamp, the
reflection of traps), and faults of monitors and processors since (a field that a routine forgets, a mode that is not
simulated, a check that an emulator leaves out, a trap that is lost).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from ..cpu import Cause, Cpu, Kind, View
from ..terms import FALSE, TRUE, Term, bits, concat, ite
from ..third_generation.machine import SUPERVISOR, USER
from .construction import Construction, Routine, hybrid, in_virtual_supervisor, trap_and_emulate
from .fault import Change, Fault
from .placement import Placement
from .recursive import recursive
from .third_generation import ROUTINES, Sized, guest_cell, placement, reflect, set_relocation

ADDRESS_BITS = 5

FAULTS: dict[str, Fault] = {}


def fault(construction: str, name: str, text: str) -> Callable[[Change], Change]:
    def declare(change: Change) -> Change:
        FAULTS[name] = Fault(f"third-generation/{construction}", text, change, partial(right, construction))
        return change

    return declare


def right(construction: str) -> Construction:
    """The construction without a fault, over the small machine."""
    where = placement("third-generation", ADDRESS_BITS)
    if construction == "hybrid":
        return hybrid(where, ROUTINES, reflect)
    single = trap_and_emulate(where, ROUTINES, reflect)
    return recursive(where, single) if construction == "recursive" else single


# The allocator: the relocation that it composes, and what it grants.


def _deciding(name: str, text: str, change: Callable[[View, dict[str, Term]], None]) -> None:
    def apply(construction: Construction) -> Construction:
        where = construction.placement

        def decided(guest: View, own: View) -> Mapping[str, Term]:
            found = dict(where.decided(guest, own))
            change(guest, found)
            return found

        return replace(construction, placement=replace(where, decided=decided))

    fault("trap-and-emulate", name, text)(apply)


def _left(guest: View) -> Term:
    return guest.size - guest.l.zext(guest.size.width)


def _no_clamp(guest: View, found: dict[str, Term]) -> None:
    found["b"] = guest.b


def _clamp_without_base(guest: View, found: dict[str, Term]) -> None:
    found["b"] = ite(guest.b < guest.size, guest.b, guest.size)


def _clamp_one_more(guest: View, found: dict[str, Term]) -> None:
    found["b"] = found["b"] + 1


def _clamp_one_less(guest: View, found: dict[str, Term]) -> None:
    found["b"] = ite(found["b"] == 0, found["b"], found["b"] - 1)


def _clamp_wraps(guest: View, found: dict[str, Term]) -> None:
    found["b"] = ite(guest.b < _left(guest), guest.b, _left(guest))


def _clamp_to_nothing(guest: View, found: dict[str, Term]) -> None:
    found["b"] = ite(guest.b <= _left(guest), guest.b, bits(0, guest.b.width))


def _base_forgets_region(guest: View, found: dict[str, Term]) -> None:
    found["l"] = guest.l


def _base_forgets_guest(guest: View, found: dict[str, Term]) -> None:
    found["l"] = guest.start


def _base_one_off(guest: View, found: dict[str, Term]) -> None:
    found["l"] = found["l"] + 1


def _supervisor(guest: View, found: dict[str, Term]) -> None:
    found["M"] = bits(SUPERVISOR, 1)


def _virtual_mode(guest: View, found: dict[str, Term]) -> None:
    found["M"] = guest.M


for _name, _text, _change in (
    ("no-clamp", "the bound is the guest's own: the paper's map as printed", _no_clamp),
    ("clamp-without-base", "the bound is cut at the size, wherever the guest's base lies", _clamp_without_base),
    ("clamp-one-more", "the bound is one cell too large", _clamp_one_more),
    ("clamp-one-less", "the bound is one cell too small, as in the paper's (0, q-1)", _clamp_one_less),
    ("clamp-wraps", "a base past the end wraps when the rest is computed", _clamp_wraps),
    ("clamp-to-nothing", "a bound past the end gives the guest nothing", _clamp_to_nothing),
    ("base-forgets-region", "the guest's base is not moved into the region", _base_forgets_region),
    ("base-forgets-guest", "the guest's own base is lost", _base_forgets_guest),
    ("base-one-off", "the region starts one cell late", _base_one_off),
    ("runs-in-supervisor", "guests run in supervisor mode", _supervisor),
    ("runs-in-virtual-mode", "guests run in the mode that they believe to be in", _virtual_mode),
):
    _deciding(_name, _text, _change)


def _without_grant(name: str, text: str, number: int) -> None:
    def apply(construction: Construction) -> Construction:
        where = construction.placement

        def granted(guest: View, own: View) -> list[Term]:
            rules = where.granted(guest, own)
            return rules[:number] + rules[number + 1 :]

        return replace(construction, placement=replace(where, granted=granted))

    fault("trap-and-emulate", name, text)(apply)


_without_grant("region-over-psw", "a region may begin at the monitor's own PSW cells", 0)
_without_grant("region-of-no-cells", "a region may be too small for the guest's PSW cells", 1)
_without_grant("region-past-the-end", "a region may reach past the end of storage", 2)
_without_grant("no-vector", "the new PSW in cell 1 need not be the monitor's", 4)


# The routines.


def _routine(name: str, row: str, text: str, routine: Routine) -> None:
    fault("trap-and-emulate", name, text)(
        lambda construction: replace(construction, routines={**construction.routines, row: routine})
    )


def _forgets(field: str) -> Routine:
    """LOAD PSW without one of its fields."""

    def routine(cpu: Sized, a: Term) -> None:
        before = cpu.get(field)
        ROUTINES["LOAD PSW"](cpu, a)
        cpu.put(field, before)

    return routine


for _field, _what in {"M": "virtual mode", "P": "program counter", "l": "virtual base", "b": "virtual bound"}.items():
    _routine(f"psw-forgets-{_field}", "LOAD PSW", f"the routine of LOAD PSW forgets the {_what}", _forgets(_field))


def _r_forgets(field: str) -> Routine:
    """LOAD R without one of its fields."""

    def routine(cpu: Sized, a: Term) -> None:
        before = cpu.get(field)
        ROUTINES["LOAD R"](cpu, a)
        cpu.put(field, before)

    return routine


for _field, _what in {"l": "virtual base", "b": "virtual bound"}.items():
    _routine(f"r-forgets-{_field}", "LOAD R", f"the routine of LOAD R forgets the {_what}", _r_forgets(_field))


def _psw_unchecked(cpu: Sized, a: Term) -> None:
    _put_psw(cpu, cpu.E[cpu.l + a])


def _psw_checks_bound_only(cpu: Sized, a: Term) -> None:
    from ..third_generation.machine import MEMORY_TRAP

    cpu.trap(MEMORY_TRAP, when=a.zext(cpu.b.width) >= cpu.b)
    _put_psw(cpu, cpu.E[cpu.l + a])


def _psw_checks_one_more(cpu: Sized, a: Term) -> None:
    from ..third_generation.machine import MEMORY_TRAP

    wide = cpu.size.width
    last = cpu.l.zext(wide) + a.zext(wide)
    cpu.trap(MEMORY_TRAP, when=(last >= cpu.size) | (a.zext(wide) > cpu.b))
    _put_psw(cpu, cpu.E[cpu.l + a])


def _psw_absolute(cpu: Sized, a: Term) -> None:
    guest_cell(cpu, a)
    _put_psw(cpu, cpu.E[a])


def _psw_goes_on(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD PSW"](cpu, a)
    cpu.P = cpu.P + 1


def _psw_swapped(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD PSW"](cpu, a)
    cpu.l, cpu.b = cpu.b[cpu.l.width - 1 : 0], cpu.l.zext(cpu.b.width)


def _psw_writes_back(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD PSW"](cpu, a)
    cpu.E = cpu.E.set(bits(0, cpu.P.width), 0)


def _put_psw(cpu: Sized, cell: Term) -> None:
    n = cpu.P.width
    cpu.M, cpu.P = cell[3 * n + 1], cell[3 * n : 2 * n + 1]
    set_relocation(cpu, cell)


def _r_changes_mode(cpu: Sized, a: Term) -> None:
    cell = guest_cell(cpu, a)
    cpu.M = cell[3 * cpu.P.width + 1]
    set_relocation(cpu, cell)


def _r_again(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD R"](cpu, a)
    cpu.P = cpu.P - 1


def _r_real(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD R"](cpu, a)
    cpu.l = cpu.l + 16


def _r_clamped(cpu: Sized, a: Term) -> None:
    ROUTINES["LOAD R"](cpu, a)
    cpu.b = ite(cpu.b < cpu.size, cpu.b, cpu.size)


for _name, _row, _text, _body in (
    ("psw-unchecked", "LOAD PSW", "the routine of LOAD PSW checks no address", _psw_unchecked),
    (
        "psw-checks-bound-only",
        "LOAD PSW",
        "the routine leaves out the end of the guest's storage",
        _psw_checks_bound_only,
    ),
    ("psw-checks-one-more", "LOAD PSW", "the routine's bound check is one off", _psw_checks_one_more),
    ("psw-absolute", "LOAD PSW", "the routine reads at the unrelocated address", _psw_absolute),
    ("psw-goes-on", "LOAD PSW", "the routine advances the program counter once more", _psw_goes_on),
    ("psw-swapped", "LOAD PSW", "the routine exchanges base and bound", _psw_swapped),
    ("psw-writes-back", "LOAD PSW", "the routine clears a cell of the guest", _psw_writes_back),
    ("r-changes-mode", "LOAD R", "the routine of LOAD R takes the mode from the cell too", _r_changes_mode),
    ("r-again", "LOAD R", "the routine does not advance the program counter", _r_again),
    ("r-real", "LOAD R", "the routine keeps the real base for the virtual one", _r_real),
    ("r-clamped", "LOAD R", "the virtual bound is cut, where only the composed one is to be", _r_clamped),
):
    _routine(_name, _row, _text, cast(Any, _body))


# Reflection.


def _reflecting(name: str, text: str, deliver: Callable[[Sized], None]) -> None:
    def carry_out(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        deliver(cast(Sized, cpu))

    fault("trap-and-emulate", name, text)(lambda construction: replace(construction, reflect=carry_out))


def _reflection(
    *,
    mode: Callable[[Sized], Term] | None = None,
    base: Callable[[Sized], Term] | None = None,
    bound: Callable[[Sized], Term] | None = None,
    counter: Callable[[Sized], Term] | None = None,
    old: int = 0,
    new: int = 1,
    keeps: str = "",
    saves: bool = True,
) -> Callable[[Sized], None]:
    """Reflection with something else saved, other cells, or a component that stays as it was."""

    def deliver(cpu: Sized) -> None:
        n = cpu.P.width
        saved = concat(
            mode(cpu) if mode else cpu.M,
            counter(cpu) if counter else cpu.P,
            base(cpu) if base else cpu.l,
            bound(cpu) if bound else cpu.b,
        ).zext(cpu.E.sort.value.width)
        cell = cpu.E[bits(new, n)]
        before = {name: cpu.get(name) for name in ("M", "P", "l", "b")}
        if saves:
            cpu.E = cpu.E.set(bits(old, n), saved)
        _put_psw(cpu, cell)
        if keeps:
            cpu.put(keeps, before[keeps])

    return deliver


for _name, _text, _deliver in (
    ("saves-real-mode", "the saved PSW shows the real mode", _reflection(mode=lambda cpu: bits(USER, 1))),
    ("saves-supervisor", "the saved PSW always says supervisor", _reflection(mode=lambda cpu: bits(SUPERVISOR, 1))),
    ("saves-real-base", "the saved PSW shows another base than the virtual one", _reflection(base=lambda c: c.l + 16)),
    (
        "saves-cut-bound",
        "the saved PSW shows the bound as the allocator cut it",
        _reflection(bound=lambda c: ite(c.b < c.size, c.b, c.size)),
    ),
    ("saves-next", "the saved PSW shows the next instruction", _reflection(counter=lambda cpu: cpu.P + 1)),
    ("saves-nothing", "the old PSW is not saved", _reflection(saves=False)),
    ("saves-elsewhere", "the old PSW goes to cell 2", _reflection(old=2)),
    ("loads-old", "the new PSW comes from cell 0", _reflection(new=0)),
    ("keeps-mode", "the virtual mode stays what it was", _reflection(keeps="M")),
    ("keeps-base", "the virtual base stays what it was", _reflection(keeps="l")),
    ("keeps-bound", "the virtual bound stays what it was", _reflection(keeps="b")),
    ("keeps-counter", "the program counter stays what it was", _reflection(keeps="P")),
):
    _reflecting(_name, _text, _deliver)


# The dispatcher.


@fault("trap-and-emulate", "emulates-user", "a privileged instruction of virtual user mode is emulated too")
def _emulates_user(construction: Construction) -> Construction:
    return replace(construction, emulates=lambda guest, cause: TRUE if cause.kind is Kind.PRIVILEGE else FALSE)


@fault("trap-and-emulate", "emulates-nothing", "a privileged instruction of virtual supervisor mode is reflected")
def _emulates_nothing(construction: Construction) -> Construction:
    return replace(construction, emulates=lambda guest, cause: FALSE)


@fault("trap-and-emulate", "emulates-memory", "a memory trap of virtual supervisor mode is interpreted")
def _emulates_memory(construction: Construction) -> Construction:
    supervisor = in_virtual_supervisor(construction.guest)
    return replace(construction, emulates=lambda guest, cause: supervisor(guest))


@fault("trap-and-emulate", "loses-traps", "a trap of virtual user mode is lost, and the guest goes on")
def _loses_traps(construction: Construction) -> Construction:
    def deliver(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
        with cpu.when(cpu.get("M") == SUPERVISOR):
            reflect(cpu, cause, details)

    return replace(construction, reflect=deliver)


@fault("trap-and-emulate", "interprets-all", "nothing runs directly")
def _interprets_all(construction: Construction) -> Construction:
    return replace(construction, interprets=lambda guest: TRUE)


@fault("hybrid", "interprets-user", "virtual user mode is interpreted, and supervisor mode runs directly")
def _interprets_user(construction: Construction) -> Construction:
    supervisor = in_virtual_supervisor(construction.guest)
    return replace(construction, interprets=lambda guest: ~supervisor(guest))


@fault("hybrid", "hybrid-interprets-all", "virtual user mode is interpreted too")
def _hybrid_interprets_all(construction: Construction) -> Construction:
    return replace(construction, interprets=lambda guest: TRUE)


@fault("hybrid", "hybrid-no-clamp", "the bound is the guest's own while virtual user mode runs")
def _hybrid_no_clamp(construction: Construction) -> Construction:
    return FAULTS["no-clamp"].change(construction)


# The composition.


def _composed(name: str, text: str, change: Callable[[Placement], Placement]) -> None:
    """The outer placement of the composition is a faulty one."""

    def apply(construction: Construction) -> Construction:
        outer = change(placement("third-generation", ADDRESS_BITS))
        return recursive(outer, right("trap-and-emulate"))

    fault("recursive", name, text)(apply)


def _outer(fault_name: str) -> Callable[[Placement], Placement]:
    return lambda where: FAULTS[fault_name].change(replace(right("trap-and-emulate"), placement=where)).placement


_composed("outer-no-clamp", "the outer monitor does not cut the bound", _outer("no-clamp"))
_composed("outer-base-forgets-guest", "the outer monitor loses the inner monitor's base", _outer("base-forgets-guest"))
_composed("outer-past-the-end", "the outer monitor grants more than there is", _outer("region-past-the-end"))
