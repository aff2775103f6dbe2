"""Binary translation on IA-32: code is scanned before it runs, and what would betray the monitor is replaced.

The translation of a code segment lies in the monitor's memory, byte beside byte: the host's CS has its base there, so
that EIP, branches and return addresses are the guest's own. Innocuous instructions are copied. In the place of an
offending one, or of one that reads its own code as data, stands HLT, one byte and privileged, by which the monitor is
called and interprets the original. The cells that a translation was made of are watched: a store there traps, so that
code which changes is translated anew (VMware as Bugnion, Nieh and Tsafrir 2017 describe it; scanning as in plex86).

Here the host is IA-32 seen through the translator: it fetches the guest's word, and runs that word's translation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from ..cpu import Cause, Cpu, Kind, View
from ..ia32.cpu import IA32
from ..ia32.forms import Form
from ..ia32.machine import fetch
from ..ia32.operands import may_be_memory
from ..machine import RESOURCE, Machine
from ..terms import FALSE, TRUE, BitVec, Term
from .construction import Construction
from .ia32_host import host_machine, placement, whatever_traps
from .ia32_paravirtual import PATCHED

REPLACED = PATCHED
"""The rows of which every form is replaced."""

CALL_OUT = Cause("#GP", Kind.PRIVILEGE, 13)
READS_CODE = Cause("#GP (code read as data)", Kind.PRIVILEGE, 13)
IMPLIED = ("MOVS", "CMPS", "LODS", "OUTS", "XLAT")
"""Rows that read memory in a segment that a prefix names, without an operand that says so."""
CS_OVERRIDE = 2

ASSUMPTIONS = (
    "the monitor watches the cells that a translation was made of: a store there traps, and they are scanned anew",
    "an instruction that reads its own code segment as data is replaced, although it is innocuous: efficiency does "
    "not count it",
)


def binary_translation() -> Construction:
    """The kernel at ring 1 and programs at ring 3, both translated."""
    base = placement(1)

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        return {**base.decided(guest, own), "CS_base": guest.cache, "code": guest.CS_base}

    return Construction(
        "binary-translation",
        "copies innocuous code into a cache and runs it there; what is sensitive becomes a call of the monitor",
        "Bugnion, Nieh and Tsafrir 2017, chapter 3",
        replace(
            base,
            host=translating_host(),
            kept={"cache": BitVec(32)},
            decided=decided,
            lent=frozenset(),
            tracing=base.tracing | {READS_CODE},
            assumptions=(*base.assumptions, *ASSUMPTIONS),
        ),
        interprets=lambda guest: FALSE,
        emulates=whatever_traps,
        translates=lambda guest: TRUE,
    )


def translating_host() -> Machine:
    """The host as it runs what the translator makes of each word of the guest's code, which begins at `code`."""

    def translate(machine: Machine) -> None:
        machine.instructions = [replace(i, meaning=translation(cast(Form, i.meaning))) for i in machine.instructions]

    machine = host_machine(translate)
    machine.component("code", BitVec(32), RESOURCE, "where the code lies of which the cache holds the translation")
    machine.fetch = _fetch_scanned
    return machine


def translation(form: Form) -> Callable[..., None]:
    """What the unit for a word of `form` does on the host."""
    if form.name in REPLACED:
        return call_monitor
    if form.name in IMPLIED or any(may_be_memory(text) or text.startswith("moffs") for text in form.operands):

        def unit(cpu: Cpu, **fields: Term) -> None:
            cpu.trap(READS_CODE, when=fields["prefix"][7:5] == CS_OVERRIDE, error_code=0)
            # No other word reads by CS's base. Written with the guest's own, its operands are the guest's as terms.
            base, cpu.CS_base = cpu.CS_base, cpu.code
            form(cast(IA32, cpu), **fields)
            cpu.CS_base = base

        return unit
    return form


def call_monitor(cpu: Cpu, **fields: Term) -> None:
    """HLT outside ring 0."""
    cpu.trap(CALL_OUT, when=cpu.CPL != 0, error_code=0)


def _fetch_scanned(cpu: Cpu) -> Term:
    """The guest's word, which the translator scanned, and by which the unit at EIP was made."""
    scanned = dict(cpu.outcome().state) | {"CS_base": cpu.code}
    inner = IA32(scanned, cast(IA32, cpu)._constants)
    word = fetch(inner)
    for trap in inner.outcome().traps:
        cpu.trap(trap.cause, when=trap.guard, **trap.details)
    return word
