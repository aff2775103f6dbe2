"""RISC-V against another implementation: single steps with their fetch, compared in everything that both show.

A trap's cause is compared, not its delivery. Where the model takes the step, the instruction is fetched too, so that
the page tables and the rights of its page count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ringproof.model.machine import Machine
from ringproof.model.riscv.cpu import RiscV
from ringproof.model.riscv.machine import CSRS as REGISTERED
from ringproof.model.riscv.status import FIELDS
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.python_code import compile_terms

from .answers import Completed, Raised
from .comparison import Comparer, Expected, Oracle
from .ia32_states import State
from .ia32_steps import Case
from .unicorn_riscv import CSRS

STATUS = sum((3 if name == "MPP" else 1) << place for name, place in FIELDS.items() if name[0] != "T")
"""The bits of mstatus that are compared: unicorn's has no TVM, TW, TSR, SXL and UXL."""


def csr_values(machine: Machine, names: Sequence[str]) -> Callable[[State], Sequence[int]]:
    """The function that gives the values of CSRs in a state."""
    cpu = cast(RiscV, machine.cpu(machine.variables, machine.constants()))
    known = {register.name: register for group in REGISTERED for register in group.registers}
    return compile_terms([known[name].read(cpu) for name in names])


class RiscVComparer(Comparer):
    """Runs cases on the model and on one oracle."""

    def __init__(self, interpreter: Interpreter, oracle: Oracle) -> None:
        super().__init__(interpreter, oracle)
        self._csrs = csr_values(interpreter.machine, CSRS)

    def expect(self, case: Case, state: State | None = None) -> Expected:
        state = dict(case.state if state is None else state)
        for name, value in state.items():
            if isinstance(value, dict):
                state[name] = value.copy()
        step = self.interpreter.attempt(state)
        return Expected(step.trapped, state)

    def undefined(self, case: Case) -> set[str]:
        return set()

    def differences(
        self, case: Case, expected: Expected, answer: Completed | Raised, ignored: set[str]
    ) -> dict[str, tuple[Any, Any]]:
        found = super().differences(case, expected, answer, ignored)
        shown: Mapping[str, Any] = answer.state
        for number, theirs in enumerate(shown["registers"]):
            ours = expected.state["X"][number] if number else 0
            if ours != theirs:
                found[f"x{number}"] = (ours, theirs)
        for name, ours, theirs in zip(CSRS, self._csrs(expected.state), shown["csrs"], strict=True):
            if (ours ^ theirs) & (STATUS if name == "mstatus" else -1):
                found[name] = (ours, theirs)
        return found
