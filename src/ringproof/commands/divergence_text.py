"""A diverging program for people: where it starts, both runs side by side, and what differs in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .common import columns, filled

if TYPE_CHECKING:
    from ringproof.properties.monitors.telling import Told


def program_text(told: Told, indent: str = "  ", *, common: bool = False) -> str:
    """The program told in lines that begin with `indent`; `common` says that its ordinary start was told before."""
    inner = indent + "  "
    parts = [filled(f"{start}.", indent=indent, later=inner) for start in _start(told, common)]
    heads = ("", "", "", "alone", "under the monitor")
    rows = [(f"{line.address}:", line.code, line.assembly, line.alone, line.monitored) for line in told.lines]
    parts.append(columns([heads, *rows], indent=inner))
    parts += [filled(f"Then {difference}.", indent=indent, later=inner) for difference in told.differences]
    if told.unseen:
        parts.append(filled(f"What the guest could not see: {'; '.join(told.unseen)}.", indent=indent, later=inner))
    return "\n".join(parts)


def _start(told: Told, common: bool) -> list[str]:
    """Where the program starts, in up to one sentence."""
    usual = "as above" if common else told.ordinary
    start = f"The guest starts {usual}, but with {', '.join(told.start)}" if told.start else f"The guest starts {usual}"
    if told.kept:
        start += f"; the monitor has {', '.join(told.kept)}"
    return [] if common and not (told.start or told.kept) else [start]


def program_document(told: Told) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "ordinary": told.ordinary,
        "start": list(told.start),
        "monitor": list(told.kept),
        "steps": [
            {"address": x.address, "code": x.code, "assembly": x.assembly, "alone": x.alone, "monitored": x.monitored}
            for x in told.lines
        ],
        "differences": list(told.differences),
        "unseen": list(told.unseen),
    }
