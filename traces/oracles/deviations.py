"""Where another implementation is known to differ from the manual, as data, each traced to its cause.

A deviation explains a disagreement in one of two ways. `believes` gives the machine as the other side has it:
that machine, run on the same case, must then agree with the oracle in everything. `explains` names the differences
(of components) that the deviation accounts for. `explain` finds the fewest deviations that leave nothing over;
what it cannot explain is a fault of somebody and stays a disagreement. `ringproof validate` reports an entry
that no case of the run needed.

QEMU's sources are those that unicorn 2 carries (qemu/target/i386).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from ringproof.model.cpu import Cpu
from ringproof.model.ia32.operands import Segment
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, Term, bits, concat, ite
from ringproof.traces.interpreter import Interpreter

from .answers import Completed, Raised
from .comparison import Comparer, Disagreement

EVERYTHING = 0xFFFFFFFF
LARGEST_VIEW = 3


@dataclass(frozen=True)
class Deviation:
    """One way in which `oracle` departs from the manual at `section`, and where its source does so."""

    name: str
    oracle: str
    section: str
    reason: str
    believes: Callable[[Machine], Machine] | None = None
    explains: Callable[[Disagreement], set[str]] | None = None


# The machine as the other side has it.


def _without_limits(machine: Machine) -> Machine:
    """Every segment holds every offset, of data and of instructions."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def outside(self, segment: Segment, offset: Term, size: int) -> Term:
            return FALSE

        def jump(self, target: Term) -> None:
            self.EIP = target

    def begin(cpu: Cpu, length: Term) -> None:
        object.__setattr__(cpu, "start", cpu.EIP)
        cpu.EIP = cpu.EIP + length
        cpu.RF = FALSE

    return replace(machine, cpu=Seen, begin=begin)


def _without_types(machine: Machine) -> Machine:
    """Every segment that is not null may be read and written."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
            access = segment.access
            open_access = concat(bits(0x9, 4), bits(0, 1), access[2] & ~access[3], bits(3, 2))
            seen = replace(segment, access=ite(access == 0, access, open_access))
            super().check(seen, offset, size, write=write)

    return replace(machine, cpu=Seen)


def _without_null(machine: Machine) -> Machine:
    """An unusable segment is one that starts at 0."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def check(self, segment: Segment, offset: Term, size: int, *, write: bool) -> None:
            null = segment.access == 0
            access, limit = ite(null, bits(0x93, 8), segment.access), ite(null, bits(-1, 32), segment.limit)
            super().check(replace(segment, access=access, limit=limit), offset, size, write=write)

    return replace(machine, cpu=Seen)


# Differences by name.


def _resume_flag(disagreement: Disagreement) -> set[str]:
    ours, theirs = disagreement.differences.get("RF", (0, 0))
    return {"RF"} if theirs and not ours else set()


def _signed_release(disagreement: Disagreement) -> set[str]:
    case = disagreement.case
    ours, theirs = disagreement.differences.get("ESP", (0, 0))
    released = case.fields.get("imm", 0) >= 0x8000 and case.code[-3] in (0xC2, 0xCA)
    return {"ESP"} if released and ours - theirs & EVERYTHING == 0x10000 else set()


QEMU_SEGMENTS = "QEMU compares no offset with a segment's hidden part when it accesses memory (translate.c, gen_lea_v_seg)"

DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        "segment limits",
        "unicorn",
        "SDM vol. 3, section 5.3",
        f"Offsets beyond a segment's limit are accessed and executed: {QEMU_SEGMENTS}.",
        believes=_without_limits,
    ),
    Deviation(
        "segment types",
        "unicorn",
        "SDM vol. 3, section 5.5",
        f"Read-only data and code segments are written, execute-only ones are read: {QEMU_SEGMENTS}.",
        believes=_without_types,
    ),
    Deviation(
        "null segments",
        "unicorn",
        "SDM vol. 3, section 5.4.1",
        f"A null segment register is a segment with base 0: {QEMU_SEGMENTS}.",
        believes=_without_null,
    ),
    Deviation(
        "resume flag",
        "unicorn",
        "SDM vol. 3, section 17.3.1.1",
        "RF is cleared at the end of a translated block, not of every instruction (translate.c, gen_eob).",
        explains=_resume_flag,
    ),
    Deviation(
        "signed release",
        "unicorn",
        "SDM vol. 2, RET",
        "The number of bytes that RET imm16 releases is read as signed (translate.c, case 0xc2 and 0xca).",
        explains=_signed_release,
    ),
)


# Explaining.


class Explainer:
    """Explains the disagreements of one comparer by the deviations of its oracle."""

    def __init__(self, comparer: Comparer, deviations: Sequence[Deviation] = DEVIATIONS) -> None:
        own = [d for d in deviations if d.oracle == comparer.oracle.name]
        self.comparer = comparer
        self.deviations = own
        self._comparers: dict[tuple[Deviation, ...], Comparer] = {}
        self._views = [d for d in own if d.believes is not None]
        self._named = [d for d in own if d.explains is not None]

    def explain(self, disagreement: Disagreement) -> list[Deviation] | None:
        """The deviations that account for everything in it, or None.

        A case that the machine as the oracle has it declines is explained: what follows is left open.
        """
        for size in range(min(LARGEST_VIEW, len(self._views)) + 1):
            for views in combinations(self._views, size):
                seen = self._seen(disagreement, views) if views else disagreement
                used = [] if seen.expected.declined else self._rest(seen)
                if used is not None:
                    return [*views, *used]
        return None

    def _rest(self, disagreement: Disagreement) -> list[Deviation] | None:
        """The named deviations that account for what differs."""
        left, used = set(disagreement.differences), []
        for deviation in self._named:
            if not left:
                break
            assert deviation.explains is not None
            explained = deviation.explains(disagreement) & left
            if explained:
                left -= explained
                used.append(deviation)
        return None if left else used

    def _seen(self, disagreement: Disagreement, views: tuple[Deviation, ...]) -> Disagreement:
        """The same case with what the machine that the oracle has would do."""
        case, answer = disagreement.case, disagreement.answer
        assert isinstance(answer, Completed | Raised)
        expected = self._comparer(views).expect(case)
        ignored = self.comparer.undefined(case) if expected.trapped is None else set()
        differences = self.comparer.differences(case, expected, answer, ignored)
        return Disagreement(case, differences, expected, answer)

    def _comparer(self, views: tuple[Deviation, ...]) -> Comparer:
        found = self._comparers.get(views)
        if found is None:
            machine = self.comparer.machine
            for view in views:
                assert view.believes is not None
                machine = view.believes(machine)
            found = self._comparers[views] = Comparer(Interpreter(machine), self.comparer.oracle)
        return found


__all__ = ["DEVIATIONS", "Deviation", "Explainer"]
