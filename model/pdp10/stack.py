"""Stacks and subroutine calls: PUSH, POP, PUSHJ, POPJ, JSR, JSP, JSA and JRA.

A call saves the PC word, in which a program finds the mode and User In-Out. It then clears First Part Done.
"""

from ..terms import Term, concat
from .group import Group
from .machine import PDP10
from .word import left, right

stack = Group()


def _push(cpu: PDP10, ac: Term, word: Term) -> None:
    """Adds 1 to both halves of AC, and stores where its right half points then."""
    pointer, carried = cpu.add_to_halves(cpu.ac(ac), 1)
    cpu.pushdown_overflow(carried)
    cpu.write(right(pointer), word)
    cpu.set_ac(ac, pointer)


def _lower(cpu: PDP10, ac: Term) -> None:
    """Subtracts 1 from both halves of AC; Pushdown Overflow if the left half goes below zero."""
    pointer, carried = cpu.add_to_halves(cpu.ac(ac), -1)
    cpu.pushdown_overflow(~carried)
    cpu.set_ac(ac, pointer)


@stack("PUSHJ", 0o260)
def push_and_jump(cpu: PDP10, ac: Term, e: Term) -> None:
    """Pushes the PC word on the stack of AC and jumps to E."""
    word = cpu.pc_word(cpu.PC)
    cpu.leave_subroutine_flags()
    _push(cpu, ac, word)
    cpu.jump(e)


@stack("PUSH", 0o261)
def push(cpu: PDP10, ac: Term, e: Term) -> None:
    """Pushes C(E) on the stack of AC."""
    _push(cpu, ac, cpu.read(e))


@stack("POP", 0o262)
def pop(cpu: PDP10, ac: Term, e: Term) -> None:
    """Moves the word on top of the stack of AC to E."""
    word = cpu.read(right(cpu.ac(ac)))
    _lower(cpu, ac)
    cpu.write(e, word)


@stack("POPJ", 0o263)
def pop_and_jump(cpu: PDP10, ac: Term, e: Term) -> None:
    """Jumps to where the right half of the word on top of the stack of AC points, and removes it."""
    word = cpu.read(right(cpu.ac(ac)))
    _lower(cpu, ac)
    cpu.jump(right(word))


@stack("JSR", 0o264)
def jump_to_subroutine(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(E) := the PC word; jumps to E+1."""
    cpu.write(e, cpu.pc_word(cpu.PC))
    cpu.leave_subroutine_flags()
    cpu.jump(e + 1)


@stack("JSP", 0o265)
def jump_and_save_pc(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC) := the PC word; jumps to E."""
    cpu.set_ac(ac, cpu.pc_word(cpu.PC))
    cpu.leave_subroutine_flags()
    cpu.jump(e)


@stack("JSA", 0o266)
def jump_and_save_ac(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(E) := C(AC); C(AC) := E,,PC; jumps to E+1."""
    old = cpu.ac(ac)
    cpu.set_ac(ac, concat(e, cpu.PC))
    cpu.write(e, old)
    cpu.jump(e + 1)


@stack("JRA", 0o267)
def jump_and_restore_ac(cpu: PDP10, ac: Term, e: Term) -> None:
    """C(AC) := the word to which its left half points; jumps to E."""
    cpu.set_ac(ac, cpu.read(left(cpu.ac(ac))))
    cpu.jump(e)
