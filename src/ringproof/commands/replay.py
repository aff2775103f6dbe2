"""`ringproof replay FILE`: run a saved counterexample again."""

from __future__ import annotations

from pathlib import Path

import click

from ringproof.exits import Exit

from .common import json_option, print_json
from .replay_text import side_by_side


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--machine", "machine_file", metavar="FILE.py", help="The file of a machine of your own.")
@json_option
def replay(file: Path, machine_file: str | None, as_json: bool) -> None:
    """Run the counterexample in FILE again and say whether it still shows what it claims.

    Exit code 0 says that it does, 6 that it does not.
    """
    from ringproof.model.catalog import load as load_machine
    from ringproof.model.catalog import named
    from ringproof.properties.definitions import Semantics
    from ringproof.properties.replay import replay as run
    from ringproof.properties.sentences import lines, sentence
    from ringproof.properties.witness import WitnessError, load

    witness = load(file)
    machine = load_machine(machine_file) if machine_file else named(witness.machine)
    if machine.name != witness.machine:
        raise WitnessError(f"the witness is of machine {witness.machine[:60]!r}, not of {machine.name!r}")
    machine.assuming(witness.assumptions)
    replayed = run(Semantics(machine), witness)
    if as_json:
        table = [{"component": x.name, "values": list(x.values), "differs": x.differs} for x in lines(replayed)]
        print_json({"schema": "ringproof/replay/1", "id": witness.id, "holds": bool(replayed.shown),
                    "sentence": sentence(replayed), "shown": list(replayed.shown), "runs": table})  # fmt: skip
    else:
        click.echo(f"{witness.id} of {machine.name}: {sentence(replayed)}")
        click.echo(side_by_side(replayed))
        click.echo("It still shows what it claims." if replayed.shown else "It does not show what it claims.")
    click.get_current_context().exit(Exit.EXPECTED if replayed.shown else Exit.SPURIOUS)
