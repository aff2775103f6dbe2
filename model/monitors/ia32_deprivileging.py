"""De-privileging on IA-32: the guest's kernel runs unchanged at ring 1 or at ring 3, and what traps is interpreted.

Ring compression, as 32-bit monitors tried it (Robin and Irvine 2000, section 4). The monitor relies on traps alone,
so it misses every instruction that does something else in an outer ring.
"""

from __future__ import annotations

from ..terms import FALSE
from .construction import Construction
from .ia32_host import placement, whatever_traps


def de_privileging(ring: int) -> Construction:
    """The guest's ring 0 becomes `ring`, 1 or 3; ring 3 stays."""
    return Construction(
        f"de-privileging-ring{ring}",
        f"runs all of the guest directly, its kernel at ring {ring}, and interprets whatever traps",
        "Robin and Irvine 2000, section 4",
        placement(ring),
        interprets=lambda guest: FALSE,
        emulates=whatever_traps,
    )
