"""Witnesses: the concrete states that show a property of an instruction, as data with a stable name.

A witness file is JSON with the schema `ringproof/witness/1`. Its id is `cx-` and 12 hex digits of the hash
of its canonical form, so that the same counterexample has the same name everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec

from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Sort
from ringproof.traces.interpreter import State
from ringproof.traces.python_code import Cells

SCHEMA = "ringproof/witness/1"
LARGEST_FILE = 1 << 20
"""A witness is some kilobytes; a larger file than this many bytes is not read."""


class WitnessError(ValueError):
    """A file is no witness of ours, or does not fit its machine; the message is one sentence."""

    exit_code = 2


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """What was claimed of which instruction, and the one or two states that show it.

    `claim` is one of the keys of `definitions.CLAIMS`; `component` names what leaks for "resource" and
    "timing". States hold only what differs from zero: numbers as hexadecimal text, arrays as objects from
    hexadecimal index to hexadecimal value. `amount` is the relocation of the second state, in the machine's units.
    """

    machine: str
    assumptions: dict[str, str]
    instruction: str
    claim: str
    word: str
    states: list[dict[str, str | dict[str, str]]]
    amount: str = "0x0"
    component: str = ""
    user: bool = False
    text: str = ""
    id: str = ""
    schema: str = SCHEMA

    def identified(self) -> Witness:
        """This witness with the id of its content."""
        return msgspec.structs.replace(self, id=self.hashed())

    def hashed(self) -> str:
        """The id that the content has, whatever `id` says. The sentence is not part of the content."""
        content = msgspec.structs.replace(self, id="", text="")
        canonical = msgspec.json.encode(msgspec.to_builtins(content), order="deterministic")
        return "cx-" + sha256(canonical).hexdigest()[:12]

    def save(self, folder: Path) -> Path:
        """Writes the witness to `folder` as `ID.json`, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.id}.json"
        partial = path.with_suffix(".partial")
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        partial.replace(path)
        return path


def load(path: Path) -> Witness:
    """The witness in the file `path`. Raises WitnessError for anything else, in one sentence."""
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise WitnessError(f"{path} is not a regular file; a witness file was expected")
        if found.st_size > LARGEST_FILE:
            raise WitnessError(f"{path} has {found.st_size} bytes; a witness has at most {LARGEST_FILE}")
        data = path.read_bytes()
    except OSError as error:
        raise WitnessError(f"{path} cannot be read: {error.strerror}") from None
    try:
        witness = msgspec.json.decode(data, type=Witness)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise WitnessError(f"{path} is not a witness file of schema {SCHEMA}: {error}") from None
    if witness.schema != SCHEMA:
        raise WitnessError(f"{path} has schema {witness.schema[:60]!r}; {SCHEMA!r} was expected")
    if witness.id != witness.hashed():
        raise WitnessError(
            f"{path} was changed: its content is {witness.hashed()}, but it calls itself {witness.id[:40]!r}"
        )
    return witness


def encode_state(machine: Machine, state: State) -> dict[str, str | dict[str, str]]:
    """The components of `state` that are not zero, as text."""
    found: dict[str, str | dict[str, str]] = {}
    for name in machine.components:
        value = state[name]
        if isinstance(value, Cells):
            cells = {hex(index): hex(cell) for index, cell in sorted(value.items()) if cell}
            if cells:
                found[name] = cells
        elif value:
            found[name] = hex(value)
    return found


def decode_state(machine: Machine, encoded: Mapping[str, str | dict[str, str]]) -> State:
    """The state that `encode_state` wrote. Raises WitnessError for what does not fit the machine."""
    for name in encoded:
        if name not in machine.components:
            raise WitnessError(f"{machine.name} has no component named {name[:40]!r}")
    return {name: _decode(name, c.sort, encoded.get(name)) for name, c in machine.components.items()}


def _decode(name: str, sort: Sort, value: str | dict[str, str] | None) -> Any:
    if isinstance(sort, ArraySort):
        if value is not None and not isinstance(value, dict):
            raise WitnessError(f"{name} is an array, so an object of cells was expected, not {value[:40]!r}")
        pairs = (value or {}).items()
        index, cell = sort.index.width, sort.value.width
        return Cells({number(f"an index of {name}", i, index): number(f"a cell of {name}", v, cell) for i, v in pairs})
    if isinstance(value, dict):
        raise WitnessError(f"{name} is a number, but an object of cells was given")
    width = sort.width if isinstance(sort, BitVecSort) else 1
    found = 0 if value is None else number(name, value, width)
    return bool(found) if isinstance(sort, BoolSort) else found


def number(what: str, text: str, width: int) -> int:
    """The number that `text` writes in hexadecimal. Raises WitnessError unless it has at most `width` bits."""
    try:
        if len(text) > width // 4 + 8:
            raise ValueError
        value = int(text, 16)
        if not 0 <= value < 1 << width:
            raise ValueError
    except ValueError:
        raise WitnessError(f"{what} is a hexadecimal number of {width} bits, not {text[:40]!r}") from None
    return value
