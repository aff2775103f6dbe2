"""Miralis (SOSP 2025), a monitor of RISC-V firmware: what its traps cost, in cycles as counted by an emulator."""

from __future__ import annotations

TRAP = 393
"""From the firmware into the monitor and back."""

WORLD_SWITCH = 2594
"""From the firmware's world to the operating system's."""
