"""The exit codes of the command line."""

from enum import IntEnum


class Exit(IntEnum):
    EXPECTED = 0
    VIOLATED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    VACUOUS = 4
    NOTHING_SELECTED = 5
    SPURIOUS = 6
    INTERNAL = 70
    INTERRUPTED = 130
    PIPE_CLOSED = 141
