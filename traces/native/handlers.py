"""The functions that execute instructions, and the code that calls the right one."""

from __future__ import annotations

from collections.abc import Sequence

from ringproof.model.cpu import Outcome
from ringproof.model.machine import Instruction
from ringproof.model.terms import Term

from .control import switch
from .emit import Emitter, Support
from .entries import Entry
from .graph import Graph, Plan
from .layout import ENTRY, WORLD
from .outcomes import Leave, OutcomeCode
from .variants import deciding
from .wasm import I32, Function, Module, Op


class Handlers:
    """One function for each instruction, or two, one for each truth of the condition that decides most.

    Handlers are numbered from 1; what an entry has above `count` is a trap's number, plus `count`.
    """

    def __init__(
        self,
        module: Module,
        code: OutcomeCode,
        support: Support,
        entry: Entry,
        meanings: Sequence[tuple[Instruction, Outcome]],
    ) -> None:
        self._entry = entry
        self._support = support
        self._instructions = [instruction for instruction, _ in meanings]
        self._conditions: list[Term | None] = []
        self._first: list[int] = []
        self._functions: list[int] = []
        for instruction, outcome in meanings:
            condition = deciding(outcome)
            self._conditions.append(condition)
            self._first.append(len(self._functions))
            for facts in ({},) if condition is None else ({condition: True}, {condition: False}):
                f, _ = code.function(instruction.id, outcome, entry.slots(instruction), facts=facts)
                f.const(I32, 0)
                self._functions.append(module.define(f))

    @property
    def count(self) -> int:
        return len(self._functions)

    def choose(self, f: Function, position: int) -> None:
        """Pushes the number of what executes the instruction at `position` whose operands are in the entry."""
        condition, first = self._conditions[position], self._first[position]
        if condition is None:
            f.const(I32, first + 1)
            return
        plan = Plan(Graph())
        plan.use(condition, plan.root)
        plan.settle()
        e = Emitter(f, plan, self._entry.slots(self._instructions[position]), self._support)
        f.const(I32, first + 1)
        f.const(I32, first + 2)
        e.value(condition)
        f.op(Op.SELECT)

    def dispatch(self, f: Function, entry: int, leave: Leave) -> None:
        """Leaves with what executing the decoded entry returns; what is numbered above the handlers is a trap."""

        def case(position: int) -> None:
            f.get(entry)
            f.get(WORLD)
            f.call(self._functions[position])

        def selector() -> None:
            f.get(entry)
            f.load(I32, 4, self._entry.handler)
            f.const(I32, 1)
            f.op(Op.I32_SUB)

        switch(f, self.count, selector, case, leave)
        f.get(entry)
        f.load(I32, 4, self._entry.handler)
        f.const(I32, self.count)
        f.op(Op.I32_SUB)

    def execute(self, f: Function) -> None:
        """Returns what executing the instruction returns whose number and operands are in the entry."""

        def case(position: int) -> None:
            functions = self._functions[self._first[position] :][: 1 if self._conditions[position] is None else 2]
            if len(functions) == 2:
                self.choose(f, position)
                f.const(I32, self._first[position] + 1)
                f.op(Op.I32_EQ)
                f.if_(I32)
            for number, function in enumerate(functions):
                if number:
                    f.else_()
                f.get(ENTRY)
                f.get(WORLD)
                f.call(function)
            if len(functions) == 2:
                f.end()

        def selector() -> None:
            f.get(ENTRY)
            f.load(I32, 4, self._entry.number)
            f.const(I32, 1)
            f.op(Op.I32_SUB)

        switch(f, len(self._instructions), selector, case)
        f.op(Op.UNREACHABLE)
