"""Popek and Goldberg 1974, "Formal Requirements for Virtualizable Third Generation Architectures".

Communications of the ACM 17(7), pages 412-421. What it says of the machines and instructions that it names,
as data: the conditions of Theorems 1 and 3, and the instructions by which they fail. Theorem 1 gives a
*sufficient* condition; the paper itself has two machines that can be virtualized without it.

The induction that the theorems rest on (Lemma 3) is over the length of an instruction sequence: if a map f
of states commutes with every single step, it commutes with every finite sequence, since the sequence's last
step starts where its beginning ended. What remains to be shown is therefore one square per instruction and
case, and that each step keeps the invariant; a checker never has to unroll a run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """What the paper says of a machine: where, and by which instructions the conditions fail (none: they hold).

    `also` are instructions by which Theorem 1's condition fails as well, and which the paper does not name.
    """

    machine: str
    section: str
    text: str
    theorem1_fails_by: tuple[str, ...] = ()
    theorem3_fails_by: tuple[str, ...] = ()
    also: tuple[str, ...] = ()


CLAIMS: tuple[Claim, ...] = (
    Claim("third-generation", "4, Theorem 1", "the paper's machine"),
    Claim("third-generation-privileged-return", "3", "a return to user mode that is privileged"),
    Claim(
        "third-generation-return-to-user",
        "3 and 6, JRST 1",
        "an unprivileged return to user mode, as on the PDP-10",
        ("RETURN TO USER",),
    ),
    Claim(
        "third-generation-load-real-address",
        "3, IBM 360/67 LRA",
        "an instruction that shows real addresses",
        ("LOAD REAL ADDRESS",),
        ("LOAD REAL ADDRESS",),
    ),
    Claim(
        "third-generation-previous-space",
        "3, PDP-11/45 MFPI",
        "an instruction whose operand lies where the mode says",
        ("MOVE FROM PREVIOUS SPACE",),
    ),
    Claim(
        "third-generation-user-no-op",
        "3, not privileged",
        "an instruction that does nothing in user mode in place of trapping",
        ("LOAD R",),
    ),
    Claim(
        "third-generation-shrink",
        "4, second counterexample to the converse",
        "an instruction that can only shrink the bound, harmless though sensitive",
        ("SHRINK",),
        ("SHRINK",),
    ),
    Claim("third-generation-halt", "3, footnote 3", "HALT, where the processor is no resource"),
    Claim(
        "third-generation-halt-shared",
        "3, footnote 3",
        "HALT, where the processor is shared in time",
        ("HALT",),
        ("HALT",),
    ),
    Claim(
        "third-generation-store-absolute",
        "3, footnote 2",
        "a store that reaches the PSW cells whatever the relocation is",
        ("STORE ABSOLUTE",),
        ("STORE ABSOLUTE",),
    ),
    # On the KA10, JRST 2 sets User from a word in executive mode; PUSHJ, JSR and JSP store the flags, User among them.
    Claim(
        "pdp10-ka10",
        "6, JRST 1",
        "the PDP-10",
        ("JRST (enter user)",),
        also=("JRST (restore flags)", "JRST (restore flags, enter user)", "PUSHJ", "JSR", "JSP"),
    ),
)

PRIVILEGED: tuple[tuple[str, str, str], ...] = (
    ("third-generation", "LOAD PSW", "LPSW of System/360"),
    ("third-generation", "LOAD R", "LBAR of the Honeywell 6000"),
    ("pdp10-ka10", "DATAO APR", "DATAO APR of the PDP-10"),
)
"""The paper's examples of privileged instructions (section 3): a machine here, its row, and the example."""


@dataclass(frozen=True)
class Unclamped:
    """Storage of q cells of which the guest has the w from k on, and what is expected of the map as written:
    how many accesses leave the guest's cells, and how many of these with b < w."""

    q: int
    k: int
    w: int
    cases: int
    below: int


UNCLAMPED = Unclamped(q=8, k=3, w=4, cases=20, below=6)
