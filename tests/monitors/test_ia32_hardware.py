"""Hardware assistance on VMX and SVM: what runs by itself, what exits, and who gets which interrupt."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from ringproof.__main__ import main
from ringproof.exits import Exit
from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.ia32_kernel import HANDLERS, PROGRAM, STACK
from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE, MAP
from ringproof.properties.monitors.prove import prove
from ringproof.properties.monitors.starting import ordinary
from ringproof.properties.monitors.verdicts import Never, Proved
from ringproof.traces.monitored import System, Together

VMX, SVM = "ia32-vmx/hardware-assisted", "ia32-svm/hardware-assisted"
BOTH = (VMX, SVM)
STI, CLI, NOP, HLT, CPUID, JUMP_TO_ITSELF = "FB", "FA", "90", "F4", "0F A2", "EB FE"
VECTOR = 9
CHOSEN = ("fetch", "delivery", "PUSHF", "POPF", "CLI", "HLT", "IN", "LGDT", "SGDT", "MOV (to CR)", "LODS", "RDTSC")


@cache
def running(name: str) -> System:
    return System(system(name))


def kernel(name: str, code: str, **guest: int) -> Together:
    """The ordinary state, with a program where the kernel starts."""
    found = ordinary(running(name))
    start = found.kept["start"]
    for offset, byte in enumerate(bytes.fromhex(code)):
        found.host["memory"][start + PROGRAM + offset] = byte
    alone = {**running(name).view(found), **guest}
    return running(name).place(alone, found.host, found.kept)


def steps(name: str, together: Together, count: int) -> tuple[Together, list[str]]:
    """The state after `count` steps, and who took each."""
    by = []
    for _ in range(count):
        together, step = running(name).step(together)
        by.append(step.by)
    return together, by


@pytest.mark.parametrize("name", BOTH)
def test_a_kernel_runs_directly_and_what_exits_is_emulated(name: str) -> None:
    after, by = steps(name, kernel(name, f"{CLI} {CPUID} {STI} {NOP}"), 4)
    assert by == ["direct", "emulated" if name == VMX else "direct", "direct", "direct"]
    assert after.guest["EIP"] == PROGRAM + 5
    assert after.guest["IF"]


@pytest.mark.parametrize("name", BOTH)
def test_an_interrupt_of_the_guest_waits_until_it_enables_interrupts(name: str) -> None:
    before = asked(name, kernel(name, f"{NOP} {STI} {NOP}", INTR=1, INTR_vector=VECTOR))
    after, by = steps(name, before, 2)
    assert by == ["direct", "direct"] and after.guest["INTR"]
    after, by = steps(name, after, 1)
    assert by == ["emulated"]
    assert after.guest["EIP"] == HANDLERS + 16 * VECTOR
    assert after.guest["ESP"] == STACK - 12
    assert not after.guest["INTR"] and not after.guest["IF"]


@pytest.mark.parametrize("name", BOTH)
def test_an_interrupt_of_the_host_comes_before_the_next_instruction_whatever_the_guest_disables(name: str) -> None:
    before = kernel(name, JUMP_TO_ITSELF)
    before.host["INTR"] = True
    after, by = steps(name, before, 2)
    assert by == ["served", "direct"]
    assert not before.guest["IF"]
    assert after.guest["EIP"] == PROGRAM


def test_the_timer_ends_a_loop_that_has_interrupts_disabled() -> None:
    before = kernel(VMX, JUMP_TO_ITSELF)
    before.host["timer"] = 3
    assert steps(VMX, before, 4)[1] == ["direct"] * 3 + ["served"]


@pytest.mark.parametrize("name", BOTH)
def test_a_halted_guest_wakes_by_its_own_interrupt(name: str) -> None:
    before = asked(name, kernel(name, f"{STI} {HLT}", INTR_vector=VECTOR))
    halted, by = steps(name, before, 2)
    assert by == ["direct", "emulated"] and halted.guest["halted"]
    woken = running(name).place({**halted.guest, "INTR": True}, halted.host, halted.kept)
    after, by = steps(name, woken, 1)
    assert by == ["interpreted"]
    assert after.guest["EIP"] == HANDLERS + 16 * VECTOR and not after.guest["halted"]


def asked(name: str, together: Together) -> Together:
    """The host as the monitor sets it for the guest's interrupt: by the manuals' bits, not the model's."""
    pending = bool(together.guest["INTR"])
    if name == VMX:
        together.host["VMCS"][0x4002] = pending << 2
    else:
        block = together.host["VMCB"]
        together.host["memory"][block + 0x061] = pending
        together.host["memory"][block + 0x00C] = 1 << 4
    return together


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_chosen_rows_are_proved_and_covered(name: str) -> None:
    report = prove(name, only=CHOSEN)
    assert report.properties == {EQUIVALENCE: "proved", CONTROL: "proved", EFFICIENCY: "proved"}
    assert all(isinstance(o.verdict, Proved | Never) for o in report.obligations)
    cases = {o.case for o in report.obligations if isinstance(o.verdict, Proved)}
    assert {
        "pending: external interrupt",
        "served (exit: external interrupt)",
        "delivered (external interrupt)",
    } <= cases
    assert ("countdown" in cases) == (name == VMX)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "efficiency"), [(VMX, "refuted"), (SVM, "proved")])
def test_cpuid_always_exits_under_vmx_though_nothing_of_it_is_the_hosts(name: str, efficiency: str) -> None:
    report = prove(name, only=["CPUID"])
    assert report.properties == {EQUIVALENCE: "proved", CONTROL: "proved", EFFICIENCY: efficiency}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_the_map_is_inverted(name: str) -> None:
    assert prove(name, only=["map"]).properties == {MAP: "proved"}


@pytest.mark.slow
def test_the_counterexample_of_a_cleared_control_says_what_is_missing_and_replays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for = [f"{SVM}~svm-masked/resource-control/fetch", "--quiet", "--jobs", "1", "--save", str(tmp_path)]
    assert main(["prove", *asked_for]) == Exit.VIOLATED
    assert "directly and completes, the monitor does not get" in capsys.readouterr().out
    (file,) = tmp_path.glob("cx-*.json")
    assert main(["replay", str(file)]) == Exit.EXPECTED
