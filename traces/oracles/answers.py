"""What another implementation did with one instruction: it completed, raised an exception, or could not be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Completed:
    """The instruction completed. `state` has every component that the oracle shows, arrays left out.

    `written` are the bytes of memory that were stored, with their last value; `ports` those sent to I/O ports.
    """

    state: Mapping[str, int]
    written: Mapping[int, int] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Raised:
    """An exception or a software interrupt was raised, before its delivery.

    `error_code` is None where the vector has none; `software` says that the instruction asked for it (INT n).
    `state` and `written` are as of that moment: a fault should have changed neither.
    """

    vector: int
    error_code: int | None
    software: bool
    state: Mapping[str, int]
    written: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Cannot:
    """The oracle cannot run this instruction or this state, and why."""

    reason: str


Answer: TypeAlias = Completed | Raised | Cannot


class OracleUnavailable(Exception):
    """The oracle does not work on this host; the message says why in one sentence."""
