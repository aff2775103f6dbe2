"""The PDP-10: the KA10 of 1967 with executive and user mode, and the KI10 of 1972 with four modes and paging."""

from .ka10 import ka10
from .ki10 import ki10

__all__ = ["ka10", "ki10"]
