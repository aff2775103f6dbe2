"""What the paper says of the machines and instructions that it names, beside the check of each."""

from __future__ import annotations

from functools import partial

from ..experiment import Experiment, Finding, Laboratory, told
from . import CLAIMS, PRIVILEGED, Claim


def experiments() -> list[Experiment]:
    """One for each claim, by the name of its machine."""
    return [Experiment(claim.machine, claim.section, words(claim), partial(conditions, claim)) for claim in CLAIMS]


def words(claim: Claim) -> str:
    """What is claimed, in a sentence."""
    fails = [
        f"Theorem {number}'s condition {'fails by ' + ', '.join(names) if names else 'holds'}"
        for number, names in ((1, claim.theorem1_fails_by), (3, claim.theorem3_fails_by))
    ]
    return f"{claim.text}: {'; '.join(fails)}"


def conditions(claim: Claim, laboratory: Laboratory) -> Finding:
    """The conditions of Theorems 1 and 3 on the machine of `claim`."""
    report = laboratory.check(claim.machine)
    one, _, three = report.theorems
    parts = []
    for condition in (one, three):
        by = f" by {', '.join(condition.violations)}" if condition.violations else ""
        parts.append(f"Theorem {condition.theorem}'s condition {condition.word}{by}")
    undecided = one.undecided or three.undecided
    same = set(one.violations) == {*claim.theorem1_fails_by, *claim.also}
    same &= set(three.violations) == set(claim.theorem3_fails_by)
    shown = [line for name in one.violations for line in told(report, name)]
    if claim.also and same:
        shown.append(f"the paper does not name {', '.join(claim.also)}")
    return Finding("; ".join(parts), None if undecided else same, tuple(shown))


def privileged(laboratory: Laboratory) -> Finding:
    """The paper's examples of privileged instructions: they trap in user mode and not in supervisor mode."""
    shown, answers = [], []
    for machine, name, example in PRIVILEGED:
        (row,) = [row for row in laboratory.check(machine).rows if row.name == name]
        answers.append(row.flag("privileged"))
        control = "and control sensitive" if row.flag("control_sensitive") else "and not control sensitive"
        shown.append(f"{example}: {name} of {machine} is {'' if answers[-1] else 'not '}privileged {control}")
    agrees = False if False in answers else None if None in answers else True
    return Finding(f"{answers.count(True)} of {len(answers)} are privileged", agrees, tuple(shown))


def recursion(laboratory: Laboratory) -> Finding:
    """Theorem 2's condition on the paper's machine."""
    two = laboratory.check("third-generation").theorems[1]
    return Finding(f"Theorem 2's condition ({two.text}) {two.word}", two.holds)
