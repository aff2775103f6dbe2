"""The standard VM map of section 4 on small storage, access by access, and on all of storage by the solver.

The control program has the cells below k, the virtual machine the w cells from k on. The guest's relocation (l, b)
becomes (l + k, b) as the paper has it; the *clamped* map cuts the bound where the guest's storage ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ringproof.model.cpu import Cpu
from ringproof.model.monitors.third_generation import clamped_bound
from ringproof.model.terms import Term, substitute, var
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import ThirdGeneration
from ringproof.solvers.answer import Answer, Sat, Undecided, Unsat
from ringproof.traces.python_code import compile_terms

from ..experiment import Finding, Laboratory
from . import UNCLAMPED, Unclamped

Bound = Callable[[int, int, int], int]
"""The host's bound of the guest's (l, b) in storage of w cells."""


class Storage:
    """Storage of a power of two of cells, on the machine's own address development."""

    def __init__(self, address_bits: int) -> None:
        self.q = 1 << address_bits
        outcome = third_generation(address_bits, 64).run(_develop)
        self._run = compile_terms([~outcome.trapping(), outcome.state["P"]])

    def reached(self, l: int, b: int, a: int) -> int | None:
        """The cell at the relative address `a` under the relocation (l, b), or None where it is a memory trap."""
        if l >= self.q:
            return None
        completes, cell = self._run({"l": l, "b": b, "P": a})
        return int(cell) if completes else None


def _develop(cpu: Cpu) -> None:
    assert isinstance(cpu, ThirdGeneration)
    cpu.P = cpu.develop(cpu.P)


def bound(laboratory: Laboratory) -> Finding:
    """Which cells the relocation (0, q-1) reaches, and (0, q)."""
    storage = Storage(3)
    q = storage.q
    missed = {b: sorted(set(range(q)) - {storage.reached(0, b, a) for a in range(q)}) for b in (q - 1, q)}
    machine = third_generation()
    outcome = machine.run(_develop)
    l, b, last = (machine.variables[name] for name in ("l", "b", "P"))
    whole = 1 << last.width
    given = [l == 0, last == whole - 1, ~outcome.trapping()]
    written, meant = laboratory.ask(*given, b == whole - 1), laboratory.ask(*given, b == whole)
    shown = tuple(
        f"q = {q}: with (0, {bound}) "
        + (f"E[{', '.join(map(str, cells))}] is a memory trap" if cells else "every cell is reached")
        for bound, cells in missed.items()
    )
    if isinstance(written, Undecided) or isinstance(meant, Undecided):
        return Finding("undecided", None, shown)
    found = missed[q - 1] == [q - 1] and not missed[q] and isinstance(written, Unsat) and isinstance(meant, Sat)
    proved = "no address reaches" if isinstance(written, Unsat) else "some address reaches"
    return Finding(f"with (0, q-1) {proved} E[q-1] for q = {whole}; with (0, q) one does", found, shown)


@dataclass(frozen=True)
class Access:
    """A guest's access at the relative address `a` under its relocation (l, b)."""

    l: int
    b: int
    a: int


def accesses(q: int) -> Iterator[Access]:
    """Every access within its own bound, by relocations whose window lies in storage of q cells."""
    for l in range(q):
        for b in range(q - l + 1):
            yield from (Access(l, b, a) for a in range(b))


def leaks(case: Unclamped, bound: Bound) -> list[Access]:
    """The accesses that reach a cell outside the guest's."""
    storage = Storage((case.q - 1).bit_length())
    found = []
    for each in accesses(case.q):
        cell = storage.reached(each.l + case.k, bound(each.l, each.b, case.w), each.a)
        if cell is not None and not case.k <= cell < case.k + case.w:
            found.append(each)
    return found


def mismatches(case: Unclamped, bound: Bound) -> list[Access]:
    """The accesses that end otherwise than on a real machine of w cells."""
    storage = Storage((case.q - 1).bit_length())
    found = []
    for each in accesses(case.q):
        cell = storage.reached(each.l + case.k, bound(each.l, each.b, case.w), each.a)
        alone = None if each.l + each.a >= case.w or each.a >= each.b else each.l + each.a + case.k
        if cell != alone:
            found.append(each)
    return found


def as_written(l: int, b: int, w: int) -> int:
    """The bound of the paper's map."""
    return b


def clamped(l: int, b: int, w: int) -> int:
    """b' = min(b, max(0, w - l))."""
    return min(b, max(0, w - l))


def unclamped(laboratory: Laboratory) -> Finding:
    """The map as written lets a guest reach what is not its own; with the clamp none does."""
    case = UNCLAMPED
    out = leaks(case, as_written)
    below = [each for each in out if each.b < case.w]
    mended, differ = leaks(case, clamped), mismatches(case, clamped)
    small = f"q = {case.q}, k = {case.k}, w = {case.w}"
    shown = [f"{small}: {len(out)} accesses leave the region, {len(below)} of them with b < w"]
    if below:
        one = below[0]
        cell = one.l + case.k + one.a
        shown.append(f"{small}: the guest's (l, b) = ({one.l}, {one.b}) reaches E[{cell}] at address {one.a}")
    shown.append(f"with the clamp {len(mended)} leave it, and {len(differ)} end otherwise than on {case.w} cells alone")
    leak, kept = _over_all(laboratory)
    shown.append(_words(leak))
    agrees = None
    if not isinstance(leak, Undecided) and not isinstance(kept, Undecided):
        counts = (len(out), len(below)) == (case.cases, case.below) and not mended and not differ
        agrees = counts and isinstance(leak, Sat) and isinstance(kept, Unsat)
    proof = "proved for all of 65536 cells" if isinstance(kept, Unsat) else "not proved"
    return Finding(f"the map as written lets the guest out, with b < w too; that the clamped map does not is {proof}",
                   agrees, tuple(shown))  # fmt: skip


def _over_all(laboratory: Laboratory) -> tuple[Answer, Answer]:
    """An access past the region under the map as written with b < w, and one under the clamped map, in all storage."""
    machine = third_generation()
    outcome = machine.run(_develop)
    names = machine.variables
    wide = names["b"].width + 1
    k, w = var("k", names["l"].sort), var("w", names["b"].sort)
    l, b = names["l"], names["b"]
    given = [
        k >= 2,
        w >= 2,
        k.zext(wide) + w.zext(wide) <= 1 << (wide - 2),
        l.zext(wide) + b.zext(wide) <= 1 << (wide - 2),
    ]

    def outside(bound: Term) -> list[Term]:
        placed = {l: l + k, b: bound}
        completes, cell = substitute([~outcome.trapping(), outcome.state["P"]], placed)
        return [completes, (cell - k).zext(w.width) >= w]

    no_wrap = l.zext(wide) + k.zext(wide) < 1 << (wide - 2)
    return (
        laboratory.ask(*given, no_wrap, b < w, *outside(b)),
        laboratory.ask(*given, *outside(clamped_bound(l, b, w))),
    )


def _words(answer: Answer) -> str:
    if not isinstance(answer, Sat):
        return "on all of 65536 cells no access leaves the region"
    values = {name: int(answer.assignment.get(name, 0)) for name in ("k", "w", "l", "b", "P")}
    cell = values["l"] + values["k"] + values["P"]
    return (f"q = 65536, k = {values['k']}, w = {values['w']}: the guest's (l, b) = ({values['l']}, {values['b']}) "
            f"reaches E[{cell}] at address {values['P']}")  # fmt: skip
