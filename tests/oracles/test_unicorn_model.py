"""The model and unicorn agree on random steps of every form, and the comparison notices where they would not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ringproof.commands.validate_witnesses import replays, text
from ringproof.model.catalog import load
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, Term
from ringproof.properties.run import check
from ringproof.traces.interpreter import Interpreter
from ringproof.traces.oracles.answers import OracleUnavailable, Raised
from ringproof.traces.oracles.comparison import Comparer, Disagreement, cases
from ringproof.traces.oracles.deviations import Explainer
from ringproof.traces.oracles.ia32_steps import Case
from ringproof.traces.oracles.sources import source
from ringproof.traces.oracles.unicorn_deviations import UNICORN
from ringproof.traces.oracles.unicorn_ia32 import UnicornIA32
from ringproof.traces.oracles.validation import Validation, validate

STEPS, SEED = 10000, 4

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def oracle() -> UnicornIA32:
    try:
        return UnicornIA32()
    except OracleUnavailable as error:
        pytest.skip(f"{error}")


@pytest.fixture(scope="module")
def run(oracle: UnicornIA32) -> Validation:
    return source("unicorn").validate(load("ia32"), steps=STEPS, seed=SEED)


def test_nothing_differs_but_what_is_listed(run: Validation) -> None:
    found = [d.describe() for kept in run.disagreements.values() for d in kept]
    assert found == []
    assert run.agreed > 0.75 * STEPS


def test_every_form_is_compared_in_every_ring(run: Validation) -> None:
    assert run.uncovered == []
    assert len(run.forms) > 500
    assert set(run.rings) == {0, 1, 2, 3}
    assert {"completes", "#GP", "#SS", "#DE", "#UD", "#BR"} <= run.outcomes().keys()


def test_the_hidden_parts_of_a_null_table_are_nothing_that_an_interrupt_changed(oracle: UnicornIA32) -> None:
    interpreter = Interpreter(load("ia32"))
    int3 = next(i for i in interpreter.machine.instructions if i.name == "INT3")
    comparer, seen = Comparer(interpreter, oracle), 0
    for drawn in islice(cases(interpreter, SEED, [int3]), 20):
        case = replace(drawn, state={**drawn.state, "LDTR_index": 0, "LDTR_access": 0, "LDTR_limit": 119})
        expected, answer, differences = comparer.compare(case)
        if differences and isinstance(answer, Raised):
            seen += 1
            found = Disagreement(case, differences, expected, answer)
            assert Explainer(comparer, UNICORN).explain(found) is not None, found.describe()
    assert seen


# The comparison can fail.


def no_privilege_checks(machine: Machine) -> Machine:
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def trap(self, cause: Any, *, when: Any = True, **details: Any) -> None:
            if cause.kind.value != "privilege":
                super().trap(cause, when=when, **details)

    return replace(machine, cpu=Seen)


def never_zero(machine: Machine) -> Machine:
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def set_result_flags(self, result: Term) -> None:
            super().set_result_flags(result)
            self.ZF = FALSE

    return replace(machine, cpu=Seen)


def moves_too_little(machine: Machine) -> Machine:
    parent: type[Any] = machine.cpu

    class Seen(parent):  # type: ignore[misc]
        def push(self, value: Term) -> None:
            super().push(value)
            self.put("ESP", self.get("ESP") + 1)

    return replace(machine, cpu=Seen)


@pytest.mark.parametrize(
    ("mutate", "rows"),
    [
        (no_privilege_checks, ("HLT", "CLTS", "LGDT", "MOV (to CR)")),
        (no_privilege_checks, ("MOV (to segment)",)),
        (never_zero, ("SUB", "XOR", "AND")),
        (moves_too_little, ("PUSH",)),
    ],
    ids=["no privilege checks", "no checks of DPL", "ZF is never set", "pushes leave ESP wrong"],
)
def test_a_mutant_is_reported(mutate: Callable[[Machine], Machine], rows: tuple[str, ...], oracle: UnicornIA32) -> None:
    machine = load("ia32")
    chosen = [i for i in machine.instructions if i.name in rows]

    def drawn(interpreter: Interpreter) -> Iterator[Case]:
        return iter(cases(interpreter, SEED, chosen))

    assert validate(machine, oracle, drawn, UNICORN, steps=300, seed=SEED).unexplained == 0
    assert validate(mutate(machine), oracle, drawn, UNICORN, steps=300, seed=SEED).unexplained > 0


# Counterexamples as machine code.


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The counterexamples of some sensitive, unprivileged instructions, as files."""
    folder = tmp_path_factory.mktemp("witnesses")
    report = check("ia32", only=["SMSW", "SGDT", "PUSHF", "POPF", "VERR", "MOV (from segment)", "INT3"], jobs=1)
    return [witness.save(folder) for witness in report.witnesses]


def test_counterexamples_behave_as_the_model_says(witnesses: list[Path], oracle: UnicornIA32) -> None:
    found = replays("ia32", witnesses, oracle, UNICORN)
    assert (found.differ, found.cannot) == ([], [])
    assert {d.name for d in found.deviations} <= {"interrupts by instruction"}
    assert found.total == len(witnesses) > 20
    claims = {(w.instruction.split()[0], w.claim) for w in found.agreed}
    assert {("SMSW", "resource"), ("SGDT", "resource"), ("PUSHFD", "resource"), ("VERR", "mode")} <= claims


def test_a_wrong_counterexample_is_reported(witnesses: list[Path], oracle: UnicornIA32) -> None:
    """An oracle that says something else about the machine status word is found out."""

    class Other(UnicornIA32):
        def _read(self) -> dict[str, int]:
            after = super()._read()
            return {**after, "EAX": after["EAX"] ^ 1}

    found = replays("ia32", witnesses[:10], Other(), UNICORN)
    assert len(found.differ) == 10
    assert "differences that nothing listed accounts for" in text(found)
