"""Which differences from the host's processor an entry of `host_deviations` accounts for, by what the step shows."""

from __future__ import annotations

from collections.abc import Callable

from .answers import Completed, Raised
from .comparison import Disagreement
from .ia32_states import State

MASK = 0xFFFFFFFF
REGISTERS = ("EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI")
SS_VECTOR, GP_VECTOR, AC_VECTOR = 12, 13, 17
EXPAND_DOWN = 4
REPNE, REPE = 2, 3


def everything(disagreement: Disagreement) -> set[str]:
    return set(disagreement.differences)


def among(*names: str) -> Callable[[Disagreement], set[str]]:
    """The differences in the components `names`."""
    return lambda disagreement: set(names) & set(disagreement.differences)


def _faults(disagreement: Disagreement, ours: int, theirs: int) -> bool:
    """Whether the model raises vector `ours` and the host `theirs`."""
    trapped, answer = disagreement.expected.trapped, disagreement.answer
    raised = isinstance(answer, Raised) and answer.vector == theirs
    return trapped is not None and trapped.cause.vector == ours and raised


def _next(disagreement: Disagreement) -> int:
    case = disagreement.case
    return int(case.state["EIP"] + len(case.code) & MASK)


def _highest_of_stack(state: State) -> int:
    """The last offset in SS."""
    return MASK if state["SS_access"] & 0xC == EXPAND_DOWN else int(state["SS_limit"])


def delivered(disagreement: Disagreement) -> set[str]:
    """Everything, provided that the kernel received the right vector and EIP, and nothing else changed."""
    case, answer = disagreement.case, disagreement.answer
    vector = {"INT3": 3, "INTO": 4}.get(case.instruction.name, case.fields.get("imm"))
    asked = case.instruction.name != "INTO" or case.state["OF"]
    if not isinstance(answer, Raised) or not answer.software or answer.vector != vector or not asked or answer.written:
        return set()
    after = {**case.state, "EIP": _next(disagreement)}
    changed = {name for name in answer.state if answer.state[name] != after[name]}
    return set() if changed else everything(disagreement)


def trapped_to_itself(disagreement: Disagreement) -> set[str]:
    """Everything, provided that the kernel received vector 1 and nothing changed, EIP being the next or its own."""
    case, answer = disagreement.case, disagreement.answer
    if not isinstance(answer, Raised) or answer.vector != 1 or answer.written:
        return set()
    changed = {name for name in answer.state if answer.state[name] != case.state[name]}
    moved = answer.state["EIP"] == _next(disagreement)
    return set() if changed - ({"EIP"} if moved else set()) else everything(disagreement)


def emulated(disagreement: Disagreement) -> set[str]:
    """Everything, where #GP(0) came as UMIP asks, or the kernel stored a value of its own and went on."""
    answer, state = disagreement.answer, disagreement.case.state
    if isinstance(answer, Raised):
        return everything(disagreement) if (answer.vector, answer.error_code) == (GP_VECTOR, 0) else set()
    assert isinstance(answer, Completed)
    changed = {name for name in answer.state if answer.state[name] != state[name]}
    one_register = len(changed - {"EIP"}) <= 1 and changed <= {"EIP", *REGISTERS}
    return everything(disagreement) if answer.state["EIP"] == _next(disagreement) and one_register else set()


def unwritten(disagreement: Disagreement) -> set[str]:
    """Everything, where the model stores the same selector again and the host does not store."""
    answer, trapped = disagreement.answer, disagreement.expected.trapped
    if not isinstance(answer, Completed) or trapped is None or trapped.cause.vector not in (GP_VECTOR, AC_VECTOR):
        return set()
    changed = {name for name in answer.state if answer.state[name] != disagreement.case.state[name]}
    return (
        everything(disagreement)
        if changed <= {"EIP", "ZF"} and not answer.state["ZF"] and not answer.written
        else set()
    )


def pushed_before(disagreement: Disagreement) -> set[str]:
    """What lies below the top of the stack, as far as a PUSHA goes, where both raise the same exception."""
    if "outcome" in disagreement.differences or not isinstance(disagreement.answer, Raised):
        return set()
    state = disagreement.case.state
    below = {f"[{state['SS_base'] + state['ESP'] - n & MASK:#x}]" for n in range(1, 33)}
    return below & set(disagreement.differences)


def popped_before(disagreement: Disagreement) -> set[str]:
    """General registers but ESP, where both raise the same exception."""
    if "outcome" in disagreement.differences or not isinstance(disagreement.answer, Raised):
        return set()
    return {name for name in REGISTERS if name != "ESP"} & set(disagreement.differences)


def other_access_first(disagreement: Disagreement) -> set[str]:
    """The outcome, where both raise an exception of memory."""
    trapped, answer = disagreement.expected.trapped, disagreement.answer
    if trapped is None or not isinstance(answer, Raised):
        return set()
    return {"outcome"} if {trapped.cause.vector, answer.vector} <= {SS_VECTOR, GP_VECTOR, AC_VECTOR} else set()


def misaligned_stack(disagreement: Disagreement) -> set[str]:
    """Everything, where the host has #AC and the top of the stack is not aligned to doublewords."""
    state, answer = disagreement.case.state, disagreement.answer
    misaligned = state["AC"] and (state["SS_base"] + state["ESP"]) & 3
    return (
        everything(disagreement) if misaligned and isinstance(answer, Raised) and answer.vector == AC_VECTOR else set()
    )


def whole_doubleword(disagreement: Disagreement) -> set[str]:
    """Everything, where the selector's doubleword on the stack is misaligned or leaves the limit, and the host says so.

    With prefix 66 only a word is popped.
    """
    case, answer = disagreement.case, disagreement.answer
    state, found = case.state, misaligned_stack(disagreement)
    if case.fields["prefix"] & 1 or found:
        return found
    beyond = state["ESP"] + 3 > _highest_of_stack(state)
    return everything(disagreement) if beyond and isinstance(answer, Raised) and answer.vector == SS_VECTOR else set()


def skipped_place(disagreement: Disagreement) -> set[str]:
    """Everything, where the place of SP or ESP that POPA skips leaves the limit and the host has #SS."""
    case, answer = disagreement.case, disagreement.answer
    size = 2 if case.fields["prefix"] & 1 else 4
    place = case.state["ESP"] + 3 * size & MASK
    beyond = place + size - 1 > _highest_of_stack(case.state)
    return everything(disagreement) if beyond and isinstance(answer, Raised) and answer.vector == SS_VECTOR else set()


def wraps_between_parts(disagreement: Disagreement) -> set[str]:
    """Everything, where the first part of the operand ends with the last byte of 4 Gbytes, which the model refuses."""
    case, trapped = disagreement.case, disagreement.expected.trapped
    fields, state = case.fields, case.state
    if trapped is None or trapped.cause.vector not in (SS_VECTOR, GP_VECTOR) or "disp" not in fields:
        return set()
    offset = fields["disp"] + (0 if fields["rm"] == 5 and fields["mod"] == 0 else state[REGISTERS[fields["rm"]]])
    offset += 0 if fields["index"] == 4 else state[REGISTERS[fields["index"]]] << fields["scale"]
    size = 2 if fields["prefix"] & 1 else 4
    return everything(disagreement) if offset + size & MASK == 0 else set()


def stack_first(disagreement: Disagreement) -> set[str]:
    """The outcome, where the model has #GP and the host an exception of the stack."""
    found = _faults(disagreement, GP_VECTOR, SS_VECTOR) or _faults(disagreement, GP_VECTOR, AC_VECTOR)
    return {"outcome"} if found else set()


def other_condition(disagreement: Disagreement) -> set[str]:
    """Everything, where LOOPE has F2 or LOOPNE F3, and the host went the other way."""
    case, answer = disagreement.case, disagreement.answer
    repeat = case.fields["prefix"] >> 3 & 3
    if repeat != {"LOOPE rel8": REPNE, "LOOPNE rel8": REPE}.get(case.instruction.syntax):
        return set()
    if "outcome" in disagreement.differences:
        return everything(disagreement)
    ways = {_next(disagreement), _next(disagreement) + _signed(case.fields["imm"]) & MASK}
    return {"EIP"} if answer.state["EIP"] in ways else set()  # type: ignore[union-attr]


def _signed(byte: int) -> int:
    return byte - ((byte & 0x80) << 1)


def pushed_trap_flag(disagreement: Disagreement) -> set[str]:
    """Bit 8 of the image that was pushed."""
    state = disagreement.expected.state
    name = f"[{state['SS_base'] + state['ESP'] + 1 & MASK:#x}]"
    ours, theirs = disagreement.differences.get(name, (0, 0))
    return {name} if theirs == ours | 1 else set()


def processor_number(disagreement: Disagreement) -> set[str]:
    """One general register, which the model gives the limit 0."""
    found = disagreement.differences
    return {name for name in REGISTERS if name in found and found[name][0] & 0xFFFF == 0 and len(found) == 1}
