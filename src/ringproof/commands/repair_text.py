"""What repairs a machine, for people."""

from __future__ import annotations

from ringproof.properties.document import context_of
from ringproof.properties.repair.run import Effect, Repair, Repairs, Report

from .common import columns, filled


def text(report: Report) -> str:
    """Each theorem's condition with its repairs, what each configuration bit does, and what was asked."""
    machine = report.machine
    listed = ", ".join(f"{key}={value}" for key, value in context_of(machine).items())
    parts = [f"{machine.name}: {machine.summary}", f"context: {listed}", ""]
    bits = [effect.bit for effect in report.effects]
    for repairs in report.repairs:
        parts += [*_theorem(repairs, bits, selected=bool(report.selected)), ""]
    if report.effects:
        parts += ["What each configuration bit does by itself:", _effects(report.effects), ""]
    if any(repairs.traps for repairs in report.repairs):
        parts += [filled("A trap is one for privilege, in front of every form of the instruction, below level "
                         f"{next(iter(machine.levels))}. Its own checks, which then fail at that level alone, count as "
                         "traps of the program.", later=""), ""]  # fmt: skip
    parts.append(f"{report.asked} classifications of single forms; {report.solver}; {report.seconds:.1f} s.")
    return "\n".join(parts)


def _theorem(repairs: Repairs, bits: list[str], *, selected: bool) -> list[str]:
    before = repairs.before
    over = ", over the rows selected," if selected else ""
    line = f"Theorem {before.theorem}'s condition ({before.text}){over} {before.word}"
    if repairs.traps is None:
        return [filled(line + ".")]
    names = (*before.violations, *before.undecided)
    lines = [filled(f"{line} by {len(names)}: {', '.join(names)}.")]
    lines.append(_told("By traps alone", "each of these, since each violates it by itself", repairs.traps))
    if not bits:
        return lines
    if repairs.bits:
        return lines + [_told("By configuration alone", _changes(repair), repair) for repair in repairs.bits]
    lines.append(filled(f"By configuration alone: no setting of {', '.join(bits)} is enough.", indent="  "))
    for repair in repairs.both:
        traps = repair.setting.traps
        what = f"{_changes(repair)}, and traps of the {len(traps)} that are left: {', '.join(traps)}"
        lines.append(_told("By both", what, repair))
    return lines


def _told(how: str, what: str, repair: Repair) -> str:
    after = repair.after
    if after.holds:
        verdict = "Proved on the repaired machine"
    else:
        left = ", ".join((*after.violations, *after.undecided))
        verdict = (
            f"On the repaired machine the condition {'is unknown for' if after.holds is None else 'fails by'} {left}"
        )
    return filled(f"{how}: {what}. {verdict}.", indent="  ")


def _changes(repair: Repair) -> str:
    return " ".join(f"{name}={value}" for name, value in repair.setting.changes)


def _effects(effects: tuple[Effect, ...]) -> str:
    rows: list[tuple[str, ...]] = []
    for effect in effects:
        for number, (repaired, broken) in enumerate(zip(effect.repaired, effect.broken, strict=True), 1):
            words = [
                f"{word} {', '.join(names)}" for word, names in (("repairs", repaired), ("breaks", broken)) if names
            ]
            if words:
                left = f"{len(effect.left[number - 1])} left"
                rows.append((f"{effect.bit}={effect.value}", f"Theorem {number}", f"{'; '.join(words)}; {left}"))
        if not any((*effect.repaired, *effect.broken)):
            rows.append((f"{effect.bit}={effect.value}", "", "changes no condition"))
    return columns(rows)
