"""Exceptions, by vector and by kind: one name of the manual (#GP) is several causes when reasons differ.

SDM vol. 3, section 6.15. Traps carry `error_code` where the manual has one. `UNSUPPORTED` causes say that the
model declines to go on; they have no vector.
"""

from __future__ import annotations

from functools import cache

from ..cpu import Cause, Kind

DE = Cause("#DE", Kind.PROGRAM, 0)
DB = Cause("#DB", Kind.PROGRAM, 1)
BP = Cause("#BP", Kind.PROGRAM, 3)
OF = Cause("#OF", Kind.PROGRAM, 4)
BR = Cause("#BR", Kind.PROGRAM, 5)
UD = Cause("#UD", Kind.UNDEFINED, 6)
NM = Cause("#NM", Kind.PROGRAM, 7)

TS_MEMORY = Cause("#TS", Kind.MEMORY, 10)
TS_PRIVILEGE = Cause("#TS", Kind.PRIVILEGE, 10)
NP_MEMORY = Cause("#NP", Kind.MEMORY, 11)
SS_MEMORY = Cause("#SS", Kind.MEMORY, 12)
GP_MEMORY = Cause("#GP", Kind.MEMORY, 13)
GP_PRIVILEGE = Cause("#GP", Kind.PRIVILEGE, 13)
GP_PROGRAM = Cause("#GP", Kind.PROGRAM, 13)
AC = Cause("#AC", Kind.MEMORY, 17)

WITH_ERROR_CODE = frozenset({8, 10, 11, 12, 13, 14, 17})


@cache
def unsupported(what: str) -> Cause:
    """The cause by which the model declines `what`."""
    return Cause(what, Kind.UNSUPPORTED)


REPEATED_PREFIX = unsupported("repeated prefix")
HALTED = unsupported("processor halted")
