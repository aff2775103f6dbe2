"""Diverging programs as files: a state of a system with a program in the guest's memory, and how far to run it.

A file is JSON with the schema `ringproof/divergence/1`, named as witnesses are, with `dv-` for `cx-`.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from ringproof.model.monitors.placement import Placement
from ringproof.traces.monitored import System, Together
from ringproof.traces.recording.state_text import StateText

from ..witness import WitnessError, load_as, save_as
from .runs import STEPWISE, Declined, Runs, Taken
from .witness import decode, encode

SCHEMA = "ringproof/divergence/1"
MOST_STEPS = 1000


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """A program of `steps` instructions in a state of `system`, in the last of which its two runs visibly part.

    It speaks against `property`, and was built for the instruction named `instruction`. The state is written as that
    of a `SystemWitness`; the program is in the guest's memory, at the program counter.
    """

    system: str
    property: str
    instruction: str
    guest: StateText
    host: StateText
    kept: dict[str, str]
    steps: int
    text: str = ""
    id: str = ""
    schema: str = SCHEMA

    def identified(self) -> Divergence:
        """This file with the id of its content."""
        return msgspec.structs.replace(self, id=self.hashed())

    def hashed(self) -> str:
        """The id that the content has, whatever `id` says. The sentence is not part of the content."""
        content = msgspec.structs.replace(self, id="", text="")
        canonical = msgspec.json.encode(msgspec.to_builtins(content), order="deterministic")
        return "dv-" + sha256(canonical).hexdigest()[:12]

    def save(self, folder: Path) -> Path:
        """Writes the program to `folder` as `ID.json`, whole or not at all."""
        return save_as(self, folder)


def load(path: Path) -> Divergence:
    """The diverging program in the file `path`. Raises WitnessError for anything else, in one sentence."""
    return load_as(path, Divergence, SCHEMA)


def of_start(placement: Placement, name: str, what: str, instruction: str, start: Together, steps: int) -> Divergence:
    """The program that lies in `start`, which speaks against the property `what` of the system `name`."""
    guest, host, kept = encode(placement, start)
    made = Divergence(
        system=name, property=what, instruction=instruction, guest=guest, host=host, kept=kept, steps=steps
    )
    return made.identified()


def rerun(system: System, divergence: Divergence) -> tuple[Together, list[Taken]]:
    """Runs the program again: the state that it starts from, and its steps. Raises StateError where it does not fit."""
    if divergence.property not in STEPWISE:
        raise WitnessError(f"a property is one of {', '.join(STEPWISE)}, not {divergence.property[:40]!r}")
    if not 0 < divergence.steps <= MOST_STEPS:
        raise WitnessError(f"a program has from 1 to {MOST_STEPS} steps, not {divergence.steps}")
    start = system.together(decode(system.placement, divergence))
    if not system.permitted(start):
        raise WitnessError(f"the state of the program is none that the monitor of {divergence.system[:60]} allows")
    found: list[Taken] = []
    try:
        found.extend(Runs(system).follow(start, divergence.property, divergence.steps))
    except Declined as error:
        raise WitnessError(f"the model declines a step of the program ({error})") from None
    return start, found


def with_text(divergence: Divergence, text: str) -> Divergence:
    """The same with its sentence."""
    return msgspec.structs.replace(divergence, text=text)
