"""Half-word moves: from one half of a word to one half of another, with four effects on the other half.

HLL, HLR, HRL and HRR say which half goes where; then Z fills the other half of the destination with zeros, O
with ones, E with copies of the half's sign, and nothing leaves it alone. Modes: Basic, I, M and S.
"""

from collections.abc import Callable

from ..terms import Term, bits, concat
from .group import Group
from .machine import PDP10
from .modes import set_unless_zero
from .word import in_right, left, right

halfwords = Group()

Fill = Callable[[Term, Term], Term]
"""`fill(half moved, other half of the destination)` is the new other half."""

FILLS: dict[str, tuple[str, Fill]] = {
    "": ("", lambda half, other: other),
    "Z": (", zeros to its other half", lambda half, other: bits(0, 18)),
    "O": (", ones to its other half", lambda half, other: bits(-1, 18)),
    "E": (", its sign to the other half", lambda half, other: half[17:17].sext(18)),
}


def _move_half(source: str, target: str, fill: Fill) -> Callable[[Term, Term], Term]:
    """The function of (source word, destination word) that gives the new destination word."""

    def result(word: Term, old: Term) -> Term:
        half = left(word) if source == "L" else right(word)
        if target == "L":
            return concat(half, fill(half, right(old)))
        return concat(fill(half, left(old)), half)

    return result


def _declare(source: str, target: str, modifier: str, operation: int) -> None:
    words, fill = FILLS[modifier]
    move = _move_half(source, target, fill)
    mnemonic = f"H{source}{target}{modifier}"

    def basic(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, move(cpu.read(e), cpu.ac(ac)))

    def immediate(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.set_ac(ac, move(in_right(e), cpu.ac(ac)))

    def to_memory(cpu: PDP10, ac: Term, e: Term) -> None:
        old = bits(0, 36) if modifier else cpu.read(e, rewrite=True)
        cpu.write(e, move(cpu.ac(ac), old))

    def to_self(cpu: PDP10, ac: Term, e: Term) -> None:
        word = cpu.read(e, rewrite=True)
        cpu.write(e, move(word, word))
        set_unless_zero(cpu, ac, move(word, word))

    names = {"L": "left", "R": "right"}
    what = f"the {names[source]} half of {{0}} to the {names[target]} half of {{1}}{words}"
    halfwords.add(mnemonic, operation, basic, f"Moves {what.format('C(E)', 'AC')}.")
    halfwords.add(mnemonic + "I", operation + 1, immediate, f"Moves {what.format('0,,E', 'AC')}.")
    halfwords.add(mnemonic + "M", operation + 2, to_memory, f"Moves {what.format('AC', 'C(E)')}.")
    text = f"Moves {what.format('C(E)', 'C(E)')}, which goes to AC too unless AC is 0."
    halfwords.add(mnemonic + "S", operation + 3, to_self, text)


_DIRECTIONS = [(0o500, "L", "L"), (0o504, "R", "L"), (0o540, "R", "R"), (0o544, "L", "R")]

for _base, _source, _target in _DIRECTIONS:
    for _number, _modifier in enumerate(FILLS):
        _declare(_source, _target, _modifier, _base + 8 * _number)
