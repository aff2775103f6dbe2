"""The package is put together as pyproject.toml says."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import ringproof

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("model", "papers", "properties", "solvers", "traces")


@pytest.fixture(scope="module")
def links() -> Path:
    folder = ROOT / "src" / "ringproof"
    if not (folder / "model").is_symlink():
        pytest.skip("this is an unpacked source distribution, which has no links")
    return folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_links_are_relative_and_resolve(links: Path, folder: str) -> None:
    assert (links / folder).readlink() == Path("..", "..", folder)
    assert (links / folder).resolve() == ROOT / folder
    assert (links / folder / "__init__.py").is_file()


def test_there_are_no_other_links(links: Path) -> None:
    assert sorted(path.name for path in links.iterdir() if path.is_symlink()) == sorted(FOLDERS)


def test_every_place_names_the_same_version() -> None:
    assert SETTINGS["project"]["version"] == ringproof.__version__ == version("ringproof")


def test_the_built_package_has_every_module_of_the_front_door() -> None:
    """A file added to src/ringproof has to be named in pyproject.toml to be in the wheel."""
    targets = SETTINGS["tool"]["hatch"]["build"]["targets"]
    front_door = ROOT / "src" / "ringproof"
    present = {
        f"src/ringproof/{path.name}"
        for path in front_door.iterdir()
        if not path.is_symlink() and path.name not in FOLDERS and path.name != "__pycache__"
    }
    for target in ("sdist", "wheel"):
        assert {p for p in targets[target]["only-include"] if p.startswith("src/")} == present
