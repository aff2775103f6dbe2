"""The stack that a transfer through a gate pushes on: its own, or an inner level's as the TSS names it.

SDM vol. 3, sections 5.8.5 (stack switching) and 6.12.1.1 (the frames of interrupts).
"""

from __future__ import annotations

from ..terms import TRUE, Term, any_of, bits, concat, ite, store
from .causes import SS_MEMORY, TS_MEMORY, TS_PRIVILEGE
from .cpu import IA32
from .descriptors import Descriptor, check_stack, fetch, is_null, load_stack, selector_error
from .operands import Segment

TSS_ESP0 = 4  # where the TSS holds ESP0; SS0 follows, then the pair of each further level


class Frame:
    """What a transfer pushes, in order; `enter` checks that there is room, writes it, and loads SS and ESP.

    Where `inner` holds, the stack is that of `level` in the TSS: the old SS and ESP come first, then room for
    `parameters` doublewords (5 bits), which lie from `inner_top` on. `external` is the EXT bit of error codes.
    """

    def __init__(
        self, cpu: IA32, inner: Term, level: Term, *, parameters: Term | None = None, external: int = 0
    ) -> None:
        self.cpu, self.inner, self.external = cpu, inner, external
        with cpu.when(inner):
            self.stack, top = self._inner_stack(level)
        self.inner_pushes: list[tuple[Term, Term, Term]] = []
        self.own_pushes: list[tuple[Term, Term]] = []
        self.inner_top, self.own_top = top, cpu.ESP
        self._push_inner(cpu.selector(2).zext(32))
        self._push_inner(cpu.ESP)
        if parameters is not None:
            self.inner_top = self.inner_top - concat(bits(0, 25), parameters, bits(0, 2))

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

    def _push_inner(self, value: Term) -> None:
        self.inner_top = self.inner_top - 4
        self.place_inner(self.inner_top, value)

    def place_inner(self, offset: Term, value: Term, when: Term = TRUE) -> None:
        """Stores `value` at an offset of the inner stack, where `when` holds."""
        self.inner_pushes.append((offset, value, when))

    def push(self, value: Term) -> None:
        """Pushes a doubleword."""
        self._push_inner(value)
        self.own_top = self.own_top - 4
        self.own_pushes.append((self.own_top, value))

    def check_room(self) -> None:
        """#SS unless everything fits: with the new stack's selector, or only EXT on the own stack."""
        cpu = self.cpu
        with cpu.when(self.inner):
            new = Segment(self.stack.base, self.stack.limit, self.stack.access, TRUE, TRUE)
            full = [when & cpu.outside(new, offset, 4) for offset, _, when in self.inner_pushes]
            cpu.trap(SS_MEMORY, when=any_of(*full), error_code=self.stack.error_code)
        with cpu.when(~self.inner):
            full = [cpu.outside(cpu.segment("SS"), offset, 4) for offset, _ in self.own_pushes]
            cpu.trap(SS_MEMORY, when=any_of(*full), error_code=self.external)

    def enter(self) -> None:
        """Writes what was pushed and loads ESP, and SS where the stack is switched."""
        cpu = self.cpu
        memory = cpu.memory
        for offset, value in self.own_pushes:
            memory = self._store(memory, cpu.SS_base + offset, value, ~self.inner)
        for offset, value, when in self.inner_pushes:
            memory = self._store(memory, self.stack.base + offset, value, self.inner & when)
        cpu.memory = memory
        cpu.ESP = ite(self.inner, self.inner_top, self.own_top)
        with cpu.when(self.inner):
            load_stack(cpu, self.stack)

    def _store(self, memory: Term, address: Term, value: Term, when: Term) -> Term:
        """`memory` with a doubleword at `address`, where `when` holds: one guard a byte, not a choice of memories."""
        with self.cpu.when(when):
            place = self.cpu.place(address, 4, write=True)
        for n in range(4):
            memory = store(memory, place + n, value[8 * n + 7 : 8 * n], when)
        return memory
