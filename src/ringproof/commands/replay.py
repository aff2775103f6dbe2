"""`ringproof replay FILE`: run a saved counterexample or a recorded trace again."""

from __future__ import annotations

from pathlib import Path

import click

from ringproof.exits import Exit

from .common import json_option, machine_of, print_json
from .replay_monitored import SCHEMAS, replay_monitored
from .replay_text import side_by_side
from .replay_trace import Asked, replay_trace


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path), required=False)
@click.option("--machine", "machine_file", metavar="FILE.py", help="The file of a machine of your own.")
@click.option("--step", type=click.IntRange(0), metavar="N", help="Of a trace: show this step; --watch starts here.")
@click.option("--count", type=click.IntRange(1, 100_000), metavar="N", help="How many steps to show; 1 by default.")
@click.option("--next-mode-change", is_flag=True, help="Show the first step from --step on that changes the mode.")
@click.option("--previous-mode-change", is_flag=True, help="Show the last step before --step that changes the mode.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show where this trace parts from another, which may also be named second.",
)
@click.option(
    "--watch",
    metavar="EXPRESSION",
    help="List the steps that change this, or make it true: EAX, memory[ESP + 4] == 0x10 and not CF. There are and, or,"
    " not, == != < <= > >=, | ^ & << >> + - * / % ~ and parentheses; division by 0 gives 0.",
)
@click.option("--limit", type=click.IntRange(0), metavar="N", help="How many of these to list; 20 by default.")
@click.option("--as", "form", type=click.Choice(["program"]), help="Print the assembly of what ran, by address.")
@click.option(
    "--interactive", "-i", is_flag=True, help="Move about in the trace with n, p, g N, m, w EXPRESSION, q; ? tells."
)
@json_option
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
def replay(
    file: Path, other: Path | None, machine_file: str | None, step: int | None, count: int | None,
    next_mode_change: bool, previous_mode_change: bool, against: Path | None, watch: str | None, limit: int | None,
    form: str | None, interactive: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run the counterexample or the trace in FILE again and say whether it is still so.

    Of a trace, every step is taken again and compared; or one is shown, or a question answered.
    Exit code 0 says that it still holds, 6 that it does not; 1 that two traces part, 5 that no step is as asked.
    """
    from ringproof.properties.witness import schema_of
    from ringproof.traces.recording.reading import is_trace

    if other is not None and against is not None:
        raise click.UsageError("a second trace is named by --against or after the first, not by both")
    asked = Asked(
        step, count, next_mode_change, previous_mode_change, against or other, watch, limit, form == "program",
        interactive, machine_file, as_json, quiet,
    )  # fmt: skip
    if is_trace(file):
        click.get_current_context().exit(replay_trace(file, asked))
    if not asked.is_plain:
        raise click.UsageError(f"{file} is no trace file, and the options given are for traces")
    schema = schema_of(file)
    if schema in SCHEMAS:
        if machine_file is not None:
            raise click.UsageError(f"{file} is of a system of the catalogue; it takes no --machine")
        click.get_current_context().exit(replay_monitored(file, schema, as_json=as_json))
    _replay_witness(file, machine_file, as_json)


def _replay_witness(file: Path, machine_file: str | None, as_json: bool) -> None:
    from ringproof.properties.definitions import Semantics
    from ringproof.properties.replay import replay as run
    from ringproof.properties.sentences import lines, sentence
    from ringproof.properties.witness import load

    witness = load(file)
    machine = machine_of("the witness", witness.machine, machine_file)
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
