"""The model against the processor of the host, at CPL 3: SDM vol. 2 and 3, where a program of ring 3 can see them."""

from __future__ import annotations

import gc
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from ringproof.cli import cli
from ringproof.exits import Exit
from ringproof.model.ia32 import ia32
from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, Term
from ringproof.traces.oracles.answers import OracleUnavailable
from ringproof.traces.oracles.host_processor import HostProcessor
from ringproof.traces.oracles.host_ptrace import DATA, Fault, Traced
from ringproof.traces.oracles.sources import source

CODE_32 = 0x23
PLACE = 0x200000
SIZE = 0x8000


@pytest.fixture(scope="module", autouse=True)
def host() -> None:
    try:
        HostProcessor().close()
    except OracleUnavailable as error:
        pytest.skip(f"{error}")


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    made = Traced(SIZE)
    made.place(PLACE)
    yield made
    made.close()


def step(traced: Traced, code: str, **registers: int) -> Fault | None:
    """One instruction at `PLACE` in flat segments of 32 bits, from zeros but for `registers`."""
    data = bytes.fromhex(code)
    traced.memory[: len(data)] = data
    state = dict.fromkeys(("rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "fs", "gs"), 0)
    state |= {"cs": CODE_32, "ss": DATA, "ds": DATA, "es": DATA, "rip": PLACE, "rsp": PLACE + 0x100, "eflags": 2}
    for name, value in (state | registers).items():
        setattr(traced.registers, name, value)
    traced.load()
    return traced.step()


def test_code_of_32_bits_runs(traced: Traced) -> None:
    assert step(traced, "40", rax=0xFFFFFFFF) is None  # in 64-bit code a prefix
    assert (traced.registers.rax, traced.registers.rip) == (0, PLACE + 1)


FAULTS = {
    "CLI": ("FA", {}, 13, 0),
    "HLT": ("F4", {}, 13, 0),
    "IN AL, DX": ("EC", {}, 13, 0),
    "MOV EAX, CR0": ("0F 20 C0", {}, 13, 0),
    "UD2": ("0F 0B", {}, 6, 0),
    "DIV ECX": ("F7 F1", {}, 0, 0),
    "BOUND EAX, [EBX]": ("62 03", {"rbx": PLACE + 0x80, "rax": 1}, 5, 0),
    "INT 5": ("CD 05", {}, 13, 5 * 8 + 2),
    "INT3": ("CC", {}, 3, 0),
    "INTO": ("CE", {"eflags": 0x802}, 4, 0),
    "MOV ES, AX": ("8E C0", {"rax": 0x10}, 13, 0x10),
    "MOV EAX, [FFFFFFFE]": ("A1 FE FF FF FF", {}, 13, 0),
    "MOV EAX, [EBP]": ("8B 45 00", {"rbp": 0xFFFFFFFE}, 12, 0),
    "MOV EAX, [EBX], AC set": ("8B 03", {"rbx": PLACE + 1, "eflags": 1 << 18}, 17, 0),
    "MOV EAX, [10]": ("A1 10 00 00 00", {}, 14, 4),
}


@pytest.mark.parametrize("name", FAULTS)
def test_exceptions_come_with_vector_and_error_code(name: str, traced: Traced) -> None:
    code, registers, vector, error_code = FAULTS[name]
    fault = step(traced, code, **registers)
    assert fault is not None
    assert (fault.vector, fault.error_code) == (vector, error_code)


def test_a_page_fault_names_its_address(traced: Traced) -> None:
    fault = step(traced, "A1 10 00 00 00")
    assert fault is not None
    assert fault.address == 0x10


def test_the_process_ends_with_its_owner() -> None:
    made = Traced(SIZE)
    pid = made.pid
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        del made
        gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.slow
def test_the_model_agrees_with_the_host() -> None:
    run = source("host").validate(ia32(), steps=3000, seed=1)
    assert not run.disagreements, [d.describe() for found in run.disagreements.values() for d in found]
    assert dict(run.rings).keys() == {3}
    assert run.agreed > 2700
    assert {"completes", "#GP", "#SS", "#UD", "#DE", "#BR"} <= run.outcomes().keys()
    assert len(run.uncovered) < 5


def with_methods(**methods: Callable[..., Any]) -> Machine:
    """IA-32 with other words to write its instructions in."""
    machine = ia32()
    return replace(machine, cpu=type("Mutant", (machine.cpu,), methods))


def _pushes_too_little(cpu: Any, value: Term) -> None:
    cpu.store("SS", cpu.ESP - 2, value)
    cpu.ESP = cpu.ESP - 2


MUTANTS: dict[str, tuple[dict[str, Callable[..., Any]], tuple[str, ...]]] = {
    "no limits": ({"outside": lambda cpu, segment, offset, size: FALSE}, ("MOV", "STOS", "CMP")),
    "no overrides": ({"override": lambda cpu, **given: cpu.segment("DS")}, ("MOV",)),
    "pushes of two bytes": ({"push": _pushes_too_little}, ("PUSH",)),
    "wrong result flags": ({"set_result_flags": lambda cpu, result: None}, ("ADD", "SHL")),
    "POPF changes IF": ({"load_eflags": lambda cpu, image, names: setattr(cpu, "IF", image.bit(9))}, ("POPF",)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_machine_is_noticed(name: str) -> None:
    methods, rows = MUTANTS[name]
    right = source("host").validate(ia32(), steps=250, seed=1, only=rows)
    wrong = source("host").validate(with_methods(**methods), steps=250, seed=1, only=rows)
    assert right.unexplained == 0
    assert wrong.unexplained > 0


@pytest.mark.slow
def test_the_command_compares_with_the_host() -> None:
    given = ["validate", "ia32", "--against", "host", "--steps", "200", "--only", "ADD", "--quiet", "--json"]
    result = CliRunner().invoke(cli, given)
    assert result.exit_code == Exit.EXPECTED, result.output
    document = json.loads(result.stdout)
    assert document["against"]["name"] == "host"
    assert (document["steps"], document["disagreed"], document["rings"].keys()) == (200, 0, {"3"})


def test_another_host_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    result = CliRunner().invoke(cli, ["validate", "ia32", "--against", "host", "--quiet"])
    assert result.exit_code == Exit.INCONCLUSIVE
    assert result.stderr.splitlines()[-1] == (
        "ringproof: the host's own processor is used on Linux on x86-64 only, not on linux on aarch64"
    )


def test_a_configuration_that_the_host_does_not_have_is_refused() -> None:
    given = ["validate", "ia32", "--against", "host", "--quiet", "--assume", "TSD=1"]
    result = CliRunner().invoke(cli, given)
    assert result.exit_code == Exit.INCONCLUSIVE
    assert result.stderr.splitlines()[-1] == "ringproof: the host's processor runs with TSD=0, not TSD=1"


@pytest.mark.slow
def test_umip_holds_or_the_kernel_answers_in_its_place() -> None:
    machine = ia32()
    machine.assuming({"UMIP": "1"})
    rows = ("SGDT", "SIDT", "SLDT", "STR", "SMSW")
    run = source("host").validate(machine, steps=200, seed=1, only=rows)
    assert run.unexplained == 0
