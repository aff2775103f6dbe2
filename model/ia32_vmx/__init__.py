"""IA-32 with Intel's VMX: `ia32_vmx()` is the machine. Read `machine`, `exits` (who exits), then `switch`."""

from __future__ import annotations

from .machine import ia32_vmx

__all__ = ["ia32_vmx"]
