"""Whole systems of the machines: every obligation of every form. Minutes; `make whole` runs these.

What refutes equivalence, by row; all else is proved.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ringproof.properties.monitors.obligations import CONTROL, EFFICIENCY, EQUIVALENCE, MAP, PROPERTIES
from ringproof.properties.monitors.prove import Report, prove_all
from ringproof.properties.monitors.verdicts import Unknown

pytestmark = pytest.mark.whole

OBSERVED_IN_RING_1 = frozenset(
    {"MOV (to segment)", "POP (segment)", "LDS", "LES", "LFS", "LGS", "LSS"}
    | {"MOV (from segment)", "PUSH (segment)", "JMP (far)", "CALL (far)", "RET (far)", "IRET", "PUSHF", "POPF"}
    | {"SGDT", "SIDT", "SLDT", "STR", "SMSW", "LAR", "LSL", "VERR", "VERW"}
)
OF_THE_KA10 = frozenset(
    {"PUSHJ", "JSR", "JSP", "JRST (enter user)", "JRST (restore flags)", "JRST (restore flags, enter user)"}
)
SETTING_OPEN_DEVICES = frozenset(f"{function} (device 740-774)" for function in ("BLKO", "DATAO", "CONO"))
READING_OPEN_DEVICES = frozenset(
    f"{function} (device 740-774)" for function in ("BLKI", "DATAI", "CONI", "CONSZ", "CONSO")
)
OF_USERS_OF_THE_KI10 = SETTING_OPEN_DEVICES | READING_OPEN_DEVICES | {"MAP"}
OF_THE_KI10 = OF_USERS_OF_THE_KI10 | {
    "PUSHJ", "JSR", "JSP", "JRST (portal)", "JRST (restore flags)", "JRST (restore flags, portal)"
}  # fmt: skip
NOTHING: frozenset[str] = frozenset()

ON_THE_HOSTS_DEVICES = {
    f"pdp10-ki10/{construction}": SETTING_OPEN_DEVICES for construction in ("trap-and-emulate", "hybrid", "recursive")
}
"""What refutes resource control."""

ALWAYS_EXITS = {"ia32-vmx/hardware-assisted": frozenset({"CPUID"})}
"""What refutes efficiency: innocuous, and no control of VMX lets it run."""

FAMILIES: list[Mapping[str, frozenset[str]]] = [
    {
        "third-generation/trap-and-emulate": NOTHING,
        "third-generation/hybrid": NOTHING,
        "third-generation/recursive": NOTHING,
    },
    {
        "pdp10-ka10/trap-and-emulate": OF_THE_KA10,
        "pdp10-ka10/hybrid": NOTHING,
        "pdp10-ka10/recursive": OF_THE_KA10,
    },
    {
        "pdp10-ki10/trap-and-emulate": OF_THE_KI10,
        "pdp10-ki10/hybrid": OF_USERS_OF_THE_KI10,
        "pdp10-ki10/recursive": OF_THE_KI10,
    },
    {
        "ia32/de-privileging-ring1": OBSERVED_IN_RING_1,
        "ia32/de-privileging-ring3": OBSERVED_IN_RING_1,
        "ia32/paravirtual": NOTHING,
        "ia32/binary-translation": NOTHING,
    },
    {"ia32-vmx/hardware-assisted": NOTHING, "ia32-svm/hardware-assisted": NOTHING},
]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: next(iter(family)).partition("/")[0])
def test_every_obligation_has_the_expected_verdict(family: Mapping[str, frozenset[str]]) -> None:
    reports = prove_all(list(family))
    assert {report.name: unknown(report) for report in reports} == {name: [] for name in family}
    assert {report.name: frozenset(report.refuted(EQUIVALENCE)) for report in reports} == dict(family)
    for report in reports:
        others = {what: frozenset(report.refuted(what)) for what in PROPERTIES if what != EQUIVALENCE}
        refuting = {CONTROL: ON_THE_HOSTS_DEVICES, EFFICIENCY: ALWAYS_EXITS, MAP: {}}
        assert others == {what: rows.get(report.name, NOTHING) for what, rows in refuting.items()}, report.name
        assert set(report.properties.values()) <= {"proved", "refuted"}, report.name


def unknown(report: Report) -> list[str]:
    return [obligation.id for obligation in report.obligations if isinstance(obligation.verdict, Unknown)]
