"""The report of a proof for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ringproof.properties.monitors.demonstrating import Demonstration
from ringproof.properties.monitors.document import assumptions, word
from ringproof.properties.monitors.prove import Obligation, Report
from ringproof.properties.monitors.verdicts import Refuted, Unknown

from .common import columns, filled
from .divergence_text import program_text


def systems_text(rows: list[tuple[str, ...]]) -> str:
    """Names with what stands beside each."""
    return columns(rows, indent="")


def text(report: Report, programs: Mapping[str, Demonstration | None], *, everything: bool) -> str:
    """The whole report: the system, the verdicts, the counterexamples, the programs that show them, and the counts."""
    construction = report.construction
    parts = [f"{report.name}: {construction.summary}", f"source: {construction.source}"]
    if report.stopped is not None:
        parts.append(f"NOT COMPLETE ({report.stopped.value}): only what was decided so far is shown.")
    parts.append("")
    for name, verdict in report.properties.items():
        by = report.refuted(name)
        tail = f" by {len(by)}: {', '.join(by)}" if by else ""
        parts.append(filled(f"{name}: {verdict}{tail}."))
    parts.append("")
    refuted = [o for o in report.obligations if isinstance(o.verdict, Refuted)]
    if refuted:
        parts.append("Counterexamples, each replayed:")
        parts += [_counterexample(o) for o in refuted]
        parts.append("")
    if programs:
        parts.append(_programs_head(programs))
        parts += [_program(row, program) for row, program in programs.items()]
        parts.append("")
    unknown = [o for o in report.obligations if isinstance(o.verdict, Unknown)]
    parts += [f"unknown: {o.id}: {o.verdict.reason}" for o in unknown if isinstance(o.verdict, Unknown)]
    if everything:
        parts += ["Every obligation:", columns([(word(o.verdict), o.id) for o in report.obligations]), ""]
    parts.append(_summary(report))
    return "\n".join(parts)


def _counterexample(obligation: Obligation) -> str:
    verdict = obligation.verdict
    assert isinstance(verdict, Refuted)
    head = f"{obligation.property}, {obligation.instruction} ({obligation.case}): {verdict.witness.id}"
    return "\n".join([filled(f"  {head}"), filled(verdict.witness.text, indent="      ", later="      ")])


def _programs_head(programs: Mapping[str, Demonstration | None]) -> str:
    head = "Programs, each run by the guest's own machine alone and under the monitor"
    starts = dict.fromkeys(found.told.ordinary for found in programs.values() if found is not None)
    return filled("; ".join([head, *[f"the guest starts {start}" for start in starts]]) + ":")


def _program(row: str, found: Demonstration | None) -> str:
    if found is None:
        return filled(f"  {row}: no short program was found that shows it; its counterexample stands.")
    head = f"  {row} ({found.program.property}): {found.program.id}"
    return "\n".join([filled(head), program_text(found.told, indent="      ", common=True)])


def _summary(report: Report) -> str:
    counts = Counter(word(o.verdict) for o in report.obligations)
    shown = ", ".join(f"{counts[name]} {name}" for name in ("proved", "refuted", "unknown") if counts[name])
    never = f"; {counts['never']} cases that no state takes" if counts["never"] else ""
    lines = [f"{len(report.obligations) - counts['never']} obligations: {shown}{never}."]
    resting = assumptions(report)
    if resting:
        lines.append(filled(f"Assumed of every state: {'; '.join(resting)}."))
    lines.append(f"{report.solver}, {report.seconds:.1f} s.")
    return "\n".join(lines)
