"""The README and the recipe say what is so: their machine runs, their commands exist, their output is real."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from ringproof.__main__ import main
from ringproof.cli import COMMANDS, cli

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The README's machine, saved as a new user would."""
    (code,) = blocks("python")
    path = tmp_path / "my_machine.py"
    path.write_text(code, encoding="utf-8")
    return path


def test_the_machine_of_the_readme_takes_one_file(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(own), "--quiet"]) == 1
    out = capsys.readouterr().out
    assert "Theorem 1's condition (every sensitive instruction is privileged) fails by 1: READ MODE." in out
    assert "Privileged (1): SET TIMER." in out
    assert "`READ MODE` shows the mode: acc becomes 0 at level supervisor, but 1 at level user." in out


def test_the_run_of_the_readme_crosses_rings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("py")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    run, replay = [
        shlex.split(line, comments=True)[1:] for text in blocks("sh") for line in text.splitlines() if "rings" in line
    ]
    assert main([*run, "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.count("0x0   -> 0xc8") == 2
    assert main([*replay, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("step 1  EIP 0x1001  ring 3  INT 0x30  direct\n")


def test_the_options_of_the_readme_exist() -> None:
    known = {"--help", "--version"}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        known |= {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", README)) <= known
    used = set(
        re.findall(r"ringproof (\w+)", " ".join([*blocks("sh"), *blocks("console"), *re.findall("`.*?`", README)]))
    )
    assert used <= set(COMMANDS)


@pytest.mark.slow
def test_the_output_of_the_readme_is_real(capsys: pytest.CaptureFixture[str]) -> None:
    console, _ = blocks("console")
    command, _, expected = console.partition("\n")
    arguments = command.split("ringproof ", 1)[1].split()
    main([*arguments, "--quiet"])
    printed = capsys.readouterr().out.splitlines()
    assert expected.splitlines() == printed[: len(expected.splitlines())]


@pytest.mark.slow
def test_the_run_of_the_readme_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _, console = blocks("console")
    first, *commands = console.split("$ ")[1:]
    match = re.fullmatch(r"printf '((?:\\x[0-9a-f]{2})+)' > loop.bin\n", first)
    assert match is not None
    (tmp_path / "loop.bin").write_bytes(bytes.fromhex(match[1].replace("\\x", "")))
    for text in commands:
        command, _, expected = text.partition("\n")
        assert main([*shlex.split(command)[1:], "--quiet"]) == 0
        assert capsys.readouterr().out == expected


def test_links_lead_somewhere() -> None:
    for document in (
        ROOT / "README.md",
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "model" / "README.md",
    ):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
