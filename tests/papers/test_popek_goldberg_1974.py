"""What Popek and Goldberg say of the machines that they name is what the check finds."""

from __future__ import annotations

import pytest

from ringproof.papers.popek_goldberg_1974 import CLAIMS, Claim
from ringproof.properties.run import check

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.machine)
def test_the_conditions_fail_by_what_the_paper_names(claim: Claim) -> None:
    names = () if claim.machine.startswith("third") else (*claim.theorem1_fails_by, *claim.also, "MOVE", "DATAO APR")
    one, _, three = check(claim.machine, only=names, jobs=1).theorems
    assert set(one.violations) == {*claim.theorem1_fails_by, *claim.also}
    assert set(three.violations) == set(claim.theorem3_fails_by)
    assert not one.undecided and not three.undecided
