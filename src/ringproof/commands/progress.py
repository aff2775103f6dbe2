"""Progress on stderr: a bar on a terminal, one plain line per result elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def reporter(what: str, *, quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """A function of (done, of how many, name of the latest) that shows progress; None when quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        fields = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*fields, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name[:32])
    else:
        yield lambda done, total, name: print(f"{done}/{total} {name}", file=sys.stderr, flush=True)
