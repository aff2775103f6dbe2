"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

SECONDS_BETWEEN_LINES = 3.0
"""Where what is done comes often, for `reporter`."""


@contextmanager
def reporter(what: str, *, quiet: bool, every: float = 0.0) -> Iterator[Callable[[int, int, str], None] | None]:
    """A function of (done, of how many, name of the latest) that shows progress; None when quiet or without stderr.

    Where stderr is no terminal, each call is a line, but for those within `every` seconds of a line before.
    """
    if quiet or sys.stderr is None:
        yield None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        fields = (TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*fields, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name[:32])
    else:
        last: float | None = None

        def tell(done: int, total: int, name: str) -> None:
            nonlocal last
            if last is None or done == total or monotonic() - last >= every:
                last = monotonic()
                print(f"{done}/{total} {name}", file=sys.stderr, flush=True)

        yield tell


def every_second(report: Callable[[int, int, str], None] | None, total: int) -> Callable[[int], None] | None:
    """A function of how many steps of `total` are done, which reports once a second; None where nothing is reported."""
    if report is None:
        return None
    last = monotonic()

    def tell(done: int) -> None:
        nonlocal last
        if monotonic() - last > 1:
            last = monotonic()
            report(done, total, "steps")

    return tell
