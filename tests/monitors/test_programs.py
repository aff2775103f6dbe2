"""From a counterexample to a program whose two runs visibly part: short, from an ordinary state, and told in words."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ringproof.commands.divergence_text import program_text
from ringproof.model.monitors.catalog import SYSTEMS, system
from ringproof.properties.monitors.demonstrating import Demonstration, programs
from ringproof.properties.monitors.divergence import Divergence, load, rerun
from ringproof.properties.monitors.programs import Programs
from ringproof.properties.monitors.runs import Runs
from ringproof.properties.monitors.starting import Starts, ordinary
from ringproof.properties.monitors.telling import tell
from ringproof.properties.monitors.witness import SystemWitness
from ringproof.properties.witness import WitnessError
from ringproof.traces.monitored import System

from .counterexamples import HALT, LOAD_R, READ_PSW, RETURN_TO_USER, SHRINK, STORE_ABSOLUTE, system_of, witness

EVERY = [RETURN_TO_USER, READ_PSW, SHRINK, HALT, STORE_ABSOLUTE, LOAD_R]
NAMES = [found.instruction for found in EVERY]


def demonstrated(found: SystemWitness) -> Demonstration:
    shown = programs(found.system, [(found.instruction, (found,))], jobs=1)[found.instruction]
    assert shown is not None
    return shown


@pytest.mark.parametrize("found", EVERY, ids=NAMES)
def test_the_program_that_is_found_runs_again_and_parts_in_its_last_step_and_in_none_before(
    found: SystemWitness, tmp_path: Path
) -> None:
    program = demonstrated(found).program
    again = load(program.save(tmp_path))
    assert again == program
    start, run = rerun(system_of(found), again)
    assert system_of(found).permitted(start)
    assert [taken.parts for taken in run] == [False] * (program.steps - 1) + [True]


@pytest.mark.parametrize("found", EVERY, ids=NAMES)
def test_the_offending_instruction_comes_first_and_the_start_is_the_ordinary_state_but_for_the_code(
    found: SystemWitness,
) -> None:
    told = demonstrated(found).told
    assert told.lines[0].assembly.startswith(found.instruction)
    assert len(told.lines) <= 2
    assert told.ordinary.startswith("in supervisor mode at 2, with 32 cells")
    assert (told.start, told.kept) == ((), ())


def test_what_of_the_start_is_not_ordinary_is_told() -> None:
    built = system_of(RETURN_TO_USER)
    starts = Starts(built)
    usual = ordinary(built)
    start = starts.changed(usual, {("guest", "M", None): 1, ("guest", "E", 9): 7, ("kept", "start", None): 0x200})
    assert start is not None
    told = tell(built, "equivalence", start, list(Runs(built).follow(start, "equivalence", 1)))
    assert told.start == ("E[9] = 7", "M = 1")
    assert told.kept == ("start = 0x200",)


def test_a_program_of_a_hidden_difference_ends_with_an_instruction_that_shows_it() -> None:
    told = demonstrated(RETURN_TO_USER).told
    assert told.unseen == ("M is 1 alone and 0 under the monitor after RETURN TO USER 3",)
    assert told.lines[1].alone == "traps (privilege trap)"
    assert told.lines[1].monitored == "the host traps (privilege trap) and the monitor emulates it"
    assert "P is 0x10 alone and 0 under the monitor" in told.differences


def test_a_program_of_one_instruction_is_told_in_one_sentence() -> None:
    assert demonstrated(READ_PSW).program.text == (
        "`READ PSW 0`: alone it completes; under the monitor it runs directly. "
        "Then E[0] is 0x20 alone and 0x202000020 under the monitor."
    )


def test_what_the_guest_does_to_the_host_is_told_where_the_guest_sees_no_difference() -> None:
    assert demonstrated(HALT).told.differences == ("the guest has changed the host's halted",)
    assert "the guest has changed the host's E[0x0] outside the region" in demonstrated(STORE_ABSOLUTE).told.differences


def test_an_instruction_that_does_the_same_under_the_monitor_gets_no_program() -> None:
    move = witness("return-to-user", "MOVE", word=0)
    assert programs(move.system, [("MOVE", (move,))], jobs=1) == {"MOVE": None}


def test_a_search_without_a_budget_finds_nothing_and_says_so() -> None:
    assert Programs(system_of(READ_PSW), READ_PSW.system, budget=0).against(READ_PSW) is None


@pytest.mark.slow
def test_programs_do_not_depend_on_how_many_processes_search() -> None:
    rows = [(found.instruction, (found,)) for found in (RETURN_TO_USER, replace_property(RETURN_TO_USER))]
    one, two = (programs(RETURN_TO_USER.system, rows, jobs=jobs) for jobs in (1, 2))
    assert one == two


def replace_property(found: SystemWitness) -> SystemWitness:
    return msgspec.structs.replace(found, instruction="again")


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name.endswith("trap-and-emulate")])
def test_the_ordinary_state_of_a_system_is_one_that_its_monitor_permits(name: str) -> None:
    built = System(system(name))
    assert built.permitted(ordinary(built))


def test_two_runs_of_an_innocuous_program_never_part() -> None:
    built = System(system("third-generation/trap-and-emulate"))
    taken = list(Runs(built).follow(ordinary(built), "equivalence", 8))
    assert len(taken) == 8
    assert not any(t.parts or t.hidden for t in taken)


def changed(program: Divergence, **values: object) -> Divergence:
    return msgspec.structs.replace(program, **values).identified()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, "a program has from 1 to 1000 steps, not 0"),
        (
            {"property": "beauty"},
            "a property is one of equivalence, resource-control, efficiency, not 'beauty'",
        ),
        (
            {"kept": {"purse": "0x1"}},
            "the monitor of third-generation-read-psw/trap-and-emulate keeps nothing named 'purse'",
        ),
        (
            {"guest": {"size": "0x0"}},
            "the state of the program is none that the monitor of third-generation-read-psw/trap-and-emulate allows",
        ),
    ],
)
def test_a_program_that_does_not_fit_is_refused_in_one_sentence(values: dict[str, object], message: str) -> None:
    program = changed(demonstrated(READ_PSW).program, **values)
    with pytest.raises(WitnessError) as error:
        rerun(system_of(READ_PSW), program)
    assert str(error.value) == message


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    path = demonstrated(READ_PSW).program.save(tmp_path)
    path.write_text(path.read_text().replace('"steps": 1', '"steps": 2'))
    with pytest.raises(WitnessError, match="was changed"):
        load(path)


def test_the_program_of_the_readme_is_the_one_that_is_found() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    found = demonstrated(RETURN_TO_USER)
    assert f"```text\n{program_text(found.told)}\n```" in readme
    assert f"found/{found.program.id}.json" in readme
