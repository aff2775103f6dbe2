"""The state that a run starts from, as the options of `ringproof run` say it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ringproof.model.machine import Machine
    from ringproof.traces.interpreter import State
    from ringproof.traces.programs.elf import Program
    from ringproof.traces.recording.form import Input

LARGEST_FILE = 1 << 24
"""A state or a program of more bytes is not read."""

LAST_STEP = 10**15 - 1
"""No run takes more steps than up to this one."""

_SETTING = re.compile(r"(\w+)(?:\[([^]]*)\])?=(.*)", re.DOTALL)
_INJECTION = re.compile(r"(\d+):(.+)")


def number(text: str, what: str) -> int:
    """The number that `text` writes as Python does (16, 0x10). Raises click.BadParameter for anything else."""
    try:
        if len(text) > 100 or text.startswith("-"):
            raise ValueError
        return int(text, 0)
    except ValueError:
        raise click.BadParameter(f"{what} is an unsigned number such as 16 or 0x10, not {text[:40]!r}") from None


def parse_number(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """The value of an option that is a number or an address."""
    return None if text is None else number(text, f"the value of {parameter.opts[0]}")


def read(path: Path) -> bytes:
    """The file's content. Raises click.BadParameter where it cannot be read or is too large."""
    try:
        if not path.is_file():
            raise click.BadParameter(f"{path} is not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise click.BadParameter(f"{path} has {path.stat().st_size} bytes; at most {LARGEST_FILE} are read")
        return path.read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be read: {error.strerror}") from None


def check_reachable(machine: Machine, until: int | None) -> None:
    """Raises click.BadParameter for an address that the program counter cannot have."""
    from ringproof.model.terms import BitVecSort

    sort = machine.components[machine.counter].sort
    assert isinstance(sort, BitVecSort)
    if until is not None and until >> sort.width:
        raise click.BadParameter(
            f"the value of --until is an address of {machine.counter}, which has {sort.width} bits, not {until:#x}"
        )


def check_runs(machine: Machine) -> None:
    """Raises MachineError where programs do not run on `machine`, naming all that it does not have for that."""
    from ringproof.model.machine import MachineError, Role

    parts = {
        "a component of role memory": any(c.role is Role.MEMORY for c in machine.components.values()),
        "`fetch`": machine.fetch is not None,
        "`deliver`": machine.deliver is not None,
    }
    missing = [name for name, there in parts.items() if not there]
    if machine.fetch is None:
        listed = " and ".join([", ".join(missing[:-1]), missing[-1]] if missing[1:] else missing)
        raise MachineError(f"no program runs on {machine.name}, which is without {listed}")


def starting_state(
    machine: Machine, state: Path | None, program: Path | None, at: int | None, settings: Sequence[str],
    elf: Program | None = None,
) -> State:  # fmt: skip
    """The state of the file `state`, else the machine's own start, with the program in memory and the settings made.

    `elf` is what the file `program` has, if it is an ELF file; the program counter is then at its entry.
    """
    found = _state_of_file(machine, state) if state else own_start(machine)
    values = settings_of(machine, settings)
    if elf is not None:
        from ringproof.traces.programs.loading import check_fits, load

        if at is not None:
            raise click.BadParameter("an ELF file says itself where it lies; --at is for programs that do not")
        check_fits(machine, elf, str(program))
        load(machine, found, elf)
    elif program is not None:
        _load(machine, found, read(program), at or 0)
        if state is None and machine.counter not in values:
            values = {machine.counter: at or 0, **values}
            _check(machine, machine.counter, at or 0)
    elif at is not None:
        raise click.BadParameter("--at says where --program lies, and no program was given")
    for name, value in values.items():
        if isinstance(value, Mapping):
            found[name].update(value)
        else:
            found[name] = _typed(machine, name, value)
    return found


def own_start(machine: Machine) -> State:
    """The state that programs start from. Raises click.BadParameter where the machine does not say it well."""
    from ringproof.traces.interpreter import Interpreter

    for name, value in machine.start.items():
        if name not in machine.components:
            raise click.BadParameter(f"{machine.name} starts from a value of {name!r}, which is no component of it")
        _check(machine, name, value)
    values = {name: _typed(machine, name, value) for name, value in machine.start.items()}
    return Interpreter(machine).initial(**values)


def _state_of_file(machine: Machine, path: Path) -> State:
    import msgspec

    from ringproof.traces.recording.state_text import StateError, StateText, decode_state

    try:
        return decode_state(machine, msgspec.json.decode(read(path), type=StateText))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, StateError) as error:
        raise click.BadParameter(f"{path} is no state of {machine.name}: {error}") from None


def _load(machine: Machine, state: State, content: bytes, at: int) -> None:
    """Puts `content` into memory from the cell `at` on; a cell takes as many bytes as it needs, the lowest first."""
    from ringproof.model.machine import Role
    from ringproof.model.terms import ArraySort

    memories = [c for c in machine.components.values() if c.role is Role.MEMORY and isinstance(c.sort, ArraySort)]
    if len(memories) != 1:
        raise click.BadParameter(f"{machine.name} has {len(memories)} memories; a program is loaded into the only one")
    (memory,) = memories
    assert isinstance(memory.sort, ArraySort)
    width, top = memory.sort.value.width, 1 << memory.sort.index.width
    size = (width + 7) // 8
    if len(content) % size:
        raise click.BadParameter(
            f"the program has {len(content)} bytes, but a cell of {machine.name} takes {size} each"
        )
    if at + len(content) // size > top:
        raise click.BadParameter(
            f"a program of {len(content) // size} cells at {at:#x} ends past the last cell, {top - 1:#x}"
        )
    for position in range(0, len(content), size):
        cell = int.from_bytes(content[position : position + size], "little")
        if cell >> width:
            raise click.BadParameter(f"the program has {cell:#x} at byte {position}; a cell has {width} bits")
        state[memory.name][at + position // size] = cell


def settings_of(machine: Machine, texts: Sequence[str]) -> dict[str, Any]:
    """`NAME=VALUE` and `NAME[INDEX]=VALUE` as values by name, those of an array by index."""
    from ringproof.model.terms import ArraySort
    from ringproof.traces.python_code import Cells

    found: dict[str, Any] = {}
    for text in texts:
        match = _SETTING.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"a value is given as NAME=VALUE or NAME[INDEX]=VALUE, not {text[:60]!r}")
        name, index, value = match[1], match[2], number(match[3], f"the value of {match[1]}")
        if name not in machine.components:
            raise click.BadParameter(f"{machine.name} has no component named {name[:40]!r}")
        sort = machine.components[name].sort
        if isinstance(sort, ArraySort) is (index is None):
            form = f"{name}[INDEX]=VALUE" if index is None else f"{name}=VALUE"
            raise click.BadParameter(f"{name} of {machine.name} is given as {form}, not {text[:60]!r}")
        if isinstance(sort, ArraySort):
            place = number(index, f"an index of {name}")
            if place >> sort.index.width or value >> sort.value.width:
                raise click.BadParameter(
                    f"{name} has indices of {sort.index.width} bits and cells of {sort.value.width}, not {text[:60]!r}"
                )
            found.setdefault(name, Cells())[place] = value
        else:
            _check(machine, name, value)
            found[name] = value
    return found


def _check(machine: Machine, name: str, value: int) -> None:
    from ringproof.model.terms import BitVecSort

    sort = machine.components[name].sort
    width = sort.width if isinstance(sort, BitVecSort) else 1
    if value >> width:
        raise click.BadParameter(f"{name} is a number of {width} bits, not {value:#x}")


def _typed(machine: Machine, name: str, value: int) -> int | bool:
    from ringproof.model.terms import BoolSort

    return bool(value) if isinstance(machine.components[name].sort, BoolSort) else value


def inputs_of(machine: Machine, texts: Sequence[str]) -> list[Input]:
    """`STEP:NAME=VALUE`, repeated, as the inputs of a run in order."""
    from ringproof.traces.recording.form import Input

    by_step: dict[int, list[str]] = {}
    for text in texts:
        match = _INJECTION.fullmatch(text)
        if match is None:
            raise click.BadParameter(f"an injected value is given as STEP:NAME=VALUE, not {text[:60]!r}")
        if len(match[1]) > 18 or int(match[1]) > LAST_STEP:
            raise click.BadParameter(f"step {match[1][:40]} is too large; a run has at most {LAST_STEP + 1} steps")
        by_step.setdefault(int(match[1]), []).append(match[2])
    inputs = []
    for step in sorted(by_step):
        values = {
            name: {hex(i): hex(v) for i, v in value.items()} if isinstance(value, Mapping) else hex(value)
            for name, value in settings_of(machine, by_step[step]).items()
        }
        inputs.append(Input(step=step, values=values))
    return inputs
