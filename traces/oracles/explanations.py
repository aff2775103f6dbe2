"""What a deviation may account for: functions from a disagreement to differences, which several oracles share."""

from __future__ import annotations

from collections.abc import Callable

from .answers import Completed, Raised
from .comparison import Disagreement

IA32_TSC = 0x10
Explains = Callable[[Disagreement], set[str]]


def everything(disagreement: Disagreement) -> set[str]:
    return set(disagreement.differences)


def among(*names: str) -> Explains:
    """The differences in the components `names`."""
    return lambda disagreement: set(names) & set(disagreement.differences)


def memory(disagreement: Disagreement) -> set[str]:
    return {name for name in disagreement.differences if name.startswith("[")}


def raises(vector: int) -> Explains:
    """Everything, where the other side raised `vector`."""

    def explains(disagreement: Disagreement) -> set[str]:
        answer = disagreement.answer
        return everything(disagreement) if isinstance(answer, Raised) and answer.vector == vector else set()

    return explains


def completes(disagreement: Disagreement) -> set[str]:
    """Everything, where the manual has #GP(0) and the other side completes."""
    trapped = disagreement.expected.trapped
    faults = trapped is not None and trapped.cause.name == "#GP"
    return everything(disagreement) if faults and isinstance(disagreement.answer, Completed) else set()


def instead(ours: int, *theirs: int) -> Explains:
    """The outcome, where the other side has one of the vectors `theirs` for `ours`, with the same error code."""

    def explains(disagreement: Disagreement) -> set[str]:
        answer, trapped = disagreement.answer, disagreement.expected.trapped
        if not isinstance(answer, Raised) or trapped is None or trapped.cause.vector != ours:
            return set()
        same = answer.error_code == trapped.details["error_code"]
        return {"outcome"} if same and answer.vector in theirs else set()

    return explains


def own_clock(disagreement: Disagreement) -> set[str]:
    row, ecx = disagreement.case.instruction.name, disagreement.case.state["ECX"]
    return among("EAX", "EDX")(disagreement) if row == "RDTSC" or ecx == IA32_TSC else set()


def before_the_fault(disagreement: Disagreement) -> set[str]:
    """Memory, where both raise an exception."""
    answer = disagreement.answer
    return memory(disagreement) if disagreement.expected.trapped and isinstance(answer, Raised) else set()
