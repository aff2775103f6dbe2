"""The papers by name. Adding one is a folder with an `experiments.py`, and a line here."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from .experiment import Paper

PAPERS: dict[str, str] = {
    "popek_goldberg_1974": "Formal requirements for virtualizable third generation architectures",
    "goldberg_1972": "Architectural principles for virtual computer systems",
    "robin_irvine_2000": "Analysis of the Intel Pentium's ability to support a secure virtual machine monitor",
}
"""Each paper's folder, and its title."""


class UnknownPaper(ValueError):
    """No paper has the name that was asked for; the message names those there are."""

    exit_code = 2


def load(name: str) -> Paper:
    """The paper of the folder `name`. Raises UnknownPaper where there is none."""
    if name not in PAPERS:
        close = get_close_matches(name, PAPERS, 1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(PAPERS)}"
        raise UnknownPaper(f"no paper is named {name[:60]!r}{hint}")
    module = import_module(f".{name}.experiments", __package__)
    return Paper(name, module.REFERENCE, tuple(module.EXPERIMENTS))
