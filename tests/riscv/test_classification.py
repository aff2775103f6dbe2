"""The classification of RISC-V: firmware of M-mode in U-mode, and an operating system of S-mode in U-mode.

Privileged manual, section 1.2 and the chapters of each CSR. Both contexts meet the condition of Theorem 1; what it
rests on (counters that trap, WFI that traps) is asked by taking it away.
"""

from __future__ import annotations

import pytest

from ringproof.properties.run import Report, check

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the classification of rv64")]

MACHINE_CSRS = [
    "misa", "medeleg", "mtvec", "mscratch", "mepc", "mcause", "mtval", "menvcfg", "pmpcfg0-14", "pmpaddr0-63",
    "mideleg", "mie", "mip", "mcounteren", "mcountinhibit", "mstatus",
]  # fmt: skip
SUPERVISOR_CSRS = [
    "sstatus", "sie", "sip", "scounteren", "stvec", "sscratch", "sepc", "scause", "stval", "senvcfg", "satp",
]  # fmt: skip
CLOCKS = {"cycle", "time", "instret", "mcycle", "minstret", "mip"}


def both(names: list[str]) -> set[str]:
    return {f"csr {name} ({what})" for name in names for what in ("read", "write")}


SENSITIVE = {
    "m-in-u": {"MRET", "SRET", "WFI"} | both(MACHINE_CSRS) | both(SUPERVISOR_CSRS),
    "s-in-u": {"SRET", "WFI"} | both(SUPERVISOR_CSRS),
}
INNOCUOUS = 118
"""Instructions that run directly in both contexts."""


def asked(context: str, *rows: str, **assume: str) -> Report:
    return check("rv64", only=rows, assumptions={"context": context, **assume})


@pytest.mark.parametrize("context", SENSITIVE)
def test_every_sensitive_instruction_is_privileged(context: str) -> None:
    report = check("rv64", assumptions={"context": context})
    assert report.counts["unknown"] == 0
    assert [condition.holds for condition in report.theorems] == [True, True, True]
    assert {row.name for row in report.rows if row.sensitive} == SENSITIVE[context]
    assert sum(row.innocuous is True and not row.always_traps for row in report.rows) == INNOCUOUS
    assert not report.modes.other_ways()
    assert report.decoding is not None
    assert report.decoding.disjoint is report.decoding.total is True


def test_the_first_context_is_taken_where_none_is_chosen() -> None:
    assert check("rv64", only=["MRET"]).machine.chosen == "m-in-u"


def test_counters_that_user_mode_may_read_show_the_clock() -> None:
    rows = ["csr cycle (read)", "csr time (read)", "csr instret (read)"]
    one, two, _ = asked("m-in-u", *rows, **{"mcounteren.TM": "1", "scounteren.TM": "1"}).theorems
    assert not one.violations
    assert list(two.violations) == ["csr time (read)"]


def test_waiting_that_may_complete_in_user_mode_is_not_privileged() -> None:
    assert list(asked("m-in-u", "WFI", WFI_completes="1").theorems[0].violations) == ["WFI"]


def test_memory_shows_the_mode_where_m_mode_is_not_translated() -> None:
    """Under Bare alone the two see the same; with translation a load at M-mode reads another address."""
    report = asked("m-in-u", "LB", translation="1", pmp_entries="0", misaligned="0")
    assert "LB" in report.theorems[0].violations
    assert report.rows[0].flag("mode_sensitive") is True


def test_status_fields_that_a_read_shows() -> None:
    (row,) = asked("s-in-u", "csr sstatus (read)").rows
    assert row.resources == ["MXR", "SIE", "SPIE", "SPP", "SUM"]
    (row,) = asked("m-in-u", "csr sip (read)").rows
    assert row.resources == ["SEI_line", "mideleg", "mip"]
