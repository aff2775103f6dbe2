"""Repairs are the smallest ones, they are proved, and what they leave is said."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest

from ringproof.__main__ import main
from ringproof.model.catalog import load
from ringproof.model.cpu import Kind
from ringproof.model.third_generation.variants import VARIANTS
from ringproof.model.trapping import with_traps
from ringproof.properties.classification import classify_form, rows
from ringproof.properties.definitions import Semantics
from ringproof.properties.repair.dependence import dependence
from ringproof.properties.repair.run import Repair, Report, repair
from ringproof.properties.run import check
from ringproof.properties.theorems import conditions
from ringproof.solvers.z3_solver import Z3Solver

from ..commands import machines
from .machine import asking, repairable, stubborn


def plain(repairs: tuple[Repair, ...]) -> list[tuple[dict[str, int], tuple[str, ...], bool | None]]:
    return [(dict(r.setting.changes), r.setting.traps, r.after.holds) for r in repairs]


def test_either_of_two_bits_is_enough(tmp_path: Path) -> None:
    first = repair(repairable(tmp_path), jobs=1).repairs[0]
    assert first.before.violations == ("READ MODE",)
    assert plain(first.bits) == [({"FIRST": 1}, (), True), ({"SECOND": 1}, (), True)]
    assert first.traps is not None
    assert plain((first.traps,)) == [({}, ("READ MODE",), True)]
    assert first.both == ()


def test_what_no_bit_repairs_must_trap(tmp_path: Path) -> None:
    first = repair(stubborn(tmp_path), jobs=1).repairs[0]
    assert first.bits == ()
    assert plain(first.both) == [({"FIRST": 1}, ("STOP TIMER",), True), ({"SECOND": 1}, ("STOP TIMER",), True)]
    assert first.traps is not None
    assert plain((first.traps,)) == [({}, ("READ MODE", "STOP TIMER"), True)]


def test_a_bit_that_is_set_can_be_cleared(tmp_path: Path) -> None:
    report = repair(repairable(tmp_path), assumptions={"OPEN": "1", "FIRST": "1"}, jobs=1)
    assert plain(report.repairs[0].bits) == [({"OPEN": 0}, (), True)]


def test_what_each_bit_does(tmp_path: Path) -> None:
    effects = {effect.bit: effect for effect in repair(repairable(tmp_path), jobs=1).effects}
    assert set(effects) == {"FIRST", "SECOND", "OPEN"}
    assert (effects["FIRST"].repaired[0], effects["FIRST"].broken[0]) == (("READ MODE",), ())
    assert (effects["OPEN"].repaired[0], effects["OPEN"].broken[0]) == ((), ("SET TIMER",))
    assert effects["OPEN"].left[0] == ("SET TIMER", "READ MODE")


def test_a_form_depends_on_the_bits_that_it_reads_and_on_those_of_what_it_reads(tmp_path: Path) -> None:
    machine = load(repairable(tmp_path))
    depends = dependence(machine, range(len(machine.instructions)))
    found = {machine.instructions[form].name: bits for form, bits in depends.items()}
    assert found["ADD"] == frozenset()
    assert found["READ MODE"] == {"FIRST", "SECOND"}
    assert found["READ CONTROL"] == {"FIRST"}


def test_a_bit_that_an_instructions_python_asks_for_counts_too(tmp_path: Path) -> None:
    first = repair(asking(tmp_path), jobs=1).repairs[0]
    assert plain(first.bits) == [({"FIRST": 1, "UNUSED": 1}, (), True), ({"SECOND": 1, "UNUSED": 1}, (), True)]


@pytest.mark.slow
def test_the_search_finds_what_trying_everything_finds(tmp_path: Path) -> None:
    name = stubborn(tmp_path)
    bits = ["FIRST", "SECOND", "OPEN", "UNUSED"]
    left = {}
    for size in range(len(bits) + 1):
        for chosen in combinations(bits, size):
            machine = load(name)
            machine.assuming(dict.fromkeys(chosen, "1"))
            semantics, solver = Semantics(machine), Z3Solver()
            results = [classify_form(semantics, form, solver) for form in machine.instructions]
            left[chosen] = conditions(rows(results))[0].violations
    fewest = min((len(violations), len(chosen)) for chosen, violations in left.items())
    best = [chosen for chosen, violations in left.items() if (len(violations), len(chosen)) == fewest]
    assert [tuple(dict(r.setting.changes)) for r in repair(name, jobs=1).repairs[0].both] == best


def test_a_trap_in_front_is_the_machines_own_and_the_rest_is_a_program_trap(tmp_path: Path) -> None:
    machine = load(stubborn(tmp_path))
    derived = with_traps(machine, ["STOP TIMER"])
    causes = [(trap.cause.name, trap.cause.kind) for trap in derived.outcome(derived.instructions[-1]).traps]
    assert causes == [("privilege trap", Kind.PRIVILEGE), ("other trap", Kind.PROGRAM)]
    assert derived.instructions[:-1] == machine.instructions[:-1]


@pytest.mark.parametrize("variant", ["return-to-user", "user-no-op", "read-psw", "halt-shared"])
def test_the_variants_are_repaired_by_a_trap_of_what_they_add(variant: str) -> None:
    name = f"third-generation-{variant}"
    added = load(name).instructions[-1].name
    report = repair(name, jobs=1)
    for repairs in report.repairs:
        if repairs.traps is not None:
            assert plain((repairs.traps,)) == [({}, (added,), True)]
    assert report.repairs[0].traps is not None


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_asking_everything_again_gives_the_same(variant: str) -> None:
    name = f"third-generation-{variant}"
    short, whole = repair(name, jobs=1), repair(name, jobs=1, whole=True)
    assert short.repairs == whole.repairs
    assert [r.before.holds for r in short.repairs] == [c.holds for c in check(name, jobs=1).theorems]


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    def found(report: Report) -> object:
        return report.repairs, report.effects, report.asked

    name = stubborn(tmp_path)
    assert found(repair(name, jobs=2)) == found(repair(name, jobs=1))


def test_the_text_says_what_to_set_and_what_to_trap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", stubborn(tmp_path), "--jobs", "1", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "By configuration alone: no setting of FIRST, SECOND, OPEN is enough." in out
    assert "By both: SECOND=1, and traps of the 1 that are left: STOP TIMER. Proved on the repaired machine." in out
    assert "  OPEN=1    Theorem 1  breaks SET TIMER; 3 left" in out


def test_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", repairable(tmp_path), "--jobs", "1", "--quiet", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "ringproof/repair/1"
    first = document["theorems"]["theorem1"]
    assert first["violations"] == ["READ MODE"]
    assert [each["bits"] for each in first["repairs"]["bits"]] == [{"FIRST": 1}, {"SECOND": 1}]
    assert first["repairs"]["traps"]["after"]["condition"] == "holds"


def test_what_cannot_be_decided_is_inconclusive(tmp_path: Path) -> None:
    assert main(["repair", repairable(tmp_path), "--jobs", "1", "--quiet", "--budget", "1"]) == 3


def test_a_machine_without_states_or_instructions_is_not_repaired(tmp_path: Path) -> None:
    assert main(["repair", str(machines.impossible(tmp_path)), "--jobs", "1", "--quiet"]) == 4
    assert main(["repair", str(machines.empty(tmp_path)), "--jobs", "1", "--quiet"]) == 5


def test_rows_can_be_selected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = stubborn(tmp_path)
    assert main(["repair", name, "--only", "READ *", "--jobs", "1", "--quiet"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "is privileged), over the rows selected, fails by 1: READ MODE." in out
    assert "By configuration alone: FIRST=1. Proved on the repaired machine." in out
    assert main(["repair", name, "--only", "READ TIMER", "--jobs", "1", "--quiet"]) == 5


def test_an_unknown_machine_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repair", "ia33", "--quiet"]) == 2
    assert "no machine is named 'ia33'" in capsys.readouterr().err


@pytest.mark.slow
def test_umip_repairs_five_instructions_of_ia32(capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["SGDT", "SIDT", "SLDT", "STR", "SMSW", "POPF", "LAR", "IRET", "RDTSC", "CLI", "CLC"]
    report = repair("ia32", only=[*rows, "MOV (from CR)"], jobs=1)
    one, two, three = report.repairs
    assert all(repairs.traps is not None and repairs.traps.after.holds for repairs in report.repairs)
    assert [plain(repairs.both)[0][0] for repairs in (one, two, three)] == [
        {"UMIP": 1},
        {"UMIP": 1, "TSD": 1},
        {"UMIP": 1},
    ]
    assert all(each.after.holds for repairs in report.repairs for each in repairs.both)
    effects = {effect.bit: effect for effect in report.effects}
    assert set(effects["UMIP"].repaired[0]) == {"SGDT", "SIDT", "SLDT", "STR", "SMSW"}
    assert not effects["UMIP"].broken[0]
    assert effects["TSD"].repaired == ((), ("RDTSC",), ())
    assert effects["PVI"].broken[0] == ("CLI",)
    assert set(one.both[0].setting.traps) == {"POPF", "LAR", "IRET"}
