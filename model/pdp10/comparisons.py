"""Comparing, skipping, jumping and counting: CAI, CAM, JUMP, SKIP, AOJ, AOS, SOJ, SOS, AOBJP and AOBJN.

The last three bits of the operation code are the condition: never, L, E, LE, A (always), GE, N, G.
"""

from collections.abc import Callable

from ..terms import FALSE, TRUE, Term, bits, slt
from .arithmetic import add
from .group import Group
from .machine import PDP10
from .modes import set_unless_zero
from .word import in_right, is_negative

comparisons = Group()

Condition = Callable[[Term, Term], Term]
"""`condition(a, b)` compares two signed words."""

CONDITIONS: dict[str, Condition] = {
    "": lambda a, b: FALSE,
    "L": lambda a, b: slt(a, b),
    "E": lambda a, b: a == b,
    "LE": lambda a, b: ~slt(b, a),
    "A": lambda a, b: TRUE,
    "GE": lambda a, b: ~slt(a, b),
    "N": lambda a, b: a != b,
    "G": lambda a, b: slt(b, a),
}
_ZERO = bits(0, 36)
_WORDS = {"": "never", "L": "<", "E": "=", "LE": "<=", "A": "always", "GE": ">=", "N": "not =", "G": ">"}


def _when(suffix: str, left: str, right: str) -> str:
    return _WORDS[suffix] if suffix in ("", "A") else f"if {left} {_WORDS[suffix]} {right}"


def _compare(suffix: str, number: int, holds: Condition) -> None:
    def immediate(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.skip(holds(cpu.ac(ac), in_right(e)))

    def memory(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.skip(holds(cpu.ac(ac), cpu.read(e)))

    comparisons.add("CAI" + suffix, 0o300 + number, immediate, f"Skips {_when(suffix, 'C(AC)', '0,,E')}.")
    comparisons.add("CAM" + suffix, 0o310 + number, memory, f"Skips {_when(suffix, 'C(AC)', 'C(E)')}.")


def _jump_and_skip(suffix: str, number: int, holds: Condition) -> None:
    def jump(cpu: PDP10, ac: Term, e: Term) -> None:
        cpu.jump(e, holds(cpu.ac(ac), _ZERO))

    def skip(cpu: PDP10, ac: Term, e: Term) -> None:
        word = cpu.read(e)
        cpu.skip(holds(word, _ZERO))
        set_unless_zero(cpu, ac, word)

    comparisons.add("JUMP" + suffix, 0o320 + number, jump, f"Jumps to E {_when(suffix, 'C(AC)', '0')}.")
    text = f"C(AC) := C(E) unless AC is 0; skips {_when(suffix, 'C(E)', '0')}."
    comparisons.add("SKIP" + suffix, 0o330 + number, skip, text)


def _count(letter: str, operation: int, step: int, suffix: str, number: int, holds: Condition) -> None:
    def jump(cpu: PDP10, ac: Term, e: Term) -> None:
        count = add(cpu, cpu.ac(ac), bits(step, 36))
        cpu.jump(e, holds(count, _ZERO))
        cpu.set_ac(ac, count)

    def skip(cpu: PDP10, ac: Term, e: Term) -> None:
        count = add(cpu, cpu.read(e, rewrite=True), bits(step, 36))
        cpu.skip(holds(count, _ZERO))
        set_unless_zero(cpu, ac, count)
        cpu.write(e, count)

    text = f"Adds {step} to C(AC); jumps to E {_when(suffix, 'the sum', '0')}."
    comparisons.add(f"{letter}J{suffix}", operation + number, jump, text)
    text = f"Adds {step} to C(E), which goes to AC too unless AC is 0; skips {_when(suffix, 'the sum', '0')}."
    comparisons.add(f"{letter}S{suffix}", operation + 0o10 + number, skip, text)


for _number, (_suffix, _holds) in enumerate(CONDITIONS.items()):
    _compare(_suffix, _number, _holds)
    _jump_and_skip(_suffix, _number, _holds)
    _count("AO", 0o340, 1, _suffix, _number, _holds)
    _count("SO", 0o360, -1, _suffix, _number, _holds)


@comparisons("AOBJP", 0o252)
def add_one_to_both_jump_if_positive(cpu: PDP10, ac: Term, e: Term) -> None:
    """Adds 1 to both halves of AC and jumps to E if the result is not negative."""
    _add_one_to_both(cpu, ac, e, lambda word: ~is_negative(word))


@comparisons("AOBJN", 0o253)
def add_one_to_both_jump_if_negative(cpu: PDP10, ac: Term, e: Term) -> None:
    """Adds 1 to both halves of AC and jumps to E if the result is negative."""
    _add_one_to_both(cpu, ac, e, is_negative)


def _add_one_to_both(cpu: PDP10, ac: Term, e: Term, holds: Callable[[Term], Term]) -> None:
    word, _ = cpu.add_to_halves(cpu.ac(ac), 1)
    cpu.jump(e, holds(word))
    cpu.set_ac(ac, word)
