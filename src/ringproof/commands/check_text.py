"""The report of a check for people."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from ringproof.properties.classification import Row
from ringproof.properties.document import context
from ringproof.properties.run import Report
from ringproof.properties.told import Telling, story

from .common import columns, filled


def text(report: Report, name: str, assumed: Mapping[str, str], *, everything: bool) -> str:
    """The whole report: context, theorems, violations with their counterexamples, the rest in short."""
    parts = [_heading(report), "", *_theorems(report), ""]
    found = report.decoding
    if found is not None and not (found.disjoint and found.total):
        parts += [_decoding(report), ""]
    telling = Telling(report)
    violating = [
        row for row in report.rows if row.escapes("sensitive") is not False or row.escapes("user") is not False
    ]
    if violating:
        parts.append("Sensitive, but not privileged:")
        for row in violating:
            parts += _violation(row, telling)
        flags = [word for key, value in assumed.items() for word in ("--assume", f"{key}={value}")]
        command = shlex.join(["ringproof", "explain", name, violating[0].name, *flags])
        parts += ["", f"The whole story of one: {command}", ""]
    if everything:
        parts += ["Every instruction:", columns([(row.name, _words(row)) for row in report.rows]), ""]
    parts += _summary(report)
    return "\n".join(parts)


def _heading(report: Report) -> str:
    settings = context(report)
    listed = ", ".join(f"{key}={value}" for key, value in settings.items())
    note = f"\nNOT COMPLETE ({report.stopped.value}): only what was decided so far is shown." if report.stopped else ""
    return f"{report.machine.name}: {report.machine.summary}\ncontext: {listed}{note}"


def _theorems(report: Report) -> list[str]:
    found = []
    for condition in report.theorems:
        over = ", over the rows selected," if report.selected else ""
        line = f"Theorem {condition.theorem}'s condition ({condition.text}){over} {condition.word}"
        if condition.violations:
            line += f" by {len(condition.violations)}: {', '.join(condition.violations)}"
        if condition.undecided:
            line += f"; undecided: {', '.join(condition.undecided)}"
        if condition.holds is None and not condition.undecided:
            line += ": not every instruction was decided"
        found.append(filled(line + "."))
    return found


def _violation(row: Row, telling: Telling) -> list[str]:
    lines = [f"  {row.name}: {_words(row)}"]
    for witness in story(row)[:2]:
        body = f"{telling.sentence(witness)} [{witness.id}]"
        lines.append(filled(body, 108, indent="      ", later="      "))
    return lines


def _words(row: Row) -> str:
    names = {
        "privileged": "privileged",
        "control_sensitive": "control sensitive",
        "mode_sensitive": "mode sensitive",
        "location_sensitive": "location sensitive",
        "user_sensitive": "user sensitive",
        "timing_sensitive": "timing sensitive",
    }
    found = [word for key, word in names.items() if row.flag(key)]
    found += [f"unknown whether {word}" for key, word in names.items() if row.flag(key) is None]
    if row.resources:
        found.append(f"resource sensitive ({', '.join(row.resources)})")
    if row.flag("behavior_sensitive") and not (
        row.flag("mode_sensitive") or row.flag("location_sensitive") or row.resources
    ):
        found.append("behavior sensitive")
    return ", ".join(found) or ("always traps" if row.always_traps else "innocuous")


def _summary(report: Report) -> list[str]:
    privileged = [row.name for row in report.rows if row.flag("privileged")]
    trapping = [row.name for row in report.rows if row.innocuous and row.always_traps]
    innocuous = [row for row in report.rows if row.innocuous and not row.always_traps]
    plain = [row.name for row in innocuous if not row.flag("timing_sensitive")]
    timing = [row.name for row in report.rows if row.flag("timing_sensitive")]
    lines = [filled(f"Privileged ({len(privileged)}): {', '.join(privileged) or 'none'}.")]
    if timing:
        lines.append(f"Timing sensitive: {', '.join(timing)}.")
    if trapping:
        lines.append(filled(f"Always trap: {', '.join(trapping)}."))
    lines.append(f"Innocuous: {len(plain)} of {len(report.rows)} instructions.")
    lines.append(_modes(report))
    if report.decoding is not None and report.decoding.disjoint and report.decoding.total:
        lines.append(_decoding(report))
    counts = ", ".join(f"{count} {word}" for word, count in report.counts.items())
    lines.append(f"{counts}; {report.solver}; {report.seconds:.1f} s.")
    return lines


def _modes(report: Report) -> str:
    guest, top, ways = report.modes.guest, report.modes.levels[0], report.modes.other_ways()
    rows = "By the rows above, from" if report.selected or report.stopped else "From"
    if ways:
        return filled(f"{rows} {guest}, {top} can be reached other than through an entry point: by {', '.join(ways)}.")
    into = [t for t in report.modes.transitions if t.raises and t.target == top]
    by = ", ".join(dict.fromkeys(t.by for t in into if not t.is_trap))
    traps = ", ".join(dict.fromkeys(t.by for t in into if t.is_trap))
    ways = [f"instructions {by}" if by else "", f"traps {traps}" if traps else ""]
    entered = " and ".join(way for way in ways if way)
    if not report.machine.deliver:
        entered = f"{entered or 'no instruction'}; the machine does not say how it delivers traps"
    entered = entered or "none of these"
    return filled(f"{rows} {guest}, {top} is reached only through its entry points: {entered}.")


def _decoding(report: Report) -> str:
    found = report.decoding
    assert found is not None
    problems = []
    if found.disjoint is not True:
        problems.append(
            f"two encodings overlap: {found.overlap}" if found.overlap else "whether encodings overlap is unknown"
        )
    if found.total is not True:
        problems.append(
            f"a word has no encoding: {found.uncovered}" if found.uncovered else "whether every word decodes is unknown"
        )
    return f"Decoding: {'; '.join(problems)}." if problems else "Decoding: every word has exactly one meaning (proved)."
