"""`ringproof explain MACHINE INSTRUCTION`: the story of one instruction, with proofs and counterexamples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .common import assume_option, json_option, print_json, save_option
from .replay_text import side_by_side

if TYPE_CHECKING:
    from ringproof.properties.classification import Row
    from ringproof.properties.run import Report
    from ringproof.properties.verdicts import Verdict

QUESTIONS = {
    "executes": "traps in every state",
    "privileged": "is privileged",
    "control": "changes no mode, resource or device without a trap",
    "behavior": "shows no difference of mode, relocation or resources, wherever it leaves these as they were",
    "mode": "does not show the mode, wherever it changes none of these",
    "location": "does not show where the program lies, wherever it changes none of these",
    "timing": "shows no clock",
    "user-control": "changes none of these at the guests' level",
    "user-behavior": "shows neither relocation nor resources at the guests' level",
}


@click.command()
@click.argument("machine")
@click.argument("instruction")
@assume_option
@save_option
@json_option
def explain(machine: str, instruction: str, assume: dict[str, str], save: Path | None, as_json: bool) -> None:
    """Tell the story of one INSTRUCTION of MACHINE: each claim with its proof or its counterexample."""
    from ringproof.properties.document import document
    from ringproof.properties.run import check
    from ringproof.properties.told import told

    report = check(machine, assumptions=assume, only=[instruction], jobs=1)
    if save is not None:
        for witness in told(report):
            witness.save(save)
    if as_json:
        print_json(_document(report, document(report)))
    else:
        click.echo("\n".join(_text(report, row) for row in report.rows))


def _document(report: Report, found: dict[str, Any]) -> dict[str, Any]:
    import msgspec

    from ringproof.properties.told import told

    (instruction,) = found["instructions"]
    witnesses = [msgspec.to_builtins(witness) for witness in told(report)]
    return {"schema": "ringproof/explain/1", "machine": found["machine"], "context": found["context"],
            "instruction": instruction, "counterexamples": witnesses}  # fmt: skip


def _text(report: Report, row: Row) -> str:
    from ringproof.properties.replay import replay
    from ringproof.properties.told import Telling, story

    from .check_text import _heading, _words

    telling = Telling(report)
    parts = [_heading(report), "", f"{row.name}: {_words(row)}"]
    forms = {i.id: i for i in report.machine.instructions}
    for form in row.forms:
        parts += ["", f"{form.form}", f"  {forms[form.form].text}"]
        for key, verdict in form.verdicts.items():
            claim = QUESTIONS.get(key, f"does not show {key.removeprefix('resource:')}")
            parts.append(f"  {_word(verdict):8} {claim}{_cost(verdict)}")
    for witness in story(row):
        replayed = replay(telling.semantics, witness)
        parts += ["", f"{telling.sentence(witness)} [{witness.id}]", side_by_side(replayed)]
    return "\n".join(parts)


def _word(verdict: Verdict) -> str:
    return type(verdict).__name__.lower()


def _cost(verdict: Verdict) -> str:
    from ringproof.properties.verdicts import Refuted, Unknown, Vacuous

    if isinstance(verdict, Refuted):
        return f"  {verdict.witness.id}"
    if isinstance(verdict, Unknown | Vacuous):
        return f"  ({verdict.reason})"
    return f"  (cost {verdict.cost})"
