"""Logical testing and modification: 64 instructions that mask AC, change the masked bits, and may skip.

The second letter names the mask: R for 0,,E; L for E,,0; D for C(E); S for C(E) with its halves exchanged.
The third says what becomes of the masked bits: N nothing, Z zeros, C complement, O ones. The last is the
condition of the skip: nothing never, E all masked bits were zero, A always, N not all were zero.
"""

from collections.abc import Callable

from ..terms import FALSE, TRUE, Term
from .group import Group
from .machine import PDP10
from .word import in_right, swap

bit_tests = Group()

MASKS: dict[str, tuple[int, Callable[[PDP10, Term], Term]]] = {
    "R": (0o00, lambda cpu, e: in_right(e)),
    "L": (0o01, lambda cpu, e: swap(in_right(e))),
    "D": (0o10, lambda cpu, e: cpu.read(e)),
    "S": (0o11, lambda cpu, e: swap(cpu.read(e))),
}
CHANGES: dict[str, Callable[[Term, Term], Term]] = {
    "N": lambda ac, mask: ac,
    "Z": lambda ac, mask: ac & ~mask,
    "C": lambda ac, mask: ac ^ mask,
    "O": lambda ac, mask: ac | mask,
}
CONDITIONS: dict[str, Callable[[Term], Term]] = {
    "": lambda masked: FALSE,
    "E": lambda masked: masked == 0,
    "A": lambda masked: TRUE,
    "N": lambda masked: masked != 0,
}


def _declare(mask_letter: str, change_letter: str, condition_letter: str, operation: int) -> None:
    get_mask = MASKS[mask_letter][1]
    change, condition = CHANGES[change_letter], CONDITIONS[condition_letter]

    def meaning(cpu: PDP10, ac: Term, e: Term) -> None:
        mask = get_mask(cpu, e)
        word = cpu.ac(ac)
        cpu.skip(condition(word & mask))
        cpu.set_ac(ac, change(word, mask))

    mask_text = {"R": "0,,E", "L": "E,,0", "D": "C(E)", "S": "C(E), halves exchanged,"}[mask_letter]
    change_text = {"N": "leaves", "Z": "clears", "C": "complements", "O": "sets"}[change_letter]
    skip_text = {"": "", "E": "; skips if all were zero", "A": "; skips", "N": "; skips if not all were zero"}
    text = f"Masks AC with {mask_text} and {change_text} the masked bits{skip_text[condition_letter]}."
    bit_tests.add(f"T{mask_letter}{change_letter}{condition_letter}", operation, meaning, text)


for _change_number, _change in enumerate(CHANGES):
    for _mask, (_mask_code, _) in MASKS.items():
        for _condition_number, _condition in enumerate(CONDITIONS):
            _declare(_mask, _change, _condition, 0o600 + 0o20 * _change_number + _mask_code + 2 * _condition_number)
