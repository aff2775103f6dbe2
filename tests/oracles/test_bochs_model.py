"""The model and Bochs agree on system instructions and segment checks, and the comparison can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from ringproof.model.catalog import load
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.oracles import bochs_layout as at
from ringproof.traces.oracles.answers import Cannot, Completed, Raised
from ringproof.traces.oracles.bochs import Bochs, Probe
from ringproof.traces.oracles.bochs_deviations import BOCHS
from ringproof.traces.oracles.bochs_ia32 import CONFIGURATIONS, BochsIA32, case_of
from ringproof.traces.oracles.bochs_states import answer_of
from ringproof.traces.oracles.ia32_steps import Case
from ringproof.traces.oracles.probes import SPACES, enumerated, probes
from ringproof.traces.oracles.probes.every_form import is_system
from ringproof.traces.oracles.probes.words import Words
from ringproof.traces.oracles.sources import configured, source
from ringproof.traces.oracles.validation import Validation, validate

STEPS, SEED = 5000, 2


@pytest.fixture(scope="module")
def machine() -> Machine:
    return load("ia32")


@pytest.fixture(scope="module")
def bochs() -> None:
    if trouble := Bochs.available():
        pytest.skip(trouble)


@pytest.fixture(scope="module")
def run(machine: Machine, bochs: None) -> Validation:
    return source("bochs").validate(machine, steps=STEPS, seed=SEED)


@pytest.mark.slow
def test_nothing_differs_but_what_is_listed(run: Validation) -> None:
    found = [d.describe() for kept in run.disagreements.values() for d in kept]
    assert found == []
    assert run.cannot == {}
    assert run.agreed > 0.97 * STEPS


@pytest.mark.slow
def test_every_system_instruction_is_compared_in_every_ring(run: Validation) -> None:
    assert run.uncovered == []
    assert set(run.rings) == {0, 1, 2, 3}
    for name, values in (("IOPL", 4), ("UMIP", 2), ("TSD", 2), ("PCE", 2), ("PVI", 2)):
        assert [run.settings[name, value] > 0 for value in range(values)] == [True] * values


def test_spaces_have_every_system_form_at_every_ring_and_iopl(machine: Machine) -> None:
    words = Words(Interpreter(configured(machine, {})))
    asked = {(form.id, probe.cpl, probe.eflags >> 12 & 3) for form, probe in SPACES["every form"](words)}
    system = [form.id for form in machine.instructions if is_system(form)]
    assert asked == {(form, cpl, iopl) for form in system for cpl in range(4) for iopl in range(4)}
    assert len(system) > 100


@pytest.mark.slow
def test_parts_share_out_every_probe(machine: Machine) -> None:
    spaces = enumerated(Interpreter(configured(machine, {})))
    whole = sum(1 for _ in probes(spaces, 1))
    always = len(spaces["every form"]) + len(spaces["system registers"])
    parts = [sum(1 for _ in probes(spaces, 1, part, 4)) for part in range(4)]
    assert sum(parts) == whole + 3 * always
    assert whole > 60000


# The comparison can fail.


def forgets_umip(machine: Machine) -> Machine:
    """The machine whose UMIP has no effect, though CR4 has it set."""
    return _with(machine, "UMIP", FALSE)


def forgets_iopl(machine: Machine) -> Machine:
    """The machine in which every level is at most IOPL."""
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def __getattr__(self, name: str) -> Any:
            return super().__getattr__(name) | 3 if name == "IOPL" else super().__getattr__(name)

    return replace(machine, cpu=Seen)


def _with(machine: Machine, constant: str, value: Any) -> Machine:
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def __getattr__(self, name: str) -> Any:
            return value if name == constant else super().__getattr__(name)

    return replace(machine, cpu=Seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutate", "row", "configuration"),
    [
        (forgets_umip, "SGDT", CONFIGURATIONS[1]),
        (forgets_umip, "SMSW", CONFIGURATIONS[1]),
        (forgets_iopl, "CLI", CONFIGURATIONS[0]),
        (forgets_iopl, "IN", CONFIGURATIONS[0]),
    ],
)
def test_a_mutant_is_reported(mutate: Any, row: str, configuration: Any, machine: Machine, bochs: None) -> None:
    honest = configured(machine, configuration)
    oracle = BochsIA32()

    def drawn(interpreter: Interpreter) -> Iterator[Case]:
        wanted = (asked for asked in SPACES["every form"](Words(interpreter)) if asked[0].name == row)
        return oracle.record(interpreter, islice(wanted, 96))

    assert validate(honest, oracle, drawn, BOCHS, steps=96, seed=0).unexplained == 0
    assert validate(mutate(honest), oracle, drawn, BOCHS, steps=96, seed=0).unexplained > 0


# Translation.


def test_a_state_is_what_the_harness_makes(machine: Machine) -> None:
    interpreter = Interpreter(configured(machine, {}))
    segment = at.segment(0x1C000, 0xFFF, 0x92, dpl=2)
    probe = Probe(
        code=b"\xf4", cpl=3, eflags=0x3202, gdt={16: segment, 17: segment | 1 << 45},
        selectors={"ds": 0x80, "es": 0x8B, "fs": 3}, registers={"eax": 0x1234},
    )  # fmt: skip
    hlt = next(form for form in machine.instructions if form.name == "HLT")
    state = case_of(interpreter, hlt, probe).state
    assert (state["CPL"], state["IOPL"], state["IF"], state["EAX"], state["EIP"]) == (3, 3, 1, 0x1234, at.CODE)
    # DS has a lower DPL than the ring and is dropped on the way; its descriptor is marked as accessed all the same.
    assert (state["DS_selector"], state["DS_access"]) == (0, 0)
    assert state["memory"][at.GDT + 16 * 8 + 5] == 0x92 | 2 << 5 | 1
    assert (state["ES_selector"], state["ES_base"], state["ES_limit"], state["ES_access"]) == (
        0x8B,
        0x1C000,
        0xFFF,
        0xF3,
    )
    assert (state["FS_selector"], state["FS_access"]) == (0, 0)
    assert state["memory"][at.GDT + at.TSS_SELECTOR + 5] == at.TSS_BUSY
    assert (state["TR_access"], state["LDTR_access"], state["CS_index"]) == (0x8B, 0x82, 0x3B >> 2)


@pytest.mark.slow
def test_results_become_answers(machine: Machine, bochs: None) -> None:
    interpreter = Interpreter(configured(machine, {}))
    forms = {form.id: form for form in machine.instructions}
    halt = Probe(code=b"\xf4", cpl=0)
    denied = Probe(code=b"\xf4", cpl=3)
    pushed = Probe(code=b"\x1e", watch=((at.stack_top(3) - 0x804, 4),))
    asked = [("HLT [F4]", halt), ("HLT [F4]", denied), ("PUSH DS [1E]", pushed)]
    results = Bochs().run([probe for _, probe in asked])
    stopped, refused, stored = (
        answer_of(probe, result, case_of(interpreter, forms[form], probe).state)
        for (form, probe), result in zip(asked, results, strict=True)
    )
    assert isinstance(stopped, Completed) and stopped.state["halted"] == 1
    assert isinstance(refused, Raised) and (refused.vector, refused.error_code, refused.software) == (13, 0, False)
    assert isinstance(stored, Completed)
    # Of the doubleword only the half with the selector is written.
    assert stored.written == {at.stack_top(3) - 0x804: 0x43, at.stack_top(3) - 0x803: 0}


def test_a_probe_of_other_code_is_refused(machine: Machine) -> None:
    interpreter = Interpreter(configured(machine, {}))
    hlt = next(form for form in machine.instructions if form.name == "HLT")
    with pytest.raises(ValueError, match=r"^90 is not HLT \[F4\]$"):
        case_of(interpreter, hlt, Probe(code=b"\x90"))


@pytest.mark.slow
def test_a_probe_whose_end_cannot_be_seen_is_no_answer(machine: Machine, bochs: None) -> None:
    interpreter = Interpreter(configured(machine, {}))
    hlt = next(form for form in machine.instructions if form.name == "HLT")
    # In ring 0 the end of a probe is pushed on its own stack, which has no room here: a double fault.
    full = at.segment(at.SCRATCH, 7, at.DATA)
    probe = Probe(code=b"\xf4", cpl=0, registers={"esp": 2}, gdt={16: full}, selectors={"ss": 0x80})
    (result,) = Bochs().run([probe])
    assert isinstance(answer_of(probe, result, case_of(interpreter, hlt, probe).state), Cannot)
