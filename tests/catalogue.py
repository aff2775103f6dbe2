"""The machines of the catalogue as parameters of tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

EXTENDED = ("ia32-vmx", "ia32-svm")
"""Most of their instructions are those of ia32, and take as long again."""


def parameters(names: Iterable[str]) -> list[Any]:
    """`names`, of which those that extend another machine are left to `make whole`."""
    return [pytest.param(name, marks=[pytest.mark.whole] if name in EXTENDED else []) for name in names]
