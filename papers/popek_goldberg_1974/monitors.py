"""The lemmas and theorems of section 4 as obligations on monitors, and the lemma that is missing.

Lemma 1 (an innocuous instruction run directly) is the direct case of equivalence, Lemma 2 (a sensitive one) the
emulated case, and Lemma 3 is the induction that both rest on. A trap that is the guest's own belongs to neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ringproof.model.cpu import Cause, Cpu
from ringproof.model.monitors.construction import Construction, trap_and_emulate
from ringproof.model.monitors.third_generation import ROUTINES, placement, reflect, set_relocation
from ringproof.model.terms import Term, bits, concat
from ringproof.model.third_generation.machine import USER
from ringproof.properties.discharge import BUDGET
from ringproof.properties.monitors.discharging import Discharger
from ringproof.properties.monitors.lemmas import Lemmas
from ringproof.properties.monitors.obligations import Claim, Squares
from ringproof.properties.monitors.prove import prove
from ringproof.properties.monitors.verdicts import Never, Proved, Refuted, Unknown, Verdict
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.monitored import System

from ..experiment import Finding, Laboratory, require_whole

MACHINE = "third-generation"

WORDS = {Proved: "proved", Refuted: "refuted", Unknown: "unknown", Never: "of cases that no state takes"}


def mode_of_the_hardware(cpu: Cpu, cause: Cause, details: Mapping[str, Term]) -> None:
    """Passes a trap on with the mode that the hardware saved, in which guests always are: user."""
    n = cpu.P.width
    new = cpu.E[bits(1, n)]
    cpu.E = cpu.E.set(bits(0, n), concat(bits(USER, 1), cpu.P, cpu.l, cpu.b).zext(cpu.E.sort.value.width))
    cpu.M, cpu.P = new[3 * n + 1], new[3 * n : 2 * n + 1]
    set_relocation(cpu, new)  # type: ignore[arg-type]


def proved(system: str, laboratory: Laboratory) -> Finding:
    """The three properties of the whole of `system`."""
    report = prove(system, jobs=laboratory.jobs, progress=laboratory.progress)
    require_whole(report.stopped)
    words = report.properties
    kinds = Counter(type(obligation.verdict) for obligation in report.obligations)
    cases = Counter(obligation.case.partition(" (")[0] for obligation in report.obligations)
    shown = (
        f"{system}: " + ", ".join(f"{kinds[kind]} {word}" for kind, word in WORDS.items() if kinds[kind]),
        "obligations by case: " + ", ".join(f"{case} {count}" for case, count in sorted(cases.items())),
        *[witness.text for witness in report.witnesses],
    )
    agrees = False if "refuted" in words.values() else None if set(words.values()) != {"proved"} else True
    return Finding("; ".join(f"{name} {word}" for name, word in words.items()), agrees, shown)


def hybrid(laboratory: Laboratory) -> Finding:
    """The machine with a return to user mode: trap and emulate is refuted by it, the hybrid monitor proved."""
    machine, row = f"{MACHINE}-return-to-user", "RETURN TO USER"
    refuted = prove(f"{machine}/trap-and-emulate", only=[row], jobs=laboratory.jobs, progress=laboratory.progress)
    require_whole(refuted.stopped)
    whole = proved(f"{machine}/hybrid", laboratory)
    word = refuted.verdict("equivalence")
    shown = (*[witness.text for witness in refuted.witnesses], *whole.shown)
    agrees = None if word == "unknown" else word == "refuted" and whole.agrees
    return Finding(f"equivalence of trap and emulate is {word} by {row}; of the hybrid monitor {whole.result}", agrees,
                   shown)  # fmt: skip


def reflection(laboratory: Laboratory) -> Finding:
    """A control program that meets both lemmas and is not equivalent, by a trap that is the guest's own."""
    name = f"{MACHINE}/trap-and-emulate"
    sound = trap_and_emulate(placement(MACHINE), ROUTINES, reflect)
    faulty = trap_and_emulate(placement(MACHINE), ROUTINES, mode_of_the_hardware)
    row = "JUMP (zero)"
    before, after = (_equivalence(each, name, row) for each in (sound, faulty))
    shown = [
        f"{row}, {case}: {_word(after[case])} with the hardware's mode, {_word(before[case])} with the virtual one"
        for case in after
    ]
    refuted = [verdict for verdict in after.values() if isinstance(verdict, Refuted)]
    shown += [verdict.witness.text for verdict in refuted]
    undecided = any(isinstance(verdict, Unknown) for verdict in (*before.values(), *after.values()))
    lemma = isinstance(after["direct"], Proved)
    cases = [case for case, verdict in after.items() if isinstance(verdict, Refuted)]
    found = lemma and bool(cases) and not any(isinstance(verdict, Refuted) for verdict in before.values())
    result = (
        f"a monitor that passes a guest's memory trap on with the hardware's mode meets Lemma 1 and is refuted by "
        f"{', '.join(cases) or 'nothing'}"
    )
    return Finding(result, None if undecided else found, tuple(shown))


def _equivalence(construction: Construction, name: str, row: str) -> dict[str, Verdict]:
    """The cases of equivalence of one instruction, by their names."""
    solver = Z3Solver()
    (instruction,) = [each for each in construction.guest.instructions if each.name == row]
    squares = Squares(construction, instruction, name, Lemmas(solver, BUDGET).agree)
    discharger = Discharger(System(construction), name, solver, BUDGET)
    parts = list(instruction.encoding.fields.values())
    claims: list[Claim] = [claim for claim in squares.claims(innocuous=False) if claim.what == "equivalence"]
    return {claim.case: discharger.discharge(claim, parts) for claim in claims}


def _word(verdict: Verdict) -> str:
    return WORDS[type(verdict)]
