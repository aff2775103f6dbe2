"""IA-32 with AMD's SVM: `ia32_svm()` is the machine. Read `machine`, `exits` (who exits), then `switch`."""

from __future__ import annotations

from .machine import ia32_svm

__all__ = ["ia32_svm"]
