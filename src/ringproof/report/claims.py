"""What a witness claims, in words: the definition, where it comes from, and what rests on it."""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.properties.witness import Witness

PAPER = (
    "Popek and Goldberg, “Formal Requirements for Virtualizable Third Generation Architectures”, "
    "Communications of the ACM 17(7), 1974"
)
COMPLETES = "The instruction completes in both and leaves mode and resources as they were. "


@dataclass(frozen=True)
class Definition:
    """A claim's name, its definition, its source, and why it matters."""

    name: str
    text: str
    source: str
    matters: str = ""


THEOREM_1 = (
    "Unless the instruction is privileged, Theorem 1's condition (every sensitive instruction is privileged) fails."
)
THEOREM_3 = (
    "Unless the instruction is privileged, Theorem 3's condition (every user sensitive instruction is privileged)"
    " fails."
)

DEFINITIONS = {
    "mode": Definition(
        "Mode sensitive",
        "Two states are equal but for the mode. " + COMPLETES + "Afterwards the two programs see different things.",
        f"{PAPER}, section 3: behavior sensitive, the mode being what shows",
        THEOREM_1,
    ),
    "location": Definition(
        "Location sensitive",
        "Two states are equal, but one lies elsewhere: every base is moved by the same amount, and the memory with"
        " them. " + COMPLETES + "Afterwards the two programs see different things.",
        f"{PAPER}, section 3: location sensitive",
        THEOREM_1,
    ),
    "resource": Definition(
        "Resource sensitive",
        "Two states are equal but for one resource. " + COMPLETES + "Afterwards the two programs see different things.",
        f"{PAPER}, section 3: behavior sensitive, asked of each resource apart",
        THEOREM_1,
    ),
    "behavior": Definition(
        "Behavior sensitive",
        "Two states look the same to the program, but differ in mode, relocation or resources. "
        + COMPLETES
        + "Afterwards the two programs see different things.",
        f"{PAPER}, section 3: behavior sensitive",
        THEOREM_1,
    ),
    "control": Definition(
        "Control sensitive",
        "The instruction completes without a trap and changes the mode, a resource, or memory that the hardware"
        " reserves.",
        f"{PAPER}, section 3: control sensitive",
        THEOREM_1,
    ),
    "timing": Definition(
        "Timing sensitive",
        "Two states are equal but for a clock. " + COMPLETES + "Afterwards the two programs see different things.",
        f"{PAPER}: timing dependencies are excepted from equivalence",
    ),
    "not-privileged": Definition(
        "Not privileged",
        "A privileged instruction traps for privilege at the guests' level and does not trap at the most privileged"
        " one. These two states, equal but for the mode, are an exception; neither traps for another reason.",
        f"{PAPER}, section 3: privileged",
    ),
    "executes": Definition(
        "Can run", "The instruction does not trap in every state: in this one it completes.", "ringproof"
    ),
}


def definition(witness: Witness) -> Definition:
    """The definition that `witness` shows to be met."""
    found = DEFINITIONS[witness.claim]
    if not witness.user:
        return found
    text = f"{found.text} All of it at the guests' level, under the settings in which a monitor runs guests."
    return Definition(f"User sensitive: {found.name.lower()}", text, f"{found.source}; user sensitive", THEOREM_3)
