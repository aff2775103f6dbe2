"""A campaign as text for people and as one JSON document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from shlex import quote
from typing import TYPE_CHECKING, Any

from .common import columns, filled

if TYPE_CHECKING:
    from ringproof.model.machine import Machine
    from ringproof.properties.campaign.confirming import Violation
    from ringproof.properties.campaign.coverage import Standing
    from ringproof.properties.campaign.lockstep import Watched
    from ringproof.properties.campaign.run import Campaign, Worker


def text(found: Campaign, name: str, assume: Mapping[str, str], *, coverage: bool) -> str:
    """The campaign for people."""
    from ringproof.properties.campaign.coverage import Reached

    standings = found.standings()
    counts = Counter(standing.reached for standing in standings)
    parts = [
        f"{found.machine.name}: {found.traces} traces, {found.steps} steps, seed {found.seed},"
        f" digest {found.digest:016x}; {found.seconds:.1f} s",
    ]
    if found.stopped is not None:
        parts.append(f"Stopped early: {found.stopped.value}.")
    command = " ".join(["ringproof campaign", quote(name), *_assumed(assume), f"--seed {found.seed}"])
    if found.violations:
        forms = len({key[0] for key in found.violations})
        parts += ["", f"VIOLATED: {_number(forms, 'instruction form')} sensitive without a trap at the guests' level"]
        for key, violation in found.violations.items():
            parts.append(filled(violation.witness.text, indent="  ", later="      "))
            times = _number(found.met[key], "time")
            parts.append(f"    {violation.witness.id}, met {times}, first by: {command} --trace {violation.trace}")
        if hurried := sum(not violation.finished for violation in found.violations.values()):
            were = "was" if hurried == 1 else "were"
            parts.append(
                f"The time ran out before {hurried} of these {were} made small and compared with the solver;"
                " --trace does both."
            )
    else:
        parts += ["", "No violation was met, which is no proof; `ringproof check` proves."]
    if found.unconfirmed:
        parts.append(f"{_number(found.unconfirmed.total(), 'suspect step')} were none by the definitions.")
    if found.unseen:
        parts.append(f"{_number(found.unseen, 'trace')} more had suspect steps that were not looked into.")
    parts += ["", f"coverage: {len(standings)} cells of instruction, level and outcome"]
    parts.append(columns([(reached.value, str(counts[reached])) for reached in Reached if counts[reached]]))
    if coverage:
        parts += ["", *(_line(found.machine, standing) for standing in standings)]
    elif counts[Reached.OPEN]:
        shown = [s for s in standings if s.reached is Reached.OPEN]
        parts += ["", "not met (--explain asks which of them can be met)"]
        parts += [_line(found.machine, standing) for standing in shown[:10]]
        if len(shown) > 10:
            parts.append(f"  and {len(shown) - 10} more (--coverage shows all)")
    return "\n".join(parts)


def _assumed(assume: Mapping[str, str]) -> list[str]:
    return [f"--assume {quote(f'{name}={value}')}" for name, value in assume.items()]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _line(machine: Machine, standing: Standing) -> str:
    form, level, fate = _names(machine, standing)
    return f"  {form}, {level}, {fate}: {standing.reached.value}" + (f" ({standing.count})" if standing.count else "")


def _names(machine: Machine, standing: Standing) -> tuple[str, str, str]:
    form, value, fate = standing.cell
    level = next(name for name, known in machine.levels.items() if known == value)
    return machine.instructions[form].id, level, fate


def document(found: Campaign) -> dict[str, Any]:
    """The campaign as one JSON document."""
    from ringproof.properties.campaign.run import SCHEMA

    return {
        "schema": SCHEMA,
        "machine": found.machine.name,
        "seed": found.seed,
        "traces": found.traces,
        "steps": found.steps,
        "rounds": found.rounds,
        "digest": f"{found.digest:016x}",
        "stopped": None if found.stopped is None else found.stopped.value,
        "violations": [_violation(v, found.met[key]) for key, v in found.violations.items()],
        "unconfirmed": [
            {"instruction": key[0], "claim": key[1], "component": key[2], "count": count}
            for key, count in sorted(found.unconfirmed.items())
        ],
        "unseen": found.unseen,
        "coverage": [
            dict(zip(("instruction", "level", "outcome"), _names(found.machine, s), strict=True))
            | {"reached": s.reached.name.lower(), "count": s.count}
            for s in found.standings()
        ],
    }


def _violation(violation: Violation, count: int) -> dict[str, Any]:
    return {
        "text": violation.witness.text,
        "trace": violation.trace,
        "step": violation.step,
        "count": count,
        "finished": violation.finished,
        "witness": violation.witness,
        "not_privileged": violation.privilege,
    }


def trace_text(worker: Worker, seed: int, number: int, watched: Watched, violations: list[Violation]) -> str:
    """One trace for people: how it starts, each step, what it violates."""
    start = worker.generator.start(number)
    instruction = worker.machine.instructions[start.target.form]
    kinds = {
        "alone": "one state alone",
        "mode": "a pair that differs in the mode",
        "location": f"a pair of which the second is moved by {start.base.amount:#x}",
        "resource": f"a pair that differs in {start.base.component}",
    }
    lines = [
        f"{worker.machine.name}: trace {number} of seed {seed}, for {instruction.id}",
        f"starts from {kinds[start.base.kind]}; {watched.steps} steps, digest {watched.digest:016x}; {watched.ended}",
        "",
        *_listing(watched.listing),
    ]
    return "\n".join(lines + ["\n" + filled(f"VIOLATED: {v.witness.text}") for v in violations])


def _listing(steps: Sequence[str]) -> Iterator[str]:
    """The steps with their numbers; what repeats itself is a line."""
    number = 0
    for step, same in groupby(steps):
        times = len(list(same))
        numbers = f"{number}" if times == 1 else f"{number} to {number + times - 1}"
        yield f"  {numbers:>8}  {step}"
        number += times


def trace_document(
    worker: Worker, seed: int, number: int, watched: Watched, violations: list[Violation]
) -> dict[str, Any]:
    """One trace as JSON."""
    start = worker.generator.start(number)
    return {
        "schema": "ringproof/campaign-trace/1",
        "machine": worker.machine.name,
        "seed": seed,
        "trace": number,
        "instruction": worker.machine.instructions[start.target.form].id,
        "pair": {"kind": start.base.kind, "component": start.base.component, "amount": hex(start.base.amount)},
        "steps": watched.steps,
        "ended": watched.ended,
        "digest": f"{watched.digest:016x}",
        "listing": watched.listing,
        "violations": [_violation(v, 1) for v in violations],
    }
