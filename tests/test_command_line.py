"""The program's front door: lazy commands, a quick start, and exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import ringproof
from ringproof.__main__ import main
from ringproof.cli import COMMANDS, LazyGroup, cli

EXAMPLE = '''
import click

@click.command()
def hello():
    """Greets."""
    click.echo("hello")

other = 3
'''
HEAVY = {"hypothesis", "networkx", "rich", "sympy", "z3"}


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    """A group with one good command, and one whose table entry names something else."""
    (tmp_path / "lazy_example.py").write_text(EXAMPLE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lazy_example", raising=False)
    return LazyGroup("example", lazy={"hello": "lazy_example:hello", "other": "lazy_example:other"})


def test_a_lazy_command_is_imported_when_it_is_called(group: LazyGroup) -> None:
    assert group.list_commands(click.Context(group)) == ["hello", "other"]
    assert "lazy_example" not in sys.modules
    assert CliRunner().invoke(group, ["hello"]).output == "hello\n"
    assert "lazy_example" in sys.modules


def test_a_lazy_command_is_listed_with_its_help(group: LazyGroup) -> None:
    del group.lazy["other"]
    assert "hello  Greets." in CliRunner().invoke(group, ["--help"]).output


def test_a_table_entry_that_is_no_command_is_refused(group: LazyGroup) -> None:
    with pytest.raises(TypeError) as error:
        group.get_command(click.Context(group), "other")
    assert str(error.value) == "lazy_example:other is int; a click command was expected for 'other'"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(), f"{name} has no docstring to show in the help"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_start_imports_nothing_heavy(option: str) -> None:
    code = "import sys; from ringproof.__main__ import main; "
    code += f"print(main([{option!r}])); print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, exit_code, modules = run.stdout.splitlines()
    assert exit_code == "0"
    assert [name for name in HEAVY if repr(name) in modules] == []


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ringproof, version {ringproof.__version__}\n"


def test_an_unknown_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-command"]) == 2
    assert "No such command 'no-such-command'." in capsys.readouterr().err


class TestExitCodes:
    """What a command does, and the exit code that comes of it."""

    @staticmethod
    def run(monkeypatch: pytest.MonkeyPatch, raised: BaseException | None) -> int:
        def example() -> None:
            if raised is not None:
                raise raised

        monkeypatch.setitem(cli.commands, "example", click.Command("example", callback=example))
        return main(["example"])

    @pytest.mark.parametrize(
        ("raised", "code"),
        [
            (None, 0),
            (click.exceptions.Exit(3), 3),
            (click.ClickException("bad input"), 2),
            (KeyboardInterrupt(), 130),
            (click.Abort(), 130),
        ],
    )
    def test_of_what_a_command_means_to_say(
        self, monkeypatch: pytest.MonkeyPatch, raised: BaseException | None, code: int
    ) -> None:
        assert self.run(monkeypatch, raised) == code

    def test_of_a_fault_of_ours(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(monkeypatch, ZeroDivisionError("boom")) == 70
        error = capsys.readouterr().err
        assert "ZeroDivisionError: boom" in error
        assert error.endswith("ringproof: internal error; the traceback above says where\n")
