"""Kernels: built from terms, compiled, loaded from disk, in milliseconds, the machine being there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ringproof.model.catalog import load
from ringproof.traces.native.cache import compiled_kernel
from ringproof.traces.native.fingerprint import fingerprint
from ringproof.traces.native.kernel import build
from ringproof.traces.native.private_files import PrivateFolder
from ringproof.traces.native.runtime import Code

from ..measuring import Row, least

MACHINES = ("ia32", "pdp10-ki10", "third-generation")


def milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def rows() -> Iterator[Row]:
    for name in MACHINES:
        with TemporaryDirectory() as parent:
            folder = PrivateFolder(Path(parent) / "kernels")
            contenders = {"build": partial(_build, name), "compile": partial(_compile, name)}
            figures = least(contenders | {"from disk": partial(_from_disk, name, folder)})
        yield Row(name, "ms", figures, "build")


def _build(name: str) -> float:
    machine = load(name)
    return milliseconds(lambda: build(machine))


@cache
def _content(name: str) -> bytes:
    return build(load(name)).content


def _compile(name: str) -> float:
    content = _content(name)
    return milliseconds(lambda: Code.compile(content))


def _from_disk(name: str, folder: PrivateFolder) -> float | str:
    machine = load(name)
    kept = fingerprint(machine)
    if kept is None:
        return "sources changed"
    if folder.read(kept) is None:
        compiled_kernel(machine, folder)
    return milliseconds(lambda: compiled_kernel(machine, folder)[1].start())
