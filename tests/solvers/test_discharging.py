"""What becomes of a solver's answers: no verdict without a cover, no counterexample without a replay."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from ringproof.__main__ import main
from ringproof.exits import Exit
from ringproof.model.machine import Instruction
from ringproof.model.terms import FALSE, TRUE, Term
from ringproof.model.third_generation import third_generation
from ringproof.properties.classification import classify_form
from ringproof.properties.definitions import Semantics
from ringproof.properties.discharge import Discharger
from ringproof.properties.pairs import first_run
from ringproof.properties.sensitivity import Definitions
from ringproof.properties.verdicts import Obligation, Proved, Refuted, SpuriousError, Unknown, Vacuous, Verdict
from ringproof.solvers.answer import Answer, Sat, Session, Undecided, Unsat
from ringproof.solvers.z3_solver import Z3Solver

BUDGET = 10_000_000
SEMANTICS = Semantics(third_generation())
INSTRUCTION = SEMANTICS.interpreter.named("LOAD PSW")


class Fixed:
    """A solver that gives one answer to everything."""

    name = "fixed"

    def __init__(self, answer: Callable[[], Answer]) -> None:
        self.answer = answer

    def check(self, assertions: Sequence[Term], budget: int) -> Answer:
        return self.answer()

    @contextmanager
    def session(self, assertions: Sequence[Term]) -> Iterator[Session]:
        yield self


def discharged(obligation: Obligation, solver: Any, claim: str = "control", budget: int = BUDGET) -> Verdict:
    return Discharger(SEMANTICS, solver, budget).discharge(obligation, INSTRUCTION, claim)


def claims(instruction: Instruction = INSTRUCTION) -> Definitions:
    return Definitions(instruction, first_run(SEMANTICS.machine, instruction))


def obligation(*hypotheses: Term, violation: Term) -> Obligation:
    return Obligation("machine/property/instruction", hypotheses, violation)


WITNESS = discharged(claims().not_control_sensitive(), Z3Solver())


@pytest.mark.parametrize("verdict", [Proved(1), Vacuous("none", 1), Unknown("tired", 1), WITNESS])
def test_a_verdict_has_no_truth_value(verdict: Verdict) -> None:
    with pytest.raises(TypeError) as error:
        bool(verdict)
    assert str(error.value) == f"a verdict has no truth value; ask which one it is: {verdict!r}"


def test_without_a_state_that_meets_the_hypotheses_nothing_is_proved() -> None:
    contradiction = (SEMANTICS.machine.variables["M"] == 0) & (SEMANTICS.machine.variables["M"] == 1)
    for hypothesis in (FALSE, contradiction):
        verdict = discharged(obligation(hypothesis, violation=TRUE), Z3Solver())
        assert isinstance(verdict, Vacuous)
        assert verdict.reason == "no state satisfies the hypotheses"
    assert isinstance(discharged(obligation(TRUE, violation=FALSE), Z3Solver()), Proved)


def test_a_budget_that_is_too_small_leaves_every_flag_open() -> None:
    result = classify_form(SEMANTICS, SEMANTICS.interpreter.named("ADD"), Z3Solver(), budget=1)
    unknown = {name: verdict for name, verdict in result.verdicts.items() if isinstance(verdict, Unknown)}
    assert "executes" in unknown
    assert not any(isinstance(verdict, Refuted) for verdict in result.verdicts.values())
    flags = result.flags()
    assert flags["control_sensitive"] is None
    assert flags["privileged"] is None


def test_an_answer_of_undecided_is_unknown_in_every_place() -> None:
    solver = Fixed(lambda: Undecided("tired", 7))
    result = classify_form(SEMANTICS, INSTRUCTION, solver, BUDGET)
    assert all(isinstance(verdict, Unknown) for verdict in result.verdicts.values())
    flags = result.flags()
    assert {name: value for name, value in flags.items() if value is not None} == {"timing_sensitive": False}


def test_a_cover_that_is_not_found_is_unknown_too() -> None:
    answers: list[Answer] = [Unsat(1), Undecided("tired", 2)]
    verdict = discharged(claims().not_control_sensitive(), Fixed(lambda: answers.pop(0)))
    assert verdict == Unknown("no cover: tired", 3)


def test_a_solver_that_claims_unsatisfiable_hypotheses_makes_no_proof() -> None:
    result = classify_form(SEMANTICS, INSTRUCTION, Fixed(lambda: Unsat(1)), BUDGET)
    assert all(isinstance(verdict, Vacuous) for verdict in result.verdicts.values())
    assert result.flags()["privileged"] is False


def lie(word: int) -> Fixed:
    """Says that the instruction word alone, all else being zero, is a counterexample."""
    return Fixed(lambda: Sat({"$word": word}, 1))


def test_a_counterexample_that_does_not_replay_is_a_fault_of_ours() -> None:
    with pytest.raises(SpuriousError) as error:
        discharged(claims().not_control_sensitive(), lie(0x7 << 60))
    name = "third-generation/control/LOAD PSW {a} [0111 a:16 -:44]"
    assert str(error.value).startswith(f"the counterexample of {name} (control) does not replay: Witness(")
    assert pickle.loads(pickle.dumps(error.value)).exit_code == Exit.SPURIOUS


def test_a_counterexample_that_is_no_state_of_the_machine_is_a_fault_of_ours() -> None:
    with pytest.raises(SpuriousError):
        discharged(claims().not_control_sensitive(), lie(0))


def test_the_command_line_calls_it_spurious(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Z3Solver, "check", lambda self, assertions, budget: Sat({"$word": 0x7 << 60}, 1))
    code = main(["check", "third-generation", "--only", "LOAD PSW", "--jobs", "1", "--quiet"])
    captured = capsys.readouterr()
    assert code == 6
    assert re.fullmatch(r"ringproof: the .+ does not replay.*\n", captured.err)
    assert "Traceback" not in captured.err
    assert captured.out == ""
