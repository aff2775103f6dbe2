"""Counterexamples against monitors as the solver finds them, written out, so that no solver is needed."""

from __future__ import annotations

from ringproof.model.monitors.catalog import system
from ringproof.properties.monitors.witness import SystemWitness
from ringproof.traces.monitored import System
from ringproof.traces.recording.state_text import StateText

HOST: StateText = {"E": {"0x1": "0xd", "0x4": "0x1"}, "M": "0x1", "size": "0xd"}


def witness(variant: str, instruction: str, property: str = "equivalence", *, word: int = 9 << 60) -> SystemWitness:
    """`word` in an almost empty state of the variant under trap-and-emulate."""
    return SystemWitness(
        system=f"third-generation-{variant}/trap-and-emulate",
        property=property,
        instruction=instruction,
        case="direct",
        word=hex(word),
        guest={"b": "0x1", "size": "0x4"},
        host=HOST,
        kept={"start": "0x4", "entry": "0x0"},
    ).identified()


def system_of(found: SystemWitness) -> System:
    return System(system(found.system))


RETURN_TO_USER = witness("return-to-user", "RETURN TO USER")
READ_PSW = witness("read-psw", "READ PSW")
SHRINK = witness("shrink", "SHRINK")
HALT = witness("halt-shared", "HALT", "resource-control")
STORE_ABSOLUTE = witness("store-absolute", "STORE ABSOLUTE", "resource-control")
LOAD_R = witness("user-no-op", "LOAD R", word=8 << 60)
