"""`ringproof cost` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy

from ringproof.__main__ import main
from ringproof.properties.cost.quantities import GENERAL

TRAPPING, HYBRID = "third-generation/trap-and-emulate", "third-generation/hybrid"

Run = Callable[..., str]

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, code: int = 0) -> str:
        assert main(["cost", *arguments]) == code
        out = capsys.readouterr()
        return out.err if code else out.out

    return run


@pytest.mark.slow
def test_two_systems_of_one_machine_are_compared(run: Run) -> None:
    out = run(TRAPPING, HYBRID, "--set", "T=2000")
    assert (
        "at supervisor, code runs directly; where the guest completes, the host traps on LOAD PSW, LOAD R; the" in out
    )
    assert "at supervisor, code is interpreted;" in out
    assert "interpreted  s_supervisor\n" in out
    assert f"  {TRAPPING}, binary translation\n      n = X*s_supervisor/(" in out
    assert ["T", "2000", "host"] in [line.split()[:3] for line in out.splitlines()]
    assert out.endswith("Numbers that are not an example:\n  T  given\n")
    assert out.count("On third-generation alone a step costs") == 1


@pytest.mark.slow
def test_the_crossover_of_the_readme_is_real(run: Run) -> None:
    section = README.partition("### What a monitor costs")[2]
    shown = section.partition("```text\n")[2].partition("```")[0]
    assert "binary translation" in shown
    assert shown in run(TRAPPING)


@pytest.mark.slow
def test_the_document_can_be_computed_with(run: Run) -> None:
    document: dict[str, Any] = json.loads(run(TRAPPING, HYBRID, "--json"))
    assert document["schema"] == "ringproof/cost/1"
    symbols = {name: sympy.Symbol(name, positive=True) for name in document["quantities"]}
    numbers = {symbols[name]: entry["number"] for name, entry in document["quantities"].items()}

    def read(entry: dict[str, str]) -> sympy.Expr:
        return sympy.sympify(entry["text"], locals=symbols)

    costs = {each["name"]: read(each["cost"]) for each in document["constructions"]}
    for each in document["constructions"]:
        assert float(read(each["slowdown"]).subs(numbers)) == pytest.approx(each["number"])
    for crossover in document["crossovers"]:
        one, two = (costs[name] for name in crossover["between"])
        at = {**numbers, symbols[crossover["quantity"]]: read(crossover["solution"]).subs(numbers)}
        assert float(one.subs(at)) == pytest.approx(float(two.subs(at)))
    assert not document["measured"]


@pytest.mark.slow
def test_measured_costs_come_with_their_error(run: Run) -> None:
    """What the times are is the computer's business; that they are fitted, compared and used is ours."""
    document: dict[str, Any] = json.loads(run(TRAPPING, HYBRID, "--measure", "--json"))
    for name, ways in (
        (TRAPPING, {"direct", "emulated", "reflected"}),
        (HYBRID, {"direct", "interpreted", "reflected"}),
    ):
        measured = document["measured"][name]
        assert set(measured["monitored"]["costs"]) == ways
        assert set(measured["alone"]["costs"]) == {"completed", "privileged", "trapped"}
        assert measured["monitored"]["largest_relative_error"] >= 0
        assert len(measured["held_out"]) == 4
    first = document["crossovers"][0]
    assert first["between"] == [TRAPPING, HYBRID]
    assert "s_supervisor" in first["by_measured_costs"]


@pytest.mark.slow
def test_published_figures_need_no_system(run: Run) -> None:
    out = run("--published")
    assert "    one `in` for 390.3 of `callret` (~)\n" in out
    assert "    one `ptemod` for 308.6 of `callret`\n" in out
    assert "937 cycles (unconfirmed)" in out
    document: dict[str, Any] = json.loads(run("--published", "--json"))
    assert document["published"]["events"]["in"]["software"]["status"] == "computed"
    assert document["published"]["events"]["cr8wr"]["hardware"] is None


@pytest.mark.slow
def test_published_figures_can_be_the_numbers_of_formulas(run: Run) -> None:
    out = run(TRAPPING, "--numbers", "adams-agesen-2006", "--set", "H=1000")
    assert "  K  adams-agesen-2006: IN under the software monitor (about 1/15 of native)\n" in out
    assert "  H  given\n" in out
    assert ["K", "213.9", "host"] in [line.split()[:3] for line in out.splitlines()]
    assert ["Z", "15826", "host"] in [line.split()[:3] for line in out.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name a SYSTEM, or ask for --published"),
        (
            ["third-generation/hybird"],
            "no system is named 'third-generation/hybird'; did you mean third-generation/hybrid",
        ),
        ([HYBRID, "--set", "T"], "a number is given as NAME=0.01, NAME=1/100 or NAME=40, not 'T'"),
        ([HYBRID, "--set", "T=nan"], "a number is given as"),
        ([HYBRID, "--set", "T=1e999999999"], "a number is given as"),
        ([HYBRID, "--set", "T=1/0"], "a number is given as"),
        ([HYBRID, "--set", "Q=1"], "no quantity of these formulas is named 'Q'; there are s_supervisor"),
        ([HYBRID, "--set", "p_supervisor=2"], "p_supervisor is a share, from 0 to 1, not 2"),
        ([HYBRID, "--numbers", "x"], "costs are known from adams-agesen-2006, miralis-2025, not from 'x'"),
        (["--published", "--set", "T=1"], "--set, --numbers and --measure are about a SYSTEM; name one"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, arguments: list[str], sentence: str) -> None:
    err = run(*arguments, code=2)
    assert sentence in err
    assert "Traceback" not in err


def test_every_general_quantity_has_its_own_symbol() -> None:
    assert len({quantity.symbol for quantity in GENERAL}) == len(GENERAL)
