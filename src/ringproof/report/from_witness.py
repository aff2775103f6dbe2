"""The report of a witness: the one or two states that show a claim, and what its instruction makes of them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ringproof.model.machine import Instruction, Machine
from ringproof.properties.definitions import After
from ringproof.properties.pairs import bases
from ringproof.properties.replay import Replayed
from ringproof.properties.sentences import disassembly, level_name, sentence
from ringproof.traces.interpreter import State, Trapped
from ringproof.traces.native.layout import NativeError

from .claims import definition
from .content import Alignment, Command, Report
from .native import Native, describe, operation
from .runs import Executed, Place, Run, Step, changes


def of_witness(
    replayed: Replayed, path: Path, usual: Mapping[str, str] = MappingProxyType({}), machine_file: str | None = None
) -> Report:
    """The report of a witness that replays, from the file `path`.

    `usual` are the assumptions that need not be named, `machine_file` is that of a machine of the user's own.
    """
    case = replayed.case
    machine, witness = case.semantics.machine, case.witness
    executed = Executed(
        disassembly(replayed),
        stored(machine, int(witness.word, 16), case.instruction, case.fields),
        case.instruction.id,
    )
    labels = ("the run",) if len(case.states) == 1 else ("first run", "second run")
    runs = [
        _run(machine, label, executed, state, after)
        for label, state, after in zip(labels, case.states, replayed.runs, strict=True)
    ]
    native = module(machine)
    single = None if isinstance(native, str) else operation(machine, native.description, case.instruction, case.fields)
    levels = [level_name(machine, state) for state in case.states]
    facts = [
        ("machine", f"{machine.name}: {machine.summary}"),
        ("instruction", f"{executed.assembly}  ({case.instruction.id})"),
        ("in memory" if machine.stored else "word", executed.word),
        ("level", " and ".join(dict.fromkeys(levels))),
        ("under", ", ".join(f"{name}={value}" for name, value in witness.assumptions.items())),
        ("source", machine.source),
    ]
    return Report(
        name=witness.id,
        sentence=sentence(replayed),
        machine=machine,
        runs=runs,
        step=1,
        native=native,
        facts=[fact for fact in facts if fact[1]],
        commands=_commands(replayed, path, usual, machine_file),
        definition=definition(witness),
        meaning=case.instruction.text,
        shown=[_place(name) for name in replayed.shown if _is_place(machine, name)],
        alignment=_alignment(replayed),
        operation=single,
    )


def assumptions(machine: Machine) -> dict[str, str]:
    """What `machine` assumes as it is, as witnesses write it."""
    return {name: str(a.value) for name, a in machine.assumptions.items()} | {machine.mode: machine.guest}


def assumed(assumptions: Mapping[str, str], usual: Mapping[str, str]) -> list[str]:
    """The options of the command line that make `assumptions` of the `usual` ones."""
    changed = {name: value for name, value in assumptions.items() if usual.get(name) != value}
    return [part for name, value in changed.items() for part in ("--assume", f"{name}={value}")]


def module(machine: Machine) -> Native | str:
    """The machine's module, or why there is none."""
    try:
        return describe(machine)
    except NativeError as error:
        return str(error)


def stored(machine: Machine, word: int, instruction: Instruction | None, fields: Mapping[str, int]) -> str:
    """The instruction `word` as it lies in memory."""
    if machine.stored is None:
        return f"{word:#0{2 + -(-machine.word.width // 4)}x}"
    if instruction is None:
        return machine.stored(word, -(-machine.word.width // 8)).hex(" ")
    length = instruction.encoding.length
    return machine.stored(word, length.value if length.is_constant else fields["length"]).hex(" ")


def _run(machine: Machine, label: str, executed: Executed, before: State, after: After) -> Run:
    if after.trapped is not None:
        return Run(label, before, (Step(executed, {}, "trapped", told(after.trapped)),))
    return Run(label, before, (Step(executed, changes(machine, before, after.state)),))


def told(trapped: Trapped) -> str:
    """A trap in words: its cause, and its details."""
    details = ", ".join(f"{name.replace('_', ' ')} {value:#x}" for name, value in trapped.details.items())
    return trapped.cause.name + (f" ({details})" if details else "")


def _is_place(machine: Machine, name: str) -> bool:
    return name.partition("[")[0] in machine.components


def _place(name: str) -> Place:
    component, bracket, index = name.partition("[")
    return component, int(index.rstrip("]"), 16) if bracket else None


def _alignment(replayed: Replayed) -> Alignment | None:
    case = replayed.case
    relocation = case.semantics.machine.relocation
    if relocation is None or not case.amount:
        return None
    marked = {**case.states[0], relocation.memory: type(case.states[0][relocation.memory])({0: 1})}
    (offset,) = case.semantics.relocate(marked, case.amount)[relocation.memory]
    return Alignment(relocation.memory, offset, tuple(sorted(bases(case.semantics.machine))))


def _commands(replayed: Replayed, path: Path, usual: Mapping[str, str], machine_file: str | None) -> list[Command]:
    case = replayed.case
    witness = case.witness
    machine = machine_file or witness.machine
    own = ["--machine", machine_file] if machine_file else []
    options = assumed(witness.assumptions, usual)
    lines = [
        ("Run this counterexample again", ["ringproof", "replay", str(path), *own]),
        ("Find it again, with all others of the instruction", ["ringproof", "check", machine, *options, "--only",
                                                             case.instruction.name, "--save", "found"]),
        ("Tell the whole story of the instruction", ["ringproof", "explain", machine, case.instruction.name, *options]),
        ("Make this page again", ["ringproof", "report", str(path), *own]),
    ]  # fmt: skip
    return [Command(what, shlex.join(words)) for what, words in lines]
