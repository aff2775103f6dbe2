"""Witnesses against a monitor: one state of a system, and the instruction after which a property fails.

A file is JSON with the schema `ringproof/monitor-witness/1`, named as other witnesses are.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ringproof.model.monitors.placement import Placement, kept_name, own_name
from ringproof.traces.interpreter import State
from ringproof.traces.monitored import Together
from ringproof.traces.recording.state_text import StateText, decode_state, decode_value, encode_state, number

from ..witness import WitnessError, load_as, save_as

SCHEMA = "ringproof/monitor-witness/1"


class SystemWitness(msgspec.Struct, frozen=True, kw_only=True):
    """The instruction `word` in a state of `system`, after which `property` fails in the case `case`.

    `guest` is the virtual machine's state without its memory, `host` the host's own with all of memory, `kept` what
    the monitor keeps; states are text as `state_text` says.
    """

    system: str
    property: str
    instruction: str
    case: str
    word: str
    guest: StateText
    host: StateText
    kept: dict[str, str]
    text: str = ""
    id: str = ""
    schema: str = SCHEMA

    def identified(self) -> SystemWitness:
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


def load(path: Path) -> SystemWitness:
    """The witness in the file `path`. Raises WitnessError for anything else, in one sentence."""
    return load_as(path, SystemWitness, SCHEMA)


def encode(placement: Placement, together: Together) -> tuple[StateText, StateText, dict[str, str]]:
    """The guest without its memory, the host's own, and what the monitor keeps, as text."""
    guest = encode_state(placement.guest, together.guest)
    guest.pop(placement.memory, None)
    kept = {name: hex(together.kept[name]) for name in placement.kept}
    return guest, encode_state(placement.host, together.host), kept


class Stated(Protocol):
    """What has a state of a system as text."""

    @property
    def system(self) -> str: ...

    @property
    def guest(self) -> StateText: ...

    @property
    def host(self) -> StateText: ...

    @property
    def kept(self) -> dict[str, str]: ...


def decode(placement: Placement, witness: Stated) -> Mapping[str, Any]:
    """The values of the placement's variables. Raises StateError for what does not fit the system's machines."""
    guest: State = decode_state(placement.guest, witness.guest)
    host: State = decode_state(placement.host, witness.host)
    unknown = next((name for name in witness.kept if name not in placement.kept), None)
    if unknown is not None:
        raise WitnessError(f"the monitor of {witness.system[:60]} keeps nothing named {unknown[:40]!r}")
    kept = {n: decode_value(n, sort, witness.kept.get(n)) for n, sort in placement.kept.items()}
    guest.pop(placement.memory)
    return {
        **guest,
        **{own_name(name): value for name, value in host.items()},
        **{kept_name(name): value for name, value in kept.items()},
    }


def word_of(placement: Placement, witness: SystemWitness) -> int:
    """The instruction word. Raises StateError for what is none."""
    return number("the instruction word", witness.word, placement.guest.word.width)
