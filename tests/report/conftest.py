"""The browser, started once, and reports made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from ringproof.__main__ import main
from ringproof.properties.witness import load

from .browser import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Counterexamples by instruction and claim."""
    folder = tmp_path_factory.mktemp("witnesses")
    for machine in (
        "third-generation-read-mode",
        "third-generation-load-real-address",
        "third-generation-return-to-user",
    ):
        assert main(["check", machine, "--quiet", "--jobs", "1", "--save", str(folder)]) == 1
    assert main(["check", "ia32", "--only", "SMSW", "--quiet", "--jobs", "1", "--save", str(folder)]) == 1
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        witness = load(path)
        name = witness.instruction.split(" {")[0].split(" r")[0]
        found.setdefault(f"{name}/{witness.claim}", path)
    return found


@pytest.fixture(scope="session")
def read_mode(witnesses: dict[str, Path]) -> Path:
    """The page of a counterexample that shows the mode."""
    path = witnesses["READ MODE/mode"]
    assert main(["report", str(path)]) == 0
    return path.with_suffix(".html")
