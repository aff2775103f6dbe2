"""The stack that a transfer through a gate pushes on: its own, or an inner level's as the TSS names it.

SDM vol. 3, sections 5.8.5 (stack switching) and 6.12.1.1 (the frames of interrupts).
"""

from __future__ import annotations

from ..terms import TRUE, Term, any_of, bits, concat, ite
from .causes import SS_MEMORY, TS_MEMORY, TS_PRIVILEGE
from .cpu import IA32
from .descriptors import Descriptor, check_stack, fetch, is_null, load_stack, selector_error
from .operands import Segment

TSS_ESP0 = 4  # where the TSS holds ESP0; SS0 follows, then the pair of each further level


class Frame:
    """What a transfer pushes, in order; `enter` checks that there is room, writes it, and loads SS and ESP.

    Where `inner` holds, the stack is that of `level` in the TSS: the old SS and ESP come first, then room for
    `parameters` doublewords (5 bits), which lie from `top` on. `external` is the EXT bit of error codes.
    """

    def __init__(
        self, cpu: IA32, inner: Term, level: Term, *, parameters: Term | None = None, external: int = 0
    ) -> None:
        self.cpu, self.inner, self.external = cpu, inner, external
        with cpu.when(inner):
            self.stack, outer_top = self._inner_stack(level)
        own = cpu.segment("SS")
        base, limit = ite(inner, self.stack.base, own.base), ite(inner, self.stack.limit, own.limit)
        self.segment = Segment(base, limit, ite(inner, self.stack.access, own.access), TRUE, TRUE)
        self.pushed: list[tuple[Term, Term, Term]] = [
            (outer_top - 4, cpu.selector(2).zext(32), inner),
            (outer_top - 8, cpu.ESP, inner),
        ]
        room = bits(8, 32) if parameters is None else concat(bits(0, 25), parameters, bits(0, 2)) + 8
        self.top = ite(inner, outer_top - room, cpu.ESP)

    def _inner_stack(self, level: Term) -> tuple[Descriptor, Term]:
        """SS and ESP of `level` from the TSS, checked."""
        cpu, external = self.cpu, self.external
        place = concat(bits(0, 27), level, bits(0, 3)) + TSS_ESP0
        cpu.trap(TS_MEMORY, when=place + 7 > cpu.TR_limit, error_code=selector_error(cpu.TR_selector, external))
        raw = cpu.linear_load(cpu.TR_base + place, 6)
        selector = raw[47:32]
        cpu.trap(TS_MEMORY, when=is_null(selector), error_code=external)
        stack = fetch(cpu, selector, cause=TS_MEMORY, external=external)
        check_stack(cpu, stack, level, TS_MEMORY, TS_PRIVILEGE)
        return stack, raw[31:0]

    def place(self, offset: Term, value: Term, when: Term) -> None:
        """Stores `value` at an offset of the new stack, where `when` holds."""
        self.pushed.append((offset, value, when))

    def push(self, value: Term, when: Term = TRUE) -> None:
        """Pushes a doubleword, where `when` holds."""
        top = self.top - 4
        self.place(top, value, when)
        self.top = ite(when, top, self.top)

    def check_room(self) -> None:
        """#SS unless everything fits: with the new stack's selector, or only EXT on the own stack."""
        cpu = self.cpu
        full = [when & cpu.outside(self.segment, offset, 4) for offset, _, when in self.pushed]
        error = ite(self.inner, self.stack.error_code, bits(self.external, 32))
        cpu.trap(SS_MEMORY, when=any_of(*full), error_code=error)

    def enter(self) -> None:
        """Writes what was pushed and loads ESP, and SS where the stack is switched."""
        cpu = self.cpu
        for offset, value, when in self.pushed:
            with cpu.when(when):
                cpu.linear_store(self.segment.base + offset, value)
        cpu.ESP = self.top
        with cpu.when(self.inner):
            load_stack(cpu, self.stack)
