"""What the paper says of the third generation machine and its variants: the rows of the classification, as data.

Popek and Goldberg 1974: sections 2 and 3 for the machine and the examples, footnotes 2 and 3 for STORE ABSOLUTE
and HALT, section 4 for SHRINK, section 6 for the hybrid monitor. Rows that are not named are innocuous.
"""

from __future__ import annotations

from dataclasses import dataclass

PRIVILEGED, CONTROL, MODE, LOCATION, USER = "privileged", "control", "mode", "location", "user"

GENERAL = ("MOVE", "MOVE (indirect)", "ADD", "SUBTRACT", "AND", "JUMP", "JUMP (zero)")


@dataclass(frozen=True)
class Row:
    """The words that hold of an instruction; "mode" and "location" make it behavior sensitive, as a resource does."""

    words: frozenset[str]
    resources: tuple[str, ...] = ()

    @property
    def flags(self) -> dict[str, bool]:
        behavior = bool(self.words & {MODE, LOCATION} or self.resources)
        found = {f"{word}_sensitive": word in self.words for word in (CONTROL, MODE, LOCATION, USER)}
        return found | {
            "privileged": PRIVILEGED in self.words,
            "behavior_sensitive": behavior,
            "timing_sensitive": False,
        }


def row(*words: str, resources: tuple[str, ...] = ()) -> Row:
    return Row(frozenset(words), resources)


INNOCUOUS = row()
BASE = dict.fromkeys(GENERAL, INNOCUOUS) | {"LOAD PSW": row(PRIVILEGED, CONTROL), "LOAD R": row(PRIVILEGED, CONTROL)}


@dataclass(frozen=True)
class Expected:
    """What differs from the base machine, and whether the conditions of Theorems 1 and 3 hold."""

    rows: dict[str, Row]
    theorem1: bool
    theorem3: bool


EXPECTED: dict[str, Expected] = {
    "third-generation": Expected({}, True, True),
    # JRST 1: supervisor control sensitive only, so that a hybrid monitor remains possible.
    "third-generation-return-to-user": Expected({"RETURN TO USER": row(CONTROL)}, False, True),
    "third-generation-privileged-return": Expected({"RETURN TO USER": row(PRIVILEGED, CONTROL)}, True, True),
    "third-generation-load-real-address": Expected({"LOAD REAL ADDRESS": row(LOCATION, USER)}, False, False),
    # A reader of the mode is not user sensitive, since there both modes are user.
    "third-generation-read-mode": Expected({"READ MODE": row(MODE)}, False, True),
    "third-generation-previous-space": Expected({"MOVE FROM PREVIOUS SPACE": row(MODE)}, False, True),
    "third-generation-read-psw": Expected(
        {"READ PSW": row(MODE, LOCATION, USER, resources=("b",))}, False, False
    ),
    # Doing nothing in user mode is not enough to be privileged.
    "third-generation-user-no-op": Expected({"LOAD R": row(CONTROL)}, False, True),
    "third-generation-shrink": Expected({"SHRINK": row(CONTROL, USER)}, False, False),
    "third-generation-halt": Expected({"HALT": INNOCUOUS}, True, True),
    "third-generation-halt-shared": Expected({"HALT": row(CONTROL, USER)}, False, False),
    "third-generation-supervisor-call": Expected({"SUPERVISOR CALL": INNOCUOUS}, True, True),
    "third-generation-store-absolute": Expected({"STORE ABSOLUTE": row(CONTROL, LOCATION, USER)}, False, False),
}  # fmt: skip


def rows(machine: str) -> dict[str, Row]:
    """Every row of `machine`."""
    return BASE | EXPECTED[machine].rows
