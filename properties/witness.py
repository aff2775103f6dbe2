"""Witnesses: the concrete states that show a property of an instruction, as data with a stable name.

A witness file is JSON with the schema `ringproof/witness/1`. Its id is `cx-` and 12 hex digits of the hash
of its canonical form, so that the same counterexample has the same name everywhere.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Protocol, TypeVar

import msgspec

from ringproof.traces.recording.state_text import StateError, StateText

SCHEMA = "ringproof/witness/1"
LARGEST_FILE = 1 << 20
"""A witness is some kilobytes; a larger file than this many bytes is not read."""


class WitnessError(StateError):
    """A file is no witness of ours, or does not fit its machine; the message is one sentence."""


class Identified(Protocol):
    """What has a name made of its content."""

    @property
    def id(self) -> str: ...

    def hashed(self) -> str:
        """The id that the content has."""
        ...


Kind = TypeVar("Kind", bound=Identified)


class _Head(msgspec.Struct, frozen=True):
    """What every version of a witness file has."""

    schema: str


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """What was claimed of which instruction, and the one or two states that show it.

    `claim` is one of the keys of `definitions.CLAIMS`; `component` names what leaks for "resource" and
    "timing". States are text as `state_text` says. `amount` is the relocation of the second state, in the machine's
    units.
    """

    machine: str
    assumptions: dict[str, str]
    instruction: str
    claim: str
    word: str
    states: list[StateText]
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
        return save_as(self, folder)


def save_as(witness: Identified, folder: Path) -> Path:
    """Writes a witness to `folder` as `ID.json`, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{witness.id}.json"
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(witness), indent=2) + b"\n")
    partial.replace(path)
    return path


def load(path: Path) -> Witness:
    """The witness in the file `path`. Raises WitnessError for anything else, in one sentence."""
    return load_as(path, Witness, SCHEMA)


def schema_of(path: Path) -> str:
    """The schema that the file `path` names. Raises WitnessError where it is no JSON document with one."""
    data = _content(path)
    if not data.lstrip().startswith(b"{"):
        raise WitnessError(f"{path} is neither a trace nor a counterexample")
    try:
        return msgspec.json.decode(data, type=_Head).schema
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise WitnessError(f"{path} is not a witness file of schema {SCHEMA}: {error}") from None


def load_as(path: Path, kind: type[Kind], expected: str) -> Kind:
    """The witness of `kind` in the file `path`. Raises WitnessError for anything else, in one sentence."""
    data = _content(path)
    try:
        schema = msgspec.json.decode(data, type=_Head).schema
        if schema != expected:
            raise WitnessError(f"{path} has schema {schema[:60]!r}; {expected!r} was expected")
        witness = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError) as error:
        raise WitnessError(f"{path} is not a witness file of schema {expected}: {error}") from None
    if witness.id != witness.hashed():
        raise WitnessError(
            f"{path} was changed: its content is {witness.hashed()}, but it calls itself {witness.id[:40]!r}"
        )
    return witness


def _content(path: Path) -> bytes:
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise WitnessError(f"{path} is not a regular file; a witness file was expected")
        if found.st_size > LARGEST_FILE:
            raise WitnessError(f"{path} has {found.st_size} bytes; a witness has at most {LARGEST_FILE}")
        return path.read_bytes()
    except OSError as error:
        raise WitnessError(f"{path} cannot be read: {error.strerror}") from None
