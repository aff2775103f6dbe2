"""Programs against monitors on real processors, from counterexamples as the solver finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringproof.commands.validate_witnesses import files_of, replays
from ringproof.model.monitors.catalog import system
from ringproof.properties.monitors.demonstrating import programs
from ringproof.properties.monitors.starting import ordinary
from ringproof.properties.monitors.telling import Told
from ringproof.properties.monitors.witness import SystemWitness
from ringproof.traces.monitored import System
from ringproof.traces.oracles.sources import source

pytestmark = pytest.mark.slow

TABLES = {"GDTR_base": "0xfc000000", "IDTR_base": "0xfc020000", "LDTR_base": "0xfc010000", "TR_base": "0xfc030000"}

POPF = SystemWitness(
    system="ia32/de-privileging-ring1",
    property="equivalence",
    instruction="POPFD [9D]",
    case="direct",
    word="0x9d",
    guest={"CS_access": "0xf8", "SS_limit": "0x8", "SS_access": "0x92", "TR_access": "0x8b", "CR0": "0x1"},
    host={**TABLES, "CPL": "0x1", "IF": "0x1", "TR_limit": "0x67", "memory": {"0x1": "0x2"}},
    kept={},
).identified()

ENTER_USER = SystemWitness(
    system="pdp10-ka10/trap-and-emulate",
    property="equivalence",
    instruction="JRST 1,E [254 01]",
    case="direct",
    word="0x560800000",
    guest={"bound": "0xff"},
    host={
        "core": {"0x21": "0x5a0000080", "0x2a": "0x5a0000020", "0x31": "0x5a0000020"},
        "PI_on": "0x1",
        "PIE": "0x4",
        "APR_channel": "0x5",
        "size": "0x2",
    },
    kept={"start": "0x2"},
).identified()


def told(found: SystemWitness) -> Told:
    shown = programs(found.system, [("it", (found,))], jobs=1)["it"]
    assert shown is not None
    return shown.told


def test_popf_loses_the_interrupt_flag_and_a_trap_shows_it() -> None:
    found = told(POPF)
    assert [line.assembly for line in found.lines] == ["POPFD", "INT 0x0"]
    assert found.start == ("memory[0x8001] = 2",)
    assert found.unseen == ("IF is 1 alone and 0 under the monitor after POPFD",)
    assert found.differences == ("memory[0x8001] is 2 alone and 0 under the monitor",)


def test_a_program_runs_in_another_implementation_as_in_both_runs_of_the_model(tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="the unicorn package is not installed")
    oracle = source("unicorn")
    shown = programs(POPF.system, [("it", (POPF,))], jobs=1)["it"]
    assert shown is not None
    shown.program.save(tmp_path)
    found = replays("ia32", files_of(tmp_path), oracle.make(), oracle.deviations)
    assert [ran.instruction for ran, _ in found.listed] == ["POPF"]
    assert {cause.name for cause in found.deviations} == {"interrupts by instruction"}
    assert (found.total, found.differ) == (1, [])


def test_the_monitor_of_the_ka10_does_not_learn_that_jrst_entered_user_mode() -> None:
    found = told(ENTER_USER)
    assert [line.assembly for line in found.lines] == ["JRST 1,101", "JRST 4,0"]
    assert found.lines[1].alone == "traps (illegal instruction)"
    assert found.lines[1].monitored == "the host traps (illegal instruction) and the monitor emulates it"
    assert found.start == ()


@pytest.mark.parametrize("name", ["ia32/de-privileging-ring1", "ia32/de-privileging-ring3", "pdp10-ka10/hybrid"])
def test_the_ordinary_state_of_a_processor_is_one_that_its_monitor_permits(name: str) -> None:
    built = System(system(name))
    assert built.permitted(ordinary(built))
