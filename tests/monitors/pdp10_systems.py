"""What the tests of the PDP-10 monitors share: instruction words, the laws of a map, and faults of a placement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ringproof.model.cpu import View
from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction
from ringproof.model.terms import Term
from ringproof.properties.discharge import BUDGET
from ringproof.properties.monitors.discharging import Discharger
from ringproof.properties.monitors.obligations import Maps
from ringproof.properties.monitors.prove import Report
from ringproof.properties.monitors.verdicts import Verdict
from ringproof.solvers.z3_solver import Z3Solver
from ringproof.traces.monitored import System


def word(operation: int, ac: int, address: int) -> int:
    return operation << 27 | ac << 23 | address


def is_decided(report: Report) -> bool:
    """Nothing is unknown, and there are covers for all that is proved."""
    return {type(o.verdict).__name__ for o in report.obligations} <= {"Proved", "Never", "Refuted"}


def laws(name: str) -> Sequence[Verdict]:
    """The verdicts on the equations of the map of the system `name`, without lemmas."""
    construction = system(name)
    discharger = Discharger(System(construction), name, Z3Solver(quick=100_000), BUDGET)
    claims = Maps(construction, name, lambda *conditions: False).claims(innocuous=False)
    return [discharger.discharge(claim, []) for claim in claims]


Change = Callable[[Construction], Construction]


def deciding(**terms: Callable[[View], Term]) -> Change:
    """The monitor sets these components of the host otherwise."""

    def apply(construction: Construction) -> Construction:
        where = construction.placement
        wrong = replace(
            where,
            decided=lambda guest, own: {
                **where.decided(guest, own),
                **{name: term(guest) for name, term in terms.items()},
            },
        )
        return replace(construction, placement=wrong)

    return apply
