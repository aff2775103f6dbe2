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
NOTHING: frozenset[str] = frozenset()

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
        assert others == {CONTROL: NOTHING, EFFICIENCY: ALWAYS_EXITS.get(report.name, NOTHING), MAP: NOTHING}
        assert set(report.properties.values()) <= {"proved", "refuted"}, report.name


def unknown(report: Report) -> list[str]:
    return [obligation.id for obligation in report.obligations if isinstance(obligation.verdict, Unknown)]
