"""Every seeded fault by name. The system `SYSTEM~FAULT` is the one that has it."""

from __future__ import annotations

from collections.abc import Mapping

from . import ia32_hardware_faults, third_generation_faults
from .fault import Fault

FAULTS: Mapping[str, Fault] = {**third_generation_faults.FAULTS, **ia32_hardware_faults.FAULTS}
