"""The runs of a counterexample side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import columns

if TYPE_CHECKING:
    from ringproof.properties.replay import Replayed


def side_by_side(replayed: Replayed) -> str:
    """A table: each component that matters, before and after in each run; * marks what differs or changes."""
    from ringproof.properties.sentences import disassembly, lines

    two = len(replayed.runs) > 1
    heads = ["first run", "", "second run", ""] if two else ["before", "after"]
    rows: list[tuple[str, ...]] = [("", "", *heads)]
    if two:
        rows.append(("", "", "before", "after", "before", "after"))
    rows += [("*" if line.differs else "", line.name, *line.values) for line in lines(replayed)]
    ends = [f"traps: {run.trapped.cause.name}" if run.trapped else "completes" for run in replayed.runs]
    word = replayed.case.witness.word
    return f"  {disassembly(replayed)}  (word {word}); {' and '.join(ends)}\n{columns(rows, indent='    ')}"
