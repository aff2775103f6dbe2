"""Hardware assistance: an unmodified guest at ring 0 in non-root operation, under `ia32-vmx` or `ia32-svm`.

The guest's registers are the processor's own while it runs (entry and exit exchange them), its memory is a window of
the host's, and its exceptions go through its own IDT without the monitor. An exit is the one trap that the monitor
sees, and it interprets the instruction. SDM vol. 3, chapters 26 to 29; AMD64 APM vol. 2, chapter 15.

An interrupt of the guest's own is kept by the monitor, and the processor is asked to exit as soon as the guest would
take it. The host's interrupts exit whatever the guest does, and the guest goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ..cpu import Cause, View
from ..ia32 import ia32
from ..ia32_non_root.causes import INTERRUPT, Exit
from ..machine import Machine
from ..terms import FALSE, TRUE, BitVec, Term, bits
from .construction import Construction, Served
from .ia32_hardware_guest import guest_machine
from .ia32_kernel import TEXT, kernel
from .placement import Placement, kept_name, own_name

PAGE_BITS = 12
START, SIZE = 0x100000, 0x10000
"""Where the guest of the ordinary state lies, and how large it is."""


@dataclass(frozen=True, eq=False)
class Hardware:
    """What the monitor does on one processor.

    `running(guest, own)` holds of the host while guests run, and `asked(guest, own)` says that the processor is asked
    to exit for the guest's own interrupt. `pending`, `serves` and `countdown` are as in `Construction`; `ordinary` is
    what differs in the host's ordinary state from where it starts.
    """

    host: Machine
    source: str
    running: Callable[[View, View], list[Term]]
    asked: Callable[[View, View], Term]
    pending: Callable[[View], Mapping[str, Term]]
    serves: Callable[[Cause, View], Served]
    countdown: str | None
    ordinary: Mapping[str, int | Mapping[int, int]]


def hardware_assisted(hardware: Hardware) -> Construction:
    """The monitor on one processor."""
    return Construction(
        "hardware-assisted",
        "runs all of the guest in non-root operation, and interprets what exits",
        hardware.source,
        placement(hardware),
        interprets=lambda guest: guest.halted,
        emulates=lambda guest, cause: TRUE if isinstance(cause, Exit) else FALSE,
        delivers=lambda cause: not isinstance(cause, Exit) and cause is not INTERRUPT,
        promises=lambda guest: ~guest.halted,
        judged=ia32(),
        serves=hardware.serves,
        pending=hardware.pending,
        countdown=hardware.countdown,
    )


def placement(hardware: Hardware) -> Placement:
    """f: the guest's registers as they are, its memory in a window."""
    ordinary = dict(kernel(SIZE))
    cells = ordinary.pop("memory")
    assert isinstance(cells, Mapping)
    host = {own_name(name): value for name, value in hardware.ordinary.items()}
    own_cells = host.get(own_name("memory"), {})
    assert isinstance(own_cells, Mapping)
    memory = {own_name("memory"): {**own_cells, **{START + at: value for at, value in cells.items()}}}
    return Placement(
        guest=guest_machine(),
        host=hardware.host,
        memory="memory",
        kept={"start": BitVec(32)},
        offset=lambda guest: guest.start,
        region=lambda guest, address: address - guest.start < guest.size,
        granted=partial(_granted, hardware),
        assumed=lambda guest, own: [hardware.asked(guest, own)],
        decided=_decided,
        entered=lambda own, after: after.operation == 0,
        ordinary={**ordinary, "size": SIZE, kept_name("start"): START, **host, **memory},
        ordinary_text=TEXT,
        assumptions=("the processor is asked to exit for an interrupt of the guest's when there is one",),
    )


def _granted(hardware: Hardware, guest: View, own: View) -> list[Term]:
    start, size = guest.start, guest.size
    return [
        start >= 1 << PAGE_BITS,
        start[PAGE_BITS - 1 : 0] == 0,
        size[PAGE_BITS - 1 : 0] == 0,
        start.zext(33) + size.zext(33) <= 1 << 32,
        *hardware.running(guest, own),
    ]


def _decided(guest: View, own: View) -> Mapping[str, Term]:
    return {"operation": bits(1, 1), "window_base": guest.start, "window_bound": guest.size, "halted": FALSE}


def vmx() -> Construction:
    """Intel's VMX."""
    from .ia32_hardware_hosts import intel

    return hardware_assisted(intel())


def svm() -> Construction:
    """AMD's SVM."""
    from .ia32_hardware_hosts import amd

    return hardware_assisted(amd())
