"""Robin and Irvine 2000, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor".

9th USENIX Security Symposium, pages 129-144. What it claims, in our words: of the Pentium's instructions some
are sensitive but not privileged; they read or change sensitive registers (the descriptor-table registers,
the machine status word, the flags), or refer to the protection system. The usual count is seventeen; the
list that is printed has eighteen mnemonics, so the list is kept here and never the count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SENSITIVE_REGISTERS = ("SGDT", "SIDT", "SLDT", "SMSW", "PUSHF", "POPF")
PROTECTION_SYSTEM = (
    "LAR", "LSL", "VERR", "VERW", "POP", "PUSH", "CALL", "JMP", "INT n", "RET", "STR", "MOV",
)  # fmt: skip

COUNT = 17
"""How many the instructions are usually said to be."""

ROWS: dict[str, tuple[str, ...]] = {
    "POP": ("POP (segment)",),
    "PUSH": ("PUSH (segment)",),
    "CALL": ("CALL (far)",),
    "JMP": ("JMP (far)",),
    "RET": ("RET (far)",),
    "MOV": ("MOV (from segment)", "MOV (to segment)"),
}
"""The rows of our classification that a printed mnemonic stands for, where the names differ."""

COVERED_BY_UMIP = ("SGDT", "SIDT", "SLDT", "SMSW", "STR")
"""What User-Mode Instruction Prevention makes trap outside ring 0 (SDM vol. 3, section 2.5, CR4.UMIP)."""

OF_THE_SAME_KIND: dict[str, str] = {
    "IRET": "pops CS, EFLAGS and perhaps SS, as RET (far) and POPF do",
    "INT3": "a gate transfer through the IDT, as INT n",
    "INTO": "a gate transfer through the IDT, as INT n",
    "INT1": "a gate transfer through the IDT, as INT n",
    "SYSENTER": "enters ring 0 where model-specific registers say, as INT n does where the IDT says",
    "LDS": "loads a segment register, as MOV (to segment)",
    "LES": "loads a segment register, as MOV (to segment)",
    "LFS": "loads a segment register, as MOV (to segment)",
    "LGS": "loads a segment register, as MOV (to segment)",
    "LSS": "loads a segment register, as MOV (to segment)",
}
"""Instructions that are sensitive for the reason of one in the table, and that the usual list does not print."""


@dataclass(frozen=True)
class Comparison:
    """What a classification's violations have in common with the table, and what they have beyond it."""

    found: tuple[str, ...]
    missing: tuple[str, ...]
    same_kind: tuple[str, ...]
    beyond: tuple[str, ...]


def mnemonics() -> tuple[str, ...]:
    """The mnemonics of the printed list."""
    return SENSITIVE_REGISTERS + PROTECTION_SYSTEM


def compare(violations: Iterable[str]) -> Comparison:
    """Sets the names of sensitive, unprivileged rows beside the table.

    >>> compare(["SGDT", "IRET", "ADD"]).beyond
    ('ADD',)
    """
    names = set(violations)
    rows = {mnemonic: ROWS.get(mnemonic, (mnemonic,)) for mnemonic in mnemonics()}
    found = tuple(m for m, own in rows.items() if names & set(own))
    known = {row for own in rows.values() for row in own} | set(OF_THE_SAME_KIND)
    return Comparison(
        found=found,
        missing=tuple(m for m in rows if m not in found),
        same_kind=tuple(sorted(names & set(OF_THE_SAME_KIND))),
        beyond=tuple(sorted(names - known)),
    )
