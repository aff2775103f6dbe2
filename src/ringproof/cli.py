"""The command line. Nothing heavy is imported before a command that needs it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from ringproof import __version__

# Command name -> "module:attribute" of its click command, in the order in which the help lists them.
# `ringproof --help` imports each of these modules for its first line of help, so a module in
# ringproof.commands imports z3, rich, networkx and the like inside its functions.
COMMANDS: dict[str, str] = {
    "machines": "ringproof.commands.machines:machines",
    "check": "ringproof.commands.check:check",
    "explain": "ringproof.commands.explain:explain",
    "prove": "ringproof.commands.prove:prove",
    "mutants": "ringproof.commands.mutants:mutants",
    "cost": "ringproof.commands.cost:cost",
    "repair": "ringproof.commands.repair:repair",
    "run": "ringproof.commands.run:run",
    "campaign": "ringproof.commands.campaign:campaign",
    "replay": "ringproof.commands.replay:replay",
    "reproduce": "ringproof.commands.reproduce:reproduce",
    "report": "ringproof.commands.report:report",
    "validate": "ringproof.commands.validate:validate",
}


class LazyGroup(click.Group):
    """A click group that imports a command's module when the command is asked for.

    `lazy` maps a command's name to "module:attribute". Commands attached in the usual way come first.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = self.lazy.get(cmd_name)
        if target is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = target.partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            found = type(command).__name__
            raise TypeError(f"{target} is {found}; a click command was expected for {cmd_name!r}")
        return command


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ringproof")
def cli() -> None:
    """Checks machine models against Popek and Goldberg's virtualization properties.

    \b
    Exit codes: 0 as expected, 1 violated, 2 usage or bad input, 3 inconclusive, 4 vacuous,
    5 nothing selected, 6 spurious, 70 internal error, 130 interrupted, 141 closed pipe.
    """
